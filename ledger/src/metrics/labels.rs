//! The labels, as closed sets of values, and how our own words become one.

use axum::http::{Method, StatusCode};
use ledger_api::{AdviceOutcome, AuthorizeAnswer};

use crate::posting::{Lane, Outcome};
use crate::store::{Closed, StoreError};

process::label! {
    /// Which call.
    Call {
        /// `POST /v1/authorizations`.
        Authorize = "authorize",
        /// `POST /v1/advices`.
        Advise = "advise",
        /// `POST /v1/reversals`.
        Reverse = "reverse",
        /// `POST /v1/captures`.
        Capture = "capture",
        /// `POST /v1/refunds`.
        Refund = "refund",
        /// `POST /v1/releases`.
        Release = "release",
        /// `POST /v1/accounts/{id}/close`.
        CloseAccount = "close_account",
        /// `POST /v1/suspense/{id}`.
        Resolve = "resolve",
        /// `POST /v1/accounts`.
        OpenAccounts = "open_accounts",
        /// `POST /v1/cards`.
        PutCards = "put_cards",
        /// `GET /v1/feed`.
        Feed = "feed",
        /// `GET /v1/listing`.
        Listing = "listing",
        /// `/v1/gateways/{id}`.
        Gateways = "gateways",
        /// `/v1/closes` and `/v1/verification`, which read all there is.
        Accounting = "accounting",
        /// Whatever else reads the books.
        Read = "read",
        /// `/livez`, `/readyz` and `/metrics`.
        Probe = "probe",
        /// Nothing that there is.
        Other = "other",
    }
}

process::label! {
    /// A class of status.
    StatusClass {
        /// Done.
        Success = "2xx",
        /// The caller's fault.
        Client = "4xx",
        /// Ours, or the store's.
        Server = "5xx",
        /// No other is sent.
        Other = "other",
    }
}

process::label! {
    /// Which commands wait together.
    LaneName {
        /// Authorizations.
        Live = "live",
        /// Advices, reversals and journal heads.
        Advices = "advices",
        /// Accounts, cards and grants.
        Desk = "desk",
    }
}

process::label! {
    /// What came of a transaction.
    Commit {
        /// Committed.
        Done = "done",
        /// Nothing happened.
        Unavailable = "unavailable",
        /// Somebody else had locked an account for too long.
        Busy = "busy",
        /// It may have happened.
        Unknown = "unknown",
        /// The store refuses something in it.
        Refused = "refused",
        /// The books cannot be read.
        Broken = "broken",
    }
}

process::label! {
    /// How an authorization was answered.
    Decision {
        /// Approved.
        Approved = "approved",
        /// Declined.
        Declined = "declined",
        /// Known with other content.
        Conflict = "conflict",
        /// Not done.
        Failed = "failed",
    }
}

process::label! {
    /// What came of an advice or a reversal.
    AdviceResult {
        /// Booked.
        Applied = "applied",
        /// Known already.
        Duplicate = "duplicate",
        /// Kept for a person.
        Parked = "parked",
        /// Not done; sent again.
        Failed = "failed",
    }
}

process::label! {
    /// What came again with other content.
    Conflict {
        /// A request for a decision: it is refused.
        Authorization = "authorization",
        /// An advice, a capture or a refund: the first one stands.
        Advice = "advice",
    }
}

process::label! {
    /// What came of closing a day.
    CloseResult {
        /// Closed.
        Closed = "closed",
        /// Closed before.
        Repeated = "repeated",
        /// Not closed: the books do not balance, or the day is over.
        Refused = "refused",
    }
}

process::label_set! {
    /// By kind of message.
    ConflictLabels {
        /// What came again.
        message: Conflict,
    }
}

process::label_set! {
    /// By call and class of status.
    RequestLabels {
        /// Which call.
        call: Call,
        /// How it was answered.
        status: StatusClass,
    }
}

process::label_set! {
    /// By lane.
    LaneLabels {
        /// Which lane.
        lane: LaneName,
    }
}

process::label_set! {
    /// By lane and result.
    CommitLabels {
        /// Which lane.
        lane: LaneName,
        /// What came of it.
        result: Commit,
    }
}

process::label_set! {
    /// By outcome.
    AuthorizationLabels {
        /// How it was answered.
        outcome: Decision,
    }
}

process::label_set! {
    /// By outcome.
    AdviceLabels {
        /// What came of it.
        outcome: AdviceResult,
    }
}

process::label_set! {
    /// By result.
    CloseLabels {
        /// What came of it.
        result: CloseResult,
    }
}

