//! `POST /v1/authorizations`, and looking them up.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request as Message, State};
use axum::response::Response;
use fallback::{Answer, Circumstances, DecidedBy, Entry, Request};
use ledger_api::{
    Amount, AuthorizationId, CardToken, Cause, Currency, Expiry, Problem, Reason, Retry,
    TraceParent,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::body::{self, CardBody, NetworkBody, VerificationBody, invalid};
use super::{App, reply};
use crate::authorize::{Refused, Reply};
use crate::metrics::labels::Door;
use crate::told::kind;
use crate::traces::{Arrival, Via};
use crate::verification::{Presented, Verifying};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    card: CardBody,
    expiry: Option<String>,
    amount_minor: Amount,
    currency: Currency,
    #[serde(default = "body::purchase")]
    processing_code: String,
    mcc: Option<String>,
    entry_mode: Option<String>,
    country: Option<String>,
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    repeat: bool,
    network: NetworkBody,
    #[serde(default)]
    verification: VerificationBody,
}

/// The answer to an authorization.
#[derive(Serialize)]
struct View {
    id: AuthorizationId,
    decision: &'static str,
    response_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_code: Option<String>,
    approved_minor: Amount,
    currency: Currency,
    reason: Reason,
    decided_by: &'static str,
    stand_in: StandInView,
    card: CardToken,
    network: NetworkView,
    verification: VerificationView,
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed_to_minor: Option<Amount>,
    duplicate: bool,
}

#[derive(Serialize)]
struct StandInView {
    used: bool,
    cause: Cause,
}

/// What the decision saw of the checks.
#[derive(Serialize)]
struct VerificationView {
    cvv2: &'static str,
    pin: &'static str,
    arqc: &'static str,
}

#[derive(Serialize)]
struct NetworkView {
    stan: String,
    rrn: String,
}

/// Decides.
pub(super) async fn create(State(app): State<App>, message: Message) -> Response {
    let metrics = &app.gateway.parts().metrics;
    let (request, checks, caller, began, link) = match parse(&app, message).await {
        Ok(parsed) => parsed,
        Err(problem) => {
            metrics.malformed(Door::Http);
            return reply::problem(&problem);
        }
    };
    let measured = metrics.authorization(Door::Http, began, request.id);
    let arrival = Arrival::authorization(&app.gateway, Via::Http, &request, link);
    // Before the door: a repeat that is shed would contradict the answer that it had.
    let answered = match app.gateway.recorded(&request) {
        Some(recorded) => recorded,
        None => match app.door.admit() {
            Ok(_admitted) => {
                let trail = arrival.trail();
                app.gateway.verified(request, checks, caller, trail).await
            }
            Err(shed) => {
                measured.shed();
                arrival.answered(&request, &Err(Refused::Shed));
                return shed.into();
            }
        },
    };
    measured.answered(&answered);
    arrival.answered(&request, &answered);
    match answered {
        Ok(reply) => answer(reply),
        Err(refused) => refused.into(),
    }
}

/// The request and its checks, the time that its caller has, when its first byte was parsed, and the caller's span.
type Parsed = (
    Request,
    Verifying,
    Option<std::time::Duration>,
    Instant,
    Option<TraceParent>,
);

async fn parse(app: &App, message: Message) -> Result<Parsed, Box<Problem>> {
    let (headers, bytes) = body::receive(message).await?;
    let began = Instant::now();
    let key = body::idempotency_key(&headers)?;
    let caller = body::caller_budget(&headers)?;
    let body: Body = body::read(&headers, &bytes)?;
    let link = body::traceparent(&headers);
    let (request, checks) = request(app, key, body)?;
    Ok((request, checks, caller, began, link))
}

