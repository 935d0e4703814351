//! What the clients were told: the first witness in every audit.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger_api::{AuthorizationId, CardToken, Cause, Reason, Retry};
use serde::Deserialize;

/// Through which door a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// HTTP with JSON.
    Http,
    /// ISO 8583 over TCP.
    Iso,
}

/// Who decided, as the HTTP door tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The ledger.
    Ledger,
    /// A gateway alone.
    StandIn,
    /// The card network.
    Network,
}

/// An answer that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Approved or declined.
    pub approved: bool,
    /// How much; zero for a decline.
    pub approved_minor: i64,
    /// DE39.
    pub response_code: String,
    /// DE38.
    pub approval_code: Option<String>,
    /// By which rule; the ISO door does not say.
    pub reason: Option<Reason>,
    /// Who decided; the ISO door does not say.
    pub decided_by: Option<By>,
    /// Why the ledger did not; the ISO door does not say.
    pub cause: Option<Cause>,
    /// True for a repeat that got the recorded answer; the ISO door does not say.
    pub duplicate: Option<bool>,
    /// From the first byte out to the last byte in.
    pub latency: Duration,
}

impl Answer {
    /// What must be the same in every answer to one id (I3).
    pub fn verdict(&self) -> (bool, i64, &str, Option<&str>) {
        (
            self.approved,
            self.approved_minor,
            &self.response_code,
            self.approval_code.as_deref(),
        )
    }
}

/// An answer that decides nothing: a malformed, conflicting or shed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, or DE39.
    pub code: String,
    /// The problem's detail, or DE44.
    pub detail: String,
    /// Whether a retry is safe; the ISO door does not say.
    pub retry: Option<Retry>,
}

/// What came of an authorization request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A decision.
    Answered(Answer),
    /// Nothing was decided.
    Refused(Refusal),
    /// Nobody knows: no connection, a broken one, or a time-out.
    Unanswered(String),
}

impl Outcome {
    /// The decision, if it is one.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answered(answer) => Some(answer),
            _ => None,
        }
    }
}

/// What came of a reversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReversalOutcome {
    /// Written down; the ledger hears of it.
    Accepted {
        /// True where the same one had been accepted before; the ISO door does not say.
        duplicate: Option<bool>,
        /// From the first byte out to the last byte in.
        latency: Duration,
    },
    /// Nothing was done.
    Refused(Refusal),
    /// Nobody knows.
    Unanswered(String),
}

/// One request of a client and what it was told.
#[derive(Debug, Clone)]
pub enum Record {
    /// An authorization.
    Authorization {
        /// The id that it must have.
        id: AuthorizationId,
        /// The card.
        card: CardToken,
        /// Index of the gateway that was asked.
        gateway: usize,
        /// Through which door.
        door: Door,
        /// How much was asked for.
        amount_minor: i64,
        /// Whether it was flagged as a repeat.
        repeat: bool,
        /// What came of it.
        outcome: Outcome,
    },
    /// The network's own answer, told to us (0120).
    Advice {
        /// The id.
        id: AuthorizationId,
        /// The card.
        card: CardToken,
        /// Index of the gateway that was told.
        gateway: usize,
        /// What the network approved.
        approved_minor: i64,
        /// What came of it.
        outcome: ReversalOutcome,
    },
    /// A capture or a refund.
    Completion {
        /// Its own id.
        id: AuthorizationId,
        /// What it names by key.
        of: Option<AuthorizationId>,
        /// The card.
        card: CardToken,
        /// Index of the gateway that was told.
        gateway: usize,
        /// Through which door.
        door: Door,
        /// How much.
        amount_minor: i64,
        /// True for money back.
        refund: bool,
        /// True where more captures follow.
        more: bool,
        /// What came of it.
        outcome: ReversalOutcome,
    },
    /// A reversal.
    Reversal {
        /// The id of the original.
        id: AuthorizationId,
        /// The card.
        card: CardToken,
        /// Index of the gateway that was told.
        gateway: usize,
        /// Through which door.
        door: Door,
        /// What remains of the original.
        remaining_minor: i64,
        /// What came of it.
        outcome: ReversalOutcome,
    },
}

impl Record {
    /// The authorization, or the completion, that it is about.
    pub fn id(&self) -> AuthorizationId {
        match self {
            Self::Authorization { id, .. }
            | Self::Advice { id, .. }
            | Self::Completion { id, .. }
            | Self::Reversal { id, .. } => *id,
        }
    }

    /// The card that it is about.
    pub fn card(&self) -> CardToken {
        match self {
            Self::Authorization { card, .. }
            | Self::Advice { card, .. }
            | Self::Completion { card, .. }
            | Self::Reversal { card, .. } => *card,
        }
    }
}

/// A list that all clients of a stack write to; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Notebook(Arc<Mutex<Vec<Record>>>);

impl Notebook {
    /// Adds one.
    pub fn write(&self, record: Record) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
    }

    /// All, in order of their answers.
    pub fn records(&self) -> Vec<Record> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// True while nobody has asked anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
