//! Bodies, queries and path segments, whose refusals are problems and never repeat what was sent.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{FromRequest, Path, Query, Request};
use axum::http::{Uri, header};
use ledger_api::{BATCH_ITEMS_MAX, Problem, Retry};
use serde::de::DeserializeOwned;

use super::failure::Failure;

/// The largest body.
pub(super) const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_MAX: Duration = Duration::from_secs(10);

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = bytes(request, state).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| bad_json(&error).into())
    }
}

/// The bytes of a JSON body.
pub(super) async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json {
        let detail = "send application/json";
        return Err(Problem::new("unsupported_media_type", 415, Retry::Never, detail).into());
    }
    let bytes = tokio::time::timeout(BODY_MAX, Bytes::from_request(request, state))
        .await
        .map_err(|_| {
            let detail = "the body did not arrive in time; nothing was done";
            Problem::new("body_timeout", 408, Retry::Safe, detail)
        })?;
    bytes.map_err(|rejection| unread(&rejection).into())
}

fn unread(rejection: &BytesRejection) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            let detail = format!("a body may have {BODY_BYTES_MAX} bytes; send smaller batches");
            Problem::new("body_too_large", 413, Retry::Never, detail)
        }
        _ => {
            let detail = "the body could not be read to its end; nothing was done";
            Problem::new("body_unreadable", 400, Retry::Safe, detail)
        }
    }
}

/// Names of fields that this contract has are told; values, and names that it has not, are not: one
/// of them could be a card number (I15).
pub(super) fn bad_json(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let (line, column) = (error.line(), error.column());
    let about_our_field = ["missing field", "duplicate field"];
    let detail = if about_our_field.iter().any(|start| text.starts_with(start)) {
        text
    } else if text.starts_with("unknown field") {
        format!("the body has a field that this call does not, at line {line} column {column}")
    } else {
        format!("the body is not what this call takes, at line {line} column {column}")
    };
    Problem::new("bad_json", 400, Retry::Never, detail)
}

/// Refuses a batch with too many items.
pub(super) fn bounded<T>(items: Vec<T>) -> Result<Vec<T>, Failure> {
    if items.len() <= BATCH_ITEMS_MAX {
        return Ok(items);
    }
    let detail = format!("a batch may have {BATCH_ITEMS_MAX} items; nothing was done");
    Err(Problem::new("too_many_items", 413, Retry::Never, detail)
        .at("/items")
        .into())
}

/// The query of a path.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Failure> {
    Query::try_from_uri(uri)
        .map(|Query(query)| query)
        .map_err(|_| {
            let detail = "the query does not parse; see the table of calls for its names";
            Problem::new("bad_query", 400, Retry::Never, detail).into()
        })
}

/// A path segment as an id.
pub(super) fn segment<T: FromStr>(path: Result<Path<String>, PathRejection>) -> Result<T, Failure> {
    path.ok()
        .and_then(|Path(text)| text.parse().ok())
        .ok_or_else(|| {
            Problem::new(
                "bad_id",
                400,
                Retry::Never,
                "the path's last part is no such id",
            )
            .into()
        })
}
