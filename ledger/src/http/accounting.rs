//! What an auditor asks: entries.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use ledger_api::{AccountId, EntriesPage, StatementPage};

use super::Ledger;
use super::extract::{query, segment};
use super::failure::Failure;
use super::reads::{PageQuery, Segment, found, limit};

pub(super) async fn statement(
    State(ledger): State<Ledger>,
    path: Segment,
    uri: Uri,
) -> Result<Json<StatementPage>, Failure> {
    let id = AccountId(segment(path)?);
    let page: PageQuery<u64> = query(&uri)?;
    let after = page.after.unwrap_or_default();
    found(
        ledger
            .store
            .entries_of(id, after, limit(page.limit))
            .await?,
    )
}

pub(super) async fn entries(
    State(ledger): State<Ledger>,
    uri: Uri,
) -> Result<Json<EntriesPage>, Failure> {
    let page: PageQuery<u64> = query(&uri)?;
    let after = page.after.unwrap_or_default();
    Ok(Json(ledger.store.entries(after, limit(page.limit)).await?))
}
