//! 0200: an approval takes the money at once.

use tests::cluster::Node;
use tests::notebook::{Door, Outcome, ReversalOutcome};
use tests::payment::{Completion, Payment};

use super::{Said, code};
use crate::support::{PATIENCE, Running, answered, stack};

async fn purchase(stack: &Running, payment: &Payment, repeat: bool) -> anyhow::Result<bool> {
    let iso = stack.iso(0).await?;
    Ok(answered(iso.purchase(payment, repeat, PATIENCE).await)?.approved)
}

#[tokio::test]
async fn an_approval_takes_the_money_once_with_the_ledger_and_without_i1_i2_i4()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let (up, down, back) = (
        stack.payment(&card, 10_00),
        stack.payment(&card, 20_00),
        stack.payment(&card, 5_00),
    );
    assert!(purchase(&stack, &up, false).await?);
    assert!(purchase(&stack, &up, true).await?);
    assert!(purchase(&stack, &back, false).await?);
    assert!(!purchase(&stack, &stack.payment(&card, 100_00), false).await?);
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 85_00);

    stack.pause_ledger().await;
    assert!(purchase(&stack, &down, false).await?);
    stack.kill(Node::Gateway(0)).await?;
    stack.restart_gateway(0).await?;
    assert!(purchase(&stack, &down, true).await?);
    // The same references in a 0100 are another message.
    let iso = stack.iso(0).await?;
    for refused in [
        iso.authorize(&down, false, PATIENCE).await,
        stack.http(0)?.authorize(&down, false, PATIENCE).await,
    ] {
        assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
    }
    let capture = Said::Complete(Completion::capture(down.clone(), &down));
    // A 0220 of it tells of the capture that it has.
    assert_eq!(code(&stack, 0, Door::Iso, &capture).await?, "00");
    // In part at its own gateway, and in full at the other one, which has never heard of it.
    for (gateway, payment, left) in [(0, &down, 15_00), (1, &back, 0)] {
        let iso = stack.iso(gateway).await?;
        let reversed = iso.reverse_purchase(payment, left, PATIENCE).await;
        assert!(
            matches!(reversed, ReversalOutcome::Accepted { .. }),
            "{reversed:?}"
        );
    }
    stack.resume_ledger().await;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 100_00 - 10_00 - 15_00);
    let account = stack.ledger().account(card.account).await?;
    assert_eq!(account.totals.debits_pending, 0, "nothing is held");
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_refund_is_no_purchase() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let refund = Payment {
        processing_code: "200000".into(),
        ..stack.payment(&card, 5_00)
    };
    let message = tests::iso_client::purchase_message(&refund, false)?;
    let reply = stack.iso(0).await?.exchange(message, PATIENCE).await?;
    assert_eq!(
        (reply.mti.as_str(), reply.response_code.as_str()),
        ("0210", "40")
    );
    stack.finish().await?;
    Ok(())
}
