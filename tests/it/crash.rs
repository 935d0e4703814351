//! Killed at any moment, a gateway stands by what it said.

use std::time::Duration;

use tests::notebook::{By, Outcome};

use crate::support::{PATIENCE, stack};

#[tokio::test]
async fn a_gateway_killed_in_a_black_out_loses_no_answer_and_stands_in_at_once_i1_i3()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.saved(0).await?;
    let by_ledger = stack.payment(&card, 10_00);
    let first = stack.pay(0, &by_ledger).await?;
    assert_eq!(first.decided_by, Some(By::Ledger));
    stack.known(Duration::from_secs(5)).await?;
    stack.kill_ledger().await;
    let by_stand_in = stack.payment(&card, 20_00);
    let second = stack.pay_iso(0, &by_stand_in).await?;
    assert!(second.approved);

    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    let third = stack.pay(0, &stack.payment(&card, 30_00)).await?;
    assert!(
        third.approved && third.decided_by == Some(By::StandIn),
        "{third:?}"
    );
    assert_eq!(
        stack.repeat_iso(0, &by_ledger).await?.verdict(),
        first.verdict()
    );
    assert_eq!(
        stack.repeat(0, &by_stand_in).await?.verdict(),
        second.verdict()
    );
    let over = stack.pay(0, &stack.payment(&card, 45_00)).await?;
    assert!(
        !over.approved,
        "40.00 are left, spend before the crash counts"
    );

    stack.restart_ledger().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 40_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_ledger_killed_in_front_of_a_restarting_gateway_makes_no_difference_i1_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    let payment = stack.payment(&card, 20_00);
    let first = stack.pay(0, &payment).await?;
    assert!(first.approved);
    stack.kill_gateway(0).await;
    stack.kill_ledger().await;
    stack.heal().await?;
    stack.restart_gateway(0).await?;
    assert_eq!(stack.repeat(0, &payment).await?.verdict(), first.verdict());
    stack.restart_ledger().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 80_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn killed_at_any_moment_of_a_black_out_a_gateway_keeps_its_word_i1_i2_i3()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.saved(0).await?;
    stack.cut().await?;
    // Moments spread over the life of a request: before, inside and after its fsync.
    for moment_ms in [1, 3, 7, 12, 20, 33] {
        let (http, iso) = (stack.http(0)?, stack.iso(0).await?);
        let payments: Vec<_> = (0..20).map(|_| stack.payment(&card, 1_00)).collect();
        let pay = async {
            for pair in payments.chunks(2) {
                tokio::join!(
                    http.authorize(&pair[0], false, PATIENCE),
                    iso.authorize(&pair[1], false, PATIENCE),
                );
            }
        };
        let kill = async {
            tokio::time::sleep(Duration::from_millis(moment_ms)).await;
            stack.kill_gateway(0).await;
        };
        tokio::join!(pay, kill);
        stack.restart_gateway(0).await?;
        // A repeat of every one: whoever was answered hears the same, the audit compares.
        let iso = stack.iso(0).await?;
        for payment in &payments {
            let outcome = iso.authorize(payment, true, PATIENCE).await;
            assert!(matches!(outcome, Outcome::Answered(_)), "{outcome:?}");
        }
    }
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_asked_to_stop_ends_politely_and_comes_back_with_its_answers_i3()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 10_00);
    let first = stack.pay_iso(0, &payment).await?;
    stack.terminate_gateway(0).await?;
    stack.restart_gateway(0).await?;
    assert_eq!(stack.repeat(0, &payment).await?.verdict(), first.verdict());
    stack.finish().await?;
    Ok(())
}
