//! A gateway that has lost its journal does not know what it promised: it does not stand in until
//! a person says that it may.

use std::time::Duration;

use tests::payment::Card;
use tests::waiting::wait_until;

use crate::support::{PATIENCE, Running, stack};

#[tokio::test]
async fn a_gateway_without_its_journal_is_fenced_by_what_the_ledger_saw_rule_11()
-> anyhow::Result<()> {
    let (stack, card) = with_a_promise_kept().await?;
    stack.kill_gateway(0).await;
    lose_journal(&stack)?;
    stack.restart_gateway(0).await?;
    fenced(&stack).await?;
    let by_ledger = stack.pay(0, &stack.payment(&card, 1_00)).await?;
    assert!(by_ledger.approved, "the ledger still decides");

    stack.cut().await?;
    declines(&stack, &card).await?;
    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    fenced(&stack).await?;
    declines(&stack, &card).await?;
    stack.heal().await?;

    granted_again(&stack, &card).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_without_its_journal_is_fenced_by_its_copy_while_the_ledger_is_down_rule_11()
-> anyhow::Result<()> {
    let (stack, card) = with_a_promise_kept().await?;
    stack.saved(0).await?;
    stack.kill_ledger().await;
    stack.kill_gateway(0).await;
    lose_journal(&stack)?;
    stack.restart_gateway(0).await?;
    fenced(&stack).await?;
    declines(&stack, &card).await?;
    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    fenced(&stack).await?;
    declines(&stack, &card).await?;

    stack.restart_ledger().await?;
    granted_again(&stack, &card).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_restart_with_the_journal_in_place_fences_nobody_rule_11() -> anyhow::Result<()> {
    let (stack, card) = with_a_promise_kept().await?;
    for _ in 0..3 {
        stack.kill_gateway(0).await;
        stack.restart_gateway(0).await?;
        stack.known(PATIENCE).await?;
        assert_eq!(stack.status(0).await?.fenced, None);
    }
    stack.cut().await?;
    assert!(stack.pay(0, &stack.payment(&card, 1_00)).await?.approved);
    stack.finish().await?;
    Ok(())
}

/// A stack whose first gateway has stood in, and the ledger knows.
async fn with_a_promise_kept() -> anyhow::Result<(Running, Card)> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    assert!(stack.pay(0, &stack.payment(&card, 10_00)).await?.approved);
    stack.heal().await?;
    stack.settled().await?;
    Ok((stack, card))
}

fn lose_journal(stack: &Running) -> anyhow::Result<()> {
    std::fs::remove_dir_all(stack.gateway_data(0).join("journal"))?;
    Ok(())
}

async fn fenced(stack: &Running) -> anyhow::Result<()> {
    let is_fenced = || async {
        let status = stack.status(0).await;
        status.is_ok_and(|status| status.fenced.is_some())
    };
    wait_until("the gateway is fenced", Duration::from_secs(10), is_fenced).await?;
    Ok(())
}

async fn declines(stack: &Running, card: &Card) -> anyhow::Result<()> {
    let answer = stack.pay_iso(0, &stack.payment(card, 1_00)).await?;
    assert_eq!(
        (answer.approved, answer.response_code.as_str()),
        (false, "91")
    );
    Ok(())
}

/// What a person does after a look at the books: the ledger forgets the old journal, the gateway
/// starts without a past.
async fn granted_again(stack: &Running, card: &Card) -> anyhow::Result<()> {
    stack.kill_gateway(0).await;
    stack
        .ledger()
        .forget_gateway(&stack.gateway(0).name)
        .await?;
    std::fs::remove_dir_all(stack.gateway_data(0).join("copy"))?;
    stack.restart_gateway(0).await?;
    stack.settled().await?;
    assert_eq!(stack.status(0).await?.fenced, None);
    stack.cut().await?;
    let answer = stack.pay_iso(0, &stack.payment(card, 2_00)).await?;
    assert!(answer.approved, "{answer:?}");
    Ok(())
}
