//! More than a gateway is configured for: what is new is shed, what was answered is not.

use std::time::Duration;

use ledger_api::Retry;
use tests::notebook::{Outcome, ReversalOutcome};
use tests::payment::{Card, Payment};
use tests::waiting::wait_until;

use crate::support::{PATIENCE, Running, stack_with};

#[tokio::test]
async fn a_repeat_gets_its_recorded_answer_although_the_door_sheds_i3_i9() -> anyhow::Result<()> {
    let stack = narrow().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let payment = stack.payment(&card, 10_00);
    let first = stack.pay_iso(0, &payment).await?;
    assert!(first.approved);
    for _ in 0..15 {
        assert!(!shed_over_iso(&stack, &card, 2).await?.is_empty());
        assert_eq!(
            stack.repeat_iso(0, &payment).await?.verdict(),
            first.verdict()
        );
        assert_eq!(stack.pay_iso(0, &payment).await?.verdict(), first.verdict());
        assert_eq!(stack.repeat(0, &payment).await?.verdict(), first.verdict());
    }
    let suppressed = stack.status(0).await?.duplicates_suppressed;
    assert!(suppressed >= 45, "{suppressed}");
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_shed_is_recorded_nowhere_and_a_retry_is_safe_i9() -> anyhow::Result<()> {
    let stack = narrow().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let mut shed = shed_over_iso(&stack, &card, 10).await?;
    let http = stack.http(0)?;
    for _ in 0..10 {
        let payment = stack.payment(&card, 1_00);
        if let Outcome::Refused(it) = http.authorize(&payment, false, PATIENCE).await {
            assert_eq!((it.code.as_str(), it.retry), ("429", Some(Retry::Safe)));
            shed.push(payment);
        }
    }
    assert!(shed.len() >= 10, "{}", shed.len());
    let journal = stack.gateway(0).journal().await?;
    for payment in &shed {
        let id = stack.id_of(payment);
        assert!(journal.iter().all(|answer| answer.id != id), "{id}");
        assert_eq!(stack.ledger().authorization(id).await?, None);
    }
    let again = || async {
        let outcome = http.authorize(&shed[0], true, PATIENCE).await;
        outcome.answer().is_some_and(|answer| answer.approved)
    };
    wait_until("the shed payment is let in", Duration::from_secs(10), again).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn reversals_and_advices_are_accepted_while_the_door_sheds_i4_i9() -> anyhow::Result<()> {
    let stack = narrow().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let payment = stack.payment(&card, 10_00);
    assert!(stack.pay_iso(0, &payment).await?.approved);
    let iso = stack.iso(0).await?;
    for round in 0..6 {
        assert!(!shed_over_iso(&stack, &card, 3).await?.is_empty());
        let remaining = 6_00 - round * 1_00;
        let reversed = iso.reverse(&payment, remaining, PATIENCE).await;
        assert!(is_accepted(&reversed), "{round}: {reversed:?}");
        let advised = iso
            .advise(&stack.payment(&card, 5_00), 5_00, PATIENCE)
            .await;
        assert!(is_accepted(&advised), "{round}: {advised:?}");
        stack.reverse(0, &payment, remaining).await?;
    }
    stack.settled().await?;
    let view = stack.ledger().authorization(stack.id_of(&payment)).await?;
    assert_eq!(view.map(|view| view.effect_minor), Some(1_00));
    stack.finish().await?;
    Ok(())
}

/// Gateways that let in one request per second.
async fn narrow() -> anyhow::Result<Running> {
    stack_with(|config| config.gateway_args = vec!["--rate-per-s".into(), "1".into()]).await
}

/// Sends so many new payments and returns those that were answered 91.
async fn shed_over_iso(stack: &Running, card: &Card, count: usize) -> anyhow::Result<Vec<Payment>> {
    let mut shed = Vec::new();
    for _ in 0..count {
        let payment = stack.payment(card, 1_00);
        let answer = stack.pay_iso(0, &payment).await?;
        if answer.response_code == "91" {
            shed.push(payment);
        }
    }
    Ok(shed)
}

fn is_accepted(outcome: &ReversalOutcome) -> bool {
    matches!(outcome, ReversalOutcome::Accepted { .. })
}
