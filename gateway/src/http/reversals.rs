//! `POST /v1/reversals`: written down, answered, told to the ledger.

use axum::extract::{Request, State};
use axum::response::Response;
use ledger_api::{Amount, AuthorizationId, CardToken, Problem, TraceParent};
use serde::Deserialize;

use super::body::{self, CardBody, NetworkBody};
use super::{App, reply};
use crate::metrics::labels::Door;
use crate::told::Named;
use crate::traces::{Arrival, Via};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    card: CardBody,
    #[serde(default)]
    remaining_minor: Amount,
    original: NetworkBody,
    #[serde(default)]
    of: Of,
}

/// What is taken back.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    #[default]
    Authorization,
    Completion,
    /// An authorization that took the money at once (0200).
    Purchase,
}

/// Takes an authorization or a completion back, wholly or in part. The door's rate does not apply: a reversal that is
/// shed would come again, and only lowers what is at risk.
pub(super) async fn create(State(app): State<App>, message: Request) -> Response {
    let metrics = &app.gateway.parts().metrics;
    let (named, id, card, remaining, link) = match parse(&app, message).await {
        Ok(parsed) => parsed,
        Err(problem) => {
            metrics.malformed(Door::Http);
            return reply::problem(&problem);
        }
    };
    let arrival = Arrival::reversal(&app.gateway, Via::Http, &id, link);
    let accepted = (app.gateway)
        .take_back(&named, id, card, remaining, arrival.trail())
        .await;
    arrival.accepted(&accepted);
    metrics.reversal(Door::Http, &accepted);
    reply::told(id, accepted)
}

type Parsed = (
    Named,
    AuthorizationId,
    CardToken,
    Amount,
    Option<TraceParent>,
);

async fn parse(app: &App, message: Request) -> Result<Parsed, Box<Problem>> {
    let (headers, bytes) = body::receive(message).await?;
    body::idempotency_key(&headers)?;
    let body: Body = body::read(&headers, &bytes)?;
    let card = body.card.token(&app.keys)?;
    let natural = body.original.parse("/original")?;
    let id = match body.of {
        Of::Authorization | Of::Purchase => app.keys.authorization_id(&natural, &card),
        Of::Completion => app.keys.completion_id(&natural, &card),
    };
    let named = match body.of {
        Of::Purchase => Named::Purchase(id),
        Of::Authorization | Of::Completion => Named::Key(id),
    };
    let link = body::traceparent(&headers);
    Ok((named, id, card, body.remaining_minor, link))
}
