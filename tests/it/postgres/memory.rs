//! What a ledger remembers of the books, and what makes it look again.

use std::time::Duration;

use ledger::batcher::Batcher;
use ledger::metrics::Metrics;
use ledger::store::Store;
use ledger_api::{CardStatus, Reason};
use tests::postgres::Postgres;

use super::desk::{
    self, NOW, OPENING, available, balanced, decision, pay, pays, store, store_with,
};

fn batcher(store: &Store) -> Batcher {
    Batcher::start(store.clone(), Metrics::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_decided_on_what_is_remembered_one_after_the_other_and_beside_each_other()
-> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 100).await?;
    let batcher = batcher(&store);
    for nth in 0..20 {
        assert!(pay(&batcher, 1, nth).await?.approved);
    }
    let crowd = (1..=100).map(|number| {
        let batcher = batcher.clone();
        async move {
            for nth in 20..40 {
                anyhow::ensure!(pay(&batcher, number, nth).await?.approved, "{number}");
            }
            Ok(())
        }
    });
    for done in crowd.map(tokio::spawn).collect::<Vec<_>>() {
        done.await??;
    }
    // The rest came before the one in front of them, or was in the way of the hold clock.
    assert!(store.remembered() > 1_900, "{}", store.remembered());
    assert_eq!(available(&store, 1).await?, OPENING - 40 * 100);
    assert_eq!(available(&store, 100).await?, OPENING - 20 * 100);
    balanced(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_ledger_has_spent_or_frozen_is_not_overlooked_i4() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let ours = store_with(&postgres.url(), 2).await?;
    let others = store(&postgres.url(), 0).await?;
    let (here, there) = (batcher(&ours), batcher(&others));
    for number in [1, 2] {
        assert!(pay(&here, number, 0).await?.approved);
    }
    assert!(ours.remembered() > 0);

    let everything = desk::pays_amount(1, 1, OPENING - 150);
    assert!(decision(&there.submit(vec![everything]).await?[0])?.approved);
    let too_much = pay(&here, 1, 2).await?;
    assert_eq!(too_much.reason, Reason::InsufficientFunds);

    assert!(pay(&here, 2, 3).await?.approved, "remembered again");
    let frozen = desk::issues(2, CardStatus::Frozen)?;
    there.submit(vec![frozen]).await?;
    assert_eq!(pay(&here, 2, 4).await?.reason, Reason::CardFrozen);
    balanced(&ours).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_the_books_by_hand_says_so_in_the_head() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 1).await?;
    let batcher = batcher(&store);
    assert!(pay(&batcher, 1, 0).await?.approved);
    postgres
        .query("BEGIN; UPDATE card SET status = 1; UPDATE head SET stamp = stamp + 1; COMMIT")
        .await?;
    assert_eq!(pay(&batcher, 1, 1).await?.reason, Reason::CardFrozen);

    // Totals are looked at even where nobody has said anything.
    postgres
        .query("UPDATE card SET status = 0; UPDATE head SET stamp = stamp + 1")
        .await?;
    assert!(pay(&batcher, 1, 2).await?.approved);
    postgres
        .query("UPDATE account SET closed = true WHERE id = 1")
        .await?;
    assert_eq!(pay(&batcher, 1, 3).await?.reason, Reason::AccountClosed);
    Ok(())
}

/// The head comes to show the numbers that this process knows, but what led to them is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_failed_over_without_the_last_commits_is_noticed_i2_i6() -> anyhow::Result<()>
{
    for reaches_the_same_numbers in [false, true] {
        let Some(postgres) = Postgres::start().await? else {
            return Ok(());
        };
        let store = store_with(&postgres.url(), 3).await?;
        let batcher = batcher(&store);
        for number in 1..=3 {
            assert!(pay(&batcher, number, 0).await?.approved);
        }
        let before = "CREATE TABLE kept AS SELECT * FROM head;
             CREATE TABLE kept_account AS SELECT * FROM account";
        postgres.query(before).await?;
        assert!(pay(&batcher, 1, 1).await?.approved);
        let lost = "DELETE FROM authorization_record WHERE position > (SELECT position FROM kept);
             DELETE FROM entry WHERE number > (SELECT entry FROM kept);
             DELETE FROM feed WHERE position > (SELECT position FROM kept);
             DELETE FROM account; INSERT INTO account SELECT * FROM kept_account;
             DELETE FROM head; INSERT INTO head SELECT * FROM kept";
        postgres.query(lost).await?;
        if reaches_the_same_numbers {
            // By another ledger, and then by this one, of which the answer got lost.
            let others = desk::store(&postgres.url(), 0).await?;
            others.transact(vec![pays(2, 1)], NOW).await?;
            store.transact(vec![pays(2, 1)], NOW).await?;
        }
        for number in 1..=3 {
            assert!(pay(&batcher, number, 2).await?.approved);
        }
        assert_eq!(available(&store, 1).await?, OPENING - 200);
        let repeat = pay(&batcher, 1, 1).await?;
        assert!(repeat.approved, "told again, it is booked");
        assert_eq!(available(&store, 1).await?, OPENING - 300);
        let verified = store.verify().await?;
        assert!(verified.crooked.is_empty(), "{verified:?}");
    }
    Ok(())
}

/// It moves the hold clock on, and writes nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_ledger_beside_it_does_not_keep_one_from_relying_on_memory() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let ours = store_with(&postgres.url(), 1).await?;
    let idle = store(&postgres.url(), 0).await?;
    let batcher = batcher(&ours);
    assert!(pay(&batcher, 1, 0).await?.approved);
    idle.tick(Duration::ZERO).await?;
    postgres
        .query("UPDATE head SET ticked_at = ticked_at - interval '10 seconds'")
        .await?;
    let ticked = idle.tick(Duration::ZERO).await?;
    assert!(ticked.seconds >= 10, "{ticked:?}");
    let before = ours.remembered();
    for nth in 1..=10 {
        assert!(pay(&batcher, 1, nth).await?.approved);
    }
    assert!(ours.remembered() >= before + 9, "all but the first");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_more_than_memory_does_not_keep_others_from_relying_on_it() -> anyhow::Result<()>
{
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 64).await?;
    let batcher = batcher(&store);
    for nth in 0..10 {
        let known = (1..=64).map(|number| pays(number, nth));
        let unknown = std::iter::once(pays(9_999, nth));
        for outcome in batcher.submit(known.chain(unknown).collect()).await? {
            decision(&outcome)?;
        }
    }
    assert!(store.remembered() >= 9 * 64, "{}", store.remembered());
    balanced(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_another_ledger_has_answered_is_answered_again_i3() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let ours = store_with(&postgres.url(), 2).await?;
    let others = store(&postgres.url(), 0).await?;
    let (here, there) = (batcher(&ours), batcher(&others));
    assert!(pay(&there, 1, 0).await?.approved);
    assert!(pay(&here, 2, 1).await?.approved);
    // Beside others in one batch, of which nobody knows that it is a repeat.
    let all = (0..4).map(|nth| pays(1, nth)).collect();
    for outcome in here.submit(all).await? {
        assert!(decision(&outcome)?.approved);
    }
    assert_eq!(available(&ours, 1).await?, OPENING - 400, "once each");
    balanced(&ours).await
}
