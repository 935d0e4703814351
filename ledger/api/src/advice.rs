//! Telling the ledger what the network was told.

use serde::{Deserialize, Serialize};

use crate::{
    Amount, AuthorizationId, CardToken, Cause, Currency, Fingerprint, GatewayId, Mark, Problem,
    Reason, TraceParent,
};

/// `POST /v1/advices`: booked verbatim, in any order, at least once → exactly one effect.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdviceBatch {
    /// Who tells.
    pub gateway: GatewayId,
    /// Where its journal stands, durably; a ledger that has seen more knows that a disk was lost or
    /// rolled back (rule 11).
    pub head: JournalHead,
    /// How many advices of its journal still wait behind this batch; absent counts as none. While a
    /// gateway's last report says more than none, no hold expires (rule 17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undrained: Option<u64>,
    /// At most [`crate::BATCH_ITEMS_MAX`].
    pub items: Vec<AdviceItem>,
}

/// The durable end of a gateway's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHead {
    /// Drawn when the journal was made.
    pub epoch: u64,
    /// Sequence number of the last durable record.
    pub seq: u64,
    /// First eight bytes of the hash chain at that record.
    pub hash: u64,
}

/// One thing the network was told, or told us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AdviceItem {
    /// An authorization was answered by stand-in, or by the network itself.
    Advice(Advice),
    /// An authorization, a capture or a refund was taken back.
    Reversal(Reversal),
    /// Money was taken.
    Capture(Capture),
    /// Money was given back.
    Refund(Refund),
}

impl AdviceItem {
    /// The message's own id: of the authorization, the capture or the refund.
    pub fn id(&self) -> AuthorizationId {
        match self {
            Self::Advice(advice) => advice.id,
            Self::Reversal(reversal) => reversal.id,
            Self::Capture(capture) => capture.id,
            Self::Refund(refund) => refund.id,
        }
    }

    /// The card.
    pub fn card(&self) -> CardToken {
        match self {
            Self::Advice(advice) => advice.card,
            Self::Reversal(reversal) => reversal.card,
            Self::Capture(capture) => capture.card,
            Self::Refund(refund) => refund.card,
        }
    }

    /// The authorization that it adds to, takes or gives back; absent where it stands alone.
    pub fn original(&self) -> Option<AuthorizationId> {
        match self {
            Self::Advice(advice) => advice.original,
            Self::Reversal(_) => None,
            Self::Capture(capture) => capture.of,
            Self::Refund(refund) => refund.of,
        }
    }

    /// The span that it comes from, where that is recorded.
    pub fn traceparent(&self) -> Option<TraceParent> {
        match self {
            Self::Advice(advice) => advice.traceparent,
            Self::Reversal(reversal) => reversal.traceparent,
            Self::Capture(capture) => capture.traceparent,
            Self::Refund(refund) => refund.traceparent,
        }
    }

    /// The place of [`AdviceItem::traceparent`].
    pub fn traceparent_mut(&mut self) -> &mut Option<TraceParent> {
        match self {
            Self::Advice(advice) => &mut advice.traceparent,
            Self::Reversal(reversal) => &mut reversal.traceparent,
            Self::Capture(capture) => &mut capture.traceparent,
            Self::Refund(refund) => &mut refund.traceparent,
        }
    }

    /// The journal sequence number that an acknowledgement names.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Advice(advice) => advice.seq,
            Self::Reversal(reversal) => reversal.seq,
            Self::Capture(capture) => capture.seq,
            Self::Refund(refund) => refund.seq,
        }
    }
}

/// Who answered the cardholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdviceSource {
    /// A gateway of ours stood in.
    StandIn,
    /// The card network stood in, or completed (0120); it outranks us (rule 5).
    Network,
}

/// An answer that was given without the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advice {
    /// The id that the request had.
    pub id: AuthorizationId,
    /// The card.
    pub card: CardToken,
    /// How much was asked for.
    pub requested_minor: Amount,
    /// How much was approved; zero with `approved: false`.
    pub approved_minor: Amount,
    /// What was told.
    pub approved: bool,
    /// The currency of both amounts.
    pub currency: Currency,
    /// Digest of the request's content.
    pub fingerprint: Fingerprint,
    /// Who decided.
    pub source: AdviceSource,
    /// By which rule.
    pub reason: Reason,
    /// Why the ledger did not.
    pub cause: Cause,
    /// The record in the gateway's journal.
    pub seq: u64,
    /// The authorization that this one adds to; absent where it stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<AuthorizationId>,
    /// How many decimals the teller takes the currency's minor unit to stand for. Money with another
    /// number than ISO 4217's is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponent: Option<u8>,
    /// The span that it comes from, where that is recorded.
    #[serde(
        default,
        deserialize_with = "crate::trace::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub traceparent: Option<TraceParent>,
}

