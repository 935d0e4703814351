//! How the gateway is, and what it holds.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fallback::DecidedBy;
use ledger_api::{Amount, AuthorizationId, Cause, Currency, Problem, Reason, Retry};
use process::metrics::Label;
use serde::{Deserialize, Serialize};

use super::{App, reply};
use crate::authorize::now;
use crate::iso::Link;
use crate::iso::known::Connection;
use crate::ledger_client::breaker::State as Breaker;
use crate::orders::{Moment, Shown};
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
    links: Vec<LinkView>,
    /// Why the policy file that was read last is not in force; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_refused: Option<String>,
    /// What operators have ordered.
    orders: Vec<Shown>,
    /// Why no order is taken, if none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders_error: Option<String>,
    stand_in_on: String,
}

/// An ISO 8583 link.
#[derive(Serialize)]
struct LinkView {
    name: String,
    listen: SocketAddr,
    network: String,
    profile: &'static str,
    framing: &'static str,
    tls: bool,
    connections: usize,
    /// The oldest ones.
    peers: Vec<PeerView>,
}

#[derive(Serialize)]
struct PeerView {
    address: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    signed_on: &'static str,
    in_flight: usize,
}

/// Peers of a link that the status shows.
const PEERS_SHOWN: usize = 100;

impl LinkView {
    fn of(link: &Link) -> Self {
        let terms = &link.terms;
        let (peers, connections) = link.known.open(PEERS_SHOWN);
        let peer = |it: &Arc<Connection>| PeerView {
            address: it.peer,
            identity: it.identity.as_deref().map(str::to_owned),
            signed_on: it.signed_on().name(),
            in_flight: it.in_flight(),
        };
        Self {
            name: terms.name.to_string(),
            listen: terms.listen,
            network: terms.network.to_string(),
            profile: terms.profile.name(),
            framing: terms.framing.word(),
            tls: terms.tls.is_some(),
            connections,
            peers: peers.iter().map(peer).collect(),
        }
    }
}

/// Everything that a person or an audit wants to know, as JSON.
pub(super) async fn status(State(app): State<App>) -> Response {
    let parts = app.gateway.parts();
    let (breaker, breaker_trips, breaker_recoveries) = parts.breaker.read();
    let orders = parts.orders.overview(Moment::now());
    reply::ok(&StatusView {
        stand_in: parts.stand_in.status(now()),
        breaker: breaker.name(),
        breaker_trips,
        breaker_recoveries,
        in_flight: parts.lanes.in_use(),
        duplicates_suppressed: parts.duplicates.load(std::sync::atomic::Ordering::Relaxed),
        shadow: parts.shadow.read(),
        links: app.links.iter().map(|link| LinkView::of(link)).collect(),
        policy_refused: parts.policy.reloads.refused(),
        orders: orders.orders,
        orders_error: orders.audit_error,
        stand_in_on: parts.stand_in_on.to_string(),
    })
}

/// The process runs; says nothing about anything else.
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// The feed is asked every second: silence for longer than this says that the ledger is away.
const UNHEARD_MS: u64 = 5_000;

/// One thing that readiness looks at.
struct Check {
    name: &'static str,
    /// Requests should go to another gateway because of it.
    failed: bool,
    why: String,
}

impl Check {
    /// Fails where there is a reason.
    fn that(name: &'static str, failed: Option<String>) -> Self {
        Self {
            name,
            failed: failed.is_some(),
            why: failed.unwrap_or_else(|| "ok".to_owned()),
        }
    }

    /// Fails never; for whoever reads.
    fn told(name: &'static str, noted: Option<String>) -> Self {
        Self {
            name,
            failed: false,
            why: noted.map_or_else(|| "ok".to_owned(), |noted| format!("ok, but {noted}")),
        }
    }

    fn line(&self) -> String {
        let sign = if self.failed { '-' } else { '+' };
        format!("[{sign}]{} {}\n", self.name, self.why)
    }
}

/// Whether this gateway answers safely: 200, or 503 where requests should go to another one. Machines
/// read the status only; `?verbose` gives a line for each check, `[+]name ok` or `[-]name why`.
///
/// | check | not ready | because |
/// |---|---|---|
/// | `drain` | from SIGTERM on | the doors close soon |
/// | `journal` | poisoned, or full to the last record | what is decided could not be written, so new requests get no answer (rule 10); full with room left is ready |
/// | `stand_in` | never | a fenced gateway (rule 11) passes the ledger's answers on, and without the ledger it declines: both are safe, and taking out every gateway would be neither |
/// | `ledger` | never | standing in for it is what a gateway is for |
pub(super) async fn ready(State(app): State<App>, uri: Uri) -> Response {
    let checks = checks(&app);
    let failed: Vec<&Check> = checks.iter().filter(|check| check.failed).collect();
    let status = if failed.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let verbose = uri
        .query()
        .is_some_and(|query| query.split('&').any(|word| word == "verbose"));
    let text = if verbose {
        checks.iter().map(Check::line).collect()
    } else if failed.is_empty() {
        "ready\n".to_owned()
    } else {
        let why: Vec<&str> = failed.iter().map(|check| check.why.as_str()).collect();
        format!("not ready: {}\n", why.join("; "))
    };
    (status, text).into_response()
}

fn checks(app: &App) -> [Check; 4] {
    let parts = app.gateway.parts();
    let status = parts.stand_in.status(now());
    let journal = if status.journal.poisoned {
        Some("the journal failed; restart on a healthy disk".to_owned())
    } else if status.journal.exhausted {
        Some("the journal is full; make room on its disk, it goes on by itself".to_owned())
    } else {
        None
    };
    let drain = app
        .draining
        .is_noticed()
        .then(|| "the gateway drains; another one takes requests".to_owned());
    let (breaker, ..) = parts.breaker.read();
    let knowledge = &status.knowledge;
    // The breaker needs traffic to trip; the feed is asked all the time.
    let away = match (breaker, knowledge.age_ms) {
        (Breaker::Tripped | Breaker::Probing, _) => Some(format!(
            "the breaker is {}: stand-in answers",
            breaker.name()
        )),
        (Breaker::Passing, None) => Some("it was never heard: stand-in answers".to_owned()),
        (Breaker::Passing, Some(age)) if age > UNHEARD_MS => {
            Some(format!("it was last heard {} s ago", age / 1_000))
        }
        (Breaker::Passing, Some(_)) => None,
    };
    let fenced = (status.fenced)
        .map(|why| format!("fenced, the ledger alone approves: {why}"))
        .or_else(|| {
            (!knowledge.listed).then(|| {
                "no card is known yet: what the ledger does not answer is declined with 91".into()
            })
        });
    [
        Check::that("drain", drain),
        Check::that("journal", journal),
        Check::told("stand_in", fenced),
        Check::told("ledger", away),
    ]
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
    currency: Currency,
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
            currency: line.answer.request.currency,
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
