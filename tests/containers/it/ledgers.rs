//! Ledgers come and go; cards still pay.

use containers::house::{DRAINED_WITHIN, house};
use containers::payer::Payer;
use tests::cluster::Node;

#[tokio::test(flavor = "multi_thread")]
async fn both_ledgers_killed_under_load_are_stood_in_for_and_told_everything_i1_i2_i4_i5()
-> anyhow::Result<()> {
    let Some(house) = house().await? else {
        return Ok(());
    };
    let payer = Payer::start(&house).await?;
    payer.by_ledger(50).await?;
    house.kill_ledger().await;
    payer.by_stand_in(100).await?;
    house.restart_ledger().await?;
    payer.by_ledger(50).await?;
    let paid = payer.stop().await?;
    assert!(paid.unanswered.is_empty(), "{paid:?}");
    house.drained(DRAINED_WITHIN).await?;
    let audit = house.finish().await?;
    assert!(audit.advices_acknowledged >= 100, "{audit:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_ledgers_stops_politely_and_the_other_goes_on_i1_i2_i4() -> anyhow::Result<()> {
    let Some(house) = house().await? else {
        return Ok(());
    };
    let payer = Payer::start(&house).await?;
    payer.by_ledger(50).await?;
    let ended = house.terminate(Node::Ledger(0)).await?;
    assert!(ended.success(), "ledger-1: {ended}");
    payer.by_ledger(100).await?;
    assert!(!house.machinery().is_running(Node::Ledger(0)).await?);

    // A gateway too: its processor has the other one meanwhile.
    house.terminate_gateway(1).await?;
    payer.answered(50).await?;
    house.restart_gateway(1).await?;
    payer.by_ledger(50).await?;
    let paid = payer.stop().await?;
    assert!(paid.unanswered.is_empty(), "{paid:?}");
    assert_eq!(paid.approved, paid.answered, "{paid:?}");
    house.audited().await?;
    // In the end everybody does, with exit code 0.
    house.machinery().stop().await
}
