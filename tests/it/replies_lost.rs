//! The ledger decides and commits, and we never hear: the worst kind of time-out.

use tests::faultproxy::Mode;
use tests::notebook::By;

use crate::support::stack;

#[tokio::test]
async fn an_approval_that_both_gave_is_held_once_i2_i4() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.fault(Mode::ReplyLost).await?;
    let payment = stack.payment(&card, 30_00);
    let answer = stack.pay(0, &payment).await?;
    assert_eq!(
        (answer.approved, answer.decided_by),
        (true, Some(By::StandIn))
    );
    assert_eq!(
        stack.available(&card).await?,
        70_00,
        "the ledger had heard and held"
    );

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        70_00,
        "and the advice changes nothing"
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_approval_of_the_ledger_that_was_told_as_a_decline_is_released_i4() -> anyhow::Result<()>
{
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.fault(Mode::ReplyLost).await?;
    let answer = stack.pay(0, &stack.payment(&card, 600_00)).await?;
    assert!(!answer.approved, "more than stand-in may risk");
    assert_eq!(
        stack.available(&card).await?,
        400_00,
        "the ledger had heard and held"
    );

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 1_000_00);
    stack.finish().await?;
    Ok(())
}
