//! What goes back over HTTP.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use fallback::Accepted;
use ledger_api::{AuthorizationId, Problem};
use serde::Serialize;

use crate::authorize::Refused;
use crate::metrics::Page;

/// A 200 with a JSON body.
pub(super) fn ok(body: &impl Serialize) -> Response {
    json(StatusCode::OK, "application/json", body)
}

/// A problem with its own status.
pub(super) fn problem(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, "application/problem+json", problem)
}

/// All metrics.
pub(super) fn metrics(page: &Page) -> Response {
    let mut response = Response::new(Body::from(page.text()));
    let kind = HeaderValue::from_static(process::metrics::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// What was told.
#[derive(Serialize)]
struct Told {
    id: AuthorizationId,
    outcome: &'static str,
    duplicate: bool,
}

/// What was told is written down under this id, now or before, or refused.
pub(super) fn told(id: AuthorizationId, accepted: Result<Accepted, Refused>) -> Response {
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(refused) => return refused.into(),
    };
    let response = ok(&Told {
        id,
        outcome: "accepted",
        duplicate: accepted.duplicate,
    });
    if accepted.duplicate {
        replayed(response)
    } else {
        response
    }
}

/// Marks an answer that had been given before.
pub(super) fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert(
        HeaderName::from_static("idempotent-replayed"),
        HeaderValue::from_static("true"),
    );
    response
}

fn json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response {
    // These types serialize to JSON by construction: no maps with keys that are not strings.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
