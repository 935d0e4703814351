//! Rule 19: a row that somebody else has locked holds up nobody but those who need it.

use std::sync::Arc;
use std::time::Duration;

use ledger::batcher::{BatchError, Batcher, Limits};
use ledger::metrics::Metrics;
use ledger::store::StoreError;
use tests::postgres::Postgres;
use tests::waiting::wait_until;
use tokio::task::JoinHandle;

use super::desk::{self, NOW, OPENING, available, balanced, pay, pays, problem, store_with};

const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody at a psql prompt who has locked rows and thinks about it.
struct Thinker {
    postgres: Arc<Postgres>,
    session: JoinHandle<anyhow::Result<String>>,
}

impl Thinker {
    async fn locks(postgres: &Arc<Postgres>, rows: &str) -> anyhow::Result<Self> {
        let sql = format!("BEGIN; {rows} FOR UPDATE; SELECT pg_sleep(600)");
        let server = Arc::clone(postgres);
        let session = tokio::spawn(async move { server.query(&sql).await });
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        let asleep = || async { postgres.query(sleeps).await.is_ok_and(|count| count == "1") };
        wait_until("the rows are locked", PATIENCE, asleep).await?;
        Ok(Self {
            postgres: Arc::clone(postgres),
            session,
        })
    }

    async fn lets_go(self) -> anyhow::Result<()> {
        let cancel =
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        self.postgres.query(cancel).await?;
        let cancelled = self.session.await?;
        anyhow::ensure!(cancelled.is_err(), "it slept until it was cancelled");
        Ok(())
    }
}

async fn server() -> anyhow::Result<Option<Arc<Postgres>>> {
    Ok(Postgres::start().await?.map(Arc::new))
}

/// What waits for it meanwhile is asked to come again, whatever it waits with.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_head_is_no_broken_ledger() -> anyhow::Result<()> {
    let Some(postgres) = server().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 2).await?;
    let batcher = Batcher::start(store.clone(), Metrics::default());
    assert!(pay(&batcher, 1, 0).await?.approved);
    let thinker = Thinker::locks(&postgres, "SELECT FROM head").await?;
    let (live, waiting) = tokio::join!(
        batcher.submit(vec![pays(1, 1)]),
        store.transact(vec![pays(2, 1)], NOW)
    );
    let live = matches!(&live, Err(BatchError::Store(StoreError::Unavailable(_))));
    assert!(live, "nothing was done, and it says so");
    let again = matches!(
        &waiting,
        Err(StoreError::Unavailable(_) | StoreError::Busy(_))
    );
    assert!(again, "{waiting:?}");
    thinker.lets_go().await?;
    for number in [1, 2] {
        assert!(pay(&batcher, number, 1).await?.approved);
    }
    balanced(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_locked_account_holds_up_nobody_else_rule_19() -> anyhow::Result<()> {
    let Some(postgres) = server().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 20).await?;
    let limits = Limits {
        held_alone: PATIENCE,
        ..Limits::default()
    };
    let batcher = Batcher::with_limits(store.clone(), Metrics::default(), limits);
    let rows = "SELECT FROM account WHERE id = 1";
    let thinker = Thinker::locks(&postgres, rows).await?;
    let held: Vec<_> = (0..10)
        .map(|nth| {
            let batcher = batcher.clone();
            tokio::spawn(async move { pay(&batcher, 1, nth).await })
        })
        .collect();
    for nth in 0..10 {
        for number in 2..=20 {
            assert!(pay(&batcher, number, nth).await?.approved);
        }
    }
    assert!(held.iter().all(|held| !held.is_finished()));
    let one = async || batcher.held() == 1;
    wait_until("the account has a lane of its own", PATIENCE, one).await?;

    thinker.lets_go().await?;
    for held in held {
        assert!(held.await??.approved, "after the lock");
    }
    assert_eq!(available(&store, 1).await?, OPENING - 1_000);
    assert_eq!(available(&store, 20).await?, OPENING - 1_000);
    let none = async || batcher.held() == 0;
    wait_until("the lane is gone", PATIENCE, none).await?;
    balanced(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_too_long_is_told_account_busy_and_can_ask_again_rule_19_i2()
-> anyhow::Result<()> {
    let Some(postgres) = server().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 2).await?;
    let limits = Limits {
        held_alone: Duration::from_millis(50),
        ..Limits::default()
    };
    let batcher = Batcher::with_limits(store.clone(), Metrics::default(), limits);
    let rows = "SELECT FROM account WHERE id = 1";
    let thinker = Thinker::locks(&postgres, rows).await?;
    let outcomes = batcher.submit(vec![pays(1, 0)]).await?;
    assert_eq!(problem(&outcomes[0]), Some("account_busy"));
    thinker.lets_go().await?;
    let again = async || pay(&batcher, 1, 0).await.is_ok_and(|it| it.approved);
    wait_until("it is decided", PATIENCE, again).await?;
    assert_eq!(available(&store, 1).await?, OPENING - 100, "once");
    balanced(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_does_not_keep_the_others_of_its_request_waiting_rule_19()
-> anyhow::Result<()> {
    let Some(postgres) = server().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 3).await?;
    let limits = Limits {
        // Alone it would wait for as long as the test has patience.
        held_alone: PATIENCE,
        held_together: Duration::ZERO,
        ..Limits::default()
    };
    let batcher = Batcher::with_limits(store.clone(), Metrics::default(), limits);
    let rows = "SELECT FROM account WHERE id = 2";
    let thinker = Thinker::locks(&postgres, rows).await?;
    let one = batcher.submit(vec![pays(1, 0), pays(2, 0)]).await?;
    assert!(desk::decision(&one[0])?.approved);
    assert_eq!(problem(&one[1]), Some("account_busy"), "one is not alone");
    let together = vec![pays(1, 1), pays(2, 0), pays(3, 0), pays(2, 1)];
    let outcomes = batcher.submit(together).await?;
    assert!(desk::decision(&outcomes[0])?.approved);
    assert_eq!(problem(&outcomes[1]), Some("account_busy"));
    assert!(desk::decision(&outcomes[2])?.approved);
    assert_eq!(problem(&outcomes[3]), Some("account_busy"));
    thinker.lets_go().await?;
    for nth in 0..2 {
        let again = async || pay(&batcher, 2, nth).await.is_ok_and(|it| it.approved);
        wait_until("it is decided", PATIENCE, again).await?;
    }
    assert_eq!(available(&store, 2).await?, OPENING - 200, "once each");
    balanced(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_authorization_holds_up_only_its_repeats_rule_19() -> anyhow::Result<()> {
    let Some(postgres) = server().await? else {
        return Ok(());
    };
    let store = store_with(&postgres.url(), 2).await?;
    let limits = Limits {
        held_alone: PATIENCE,
        ..Limits::default()
    };
    let batcher = Batcher::with_limits(store.clone(), Metrics::default(), limits);
    assert!(pay(&batcher, 1, 0).await?.approved);
    let rows = "SELECT FROM authorization_record";
    let thinker = Thinker::locks(&postgres, rows).await?;
    let repeat = {
        let batcher = batcher.clone();
        tokio::spawn(async move { pay(&batcher, 1, 0).await })
    };
    for nth in 1..5 {
        assert!(pay(&batcher, 2, nth).await?.approved);
    }
    assert!(!repeat.is_finished());
    thinker.lets_go().await?;
    assert!(repeat.await??.approved, "the answer that it had");
    assert_eq!(available(&store, 1).await?, OPENING - 100, "I2");
    balanced(&store).await
}
