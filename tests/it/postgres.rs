//! The same house on a real PostgreSQL, which is killed too.

use tests::cluster::{Cannot, Node, Store};
use tests::notebook::By;
use tests::postgres::is_installed;

use crate::support::stack_with;

mod commits;
mod crowd;
mod desk;
mod growth;
mod locks;
mod memory;

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

/// As the ledger before migration 2 writes them, which may still run while a new one starts.
const OLD_ROWS: &str = "
    INSERT INTO account (bucket, id, currency, debits_pending, credits_posted, position)
        VALUES (0, 7, 978, 400, 1000, 1), (0, 4611686018427403553, 978, 0, 0, 0);
    UPDATE account SET credits_pending = 400, debits_posted = 1000
        WHERE id = 4611686018427403553;
    INSERT INTO authorization_record (bucket, id, card, account, requested_minor, currency,
            fingerprint, decided_approved, decided_minor, decided_reason, asked, approved_by,
            declined_by, differing, contested, effect_minor, position)
        VALUES (0, decode(repeat('0a', 16), 'hex'), decode(repeat('01', 17), 'hex'), 7, 400, 978,
            5, true, 400, 0, 'gw1', '', '', false, false, 400, 1);
    INSERT INTO entry (bucket, account, number, authorization_id, credit, posted, amount_minor,
            position)
        VALUES (0, 7, 1, NULL, true, true, 1000, 1),
            (0, 4611686018427403553, 2, NULL, false, true, 1000, 1),
            (0, 7, 3, decode(repeat('0a', 16), 'hex'), false, false, 400, 1),
            (0, 4611686018427403553, 4, decode(repeat('0a', 16), 'hex'), true, false, 400, 1);
    UPDATE head SET position = 1, entry = 4";

#[tokio::test]
async fn rows_of_the_ledger_before_are_read_and_expire() -> anyhow::Result<()> {
    use ledger::posting::{Command, Moment, Outcome};
    let Some(postgres) = tests::postgres::Postgres::start().await? else {
        return Ok(());
    };
    let store = ledger::store::Store::postgres(&postgres.url())?;
    store.prepare().await?;
    postgres.query(OLD_ROWS).await?;
    assert!(store.books().await?.balanced, "I6");
    let id = ledger_api::AuthorizationId([10; 16]);
    let view = store.authorization(id).await?.expect("it is there");
    assert_eq!((view.effect_minor, view.captured_minor), (400, 0));
    assert_eq!(view.state, ledger_api::AuthorizationState::Held);
    assert_eq!(
        store.due(0, 10).await?,
        [id],
        "placed when the hold clock began"
    );
    let expire = Command::Expire {
        ids: vec![id],
        held_by: 0,
    };
    let outcomes = store.transact(vec![expire], Moment::default()).await?;
    assert!(
        matches!(outcomes[..], [Outcome::Expired(1)]),
        "{outcomes:?}"
    );
    let account = store.account(ledger_api::AccountId(7)).await?;
    assert_eq!(account.expect("it is there").available_minor, 1_000);
    assert!(store.books().await?.balanced, "I6");
    Ok(())
}
