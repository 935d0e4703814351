//! `iso8583-link` against real gateways.

use std::time::Duration;

use anyhow::{Context, ensure};
use iso8583_link::{
    Address, Connection, LinkError, Pool, PoolSettings, Repeats, Reply, Retry, Settings, State,
};
use tests::iso_client::authorization_message;
use tests::notebook::{Answer, Door, Outcome, Record};
use tests::payment::Payment;
use tests::waiting::wait_until;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{PATIENCE, Running, stack, stack_with};

#[tokio::test]
async fn many_requests_are_in_flight_on_one_connection_and_each_gets_its_answer_i3_i8()
-> anyhow::Result<()> {
    const PAYMENTS: i64 = 200;
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let link = Connection::connect(&address(&stack, 0), Settings::default()).await?;
    stack.stall().await?;
    let mut asking = JoinSet::new();
    for number in 1..=PAYMENTS {
        // Amounts tell the answers apart: field 4 comes back.
        let payment = stack.payment(&card, number);
        let (link, message) = (link.clone(), authorization_message(&payment, false)?);
        asking.spawn(async move {
            let start = Instant::now();
            let reply = link.request(&message, PATIENCE).await;
            (payment, reply, start.elapsed())
        });
    }
    let all = || async { link.in_flight() == usize::try_from(PAYMENTS).unwrap_or(0) };
    wait_until("all wait for the ledger", PATIENCE, all).await?;
    stack.heal().await?;
    let mut spent = 0;
    for (payment, reply, latency) in asking.join_all().await {
        let answer = noted(&stack, 0, &payment, &reply?, latency)?;
        if answer.approved {
            assert_eq!(answer.approved_minor, payment.amount_minor);
        }
        spent += answer.approved_minor;
    }
    assert!(spent > 0);
    let counts = link.counts();
    assert_eq!(
        (counts.unmatched, counts.late, counts.unreadable),
        (0, 0, 0)
    );
    assert_eq!(link.close(PATIENCE).await, 0);
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 1_000_00 - spent);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_idle_link_is_kept_by_echoes_that_the_gateway_answers() -> anyhow::Result<()> {
    let stack = stack().await?;
    let settings = Settings {
        echo_after: Some(Duration::from_millis(20)),
        ..Settings::default()
    };
    let link = Connection::connect(&address(&stack, 0), settings).await?;
    // The sign-on, and echoes after it.
    let answered = || async { link.counts().answered >= 4 };
    wait_until("echoes are answered", PATIENCE, answered).await?;
    assert_eq!(link.echo().await?.response_code(), "00");
    assert_eq!(*link.state().borrow(), State::Open);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_repeat_while_the_first_waits_moves_the_money_once_i2_rule_9() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let link = Connection::connect(&address(&stack, 0), Settings::default()).await?;
    stack.stall().await?;
    let payment = stack.payment(&card, 10_00);
    // Well before the gateway stops waiting for the ledger.
    let repeats = Repeats {
        patience: Duration::from_millis(100),
        count: 50,
    };
    let start = Instant::now();
    let message = authorization_message(&payment, false)?;
    let reply = link.request_with_repeats(&message, repeats).await?;
    let answer = noted(&stack, 0, &payment, &reply, start.elapsed())?;
    assert!(answer.approved, "{answer:?}");
    let repeated = link.counts().repeated;
    assert!(repeated > 0, "stand-in answers after its cut-off");
    // Each repeat was answered too, with the same; the link had its answer.
    let all = || async { link.counts().unmatched == repeated };
    wait_until("repeats are answered", PATIENCE, all).await?;
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 90_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_drains_answers_what_it_has_and_traffic_moves_to_the_other_one_i8()
-> anyhow::Result<()> {
    let notice = ["--drain-notice-ms", "3000"].map(str::to_owned);
    let stack = stack_with(|config| config.gateway_args = notice.to_vec()).await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let pool = Pool::new(
        [address(&stack, 0), address(&stack, 1)],
        &PoolSettings::default(),
    );
    let both = || async { pool.open() == 2 };
    wait_until("both links are open", PATIENCE, both).await?;
    stack.stall().await?;
    let payment = stack.payment(&card, 10_00);
    let draining = pool.links().into_iter().next().context("a link")?;
    let asking = {
        let (link, message) = (draining.clone(), authorization_message(&payment, false)?);
        tokio::spawn(async move {
            let start = Instant::now();
            (link.request(&message, PATIENCE).await, start.elapsed())
        })
    };
    let waits = || async { draining.in_flight() == 1 };
    wait_until("it waits for the ledger", PATIENCE, waits).await?;

    let moved = async {
        let one = || async { pool.open() == 1 };
        wait_until("the gateway signed off", PATIENCE, one).await?;
        assert_eq!(*draining.state().borrow(), State::SignedOff);
        let message = authorization_message(&stack.payment(&card, 1_00), false)?;
        let refused = draining.request(&message, PATIENCE).await;
        let refused = refused.err().context("it is signed off")?;
        assert!(matches!(refused, LinkError::SignedOff), "{refused}");
        assert_eq!(refused.retry(), Retry::Safe);
        let (reply, latency) = asking.await?;
        ensure!(noted(&stack, 0, &payment, &reply?, latency)?.approved);
        stack.heal().await?;
        for _ in 0..10 {
            let payment = stack.payment(&card, 1_00);
            let message = authorization_message(&payment, false)?;
            let start = Instant::now();
            let reply = pool.request(&message, PATIENCE).await?;
            noted(&stack, 1, &payment, &reply, start.elapsed())?;
        }
        let sent: Vec<u64> = pool
            .links()
            .iter()
            .map(|link| link.counts().answered)
            .collect();
        // Sign-on and payments.
        ensure!(sent.last() == Some(&11), "{sent:?}");
        anyhow::Ok(())
    };
    let (stopped, moved) = tokio::join!(stack.terminate_gateway(0), moved);
    stopped?;
    moved?;
    // It comes back, and the pool signs on to it by itself.
    stack.restart_gateway(0).await?;
    wait_until("both links are open again", PATIENCE, both).await?;
    stack.finish().await?;
    Ok(())
}

fn address(stack: &Running, gateway: usize) -> Address {
    Address::tcp(stack.gateway(gateway).iso.to_string())
}

/// The answer as the audit knows it, in the notebook.
fn noted(
    stack: &Running,
    gateway: usize,
    payment: &Payment,
    reply: &Reply,
    latency: Duration,
) -> anyhow::Result<Answer> {
    let message = reply.message()?;
    let text = |number| message.field(number).map(|value| value.to_text());
    assert_eq!(text(11), Some(format!("{:06}", payment.network.stan)));
    let amount = message.field(4).and_then(|amount| amount.number());
    let amount = amount.map(i64::try_from).transpose()?;
    let response_code = reply.response_code();
    let approved = response_code == "00";
    let answer = Answer {
        approved,
        approved_minor: if approved { amount.unwrap_or(0) } else { 0 },
        response_code,
        approval_code: text(38),
        reason: None,
        decided_by: None,
        cause: None,
        duplicate: None,
        latency,
    };
    stack.notebook().write(Record::Authorization {
        id: stack.id_of(payment),
        card: payment.token,
        gateway,
        door: Door::Iso,
        amount_minor: payment.amount_minor,
        repeat: false,
        outcome: Outcome::Answered(answer.clone()),
    });
    Ok(answer)
}
