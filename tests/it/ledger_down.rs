//! The ledger is gone; cards still pay.

use std::time::Duration;

use ledger_api::{CardStatus, Cause, Reason};
use tests::notebook::By;
use tests::payment::NewCard;

use crate::support::stack;

#[tokio::test]
async fn approves_within_limits_while_the_ledger_is_down_and_is_booked_once_i1_i2_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let before = stack.pay(0, &stack.payment(&card, 30_00)).await?;
    assert_eq!(
        (before.approved, before.decided_by),
        (true, Some(By::Ledger))
    );
    stack.known(Duration::from_secs(5)).await?;

    stack.cut().await?;
    let payment = stack.payment(&card, 20_00);
    let during = stack.pay(0, &payment).await?;
    assert_eq!(
        (during.approved, during.decided_by),
        (true, Some(By::StandIn))
    );
    let again = stack.repeat(0, &payment).await?;
    assert_eq!(
        (again.verdict(), again.duplicate),
        (during.verdict(), Some(true))
    );

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 50_00);
    assert_eq!(
        stack.repeat_iso(0, &payment).await?.verdict(),
        during.verdict()
    );
    let audit = stack.finish().await?;
    assert!(audit.advices_written >= 1);
    Ok(())
}

#[tokio::test]
async fn declines_what_it_may_not_risk_while_the_ledger_is_down_i5_i7() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let rich = stack.card_at(0, 100_000_00).await?;
    let frozen = NewCard {
        status: CardStatus::Frozen,
        ..NewCard::nth(900, 100_00)
    };
    let expired = NewCard {
        expiry: 2001,
        ..NewCard::nth(901, 100_00)
    };
    let blocked = stack.seed(&[frozen, expired]).await?;
    stack.cut().await?;

    let cases = [
        (&card, 60_00, Reason::Approved),
        (&card, 60_00, Reason::InsufficientFunds), // its own spend counts
        (&rich, 500_01, Reason::OverEntryModeLimit),
        (&blocked[0], 1_00, Reason::CardFrozen),
        (&blocked[1], 1_00, Reason::CardExpired),
    ];
    for (card, amount_minor, reason) in cases {
        let home = stack.home_of(&card.token);
        let answer = stack.pay(home, &stack.payment(card, amount_minor)).await?;
        assert_eq!(answer.reason, Some(reason), "{amount_minor}");
        assert_eq!(answer.decided_by, Some(By::StandIn));
    }
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_ledger_killed_and_started_again_books_what_was_answered_meanwhile_i1_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(1, 100_00).await?;
    assert!(
        stack
            .pay_iso(1, &stack.payment(&card, 10_00))
            .await?
            .approved
    );
    stack.known(Duration::from_secs(5)).await?;

    stack.kill_ledger().await;
    assert!(
        stack
            .pay_iso(1, &stack.payment(&card, 20_00))
            .await?
            .approved
    );
    stack.restart_ledger().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 70_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_ledger_that_hangs_is_answered_for_within_the_budget_i8() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.stall().await?;
    let answer = stack.pay(0, &stack.payment(&card, 10_00)).await?;
    assert_eq!(
        (answer.approved, answer.cause),
        (true, Some(Cause::LedgerTimeout))
    );
    assert!(
        answer.latency < Duration::from_millis(1_500),
        "{:?}",
        answer.latency
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn nothing_to_tell_is_left_when_the_ledger_comes_back_after_many_payments_i1()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.cut().await?;
    let door = stack.iso(0).await?;
    for _ in 0..40 {
        let payment = stack.payment(&card, 1_00);
        door.authorize(&payment, false, crate::support::PATIENCE)
            .await;
    }
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 960_00);
    let audit = stack.finish().await?;
    assert!(
        audit.advices_acknowledged >= 40,
        "{}",
        audit.advices_acknowledged
    );
    Ok(())
}
