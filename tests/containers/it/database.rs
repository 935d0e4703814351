//! The database hangs, or is cut off: ledgers wait for it, gateways do not.

use containers::house::{DRAINED_WITHIN, House, house};
use containers::payer::Payer;
use tests::cluster::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_is_stood_in_for_within_the_budget_i1_i2_i4_i8() -> anyhow::Result<()> {
    let Some(house) = house().await? else {
        return Ok(());
    };
    let payer = Payer::start(&house).await?;
    payer.by_ledger(50).await?;
    house.machinery().pause(Node::Database).await?;
    payer.by_stand_in(100).await?;
    house.machinery().resume(Node::Database).await?;
    recovered(house, payer).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_cut_off_from_the_network_is_stood_in_for_and_found_again_i1_i2_i4_i8()
-> anyhow::Result<()> {
    let Some(house) = house().await? else {
        return Ok(());
    };
    let payer = Payer::start(&house).await?;
    payer.by_ledger(50).await?;
    house.machinery().disconnect(Node::Database).await?;
    payer.by_stand_in(100).await?;
    house.machinery().connect(Node::Database).await?;
    recovered(house, payer).await
}

/// The ledger decides again, by itself, and everybody agrees on what was paid.
async fn recovered(house: House, payer: Payer) -> anyhow::Result<()> {
    payer.by_ledger(50).await?;
    let paid = payer.stop().await?;
    assert!(paid.unanswered.is_empty(), "{paid:?}");
    house.drained(DRAINED_WITHIN).await?;
    let audit = house.finish().await?;
    assert!(audit.advices_acknowledged >= 100, "{audit:?}");
    Ok(())
}
