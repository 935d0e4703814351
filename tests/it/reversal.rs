//! Taking back: during an outage, before the original, twice, in part.

use ledger_api::Reason;
use tests::faultproxy::Mode;
use tests::notebook::ReversalOutcome;

use crate::support::{PATIENCE, stack};

#[tokio::test]
async fn a_reversal_is_accepted_while_the_ledger_is_down_and_applied_once_i2_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let (before, during) = (stack.payment(&card, 10_00), stack.payment(&card, 20_00));
    assert!(stack.pay(0, &before).await?.approved);
    stack.known(PATIENCE).await?;
    stack.cut().await?;
    assert!(stack.pay_iso(0, &during).await?.approved);

    assert!(!stack.reverse(0, &before, 0).await?);
    assert!(
        stack.reverse(0, &before, 0).await?,
        "the second one is a duplicate"
    );
    let iso = stack.iso(0).await?.reverse(&during, 0, PATIENCE).await;
    assert!(matches!(iso, ReversalOutcome::Accepted { .. }), "{iso:?}");

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_reversal_before_its_original_leaves_nothing_to_approve_i2_i4() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 10_00);
    stack.reverse(0, &payment, 0).await?;
    stack.settled().await?;
    let late = stack.pay(1, &payment).await?;
    assert_eq!(
        (late.approved, late.reason),
        (false, Some(Reason::ReversedBefore))
    );
    assert_eq!(stack.available(&card).await?, 100_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_partial_reversal_leaves_the_rest_and_a_full_one_nothing_i4() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 30_00);
    assert!(stack.pay_iso(0, &payment).await?.approved);
    let partly = stack.iso(0).await?.reverse(&payment, 12_00, PATIENCE).await;
    assert!(
        matches!(partly, ReversalOutcome::Accepted { .. }),
        "{partly:?}"
    );
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 88_00);
    stack.reverse(1, &payment, 0).await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_networks_own_advice_outranks_ours_rule_5() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    let payment = stack.payment(&card, 150_00);
    let advised = stack.iso(0).await?.advise(&payment, 150_00, PATIENCE).await;
    assert!(
        matches!(advised, ReversalOutcome::Accepted { .. }),
        "{advised:?}"
    );
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        -50_00,
        "booked verbatim, even below zero"
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_original_right_behind_its_reversal_is_declined_every_time_i2_i4() -> anyhow::Result<()>
{
    let stack = stack().await?;
    let card = stack.card("alice", 1_000_00).await?;
    for round in 0..30 {
        let payment = stack.payment(&card, 10_00);
        stack.reverse(0, &payment, 0).await?;
        let late = if round % 2 == 0 {
            stack.pay_iso(0, &payment).await?
        } else {
            stack.pay(0, &payment).await?
        };
        assert_eq!(
            (late.approved, late.response_code.as_str()),
            (false, "05"),
            "round {round}"
        );
    }
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 1_000_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_reversal_and_its_original_in_flight_together_leave_nothing_held_i2_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let slow = Mode::Slow {
        latency_ms: 20,
        jitter_ms: 40,
    };
    stack.fault(slow).await?;
    let (iso, back) = (stack.iso(0).await?, stack.iso(0).await?);
    for round in 0..12 {
        let payment = stack.payment(&card, 10_00);
        let pay = iso.authorize(&payment, false, PATIENCE);
        let reverse = back.reverse(&payment, 0, PATIENCE);
        let (paid, reversed) = if round % 2 == 0 {
            tokio::join!(pay, reverse)
        } else {
            let (reversed, paid) = tokio::join!(reverse, pay);
            (paid, reversed)
        };
        assert!(paid.answer().is_some(), "round {round}: {paid:?}");
        assert!(
            matches!(reversed, ReversalOutcome::Accepted { .. }),
            "round {round}: {reversed:?}"
        );
    }
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 1_000_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_reversal_of_a_declined_payment_is_accepted_and_moves_nothing_i2_i4() -> anyhow::Result<()>
{
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 200_00);
    assert!(!stack.pay(0, &payment).await?.approved);
    stack.reverse(0, &payment, 0).await?;
    stack.reverse(1, &payment, 50_00).await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00);
    stack.finish().await?;
    Ok(())
}
