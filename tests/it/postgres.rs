//! The same house on a real PostgreSQL, which is killed too.

use tests::cluster::{Cannot, Node, Store};
use tests::notebook::By;
use tests::postgres::is_installed;

use crate::support::stack_with;

#[tokio::test]
async fn a_database_killed_under_the_ledger_loses_nothing_i1_i2_i6() -> anyhow::Result<()> {
    if !is_installed()? {
        return Ok(());
    }
    let stack = stack_with(|config| config.store = Store::Postgres).await?;
    assert!(
        stack.store_line().starts_with("postgres "),
        "{}",
        stack.store_line()
    );
    let card = stack.card_at(0, 100_00).await?;
    let before = stack.payment(&card, 10_00);
    let first = stack.pay(0, &before).await?;
    assert!(first.approved);
    stack.known(crate::support::PATIENCE).await?;

    let postgres = stack.postgres().unwrap();
    postgres.stop_immediate().await?;
    let during = stack.pay_iso(0, &stack.payment(&card, 20_00)).await?;
    assert!(during.approved, "by stand-in");
    assert_eq!(stack.repeat(0, &before).await?.verdict(), first.verdict());

    postgres.start_again().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 70_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_frozen_database_leaves_payments_answered_and_the_books_complete_i1_i2_i6()
-> anyhow::Result<()> {
    if !is_installed()? {
        return Ok(());
    }
    let stack = stack_with(|config| config.store = Store::Postgres).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.machinery().pause(Node::Database).await?;
    let during = stack.pay(0, &stack.payment(&card, 20_00)).await?;
    assert!(during.approved, "by stand-in");
    assert_eq!(during.decided_by, Some(By::StandIn));
    let cut = stack.machinery().disconnect(Node::Database).await;
    assert!(cut.unwrap_err().is::<Cannot>(), "a process has no network");

    stack.machinery().resume(Node::Database).await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 80_00);
    // Frozen again: whoever ends the test thaws it.
    stack.machinery().pause(Node::Database).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_private_server_survives_an_immediate_stop_with_what_was_committed() -> anyhow::Result<()>
{
    let Some(postgres) = tests::postgres::Postgres::start().await? else {
        return Ok(());
    };
    postgres
        .query("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
        .await?;
    postgres.stop_immediate().await?;
    assert!(postgres.query("SELECT 1").await.is_err(), "down");
    postgres.start_again().await?;
    assert_eq!(postgres.query("SELECT n FROM kept").await?, "42");
    Ok(())
}

#[tokio::test]
async fn the_store_on_postgresql_proves_what_every_store_must_prove() -> anyhow::Result<()> {
    let Some(postgres) = tests::postgres::Postgres::start().await? else {
        return Ok(());
    };
    let store = ledger::store::Store::postgres(&postgres.database("conformance").await?)?;
    store.prepare().await?;
    ledger::conformance::all(&store).await;

    let url = postgres.database("reopened").await?;
    let store = ledger::store::Store::postgres(&url)?;
    store.prepare().await?;
    let reopen = async |store: ledger::store::Store| {
        drop(store);
        postgres.stop_immediate().await.unwrap();
        postgres.start_again().await.unwrap();
        let store = ledger::store::Store::postgres(&url).unwrap();
        store.prepare().await.unwrap();
        store
    };
    ledger::conformance::reopened(store, reopen).await;
    Ok(())
}
