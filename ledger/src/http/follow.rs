//! The feed: changes after a position, now or as soon as there are some.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use ledger_api::FeedPage;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout_at};

use super::Ledger;
use super::extract::query;
use super::failure::Failure;
use super::reads::limit;

/// How long a reader may be kept waiting.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How often to look for what other ledgers over the same books have committed.
const POLL: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedQuery {
    epoch: u64,
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    #[serde(default)]
    wait_ms: u64,
}

pub(super) async fn feed(
    State(ledger): State<Ledger>,
    uri: Uri,
) -> Result<Json<FeedPage>, Failure> {
    let asked: FeedQuery = query(&uri)?;
    let until = Instant::now() + Duration::from_millis(asked.wait_ms).min(WAIT_MAX);
    let mut committed = ledger.store.committed();
    loop {
        committed.mark_unchanged();
        let page = ledger
            .store
            .feed(asked.epoch, asked.after, limit(asked.limit))
            .await?;
        let over = Instant::now() >= until || ledger.stopping.is_cancelled();
        if !page.changes.is_empty() || over {
            return Ok(Json(page));
        }
        let poll = async {
            if ledger.store.is_shared() {
                sleep(POLL).await
            } else {
                std::future::pending().await
            }
        };
        let news = async {
            tokio::select! {
                _ = committed.changed() => {}
                () = poll => {}
                () = ledger.stopping.cancelled() => {}
            }
        };
        let _reader = ledger.metrics.feed_reader();
        let _waited = timeout_at(until, news).await;
    }
}
