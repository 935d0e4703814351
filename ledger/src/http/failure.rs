//! Errors as RFC 9457 problems: the only place where a status is chosen.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_api::{Problem, Retry};

use crate::batcher::BatchError;
use crate::store::StoreError;

/// A problem on its way out.
#[derive(Debug)]
pub(super) struct Failure(Problem);

#[cfg(test)]
impl Failure {
    pub(super) fn problem(self) -> Problem {
        self.0
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (name, status, retry) = match &error {
            StoreError::Unavailable(_) => ("store_unavailable", 503, Retry::Safe),
            StoreError::Unknown(_) => ("outcome_unknown", 503, Retry::SameKeyOnly),
            StoreError::Busy(_) => ("account_busy", 503, Retry::SameKeyOnly),
            StoreError::FeedAhead { .. } => ("feed_ahead", 503, Retry::Safe),
            StoreError::EpochChanged { .. } => ("epoch_changed", 409, Retry::Never),
            StoreError::Refused(_) => ("refused_by_store", 500, Retry::SameKeyOnly),
            StoreError::Broken(_) => ("books_broken", 500, Retry::SameKeyOnly),
        };
        if matches!(error, StoreError::Refused(_) | StoreError::Broken(_)) {
            tracing::error!(%error, "a request failed");
        }
        // What a database says of a value may repeat the value (I15): that is for the log only.
        let detail = match &error {
            StoreError::Refused(_) => {
                "the store refuses the batch; nothing was done, its log says why"
            }
            StoreError::Broken(_) => {
                "the books cannot be read; a person must look, the log says where"
            }
            _ => return Self(Problem::new(name, status, retry, error.to_string())),
        };
        Self(Problem::new(name, status, retry, detail))
    }
}

impl From<BatchError> for Failure {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::Full => Self(Problem::new(
                "overloaded",
                503,
                Retry::Safe,
                error.to_string(),
            )),
            BatchError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