/// An authorization, a capture or a refund that the network took back, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// The id of the original.
    pub id: AuthorizationId,
    /// The card.
    pub card: CardToken,
    /// What remains of the original: zero for a full reversal (DE95 otherwise).
    pub remaining_minor: Amount,
    /// The record in the gateway's journal; 0 where there is none.
    pub seq: u64,
    /// The span that it comes from, where that is recorded.
    #[serde(
        default,
        deserialize_with = "crate::trace::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub traceparent: Option<TraceParent>,
}

/// Money that a merchant takes: of what is held, or more, or without a hold (a completion). Booked
/// verbatim, whatever the balance; it lowers the hold of the authorization that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// An id of its own, derived like every other.
    pub id: AuthorizationId,
    /// The authorization that it captures; absent for a completion without a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<AuthorizationId>,
    /// The card.
    pub card: CardToken,
    /// How much, in the account's currency.
    pub amount_minor: Amount,
    /// The currency.
    pub currency: Currency,
    /// True where more captures of the same authorization follow. Without it what is left of the hold is
    /// released, for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Digest of the message's content.
    pub fingerprint: Fingerprint,
    /// The record in the gateway's journal; 0 where there is none.
    #[serde(default)]
    pub seq: u64,
    /// How many decimals the caller takes the currency's minor unit to stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponent: Option<u8>,
    /// The span that it comes from, where that is recorded.
    #[serde(
        default,
        deserialize_with = "crate::trace::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub traceparent: Option<TraceParent>,
}

/// Money that a merchant gives back. Booked verbatim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// An id of its own, derived like every other.
    pub id: AuthorizationId,
    /// The authorization whose capture it gives back; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<AuthorizationId>,
    /// The card.
    pub card: CardToken,
    /// How much, in the account's currency.
    pub amount_minor: Amount,
    /// The currency.
    pub currency: Currency,
    /// Digest of the message's content.
    pub fingerprint: Fingerprint,
    /// The record in the gateway's journal; 0 where there is none.
    #[serde(default)]
    pub seq: u64,
    /// How many decimals the caller takes the currency's minor unit to stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponent: Option<u8>,
    /// The span that it comes from, where that is recorded.
    #[serde(
        default,
        deserialize_with = "crate::trace::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub traceparent: Option<TraceParent>,
}

/// `POST /v1/captures`: captures as they come, outside of a gateway's journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureBatch {
    /// Who asks.
    pub gateway: GatewayId,
    /// At most [`crate::BATCH_ITEMS_MAX`].
    pub items: Vec<Capture>,
}

/// `POST /v1/refunds`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundBatch {
    /// Who asks.
    pub gateway: GatewayId,
    /// At most [`crate::BATCH_ITEMS_MAX`].
    pub items: Vec<Refund>,
}

/// `POST /v1/reversals`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReversalBatch {
    /// Who asks.
    pub gateway: GatewayId,
    /// At most [`crate::BATCH_ITEMS_MAX`].
    pub items: Vec<Reversal>,
}

/// The answer to advices and reversals: one per item, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdviceAnswers {
    /// In the order of the request.
    pub items: Vec<AdviceAnswer>,
}

/// What came of one advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceAnswer {
    /// Which authorization.
    pub id: AuthorizationId,
    /// Which journal record.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub outcome: AdviceOutcome,
    /// True where its id was known with other content: the first content stands, nothing was booked a
    /// second time, and a person should look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conflict: bool,
    /// From this position on, balances include it.
    pub mark: Mark,
}

/// What the ledger did with an advice. All but `Failed` are final: the gateway need not send again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum AdviceOutcome {
    /// Booked, or recorded where nothing had to be booked.
    Applied,
    /// Known already; no second effect.
    Duplicate,
    /// Cannot be booked; kept in suspense, in plain sight, for a person. The same for a repeat.
    Parked {
        /// Why.
        reason: Reason,
    },
    /// Not done; send again.
    Failed {
        /// What went wrong.
        problem: Problem,
    },
}
