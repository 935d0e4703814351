//! `POST /v1/completions`: money that was captured or given back, written down and told to the ledger.

use axum::extract::{Request, State};
use axum::response::Response;
use fallback::{Completion, Reference};
use ledger_api::{Amount, Currency, Problem, TraceParent};
use serde::Deserialize;

use super::body::{self, CardBody, NetworkBody, invalid};
use super::{App, reply};
use crate::metrics::labels::Door;
use crate::told::{self, Named};
use crate::traces::{Arrival, Via};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    card: CardBody,
    amount_minor: Amount,
    currency: Currency,
    #[serde(default = "body::purchase")]
    processing_code: String,
    /// True where more captures of the same authorization follow.
    #[serde(default)]
    more: bool,
    /// Its own.
    network: NetworkBody,
    original: Option<NetworkBody>,
}

/// Takes a capture or a refund. The door's rate does not apply: it tells what has happened.
pub(super) async fn create(State(app): State<App>, message: Request) -> Response {
    let metrics = &app.gateway.parts().metrics;
    let (completion, named, link) = match parse(&app, message).await {
        Ok(parsed) => parsed,
        Err(problem) => {
            metrics.malformed(Door::Http);
            return reply::problem(&problem);
        }
    };
    let arrival = Arrival::completion(&app.gateway, Via::Http, &completion.id, link);
    let accepted = (app.gateway)
        .complete(completion, named, arrival.trail())
        .await;
    arrival.accepted(&accepted);
    metrics.completion(Door::Http, &accepted);
    reply::told(completion.id, accepted)
}

type Parsed = (Completion, Named, Option<TraceParent>);

async fn parse(app: &App, message: Request) -> Result<Parsed, Box<Problem>> {
    let (headers, bytes) = body::receive(message).await?;
    body::idempotency_key(&headers)?;
    let body: Body = body::read(&headers, &bytes)?;
    let code = body::processing_code(body.processing_code)?;
    let movement = told::movement(&code).ok_or_else(|| {
        let detail =
            "must begin with 0, 1, 4 or 5, which take money, or with 2, which gives it back";
        invalid("/processing_code", detail)
    })?;
    let card = body.card.token(&app.keys)?;
    let natural = body.network.parse("/network")?;
    let original = body.original.map(|original| original.parse("/original"));
    let of = (original.transpose()?).map(|key| app.keys.authorization_id(&key, &card));
    let (amount, currency) = (body.amount_minor, body.currency);
    let completion = Completion {
        id: app.keys.completion_id(&natural, &card),
        of,
        movement,
        card,
        amount,
        currency,
        more: body.more,
        fingerprint: app.keys.completion_fingerprint(&code, amount, currency, of),
    };
    let reference = Reference {
        card,
        rrn: natural.padded_rrn(),
        terminal: app.keys.terminal(&natural),
    };
    let named = of.map_or(Named::Reference(reference), Named::Key);
    Ok((completion, named, body::traceparent(&headers)))
}
