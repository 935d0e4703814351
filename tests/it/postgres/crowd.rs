//! Many at once, and callers that go away.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use ledger::batcher::{Batcher, Limits};
use ledger::metrics::Metrics;
use ledger::posting::{Command, Outcome};
use ledger::store::Store;
use ledger_api::{AccountId, AdviceItem};
use tests::postgres::Postgres;
use tests::waiting::wait_until;
use tokio::task::JoinSet;

use super::desk::{self, NOW, OPENING, available, balanced, decision, id, pays, store, store_with};

const PATIENCE: Duration = Duration::from_secs(60);
const WRITERS: u64 = 64;
const ROUNDS: u64 = 12;
const CUSTOMERS: u64 = 6;
const PAYMENTS: u64 = 40;

/// 64 writers on three ledgers share customers, payments and ids; payments are advised while they are
/// decided, and cards are put while they are used.
#[tokio::test(flavor = "multi_thread")]
async fn races_of_several_ledgers_reach_no_caller_and_every_snapshot_balances_i2_i6()
-> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let url = postgres.url();
    let first = store_with(&url, CUSTOMERS).await?;
    let stores = [first.clone(), store(&url, 0).await?, store(&url, 0).await?];
    let limits = Limits {
        held_alone: PATIENCE,
        held_together: PATIENCE,
        ..Limits::default()
    };
    let batchers = stores.map(|store| Batcher::with_limits(store, Metrics::default(), limits));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let batcher = batchers[usize::try_from(writer % 3)?].clone();
        writers.spawn(async move {
            for round in 0..ROUNDS {
                let commands = (0..4).map(|step| command(writer, round, step)).collect();
                let outcomes = batcher.submit(commands).await?;
                for outcome in &outcomes {
                    anyhow::ensure!(is_done(outcome), "{outcome:?}");
                }
            }
            Ok(())
        });
    }
    let mut snapshots = 0;
    while let Some(written) = {
        balanced(&first).await?;
        snapshots += 1;
        writers.join_next().await
    } {
        written??;
    }
    assert!(snapshots > 10, "looked at while they wrote: {snapshots}");
    for number in 1..=CUSTOMERS {
        let mut held = 0;
        for nth in 0..PAYMENTS {
            let view = first.authorization(id(number, nth)).await?;
            held += view.map_or(0, |view| view.effect_minor);
        }
        assert_eq!(available(&first, number).await?, OPENING - held);
    }
    let deadlocks = "SELECT sum(deadlocks) FROM pg_stat_database";
    assert_eq!(postgres.query(deadlocks).await?, "0");
    Ok(())
}

fn command(writer: u64, round: u64, step: u64) -> Command {
    let number = (writer + step) % CUSTOMERS + 1;
    let nth = (writer * 7 + round * 3 + step) % PAYMENTS;
    let Command::Authorize { gateway, request } = pays(number, nth) else {
        unreachable!("a payment")
    };
    if !(writer + round).is_multiple_of(4) {
        return Command::Authorize { gateway, request };
    }
    Command::Advise {
        gateway,
        item: AdviceItem::Advice(desk::approval(&request, nth)),
    }
}

fn is_done(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Advised(answer, _) => {
            !matches!(answer.outcome, ledger_api::AdviceOutcome::Failed { .. })
        }
        other => decision(other).is_ok(),
    }
}

/// Polls a call a few times and drops it.
async fn abandoned(call: impl Future, polls: usize) {
    let mut call = pin!(call);
    for _ in 0..polls {
        let mut context = Context::from_waker(Waker::noop());
        if call.as_mut().poll(&mut context).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_callers_that_go_away_leave_no_session_and_no_connection_behind()
-> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 20).await?;
    let batcher = Batcher::start(store.clone(), Metrics::default());
    let epoch = store.mark().await?.epoch;
    for nth in 0..10_000_u64 {
        let (number, polls) = (nth % 20 + 1, usize::try_from(nth % 7)?);
        match nth % 5 {
            0 => abandoned(batcher.submit(vec![pays(number, nth)]), polls).await,
            1 => abandoned(store.transact(vec![pays(number, nth)], NOW), polls).await,
            2 => {
                let commands = Arc::new(vec![pays(number, nth)]);
                abandoned(store.transact_free(commands, NOW), polls).await;
            }
            3 => abandoned(store.entries_of(AccountId(number), 0, 10), polls).await,
            _ => abandoned(store.feed(epoch, 0, 10), polls).await,
        }
    }
    let idle = "SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'holdfast-ledger' AND state <> 'idle'";
    let none = async || postgres.query(idle).await.is_ok_and(|count| count == "0");
    wait_until("no session is in a transaction", PATIENCE, none).await?;

    // More than there are connections of any kind, all at once.
    let mut callers = JoinSet::new();
    for nth in 0..40 {
        let (store, batcher) = (store.clone(), batcher.clone());
        callers.spawn(async move {
            let read = retried(&store).await;
            let paid = desk::pay(&batcher, nth % 20 + 1, 1_000_000 + nth).await;
            read.and(paid)
        });
    }
    while let Some(called) = callers.join_next().await {
        assert!(called??.approved);
    }
    balanced(&store).await
}

async fn retried(store: &Store) -> anyhow::Result<()> {
    let read = async || store.account(AccountId(1)).await.is_ok();
    wait_until("it is read", PATIENCE, read).await?;
    Ok(())
}
