//! Captures and refunds.

use ledger_api::Reason;
use tests::cluster::Node;
use tests::notebook::Door;
use tests::payment::Completion;

use super::{DOORS, Said, code};
use crate::support::{DRAINED_WITHIN, PATIENCE, Running, stack};

async fn accepted(running: &Running, gateway: usize, door: Door, said: Said) -> anyhow::Result<()> {
    assert_eq!(code(running, gateway, door, &said).await?, "00", "{said:?}");
    Ok(())
}

#[tokio::test]
async fn an_outage_with_captures_refunds_and_a_killed_gateway_is_booked_as_told_i1_i2_i4_rule_18()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let before = stack.payment(&card, 50_00);
    assert!(stack.pay(0, &before).await?.approved);
    stack.known(PATIENCE).await?;
    stack.pause_ledger().await;

    // Captured beyond, in part, and taken back in part; force-posted; given back.
    let during = stack.payment(&card, 100_00);
    assert!(stack.pay_iso(0, &during).await?.approved);
    let more = Completion::capture(stack.payment(&card, 60_00), &before);
    let less = Completion::capture(stack.payment(&card, 80_00), &during);
    let alone = Completion {
        of: None,
        ..Completion::capture(stack.payment(&card, 7_00), &before)
    };
    let never_seen = Completion::capture(stack.payment(&card, 9_00), &stack.payment(&card, 9_00));
    let back = Completion::refund(stack.payment(&card, 5_00), &during);
    for (it, door) in [
        (&more, Door::Http),
        (&less, Door::Iso),
        (&alone, Door::Iso),
        (&never_seen, Door::Http),
        (&back, Door::Iso),
    ] {
        accepted(&stack, 0, door, Said::Complete(it.clone())).await?;
    }
    let reversed = stack.payment(&card, 30_00);
    assert!(stack.pay_iso(0, &reversed).await?.approved);
    accepted(&stack, 0, Door::Iso, Said::Reverse(reversed.clone(), 10_00)).await?;

    // Killed in the middle: everything that was answered is there again, and may be repeated.
    stack.kill(Node::Gateway(0)).await?;
    stack.restart_gateway(0).await?;
    for it in [&more, &less, &alone, &never_seen, &back] {
        for door in DOORS {
            accepted(&stack, 0, door, Said::Complete(it.clone())).await?;
        }
    }
    let repeated = stack.iso(0).await?.complete(&less, true, PATIENCE).await;
    assert!(
        matches!(repeated, tests::notebook::ReversalOutcome::Accepted { .. }),
        "0221: {repeated:?}"
    );
    accepted(&stack, 0, Door::Http, Said::TakeBack(less.clone(), 70_00)).await?;
    accepted(&stack, 0, Door::Iso, Said::TakeBack(alone.clone(), 0)).await?;

    stack.resume_ledger().await;
    stack.settled().await?;
    let spent = 60_00 + 70_00 + 9_00 + 10_00 - 5_00;
    assert_eq!(stack.available(&card).await?, 1_000_00 - spent);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_completion_lowers_what_stand_in_may_spend_and_is_never_exposure_rule_18_i5()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let held = stack.payment(&card, 30_00);
    assert!(stack.pay(0, &held).await?.approved);
    stack.known(PATIENCE).await?;
    stack.cut().await?;
    // 70.00 are left. The hold covers 30.00 of the capture, so that it takes 20.00 more.
    let capture = Completion::capture(stack.payment(&card, 50_00), &held);
    accepted(&stack, 0, Door::Iso, Said::Complete(capture)).await?;
    let refund = Completion::refund(stack.payment(&card, 40_00), &held);
    accepted(&stack, 0, Door::Iso, Said::Complete(refund)).await?;
    assert_eq!(stack.status(0).await?.exposure_minor, 0);
    for (amount, reason) in [(50_00, Reason::Approved), (1, Reason::InsufficientFunds)] {
        let answer = stack.pay(0, &stack.payment(&card, amount)).await?;
        assert_eq!(answer.reason, Some(reason), "{amount}");
    }
    // Over every limit, and taken all the same.
    let large = Completion::capture(stack.payment(&card, 9_999_00), &held);
    accepted(&stack, 0, Door::Http, Said::Complete(large)).await?;
    assert_eq!(stack.status(0).await?.exposure_minor, 50_00);
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        100_00 - 50_00 + 40_00 - 50_00 - 9_999_00
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_completion_of_what_the_other_gateway_answered_finds_its_hold_i2_i4() -> anyhow::Result<()>
{
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let (known, during) = (stack.payment(&card, 20_00), stack.payment(&card, 30_00));
    assert!(stack.pay(0, &known).await?.approved);
    stack.known(PATIENCE).await?;
    stack.cut().await?;
    assert!(stack.pay_iso(0, &during).await?.approved);
    for (of, amount) in [(&known, 25_00), (&during, 10_00)] {
        let capture = Completion::capture(stack.payment(&card, amount), of);
        accepted(&stack, 1, Door::Iso, Said::Complete(capture.clone())).await?;
        // The acquirer asks the other link as well.
        accepted(&stack, 0, Door::Http, Said::Complete(capture)).await?;
    }
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 65_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn several_captures_add_up_and_a_ledger_killed_meanwhile_has_each_once_i2_i13()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let held = stack.payment(&card, 40_00);
    assert!(stack.pay(0, &held).await?.approved);
    for (amount, more) in [(10_00, true), (15_00, true), (20_00, false)] {
        let capture = Completion {
            more,
            ..Completion::capture(stack.payment(&card, amount), &held)
        };
        accepted(&stack, 0, Door::Http, Said::Complete(capture.clone())).await?;
        stack.kill_ledger().await;
        accepted(&stack, 0, Door::Http, Said::Complete(capture)).await?;
        stack.restart_ledger().await?;
    }
    stack.drained(DRAINED_WITHIN).await?;
    assert_eq!(stack.available(&card).await?, 55_00);
    stack.finish().await?;
    Ok(())
}
