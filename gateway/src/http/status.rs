//! How the gateway is, and what it holds.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fallback::DecidedBy;
use ledger_api::{Amount, AuthorizationId, Cause, Problem, Reason, Retry};
use serde::{Deserialize, Serialize};

use super::{App, reply};
use crate::authorize::now;
use crate::shadow::Divergence;

#[derive(Serialize)]
struct StatusView {
    #[serde(flatten)]
    stand_in: fallback::Status,
    breaker: &'static str,
    breaker_trips: u64,
    breaker_recoveries: u64,
    in_flight: usize,
    duplicates_suppressed: u64,
    shadow: Divergence,
}

/// Everything that a person or an audit wants to know, as JSON.
pub(super) async fn status(State(app): State<App>) -> Response {
    let parts = app.gateway.parts();
    let (breaker, breaker_trips, breaker_recoveries) = parts.breaker.read();
    reply::ok(&StatusView {
        stand_in: parts.stand_in.status(now()),
        breaker: breaker.name(),
        breaker_trips,
        breaker_recoveries,
        in_flight: parts.lanes.in_use(),
        duplicates_suppressed: parts.duplicates.load(std::sync::atomic::Ordering::Relaxed),
        shadow: parts.shadow.read(),
    })
}

/// The process runs.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// It can answer safely: from the ledger or by stand-in. Never follows the ledger's health.
pub(super) async fn ready(State(app): State<App>) -> Response {
    if app.gateway.parts().stand_in.status(now()).journal.poisoned {
        let cause = "not ready: the journal failed; restart on a healthy disk\n";
        (StatusCode::SERVICE_UNAVAILABLE, cause).into_response()
    } else {
        "ready\n".into_response()
    }
}

/// Where to read on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    #[serde(default)]
    after: u64,
    #[serde(default = "page")]
    limit: usize,
}

fn page() -> usize {
    1_000
}

#[derive(Serialize)]
struct JournalView {
    answers: Vec<JournalLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

#[derive(Serialize)]
struct JournalLine {
    seq: u64,
    id: AuthorizationId,
    approved: bool,
    approved_minor: Amount,
    decided_by: &'static str,
    reason: Reason,
    cause: Cause,
    acknowledged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed_to_minor: Option<Amount>,
}

/// The answers in journal order, for audits.
pub(super) async fn journal(
    State(app): State<App>,
    from: Result<Query<From>, QueryRejection>,
) -> Response {
    let Ok(Query(From { after, limit })) = from else {
        let detail = "`after` and `limit` must be whole numbers";
        return reply::problem(&Problem::new("malformed", 400, Retry::Never, detail));
    };
    let limit = limit.clamp(1, 10_000);
    let answers: Vec<JournalLine> = app
        .gateway
        .parts()
        .stand_in
        .answers_after(after, limit)
        .into_iter()
        .map(|line| JournalLine {
            seq: line.answer.seq,
            id: line.answer.request.id,
            approved: line.answer.approved,
            approved_minor: line.answer.approved_amount,
            decided_by: match line.answer.by {
                DecidedBy::Ledger => "ledger",
                DecidedBy::StandIn => "stand_in",
                DecidedBy::Network => "network",
            },
            reason: line.answer.reason,
            cause: line.answer.cause,
            acknowledged: line.acknowledged,
            reversed_to_minor: line.answer.reversed_to,
        })
        .collect();
    let next = answers
        .last()
        .filter(|_| answers.len() == limit)
        .map(|line| line.seq);
    reply::ok(&JournalView { answers, next })
}
