//! The labels, as closed sets of values, and how our own words become one.

pub mod link;

use std::fmt;
use std::sync::Arc;

use fallback::{Accepted, Answer, DecidedBy};
use ledger_api::{Cause, Currency, Reason};
use process::metrics::Label;
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};

use crate::authorize::{Refused, Reply};
use crate::door::Shed;
use crate::ledger_client::AskError;
use crate::ledger_client::breaker::State;
use crate::orders::What;

process::label! {
    /// Which door.
    Door {
        /// HTTP.
        Http = "http",
        /// ISO 8583 over TCP.
        Iso8583 = "iso8583",
    }
}

process::label! {
    /// Who decided.
    Decider {
        /// The ledger.
        Ledger = "ledger",
        /// This gateway.
        StandIn = "stand_in",
        /// The card network.
        Network = "network",
        /// Nobody: there was no decision.
        Nobody = "none",
    }
}

process::label! {
    /// What came of an authorization at the door.
    Outcome {
        /// Approved.
        Approved = "approved",
        /// Declined.
        Declined = "declined",
        /// Refused: the same id, or the same key, with other content.
        Refused = "refused",
        /// Not let in.
        Shed = "shed",
        /// No answer in time, or none at all.
        NoAnswer = "no_answer",
    }
}

process::label! {
    /// How asking the ledger ended.
    AskResult {
        /// With a decision.
        Decided = "decided",
        /// The cut-off came first.
        Timeout = "timeout",
        /// No connection, or it broke.
        Unreachable = "unreachable",
        /// An answer that is no decision.
        Failed = "failed",
        /// The breaker was tripped.
        Tripped = "tripped",
        /// Too many calls were in flight.
        Full = "full",
        /// The ledger knows this id with other content.
        Conflict = "conflict",
    }
}

process::label! {
    /// What an answer waited for.
    Wait {
        /// The fdatasync.
        Durable = "durable",
        /// The kernel.
        Written = "written",
    }
}

process::label! {
    /// Why something was not let in.
    ShedCause {
        /// More per second than configured.
        Rate = "rate",
        /// More at once than configured.
        InFlight = "in_flight",
    }
}

process::label! {
    /// A state of the breaker.
    BreakerState {
        /// Calls go to the ledger.
        Passing = "passing",
        /// They do not.
        Tripped = "tripped",
        /// A few do.
        Probing = "probing",
    }
}

process::label! {
    /// What came of a reversal, a completion, or an advice of the network.
    Noted {
        /// Written down.
        Accepted = "accepted",
        /// Written down before.
        Duplicate = "duplicate",
        /// Refused.
        Refused = "refused",
        /// Refused: what it takes back is not known here.
        NoOriginal = "no_original",
        /// No answer: the network sends it again.
        NoAnswer = "no_answer",
    }
}

process::label! {
    /// What stand-in would have said of a decision of the ledger.
    Divergence {
        /// Both approve.
        BothApproved = "both_approved",
        /// Both decline.
        BothDeclined = "both_declined",
        /// Stand-in would have approved: loss.
        OnlyStandIn = "only_stand_in_approved",
        /// The ledger approved, stand-in would not: a lost sale.
        OnlyLedger = "only_ledger_approved",
    }
}

process::label! {
    /// What an order of an operator says.
    Ordered {
        /// Stand-in decides.
        StandIn = "stand_in",
        /// The ledger alone decides.
        Ledger = "ledger",
        /// Nothing is approved.
        Decline = "decline",
    }
}

/// The binding reason, by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonLabel(pub Reason);

/// Why the ledger did not decide, by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CauseLabel(pub Cause);

/// Labels whose values are those of a type that lists and names them.
macro_rules! named {
    ($($label:ident: $kind:ident;)+) => {
        $(impl Label for $label {
            const COUNT: usize = $kind::ALL.len();

            fn index(self) -> usize {
                // It is in the list of all there are.
                $kind::ALL.iter().position(|other| *other == self.0).unwrap_or_default()
            }

            fn nth(index: usize) -> Option<Self> {
                $kind::ALL.get(index).copied().map(Self)
            }

            fn name(self) -> &'static str {
                self.0.name()
            }
        })+
    };
}

named! {
    ReasonLabel: Reason;
    CauseLabel: Cause;
}

process::label_set! {
    /// By door, decider and outcome.
    AuthorizationLabels {
        /// Which door.
        door: Door,
        /// Who decided.
        decided_by: Decider,
        /// What came of it.
        outcome: Outcome,
    }
}

process::label_set! {
    /// By decider, reason and cause.
    AnswerLabels {
        /// Who decided.
        decided_by: Decider,
        /// The binding reason.
        reason: ReasonLabel,
        /// Why the ledger did not.
        cause: CauseLabel,
    }
}

process::label_set! {
    /// By door and outcome.
    NotedLabels {
        /// Which door.
        door: Door,
        /// What came of it.
        outcome: Noted,
    }
}

process::label_set! {
    /// By door.
    DoorLabels {
        /// Which door.
        door: Door,
    }
}

process::label_set! {
    /// By result.
    AskLabels {
        /// How it ended.
        result: AskResult,
    }
}

