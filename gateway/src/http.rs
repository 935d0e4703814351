//! The HTTP door: routes, and the only place in this crate where a status is chosen.

mod advices;
mod authorizations;
mod body;
mod completions;
mod orders;
mod reply;
mod reversals;
mod serve;
mod status;

use axum::Router;
use axum::response::Response;
use axum::routing::{delete, get, post};
use ledger_api::{Problem, Retry};
use std::sync::Arc;

use crate::authorize::{Gateway, Refused};
use crate::door::{Door, Shed};
use crate::drain::Draining;
use crate::identity::Keys;
use crate::iso::Link;
use crate::metrics::Page;
use crate::operator::OperatorToken;

pub use serve::serve;

/// What every handler may use.
#[derive(Clone)]
pub struct App {
    /// The use case.
    pub gateway: Gateway,
    /// Makes tokens and ids.
    pub keys: Arc<Keys>,
    /// What is let in.
    pub door: Door,
    /// How far the end is.
    pub draining: Draining,
    /// What operators show; nobody is one without.
    pub operator: Option<OperatorToken>,
    /// The ISO 8583 links.
    pub links: Arc<[Arc<Link>]>,
}

/// The routes.
pub fn router(app: App) -> Router {
    let (gateway, door, draining) = (&app.gateway, &app.door, &app.draining);
    let links = Arc::clone(&app.links);
    let page = Page::new(gateway.clone(), door.clone(), draining.clone(), links);
    let page = Arc::new(page);
    Router::new()
        .route(
            "/v1/authorizations",
            post(authorizations::create).get(authorizations::find),
        )
        .route("/v1/authorizations/{id}", get(authorizations::show))
        .route("/v1/advices", post(advices::create))
        .route("/v1/completions", post(completions::create))
        .route("/v1/reversals", post(reversals::create))
        .route("/v1/orders", post(orders::place).get(orders::list))
        .route("/v1/orders/preview", post(orders::preview))
        .route("/v1/orders/{number}", delete(orders::cancel))
        .route("/v1/journal", get(status::journal))
        .route("/v1/status", get(status::status))
        .route("/metrics", get(async move || reply::metrics(&page)))
        .route("/livez", get(status::live))
        .route("/readyz", get(status::ready))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_such_path)
        .with_state(app)
}

async fn wrong_method() -> Response {
    // Neither method nor path is repeated: somebody may have put a card number there.
    let detail = "this path has another method; see the README";
    reply::problem(&Problem::new(
        "method_not_allowed",
        405,
        Retry::Never,
        detail,
    ))
}

async fn no_such_path() -> Response {
    let detail = "see the README for the paths that there are";
    reply::problem(&Problem::new("not_found", 404, Retry::Never, detail))
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        reply::problem(&match refused {
            Refused::Conflict => Problem::new("content_changed", 422, Retry::Never, detail),
            Refused::NoOriginal => {
                Problem::new("original_not_found", 404, Retry::SameKeyOnly, detail)
            }
            Refused::KeyReused => Problem::new("key_reused", 422, Retry::Never, detail),
            Refused::Unknown(_) => Problem::new("outcome_unknown", 503, Retry::SameKeyOnly, detail),
            Refused::Shed => Problem::new("shed", 429, Retry::Safe, detail),
            Refused::Late => Problem::new("late", 504, Retry::SameKeyOnly, detail),
        })
    }
}

impl From<Shed> for Response {
    fn from(shed: Shed) -> Self {
        let mut response =
            reply::problem(&Problem::new("shed", 429, Retry::Safe, shed.to_string()));
        response.headers_mut().insert(
            axum::http::header::RETRY_AFTER,
            axum::http::HeaderValue::from_static("1"),
        );
        response
    }
}
