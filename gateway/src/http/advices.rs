//! `POST /v1/advices`: what the network has answered itself, written down and told to the ledger.

use axum::extract::{Request as Message, State};
use axum::response::Response;
use fallback::{Circumstances, Request, Verification};
use iso8583::presence::APPROVING;
use ledger_api::{Amount, Currency, Problem, TraceParent};
use serde::Deserialize;

use super::body::{self, CardBody, NetworkBody, invalid};
use super::{App, reply};
use crate::metrics::labels::Door;
use crate::told::kind;
use crate::traces::{Arrival, Via};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    card: CardBody,
    /// What was approved, or declined: less than was asked for where a part was approved.
    amount_minor: Amount,
    currency: Currency,
    #[serde(default = "body::purchase")]
    processing_code: String,
    /// As DE39.
    response_code: String,
    network: NetworkBody,
}

/// Takes the network's own answer. The door's rate does not apply: it tells what has happened.
pub(super) async fn create(State(app): State<App>, message: Message) -> Response {
    let metrics = &app.gateway.parts().metrics;
    let (request, approved, link) = match parse(&app, message).await {
        Ok(parsed) => parsed,
        Err(problem) => {
            metrics.malformed(Door::Http);
            return reply::problem(&problem);
        }
    };
    let approved_amount = if approved {
        request.amount
    } else {
        Amount::ZERO
    };
    let arrival = Arrival::network_advice(&app.gateway, Via::Http, &request.id, link);
    let accepted = (app.gateway)
        .advise(request, approved, approved_amount, arrival.trail())
        .await;
    arrival.accepted(&accepted);
    metrics.network_advice(Door::Http, &accepted);
    reply::told(request.id, accepted)
}

type Parsed = (Request, bool, Option<TraceParent>);

async fn parse(app: &App, message: Message) -> Result<Parsed, Box<Problem>> {
    let (headers, bytes) = body::receive(message).await?;
    body::idempotency_key(&headers)?;
    let body: Body = body::read(&headers, &bytes)?;
    let code = body::processing_code(body.processing_code)?;
    let response = body.response_code.as_str();
    if response.len() != 2 || !response.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(invalid("/response_code", "must be 2 characters, as DE39"));
    }
    let card = body.card.token(&app.keys)?;
    let natural = body.network.parse("/network")?;
    let (amount, currency) = (body.amount_minor, body.currency);
    let request = Request {
        id: app.keys.authorization_id(&natural, &card),
        card,
        amount,
        currency,
        expiry: None,
        fingerprint: app.keys.fingerprint(&code, amount, currency),
        alias: 0,
        repeat: false,
        stan: natural.stan.parse().unwrap_or_default(),
        rrn: natural.padded_rrn(),
        terminal: app.keys.terminal(&natural),
        captures: false,
        // Who decided has looked at that.
        verification: Verification::default(),
        circumstances: Circumstances {
            kind: kind(&code),
            ..Circumstances::default()
        },
    };
    let approved = APPROVING.contains(&response);
    Ok((request, approved, body::traceparent(&headers)))
}
