//! Asking for a decision.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Amount, AuthorizationId, CardToken, Currency, Fingerprint, GatewayId, Money,
    Problem, Reason, TraceParent,
};

/// Expiry of a card, `YYMM` as on the wire: `2912` is the end of December 2029.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Expiry(u16);

/// An expiry whose month is not 01 to 12.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an expiry must be YYMM with a month from 01 to 12")]
pub struct ExpiryError;

impl TryFrom<u16> for Expiry {
    type Error = ExpiryError;

    fn try_from(yymm: u16) -> Result<Self, ExpiryError> {
        if yymm <= 9912 && (1..=12).contains(&(yymm % 100)) {
            Ok(Self(yymm))
        } else {
            Err(ExpiryError)
        }
    }
}

impl From<Expiry> for u16 {
    fn from(expiry: Expiry) -> Self {
        expiry.0
    }
}

/// Where the ledger stood when it did something: its epoch and its position in the feed. A balance
/// at or after this position, in this epoch, includes it (rule 12).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Mark {
    /// Changes when a ledger is restored from a backup: positions of two epochs do not compare.
    pub epoch: u64,
    /// Position in the feed; without holes inside an epoch (rule 13).
    pub position: u64,
}

/// `POST /v1/authorizations`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeBatch {
    /// Who asks.
    pub gateway: GatewayId,
    /// At most [`BATCH_ITEMS_MAX`].
    pub items: Vec<AuthorizeRequest>,
}

/// How many items a batch may have; more is refused as a whole.
pub const BATCH_ITEMS_MAX: usize = 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationKind {
    /// Money, which is held.
    #[default]
    Purchase,
    /// Whether the card may be used, for an amount of zero. Nothing is held.
    Verification,
    /// How much the card's account may spend, for an amount of zero. Nothing is held.
    BalanceInquiry,
}

impl AuthorizationKind {
    /// True for a purchase, which is not written on the wire.
    pub fn is_purchase(&self) -> bool {
        *self == Self::Purchase
    }
}

/// One authorization to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeRequest {
    /// Its identity.
    pub id: AuthorizationId,
    /// The card.
    pub card: CardToken,
    /// How much.
    pub amount_minor: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Digest of what a repeat must not change.
    pub fingerprint: Fingerprint,
    /// Spend on this card's account that the asking gateway has approved by stand-in and whose
    /// advice the ledger has not acknowledged yet: taken off what is available, so that a
    /// recovering ledger does not approve money that is spent already.
    #[serde(default)]
    pub unbooked_minor: i64,
    /// What is asked for.
    #[serde(default, skip_serializing_if = "AuthorizationKind::is_purchase")]
    pub kind: AuthorizationKind,
    /// True where the terminal takes less than it asks for: then the answer to too little money is an
    /// approval of what there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The authorization that this one adds to; absent where it stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<AuthorizationId>,
    /// How many decimals the caller takes the currency's minor unit to stand for. Another number than
    /// ISO 4217's fails the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponent: Option<u8>,
    /// What the merchant charged, where that is another currency than the account's: for people. What
    /// is held is `amount_minor`, the billing amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Money>,
    /// The span that it comes from, where that is recorded.
    #[serde(
        default,
        deserialize_with = "crate::trace::lenient",
        skip_serializing_if = "Option::is_none"
    )]
    pub traceparent: Option<TraceParent>,
}

/// The answer to [`AuthorizeBatch`]: one per item, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthorizeAnswers {
    /// In the order of the request.
    pub items: Vec<AuthorizeAnswer>,
}

/// What came of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum AuthorizeAnswer {
    /// Decided now, or before: a repeat gets what the first one got.
    Decided(LedgerDecision),
    /// The id is known with other content. Nothing was done.
    Conflict,
    /// This item failed; the others stand.
    Failed(Problem),
}

/// A decision of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerDecision {
    /// `None` where the card is unknown.
    pub account: Option<AccountId>,
    /// What was approved; zero for a decline.
    pub approved_minor: Amount,
    /// True for an approval (which may be of zero).
    pub approved: bool,
    /// The binding reason.
    pub reason: Reason,
    /// What the account may spend; in the answer to a balance inquiry only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_minor: Option<i64>,
    /// The feed position from which on the account's balance includes it.
    pub mark: Mark,
}
