//! `/v1/orders`: operators say who decides. Whoever shows the operators' token may.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use ledger_api::{Currency, Problem, Retry};
use serde::{Deserialize, Serialize};

use super::{App, body, reply};
use crate::orders::{Draft, DraftError, Moment, Order, Refusal, Scope, What};

/// What would come of an order.
#[derive(Serialize)]
struct Preview {
    what: What,
    scope: Scope,
    seconds: u64,
    /// What it does, in words.
    effect: String,
    /// The most that it can add to what is at risk, in minor units.
    at_stake_minor: i64,
    /// Approved by stand-in and not yet covered, with what was lost already, against the cap.
    charged_minor: i64,
    gateway_exposure_max_minor: i64,
    /// The fleet's caps together.
    bound_minor: i64,
    currency: Currency,
    /// How many orders would be in force with it.
    orders_in_force: usize,
}

/// Who takes an order back, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    author: String,
    reason: String,
}

/// `GET /v1/orders`: those in force, and where the audit file ends.
pub(super) async fn list(State(app): State<App>, headers: HeaderMap) -> Response {
    match is_operator(&app, &headers) {
        Ok(()) => reply::ok(&app.gateway.parts().orders.overview(Moment::now())),
        Err(problem) => reply::problem(&problem),
    }
}

/// `POST /v1/orders`. Answers once the order is written down and counts.
pub(super) async fn place(State(app): State<App>, message: Request) -> Response {
    let draft: Draft = match receive(&app, message).await {
        Ok(draft) => draft,
        Err(problem) => return reply::problem(&problem),
    };
    let placed = on_disk(&app, |app| {
        app.gateway.parts().orders.place(draft, Moment::now())
    });
    match placed.await {
        Ok(shown) => reply::ok(&shown),
        Err(problem) => reply::problem(&problem),
    }
}

/// `POST /v1/orders/preview`: the same body; nothing is placed.
pub(super) async fn preview(State(app): State<App>, message: Request) -> Response {
    let draft: Draft = match receive(&app, message).await {
        Ok(draft) => draft,
        Err(problem) => return reply::problem(&problem),
    };
    let now = Moment::now();
    match app.gateway.parts().orders.check(draft, now) {
        Ok(order) => reply::ok(&preview_of(&app, &order, now)),
        Err(refusal) => reply::problem(&problem(&refusal)),
    }
}

/// `DELETE /v1/orders/{number}`, with author and reason as its body.
pub(super) async fn cancel(
    State(app): State<App>,
    Path(number): Path<String>,
    message: Request,
) -> Response {
    let Cancel { author, reason } = match receive(&app, message).await {
        Ok(cancel) => cancel,
        Err(problem) => return reply::problem(&problem),
    };
    let Ok(number) = number.parse() else {
        return reply::problem(&problem(&Refusal::Unknown));
    };
    let cancelled = on_disk(&app, move |app| {
        let orders = &app.gateway.parts().orders;
        orders.cancel(number, author, reason, Moment::now())
    });
    match cancelled.await {
        Ok(shown) => reply::ok(&shown),
        Err(problem) => reply::problem(&problem),
    }
}

fn preview_of(app: &App, order: &Order, now: Moment) -> Preview {
    let parts = app.gateway.parts();
    let status = parts.stand_in.status(crate::authorize::now());
    let charged_minor = (status.exposure_minor).saturating_add(status.realised_minor);
    let room_minor = status
        .exposure_max_minor
        .saturating_sub(charged_minor)
        .max(0);
    let draft = &order.draft;
    let others = parts.orders.overview(now).orders.len();
    Preview {
        what: draft.what,
        scope: draft.scope.clone(),
        seconds: draft.seconds,
        effect: effect(order, status.fenced.is_some()),
        at_stake_minor: if draft.what.risks_money() {
            room_minor
        } else {
            0
        },
        charged_minor,
        gateway_exposure_max_minor: status.exposure_max_minor,
        bound_minor: status.bound_minor,
        currency: status.currency,
        orders_in_force: others + 1,
    }
}

/// What an order does, for somebody who has a minute.
fn effect(order: &Order, is_fenced: bool) -> String {
    let scope = &order.draft.scope;
    let basis_points = u16::from(scope.share_bp);
    let share = match basis_points {
        10_000 => "every authorization".to_owned(),
        some => format!("{}.{:02} % of authorizations", some / 100, some % 100),
    };
    let bins = match order.bins.len() {
        0 => String::new(),
        bins => format!(
            " of cards of {bins} BINs, not of those that come with a token in place of a number"
        ),
    };
    let does = match order.draft.what {
        What::StandIn if is_fenced => {
            "is declined: stand-in would decide, and is fenced on this gateway"
        }
        What::StandIn => {
            "is decided by stand-in without asking the ledger, within its limits; repeats of what was not \
             answered here are asked"
        }
        What::Ledger => {
            "is decided by the ledger alone; what it does not answer is declined with 91"
        }
        What::Decline => {
            "is declined with 05; answers that were given stay, and reversals and captures are taken"
        }
    };
    let seconds = order.draft.seconds;
    format!("for {seconds} s, {share}{bins} {does}; on this gateway only")
}

/// The body of somebody who may order.
async fn receive<T: serde::de::DeserializeOwned>(
    app: &App,
    message: Request,
) -> Result<T, Box<Problem>> {
    is_operator(app, message.headers())?;
    let (headers, bytes) = body::receive(message).await?;
    body::read(&headers, &bytes)
}

fn is_operator(app: &App, headers: &HeaderMap) -> Result<(), Box<Problem>> {
    let detail = match &app.operator {
        None => {
            "this gateway has no operators' token: give it one with --operator-token-file and restart it"
        }
        Some(token) => {
            let shown = headers
                .get(header::AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.strip_prefix("Bearer "));
            if shown.is_some_and(|shown| token.is(shown)) {
                return Ok(());
            }
            "show the operators' token: `Authorization: Bearer <token>`"
        }
    };
    let problem = Problem::new("not_an_operator", 403, Retry::Never, detail);
    Err(Box::new(problem))
}

/// Work that waits for the disk, where that keeps nobody waiting.
async fn on_disk<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(App) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Box<Problem>> {
    let app = app.clone();
    match tokio::task::spawn_blocking(move || work(app)).await {
        Ok(done) => done.map_err(|refusal| problem(&refusal)),
        Err(_) => {
            let detail = "nobody knows whether it counts; list the orders";
            let problem = Problem::new("outcome_unknown", 500, Retry::Never, detail);
            Err(Box::new(problem))
        }
    }
}

fn problem(refusal: &Refusal) -> Box<Problem> {
    let (name, status, retry, at) = match refusal {
        Refusal::Draft(draft) => {
            let at = match draft {
                DraftError::Scope(_) => Some("/scope"),
                DraftError::Reason => Some("/reason"),
                DraftError::Author => Some("/author"),
                DraftError::Seconds { .. } => Some("/seconds"),
                DraftError::CardNumber => None,
            };
            ("invalid", 422, Retry::Never, at)
        }
        Refusal::TooMany => ("too_many_orders", 409, Retry::Safe, None),
        Refusal::Unknown => ("no_such_order", 404, Retry::Never, None),
        Refusal::Audit(_) => ("audit_unusable", 503, Retry::Never, None),
    };
    let problem = Problem::new(name, status, retry, refusal.to_string());
    Box::new(match at {
        Some(at) => problem.at(at.to_owned()),
        None => problem,
    })
}
