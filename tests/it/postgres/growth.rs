//! Books that grow: buckets beside each other, partitions, and plans that do not look at whole tables.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ledger::batcher::Batcher;
use ledger::metrics::Metrics;
use tests::postgres::Postgres;
use tests::waiting::wait_until;
use tokio::time::timeout;

use super::desk::{self, NOW, OPENING, available, balanced, pay, pays, store, store_with};

const PATIENCE: Duration = Duration::from_secs(30);
/// How many entries a partition has.
const PARTITION: u64 = 8_388_608;

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_a_whole_set_of_books_beside_others() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let url = postgres.url();
    let zero = store_with(&url, 50).await?;
    zero.transact((1..=50).map(|number| pays(number, 0)).collect(), NOW)
        .await?;
    let before = zero.mark().await?;
    let seven = store(&url, 7).await?;
    ledger::conformance::all(&seven).await;
    assert_ne!(seven.mark().await?.epoch, before.epoch);
    assert_eq!(zero.mark().await?, before, "nobody else's head moved");
    assert_eq!(available(&zero, 10).await?, OPENING - 100);
    balanced(&zero).await?;
    balanced(&seven).await
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_entries_are_made_before_they_are_needed() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 2).await?;
    let made = async |part: u64| {
        let sql = format!("SELECT to_regclass('entry_{part}') IS NOT NULL");
        postgres.query(&sql).await.is_ok_and(|made| made == "t")
    };
    wait_until("two are ahead", PATIENCE, async || made(2).await).await?;
    assert!(!made(3).await, "and no more");
    // As if there had been many entries since: of eight more, two are below the bound.
    let near = format!("UPDATE head SET entry = {}", PARTITION - 3);
    postgres.query(&near).await?;
    for nth in 0..4 {
        store.transact(vec![pays(1, nth)], NOW).await?;
    }
    wait_until("one more is ahead", PATIENCE, async || made(3).await).await?;
    let in_each = "SELECT (SELECT count(*) FROM entry_0), (SELECT count(*) FROM entry_1),
                   (SELECT count(*) FROM entry_rest)";
    assert_eq!(postgres.query(in_each).await?, "6|6|0");

    // Nobody made any for these: they are in the books all the same.
    let far = format!("UPDATE head SET entry = {}", 9 * PARTITION - 3);
    postgres.query(&far).await?;
    for nth in 4..8 {
        store.transact(vec![pays(2, nth)], NOW).await?;
    }
    // It looks again with whatever comes next.
    let made_again = async || {
        let repeated = store.transact(vec![pays(2, 7)], NOW).await;
        repeated.is_ok() && made(11).await
    };
    wait_until("they are made again", PATIENCE, made_again).await?;
    assert!(
        postgres
            .query("SELECT count(*) FROM entry_rest")
            .await?
            .parse::<u64>()?
            > 0
    );
    assert_eq!(available(&store, 2).await?, OPENING - 400);
    let statement = store.entries_of(ledger_api::AccountId(2), 0, 100).await?;
    assert_eq!(statement.map(|it| it.entries.len()), Some(5));
    balanced(&store).await
}

/// Entries that go to the default partition while somebody makes theirs are written again.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_made_meanwhile_refuses_nothing_i1() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await?.map(Arc::new) else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 2).await?;
    let waits = |what: &str| format!("SELECT count(*) FROM pg_stat_activity WHERE {what}");
    let is = async |what: &str| postgres.query(&waits(what)).await.is_ok_and(|n| n == "1");
    let far = format!("UPDATE head SET entry = {}", 9 * PARTITION + 3);
    postgres.query(&far).await?;
    let _holder = postgres.in_background("SELECT pg_advisory_lock(42); SELECT pg_sleep(600)")?;
    wait_until("the lock is held", PATIENCE, async || {
        is("wait_event = 'PgSleep'").await
    })
    .await?;
    let _maker = postgres.in_background(
        "BEGIN; SELECT make_entry_partitions(2); SELECT pg_advisory_xact_lock(42); COMMIT",
    )?;
    let made = "wait_event = 'advisory'";
    wait_until("partitions are made", PATIENCE, async || is(made).await).await?;
    let paying = {
        let store = store.clone();
        tokio::spawn(async move { store.transact(vec![pays(1, 0)], NOW).await })
    };
    let stuck = "wait_event_type = 'Lock' AND wait_event = 'relation'";
    wait_until("a payment waits", PATIENCE, async || is(stuck).await).await?;
    postgres
        .query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        .await?;
    paying.await??;
    let rest = "SELECT count(*) FROM entry_rest";
    assert_eq!(postgres.query(rest).await?, "0");
    assert_eq!(available(&store, 1).await?, OPENING - 100);
    balanced(&store).await
}