fn request(app: &App, key: &str, body: Body) -> Result<(Request, Verifying), Box<Problem>> {
    let digits = body::is_digits;
    let processing_code = body::processing_code(body.processing_code)?;
    let mcc = optional(body.mcc.as_deref(), 4, "/mcc", "must be 4 digits, as DE18")?;
    let entry_mode = optional(
        body.entry_mode.as_deref(),
        3,
        "/entry_mode",
        "must be 3 digits, as DE22",
    )?;
    let country = optional(
        body.country.as_deref(),
        3,
        "/country",
        "must be 3 digits, as DE19",
    )?;
    let expiry = match body.expiry {
        None => None,
        Some(text) if digits(&text, 4) => Some(parse_expiry(&text)?),
        Some(_) => return Err(invalid("/expiry", "must be YYMM")),
    };
    let (card, bin) = body.card.token_and_bin(&app.keys)?;
    let natural = body.network.parse("/network")?;
    let presented = Presented {
        told: body.verification.parse()?,
        message: None,
    };
    let request = Request {
        id: app.keys.authorization_id(&natural, &card),
        card,
        amount: body.amount_minor,
        currency: body.currency,
        expiry,
        fingerprint: app
            .keys
            .fingerprint(&processing_code, body.amount_minor, body.currency),
        alias: app.keys.alias(key),
        repeat: body.repeat,
        stan: natural.stan.parse().unwrap_or_default(),
        rrn: natural.padded_rrn(),
        terminal: app.keys.terminal(&natural),
        captures: false,
        verification: presented.known(),
        circumstances: Circumstances {
            kind: kind(&processing_code),
            entry: Entry::of_entry_mode((entry_mode / 10).try_into().unwrap_or_default()),
            mcc,
            country,
            merchant: app.keys.merchant(&natural),
            bin,
            partial: body.partial,
        },
    };
    Ok((request, app.gateway.parts().verifier.verify(&presented)))
}

/// So many digits as a number; zero where there are none.
fn optional(text: Option<&str>, length: usize, at: &str, must: &str) -> Result<u16, Box<Problem>> {
    match text {
        None => Ok(0),
        Some(text) if body::is_digits(text, length) => text.parse().map_err(|_| invalid(at, must)),
        Some(_) => Err(invalid(at, must)),
    }
}

fn parse_expiry(text: &str) -> Result<Expiry, Box<Problem>> {
    text.parse::<u16>()
        .ok()
        .and_then(|yymm| Expiry::try_from(yymm).ok())
        .ok_or_else(|| invalid("/expiry", "must be YYMM with a month from 01 to 12"))
}

/// Looks one up by id.
pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Response {
    let found = id
        .parse()
        .ok()
        .and_then(|id| app.gateway.parts().stand_in.answer(&id));
    match found {
        Some(answer) => reply::ok(&view(answer, false)),
        None => reply::problem(&unknown()),
    }
}

/// The network's references.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct References {
    stan: String,
    rrn: String,
}

/// Looks one up by STAN and RRN.
pub(super) async fn find(
    State(app): State<App>,
    references: Result<Query<References>, QueryRejection>,
) -> Response {
    let Ok(Query(References { stan, rrn })) = references else {
        let detail = "give both references, as in `?stan=123456&rrn=632608123456`";
        return reply::problem(&Problem::new("malformed", 400, Retry::Never, detail));
    };
    let mut padded = [b' '; 12];
    padded
        .iter_mut()
        .zip(rrn.bytes())
        .for_each(|(slot, byte)| *slot = byte);
    let found = match stan.parse() {
        Ok(stan) if rrn.len() <= 12 => app.gateway.parts().stand_in.find(stan, &padded),
        _ => Vec::new(),
    };
    match found.as_slice() {
        [] => reply::problem(&unknown()),
        answers => {
            let views: Vec<View> = answers.iter().map(|answer| view(*answer, false)).collect();
            reply::ok(&serde_json::json!({ "authorizations": views }))
        }
    }
}

fn unknown() -> Problem {
    Problem::new(
        "not_found",
        404,
        Retry::Safe,
        "this gateway has answered no such authorization",
    )
}

fn answer(reply: Reply) -> Response {
    let response = reply::ok(&view(reply.answer, reply.duplicate));
    if reply.duplicate {
        reply::replayed(response)
    } else {
        response
    }
}

fn view(answer: Answer, duplicate: bool) -> View {
    View {
        id: answer.request.id,
        decision: if answer.approved {
            "approved"
        } else {
            "declined"
        },
        response_code: answer.reason.response_code(),
        approval_code: answer
            .approved
            .then(|| String::from_utf8_lossy(&answer.approval_code).into_owned()),
        approved_minor: answer.approved_amount,
        currency: answer.request.currency,
        reason: answer.reason,
        decided_by: match answer.by {
            DecidedBy::Ledger => "ledger",
            DecidedBy::StandIn => "stand_in",
            DecidedBy::Network => "network",
        },
        stand_in: StandInView {
            used: answer.by == DecidedBy::StandIn,
            cause: answer.cause,
        },
        card: answer.request.card,
        network: NetworkView {
            stan: format!("{:06}", answer.request.stan),
            rrn: String::from_utf8_lossy(&answer.request.rrn)
                .trim_end()
                .to_owned(),
        },
        verification: VerificationView {
            cvv2: answer.request.verification.cvv2.name(),
            pin: answer.request.verification.pin.name(),
            arqc: answer.request.verification.arqc.name(),
        },
        reversed_to_minor: answer.reversed_to,
        duplicate,
    }
}
