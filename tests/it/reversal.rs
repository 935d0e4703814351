//! Taking back: during an outage, before the original, twice, in part.

use ledger_api::Reason;
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