process::label_set! {
    /// By what was waited for.
    WaitLabels {
        /// What.
        what: Wait,
    }
}

process::label_set! {
    /// By cause.
    ShedLabels {
        /// Why.
        cause: ShedCause,
    }
}

process::label_set! {
    /// By state.
    BreakerLabels {
        /// Which.
        state: BreakerState,
    }
}

process::label_set! {
    /// By what an order says.
    OrderLabels {
        /// What.
        order: Ordered,
    }
}

process::label_set! {
    /// By who approves.
    DivergenceLabels {
        /// Who.
        verdicts: Divergence,
    }
}

/// The currency of an amount: one per gateway, by its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InCurrency(pub Currency);

impl EncodeLabelSet for InCurrency {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("currency", self.0.to_string()).encode(encoder.encode_label())
    }
}

/// A link, by its name in the links file, of which there are few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfLink(pub Arc<str>);

impl EncodeLabelSet for OfLink {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("link", &*self.0).encode(encoder.encode_label())
    }
}

/// How an authorization ended, whichever door it came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    decided_by: Decider,
    outcome: Outcome,
}

impl Outcome {
    /// Without a decision.
    pub fn alone(self) -> End {
        End {
            decided_by: Decider::Nobody,
            outcome: self,
        }
    }
}

impl End {
    /// Of what the use case said.
    pub fn of(reply: &Result<Reply, Refused>) -> Self {
        match reply {
            Ok(Reply { answer, .. }) => Self {
                decided_by: answer.by.into(),
                outcome: if answer.approved {
                    Outcome::Approved
                } else {
                    Outcome::Declined
                },
            },
            Err(Refused::Conflict | Refused::KeyReused | Refused::NoOriginal) => {
                Outcome::Refused.alone()
            }
            Err(Refused::Shed) => Outcome::Shed.alone(),
            Err(Refused::Unknown(_) | Refused::Late) => Outcome::NoAnswer.alone(),
        }
    }

    /// At this door.
    pub fn at(self, door: Door) -> AuthorizationLabels {
        let Self {
            decided_by,
            outcome,
        } = self;
        AuthorizationLabels {
            door,
            decided_by,
            outcome,
        }
    }
}

impl AuthorizationLabels {
    /// True for what is there from the start: a decision has a decider, and nothing else has one. What
    /// the network decided is seldom asked for again.
    pub fn is_expected(self) -> bool {
        match self.outcome {
            Outcome::Approved | Outcome::Declined => {
                matches!(self.decided_by, Decider::Ledger | Decider::StandIn)
            }
            Outcome::Refused | Outcome::Shed | Outcome::NoAnswer => {
                self.decided_by == Decider::Nobody
            }
        }
    }
}

impl AnswerLabels {
    /// Of an answer.
    pub fn of(answer: &Answer) -> Self {
        Self {
            decided_by: answer.by.into(),
            reason: ReasonLabel(answer.reason),
            cause: CauseLabel(answer.cause),
        }
    }
}

impl NotedLabels {
    /// True for what is there from the start.
    pub fn is_expected(self) -> bool {
        !matches!(self.outcome, Noted::Refused | Noted::NoOriginal)
    }
}

impl From<DecidedBy> for Decider {
    fn from(by: DecidedBy) -> Self {
        match by {
            DecidedBy::Ledger => Self::Ledger,
            DecidedBy::StandIn => Self::StandIn,
            DecidedBy::Network => Self::Network,
        }
    }
}

impl AskResult {
    /// Of what the stack said.
    pub fn of<T>(ended: &Result<T, AskError>) -> Self {
        match ended {
            Ok(_) => Self::Decided,
            Err(AskError::Timeout) => Self::Timeout,
            Err(AskError::Unreachable(_)) => Self::Unreachable,
            Err(AskError::Failed(_)) => Self::Failed,
            Err(AskError::Tripped) => Self::Tripped,
            Err(AskError::Full) => Self::Full,
            Err(AskError::Conflict) => Self::Conflict,
        }
    }
}

impl From<Shed> for ShedCause {
    fn from(shed: Shed) -> Self {
        match shed {
            Shed::Rate => Self::Rate,
            Shed::InFlight => Self::InFlight,
        }
    }
}

impl From<State> for BreakerState {
    fn from(state: State) -> Self {
        match state {
            State::Passing => Self::Passing,
            State::Tripped => Self::Tripped,
            State::Probing => Self::Probing,
        }
    }
}

impl From<What> for Ordered {
    fn from(what: What) -> Self {
        match what {
            What::StandIn => Self::StandIn,
            What::Ledger => Self::Ledger,
            What::Decline => Self::Decline,
        }
    }
}

impl Noted {
    /// Of what the use case said.
    pub fn of(came: &Result<Accepted, Refused>) -> Self {
        match came {
            Ok(Accepted {
                duplicate: false, ..
            }) => Self::Accepted,
            Ok(Accepted {
                duplicate: true, ..
            }) => Self::Duplicate,
            Err(Refused::Conflict | Refused::KeyReused | Refused::Shed) => Self::Refused,
            Err(Refused::NoOriginal) => Self::NoOriginal,
            Err(Refused::Unknown(_) | Refused::Late) => Self::NoAnswer,
        }
    }
}
