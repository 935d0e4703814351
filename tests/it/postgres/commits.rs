//! A commit whose answer is lost: it may have happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use ledger::batcher::{BatchError, Batcher};
use ledger::metrics::Metrics;
use ledger::store::StoreError;
use tests::postgres::Postgres;
use tests::waiting::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::desk::{OPENING, available, balanced, pay, pays, store_with};

const PATIENCE: Duration = Duration::from_secs(30);

/// Cuts connections at their COMMIT, so many of them.
struct Shears {
    port: u16,
    /// How many that the server never hears of.
    before: Arc<AtomicU32>,
    /// How many that the server has done.
    after: Arc<AtomicU32>,
}

impl Shears {
    async fn start(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr().context("no address")?.port();
        let (before, after) = (Arc::default(), Arc::default());
        let shears = Self {
            port,
            before: Arc::clone(&before),
            after: Arc::clone(&after),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (before, after) = (Arc::clone(&before), Arc::clone(&after));
                tokio::spawn(async move { relay(client, server, &before, &after).await });
            }
        });
        Ok(shears)
    }
}

fn take(count: &AtomicU32) -> bool {
    let less = |count: u32| count.checked_sub(1);
    count
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)
        .is_ok()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Where the statement that is its own transaction is prepared: how it is named where it is run.
fn name_of_direct(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = find(bytes, b"WITH seen AS")?;
    let name = bytes[..text - 1].iter().rposition(|byte| *byte == 0)?;
    // The portal before it has no name.
    Some([b"\0", &bytes[name + 1..text]].concat())
}

/// Both ends are closed when this returns.
async fn relay(
    mut client: TcpStream,
    server: u16,
    before: &AtomicU32,
    after: &AtomicU32,
) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut direct = None;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read?];
                direct = direct.or_else(|| name_of_direct(bytes));
                let runs = direct.as_ref().is_some_and(|name| find(bytes, name).is_some());
                let commits = find(bytes, b"COMMIT\0").is_some() || runs;
                if bytes.is_empty() || commits && take(before) {
                    return Ok(());
                }
                server.write_all(bytes).await?;
                if commits && take(after) {
                    // The server has answered: it is done.
                    let _answer = server.read(&mut answered).await?;
                    return Ok(());
                }
            }
            read = server.read(&mut answered) => {
                let bytes = &answered[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_asked_again_by_its_ids_i2() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let shears = Shears::start(postgres.port()).await?;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", shears.port);
    let store = store_with(&url, 1).await?;
    let batcher = Batcher::start(store.clone(), Metrics::default());
    for (nth, count) in [(0, &shears.before), (1, &shears.after)] {
        count.store(1, Ordering::Release);
        assert!(pay(&batcher, 1, nth).await?.approved, "the real answer");
        assert_eq!(count.load(Ordering::Acquire), 0, "it was cut");
    }
    assert_eq!(available(&store, 1).await?, OPENING - 200, "once each");
    balanced(&store).await?;

    // More often than it is asked again, and the first one was done.
    for count in [&shears.after, &shears.before] {
        count.store(100, Ordering::Release);
        let unknown = batcher.submit(vec![pays(1, 2)]).await;
        let honest = matches!(unknown, Err(BatchError::Store(StoreError::Unknown(_))));
        assert!(
            honest,
            "nobody knows, and nobody says that nothing was done: {unknown:?}"
        );
        count.store(0, Ordering::Release);
    }
    assert!(pay(&batcher, 1, 2).await?.approved);
    assert_eq!(available(&store, 1).await?, OPENING - 300, "once");
    balanced(&store).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_not_write_is_not_the_primary_and_is_left() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let url = postgres.database("books").await?;
    let store = store_with(&url, 1).await?;
    let batcher = Batcher::start(store.clone(), Metrics::default());
    assert!(pay(&batcher, 1, 0).await?.approved);
    // What a proxy leads to after a fail-over that is not over: every session is read-only.
    let switch = async |on: &str| {
        postgres
            .query(&format!("ALTER DATABASE books {on}"))
            .await?;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'books'";
        postgres.query(end).await
    };
    switch("SET default_transaction_read_only = on").await?;
    for nth in [0, 1] {
        let refused = batcher.submit(vec![pays(1, nth)]).await;
        let unavailable = matches!(refused, Err(BatchError::Store(StoreError::Unavailable(_))));
        assert!(
            unavailable,
            "a repeat is not answered from it either: {refused:?}"
        );
    }
    switch("RESET default_transaction_read_only").await?;
    let again = async || pay(&batcher, 1, 1).await.is_ok_and(|it| it.approved);
    wait_until("the primary is found", PATIENCE, again).await?;
    assert_eq!(available(&store, 1).await?, OPENING - 200);
    balanced(&store).await
}