/// What the version before has left, as a ledger that goes on with it finds it.
#[tokio::test(flavor = "multi_thread")]
async fn entries_from_before_partitions_stay_in_the_books() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    postgres
        .query(include_str!("../../../migrations/0001_books.sql"))
        .await?;
    postgres
        .query(include_str!("../../../migrations/0002_life.sql"))
        .await?;
    postgres
        .query(include_str!("../../../migrations/0003_closes.sql"))
        .await?;
    let before = PARTITION + 5;
    let filled = format!(
        "INSERT INTO head (bucket, epoch, entry) VALUES (0, 1, {before});
         INSERT INTO entry (bucket, account, number, credit, posted, amount_minor, position)
         SELECT 0, number % 7, number, number % 2 = 0, true, 5, 1
         FROM generate_series({before} - 999, {before}) AS number"
    );
    postgres.query(&filled).await?;
    postgres
        .query(include_str!("../../../migrations/0004_growth.sql"))
        .await?;
    assert_eq!(
        postgres.query("SELECT count(*) FROM entry_1").await?,
        "1000"
    );
    let next = format!(
        "SELECT make_entry_partitions(2);
         INSERT INTO entry (bucket, account, number, credit, posted, amount_minor, position)
         SELECT 0, 1, number, true, true, 5, 1
         FROM unnest(ARRAY[{}, {}, {}]) AS number",
        before + 1,
        2 * PARTITION,
        4 * PARTITION
    );
    postgres.query(&next).await?;
    let in_each = "SELECT (SELECT count(*) FROM entry_1), (SELECT count(*) FROM entry_2),
                   (SELECT count(*) FROM entry_rest), to_regclass('entry_4') IS NULL";
    assert_eq!(postgres.query(in_each).await?, "1001|1|1|t");
    let again = format!(
        "INSERT INTO entry (bucket, account, number, credit, posted, amount_minor, position)
         VALUES (0, 1, {}, true, true, 5, 1)",
        before + 1
    );
    assert!(postgres.query(&again).await.is_err(), "one per number");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_finds_its_rows_by_key_whatever_the_tables_held_when_it_was_planned()
-> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    // Planned while there is next to nothing, and the server knows it.
    let store = store_with(&postgres.url(), 1).await?;
    postgres.query("VACUUM ANALYZE").await?;
    let batcher = Batcher::start(store.clone(), Metrics::default());
    for nth in 0..10 {
        assert!(pay(&batcher, 1, nth).await?.approved);
    }
    desk::open(&store, 2_000).await?;
    let scans = "SELECT sum(seq_scan), sum(idx_scan) FROM pg_stat_user_tables
         WHERE relname IN ('account', 'card', 'authorization_record')";
    // A session tells its numbers at the end of a transaction, a second after it last did.
    let told = async |by_index: u64| {
        loop {
            store.transact_free(Arc::new(vec![pays(1, 0)]), NOW).await?;
            let now = postgres
                .query(&format!("SELECT pg_sleep(1.1); {scans}"))
                .await?;
            let (whole, index) = now.split_once('|').unwrap_or_default();
            let (whole, index): (u64, u64) = (whole.parse()?, index.parse()?);
            if index >= by_index {
                return anyhow::Ok((whole, index));
            }
        }
    };
    let before = timeout(PATIENCE, told(20)).await??;
    for nth in 0..5 {
        let all = (1..=500).map(|number| pays(number, 100 + nth)).collect();
        assert_eq!(batcher.submit(all).await?.len(), 500);
    }
    let after = timeout(PATIENCE, told(before.1 + 2_500)).await;
    let after = after.context("rows were not found by index")??;
    assert_eq!(after.0, before.0, "no table was read from end to end");
    Ok(())
}

/// An index that is gone through from end to end is no scan of the table: what tells is how many of its
/// entries were read.
#[tokio::test(flavor = "multi_thread")]
async fn advices_find_their_rows_by_key_too_waiting_for_locks_or_not() -> anyhow::Result<()> {
    const BATCHES: u64 = 10;
    const ITEMS: u64 = 20;
    const PAYMENTS: u64 = BATCHES * ITEMS;
    /// Rows and originals are read, locked and written, and accounts and cards with them.
    const READS_PER_ITEM: u64 = 40;
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 1).await?;
    postgres.query("VACUUM ANALYZE").await?;
    // Passing by what is locked, and, told again, waiting for it.
    let both = async |numbers: Range<u64>| {
        let commands: Vec<_> = numbers.flat_map(|number| desk::told(number, 0)).collect();
        store.transact_free(Arc::new(commands.clone()), NOW).await?;
        store.transact(commands, NOW).await
    };
    // Planned while there is next to nothing, and the server knows it.
    for _ in 0..10 {
        both(1..2).await?;
    }
    desk::open(&store, 3_000).await?;
    for first in (1..=3_000).step_by(500) {
        let all = (first..first + 500).map(|number| pays(number, 0)).collect();
        store.transact(all, NOW).await?;
    }
    let read = "SELECT pg_sleep(1.1), sum(idx_scan), sum(idx_tup_read) FROM pg_stat_user_indexes
         WHERE relname IN ('account', 'card', 'authorization_record')";
    // A session tells its numbers at the end of a transaction, a second after it last did.
    let told = async |scans: u64| {
        loop {
            both(1..2).await?;
            let now = postgres.query(read).await?;
            let mut now = now.split('|').skip(1).map(str::parse);
            let now: (u64, u64) = (
                now.next().context("scans")??,
                now.next().context("entries")??,
            );
            if now.0 >= scans {
                return anyhow::Ok(now);
            }
        }
    };
    let before = timeout(PATIENCE, told(3 * 3_000)).await??;
    for batch in 0..BATCHES {
        let first = 1_000 + batch * ITEMS;
        both(first..first + ITEMS).await?;
    }
    let after = timeout(PATIENCE, told(before.0 + 4 * PAYMENTS)).await;
    let after = after.context("rows were not found by index")??;
    let reads = after.1 - before.1;
    assert!(
        reads < 2 * PAYMENTS * READS_PER_ITEM,
        "{reads} entries of indexes read for {PAYMENTS} payments"
    );
    Ok(())
}
