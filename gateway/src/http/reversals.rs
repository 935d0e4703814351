//! `POST /v1/reversals`: written down, answered, told to the ledger.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use ledger_api::{Amount, AuthorizationId, CardToken, Problem};
use serde::{Deserialize, Serialize};

use super::body::{self, CardBody, NetworkBody};
use super::{App, reply};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    card: CardBody,
    #[serde(default)]
    remaining_minor: Amount,
    original: NetworkBody,
}

#[derive(Serialize)]
struct View {
    id: AuthorizationId,
    outcome: &'static str,
    duplicate: bool,
}

/// Takes an authorization back, wholly or in part.
pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Response {
    let _admitted = match app.door.admit() {
        Ok(permit) => permit,
        Err(shed) => return shed.into(),
    };
    let (id, card, remaining) = match parse(&app, &headers, bytes) {
        Ok(parsed) => parsed,
        Err(problem) => return reply::problem(&problem),
    };
    match app.gateway.reverse(id, card, remaining).await {
        Ok(accepted) => {
            let view = View {
                id,
                outcome: "accepted",
                duplicate: accepted.duplicate,
            };
            let response = reply::ok(&view);
            if accepted.duplicate {
                reply::replayed(response)
            } else {
                response
            }
        }
        Err(refused) => refused.into(),
    }
}

fn parse(
    app: &App,
    headers: &HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<(AuthorizationId, CardToken, Amount), Box<Problem>> {
    body::idempotency_key(headers)?;
    let body: Body = body::read(headers, bytes)?;
    let card = body.card.token(&app.keys)?;
    let natural = body.original.parse("/original")?;
    Ok((
        app.keys.authorization_id(&natural, &card),
        card,
        body.remaining_minor,
    ))
}
