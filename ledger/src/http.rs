//! The wire contract over HTTP/1.1 and JSON: see the table in [`ledger_api`]. Whatever is not a 2xx
//! is a [`ledger_api::Problem`].

mod accounting;
mod desk;
mod extract;
mod failure;
mod follow;
mod items;
mod metered;
mod reads;
mod serve;
mod spans;
#[cfg(test)]
mod tests;
mod writes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use ledger_api::{Problem, Retry};
use process::telemetry::Telemetry;
use tokio_util::sync::CancellationToken;

use crate::batcher::Batcher;
use crate::holds::Holds;
use crate::metrics::{Metrics, Page};
use crate::store::Store;
pub use serve::serve;

/// What every handler needs.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// To read from.
    pub store: Store,
    /// To write through.
    pub batcher: Batcher,
    /// What is counted.
    pub metrics: Metrics,
    /// When holds expire.
    pub holds: Holds,
    /// Cancelled when the process stops: whoever waits for the feed is answered at once.
    pub stopping: CancellationToken,
    /// Traces.
    pub telemetry: Telemetry,
}

/// All routes.
pub fn router(ledger: Ledger) -> Router {
    let (store, batcher) = (ledger.store.clone(), ledger.batcher.clone());
    let page = Arc::new(Page::new(&ledger.metrics, store, batcher));
    let measured = from_fn_with_state(ledger.metrics.clone(), metered::measure);
    Router::new()
        .route(
            "/v1/authorizations",
            post(writes::authorize).get(reads::authorizations),
        )
        .route("/v1/authorizations/{id}", get(reads::authorization))
        .route("/v1/advices", post(writes::advise))
        .route("/v1/reversals", post(writes::reverse))
        .route("/v1/captures", post(writes::capture))
        .route("/v1/refunds", post(writes::refund))
        .route("/v1/releases", post(desk::release))
        .route("/v1/holds", get(desk::holds))
        .route(
            "/v1/accounts",
            post(writes::open_accounts).get(reads::accounts),
        )
        .route("/v1/accounts/{id}", get(reads::account))
        .route("/v1/accounts/{id}/close", post(desk::close_account))
        .route("/v1/accounts/{id}/entries", get(accounting::statement))
        .route("/v1/entries", get(accounting::entries))
        .route("/v1/cards", post(writes::put_cards))
        .route("/v1/feed", get(follow::feed))
        .route("/v1/listing", get(reads::listing))
        .route(
            "/v1/gateways/{id}",
            get(reads::journal_head).delete(writes::grant_journal),
        )
        .route("/v1/suspense", get(reads::suspense))
        .route("/v1/suspense/{id}", post(desk::resolve))
        .route("/v1/books", get(accounting::books))
        .route(
            "/v1/closes",
            post(accounting::close).get(accounting::closes),
        )
        .route("/v1/verification", get(accounting::verification))
        .route("/metrics", get(async move || metered::metrics(page).await))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(reads::ready))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(extract::BODY_BYTES_MAX))
        .layer(measured)
        .with_state(ledger)
}

async fn unknown_path() -> failure::Failure {
    Problem::new("unknown_path", 404, Retry::Never, "there is no such path").into()
}

async fn wrong_method() -> failure::Failure {
    let detail = "this path does not know this method";
    Problem::new("method_not_allowed", 405, Retry::Never, detail).into()
}
