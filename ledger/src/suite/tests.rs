//! The suite against our own ledger on sockets, and against ledgers that were broken on purpose: a
//! suite that cannot fail proves nothing.

use std::net::SocketAddr;

use axum::Router;
use process::telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::batcher::Batcher;
use crate::holds::Holds;
use crate::http::{self, Ledger};
use crate::metrics::Metrics;
use crate::store::Store;

mod broken;

/// Our routes over a store.
fn router(store: Store) -> Router {
    let metrics = Metrics::default();
    http::router(Ledger {
        batcher: Batcher::start(store.clone(), metrics.clone()),
        store,
        metrics,
        stopping: CancellationToken::new(),
        holds: Holds {
            expire_after_s: 604_800,
        },
        telemetry: Telemetry::off(),
    })
}

/// Serves on a free port until the test ends.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(http::serve(listener, router, CancellationToken::new()));
    url
}

/// The failed cases' text; empty where everything passed.
async fn failures(url: &str, only: &[&str], seed: u64) -> String {
    let options = Options {
        seed,
        only: only.iter().map(|&name| name.to_owned()).collect(),
    };
    let report = play(url, &options, |_| {}).await.unwrap();
    assert_eq!(report.findings.len(), options.cases().len());
    let failed = report.findings.iter().filter(|finding| !finding.passed());
    failed.map(Finding::text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_ledger_on_the_embedded_store_conforms_also_on_books_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::embedded(folder.path()).await.unwrap();
    let url = serve(router(store)).await;
    for seed in [1, 2] {
        assert_eq!(failures(&url, &[], seed).await, "", "seed {seed}");
    }
    let options = Options {
        seed: 1,
        only: Vec::new(),
    };
    let again = play(&url, &options, |_| {}).await;
    assert!(matches!(again, Err(NotPlayed::Seed(1))), "{again:?}");
}

#[tokio::test]
async fn nobody_and_nothing_to_play_are_said() {
    let options = |only: &str| Options {
        seed: 1,
        only: vec![only.to_owned()],
    };
    let nobody = play("http://127.0.0.1:1", &options(""), |_| {}).await;
    assert!(
        matches!(nobody, Err(NotPlayed::Ask(AskError::NoAnswer(..)))),
        "{nobody:?}"
    );
    let nothing = play("http://127.0.0.1:1", &options("tea"), |_| {}).await;
    assert!(matches!(nothing, Err(NotPlayed::NoCase(_))), "{nothing:?}");
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), CASES.len());
    assert_eq!(
        CASES.last().map(|case| case.name),
        Some("the_books_balance_i6")
    );
}