impl CloseResult {
    /// By what the store says.
    pub fn of(closed: &Closed) -> Self {
        match closed {
            Closed::Now(_) => Self::Closed,
            Closed::Before(_) => Self::Repeated,
            Closed::Refused(_) => Self::Refused,
        }
    }
}

impl Call {
    /// By method and path; what stands in the path's last part is not looked at.
    pub fn of(method: &Method, path: &str) -> Self {
        let writes = *method == Method::POST;
        match path {
            "/v1/authorizations" if writes => Self::Authorize,
            "/v1/advices" if writes => Self::Advise,
            "/v1/reversals" if writes => Self::Reverse,
            "/v1/captures" if writes => Self::Capture,
            "/v1/refunds" if writes => Self::Refund,
            "/v1/releases" if writes => Self::Release,
            "/v1/accounts" if writes => Self::OpenAccounts,
            "/v1/cards" if writes => Self::PutCards,
            "/v1/feed" => Self::Feed,
            "/v1/listing" => Self::Listing,
            "/v1/authorizations" | "/v1/accounts" | "/v1/suspense" | "/v1/books" | "/v1/holds"
            | "/v1/entries" => Self::Read,
            "/v1/closes" | "/v1/verification" => Self::Accounting,
            "/livez" | "/readyz" | "/metrics" => Self::Probe,
            path if path.starts_with("/v1/gateways/") => Self::Gateways,
            path if path.starts_with("/v1/authorizations/") => Self::Read,
            path if path.starts_with("/v1/suspense/") && writes => Self::Resolve,
            path if path.starts_with("/v1/accounts/") && writes => Self::CloseAccount,
            path if path.starts_with("/v1/accounts/") => Self::Read,
            _ => Self::Other,
        }
    }
}

impl From<StatusCode> for StatusClass {
    fn from(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Success,
            400..=499 => Self::Client,
            500..=599 => Self::Server,
            _ => Self::Other,
        }
    }
}

impl RequestLabels {
    /// True for what is there from the start: what gateways call, and what must not fail.
    pub fn is_expected(self) -> bool {
        match self.call {
            Call::Authorize | Call::Advise | Call::Feed => {
                matches!(self.status, StatusClass::Success | StatusClass::Server)
            }
            _ => false,
        }
    }
}

impl From<Lane> for LaneName {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Live => Self::Live,
            Lane::Advices => Self::Advices,
            Lane::Desk => Self::Desk,
        }
    }
}

impl CommitLabels {
    /// True for what is there from the start: what gateways wait for, and what must not happen to it.
    pub fn is_expected(self) -> bool {
        self.lane != LaneName::Desk || self.result == Commit::Done
    }
}

impl Commit {
    /// Of what the store said.
    pub fn of<T>(ended: &Result<T, StoreError>) -> Self {
        match ended {
            Ok(_) => Self::Done,
            Err(StoreError::Unavailable(_)) => Self::Unavailable,
            Err(StoreError::Unknown(_)) => Self::Unknown,
            Err(StoreError::Refused(_)) => Self::Refused,
            Err(StoreError::Busy(_)) => Self::Busy,
            // A transaction has no feed to be wrong about.
            Err(
                StoreError::EpochChanged { .. }
                | StoreError::FeedAhead { .. }
                | StoreError::Broken(_),
            ) => Self::Broken,
        }
    }
}

impl Decision {
    /// Of an outcome; `None` for one that is not of an authorization.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Authorized(AuthorizeAnswer::Decided(decision), _) if decision.approved => {
                Some(Self::Approved)
            }
            Outcome::Authorized(AuthorizeAnswer::Decided(_), _) => Some(Self::Declined),
            Outcome::Authorized(AuthorizeAnswer::Conflict, _) => Some(Self::Conflict),
            Outcome::Authorized(AuthorizeAnswer::Failed(_), _) => Some(Self::Failed),
            _ => None,
        }
    }
}

impl Conflict {
    /// Of an outcome; `None` where there is none.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Authorized(AuthorizeAnswer::Conflict, _) => Some(Self::Authorization),
            Outcome::Advised(answer, _) if answer.conflict => Some(Self::Advice),
            _ => None,
        }
    }
}

impl AdviceResult {
    /// Of an outcome; `None` for one that is not of an advice.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Advised(answer, _) => Some(match answer.outcome {
                AdviceOutcome::Applied => Self::Applied,
                AdviceOutcome::Duplicate => Self::Duplicate,
                AdviceOutcome::Parked { .. } => Self::Parked,
                AdviceOutcome::Failed { .. } => Self::Failed,
            }),
            _ => None,
        }
    }
}
