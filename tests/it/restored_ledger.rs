//! A ledger that comes back from a backup has forgotten what it acknowledged; the journals have not.

use std::path::Path;
use std::time::Duration;

use tests::payment::Card;
use tests::waiting::wait_until;

use crate::support::{PATIENCE, Running, stack};

const TOLD_AGAIN_WITHIN: Duration = Duration::from_secs(30);
/// What a gateway logs after every listing.
const LISTED: &str = "listed what the ledger holds";
/// A few pages of patience, not a hot loop.
const LISTINGS_MAX: usize = 6;

#[tokio::test]
async fn a_restored_ledger_is_told_again_what_stand_in_promised_i1_i4_rules_13_22()
-> anyhow::Result<()> {
    let (stack, card) = with_books_that_lag().await?;
    stack.restart_ledger_with(&["--restored"]).await?;
    told_again(&stack, &card).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_restore_that_nobody_announced_is_noticed_and_told_again_i1_i4_rules_13_22()
-> anyhow::Result<()> {
    let (stack, card) = with_books_that_lag().await?;
    stack.restart_ledger().await?;
    told_again(&stack, &card).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_restored_ledger_is_told_again_what_it_had_decided_itself_i1_i4_rule_22()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.settled().await?;
    let backup = back_up(&stack).await?;
    for gateway in [0, 1] {
        let payment = stack.payment(&card, 10_00);
        assert!(stack.pay(gateway, &payment).await?.approved);
    }
    stack.settled().await?;
    stack.kill_ledger().await;
    restore(&stack, backup.path())?;
    stack.restart_ledger_with(&["--restored"]).await?;
    has_available(&stack, &card, 80_00).await?;
    stack.finish().await?;
    Ok(())
}

/// 100.00 on the card, 10.00 of it spent in the backup, 20.00 promised by stand-in, booked and
/// acknowledged after it, 5.00 of them taken back; the ledger is down and has the backup's books.
async fn with_books_that_lag() -> anyhow::Result<(Running, Card)> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    assert!(stack.pay(0, &stack.payment(&card, 10_00)).await?.approved);
    stack.settled().await?;
    let backup = back_up(&stack).await?;

    stack.cut().await?;
    let promised = stack.payment(&card, 20_00);
    assert!(stack.pay(0, &promised).await?.approved);
    stack.reverse(0, &promised, 15_00).await?;
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 75_00);

    stack.kill_ledger().await;
    restore(&stack, backup.path())?;
    Ok((stack, card))
}

async fn told_again(stack: &Running, card: &Card) -> anyhow::Result<()> {
    let before = [listings(stack, 0)?, listings(stack, 1)?];
    has_available(stack, card, 75_00).await?;
    stack.settled().await?;
    // Whoever lists in a loop has time to do it while these are paid.
    for _ in 0..20 {
        assert!(stack.pay(1, &stack.payment(card, 1_00)).await?.approved);
    }
    stack.settled().await?;
    for gateway in [0, 1] {
        let listed = listings(stack, gateway)? - before[gateway];
        assert!(
            (1..=LISTINGS_MAX).contains(&listed),
            "gateway {gateway} listed {listed} times"
        );
    }
    Ok(())
}

async fn has_available(stack: &Running, card: &Card, minor: i64) -> anyhow::Result<()> {
    let booked = || async { stack.available(card).await.is_ok_and(|it| it == minor) };
    let what = format!("the restored books leave {minor}");
    wait_until(&what, TOLD_AGAIN_WITHIN, booked).await?;
    Ok(())
}

/// A copy of the ledger's files, taken while it is stopped.
async fn back_up(stack: &Running) -> anyhow::Result<tempfile::TempDir> {
    let backup = tempfile::tempdir()?;
    stack.terminate_ledger().await?;
    copy(&stack.ledger_data(), backup.path())?;
    stack.restart_ledger().await?;
    stack.known(PATIENCE).await?;
    Ok(backup)
}

fn restore(stack: &Running, backup: &Path) -> anyhow::Result<()> {
    std::fs::remove_dir_all(stack.ledger_data())?;
    copy(backup, &stack.ledger_data())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn listings(stack: &Running, gateway: usize) -> anyhow::Result<usize> {
    let log = stack.gateway_log(gateway)?;
    Ok(log.lines().filter(|line| line.contains(LISTED)).count())
}
