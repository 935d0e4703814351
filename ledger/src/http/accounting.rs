//! What an auditor asks: entries, the closing of a day, and whether everything can be computed again.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use ledger_api::{
    AccountId, Close, CloseRequest, ClosesPage, Day, EntriesPage, Problem, Retry, StatementPage,
    TrialBalance, Verification,
};
use process::clock;

use super::Ledger;
use super::extract::{Body, query, segment};
use super::failure::Failure;
use super::reads::{PageQuery, Segment, found, limit};
use crate::metrics::labels::CloseResult;
use crate::store::{Closed, Closing};

const DAY_SECONDS: u64 = 86_400;

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

pub(super) async fn books(State(ledger): State<Ledger>) -> Result<Json<TrialBalance>, Failure> {
    Ok(Json(ledger.store.books().await?))
}

/// Closes a day. What does not balance is not closed: that is an alarm.
pub(super) async fn close(
    State(ledger): State<Ledger>,
    Body(request): Body<CloseRequest>,
) -> Result<Json<Close>, Failure> {
    let now = clock::wall_seconds();
    let today = day(now)?;
    let asked = request.day.unwrap_or(today);
    // Where it is tomorrow already, a day may end before it has begun in UTC.
    if asked > day(now + DAY_SECONDS)? {
        let detail = format!("it is {today} in UTC: {asked} has not begun anywhere");
        return Err(Problem::new("day_in_future", 422, Retry::Never, detail).into());
    }
    let closing = Closing {
        day: asked,
        by: request.by,
        at: now,
    };
    let closed = ledger.store.close(closing).await?;
    ledger.metrics.closed(CloseResult::of(&closed));
    match closed {
        Closed::Now(close) => {
            tracing::info!(day = %close.day, number = close.number, entries = close.entries,
                hash = %close.hash, by = %close.by, "a day is closed");
            Ok(Json(close))
        }
        Closed::Before(close) => Ok(Json(close)),
        Closed::Refused(problem) => {
            tracing::error!(day = %asked, %problem, "a day cannot be closed");
            Err(problem.into())
        }
    }
}

/// The day of a wall clock reading, in UTC.
fn day(seconds: u64) -> Result<Day, Problem> {
    let (year, month, day) = clock::date(seconds);
    let numbers = (u16::try_from(year), u8::try_from(month), u8::try_from(day));
    let day = match numbers {
        (Ok(year), Ok(month), Ok(day)) => Day::new(year, month, day).ok(),
        _ => None,
    };
    day.ok_or_else(|| {
        let detail = "the wall clock shows no day of this century; name the day, or set the clock";
        Problem::new("no_day", 500, Retry::Safe, detail)
    })
}

pub(super) async fn closes(
    State(ledger): State<Ledger>,
    uri: Uri,
) -> Result<Json<ClosesPage>, Failure> {
    let page: PageQuery<u64> = query(&uri)?;
    let after = page.after.unwrap_or_default();
    Ok(Json(ledger.store.closes(after, limit(page.limit)).await?))
}

pub(super) async fn verification(
    State(ledger): State<Ledger>,
) -> Result<Json<Verification>, Failure> {
    let verification = ledger.store.verify().await?;
    for crooked in &verification.crooked {
        tracing::error!(
            kind = crooked.kind.name(),
            crooked.detail,
            "the books are crooked"
        );
    }
    Ok(Json(verification))
}
