//! Calls that only read.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use ledger_api::{
    AccountId, AccountView, AccountsPage, AuthorizationId, AuthorizationView, AuthorizationsPage,
    GatewayId, JournalHead, ListingPage, Problem, Retry,
};
use serde::Deserialize;

use super::Ledger;
use super::extract::{query, segment};
use super::failure::Failure;
use crate::store::ListingCursor;

/// Rows per page, unless the caller says.
const LIMIT_DEFAULT: usize = 1_000;
/// Rows per page, whatever the caller says.
const LIMIT_MAX: usize = 5_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery<K> {
    pub(super) after: Option<K>,
    pub(super) limit: Option<usize>,
}

pub(super) type Segment = Result<Path<String>, PathRejection>;

pub(super) fn limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
}

pub(super) async fn authorizations(
    State(ledger): State<Ledger>,
    uri: Uri,
) -> Result<Json<AuthorizationsPage>, Failure> {
    let page: PageQuery<AuthorizationId> = query(&uri)?;
    Ok(Json(
        ledger
            .store
            .authorizations(page.after, limit(page.limit))
            .await?,
    ))
}

pub(super) async fn suspense(
    State(ledger): State<Ledger>,
    uri: Uri,
) -> Result<Json<AuthorizationsPage>, Failure> {
    let page: PageQuery<AuthorizationId> = query(&uri)?;
    Ok(Json(
        ledger.store.suspense(page.after, limit(page.limit)).await?,
    ))
}

pub(super) async fn authorization(
    State(ledger): State<Ledger>,
    path: Segment,
) -> Result<Json<AuthorizationView>, Failure> {
    let id: AuthorizationId = segment(path)?;
    found(ledger.store.authorization(id).await?)
}

pub(super) async fn accounts(
    State(ledger): State<Ledger>,
    uri: Uri,
) -> Result<Json<AccountsPage>, Failure> {
    let page: PageQuery<AccountId> = query(&uri)?;
    Ok(Json(
        ledger.store.accounts(page.after, limit(page.limit)).await?,
    ))
}

pub(super) async fn account(
    State(ledger): State<Ledger>,
    path: Segment,
) -> Result<Json<AccountView>, Failure> {
    let id = AccountId(segment(path)?);
    found(ledger.store.account(id).await?)
}

pub(super) async fn listing(
    State(ledger): State<Ledger>,
    uri: Uri,
) -> Result<Json<ListingPage>, Failure> {
    let page: PageQuery<String> = query(&uri)?;
    let after = page
        .after
        .map(|text| text.parse::<ListingCursor>())
        .transpose()
        .map_err(|error| Problem::new("bad_query", 400, Retry::Never, error.to_string()))?;
    Ok(Json(ledger.store.listing(after, limit(page.limit)).await?))
}

pub(super) async fn journal_head(
    State(ledger): State<Ledger>,
    path: Segment,
) -> Result<Json<JournalHead>, Failure> {
    let gateway: GatewayId = segment(path)?;
    found(ledger.store.journal_head(gateway).await?)
}

/// Ready means: the store answers, and the process goes on.
pub(super) async fn ready(State(ledger): State<Ledger>) -> Result<&'static str, Failure> {
    if ledger.stopping.is_cancelled() {
        let detail = "the ledger drains; another one over the same books takes requests";
        return Err(Problem::new("draining", 503, Retry::Safe, detail).into());
    }
    ledger.store.mark().await?;
    Ok("ready\n")
}

pub(super) fn found<T>(found: Option<T>) -> Result<Json<T>, Failure> {
    found.map(Json).ok_or_else(|| {
        Problem::new(
            "not_found",
            404,
            Retry::Never,
            "the books hold nothing under this id",
        )
        .into()
    })
}
