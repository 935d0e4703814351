//! RFC 9457 problems that say whether a retry is safe.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Nothing happened: ask again, even as a new request.
    Safe,
    /// Something may have happened: ask again only with the same id or key.
    SameKeyOnly,
    /// Asking again gives the same refusal.
    Never,
}

/// An `application/problem+json` body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable name for this kind of problem, as a URN.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Where in the request, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Whether a retry is safe.
    pub retry: Retry,
}

impl Problem {
    /// A problem of the kind `urn:holdfast:problem:{name}`.
    pub fn new(name: &str, status: u16, retry: Retry, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:holdfast:problem:{name}"),
            title: name.replace('_', " "),
            status,
            detail: detail.into(),
            pointer: None,
            retry,
        }
    }

    /// The same, pointing into the request.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// The last part of the kind.
    pub fn name(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}
