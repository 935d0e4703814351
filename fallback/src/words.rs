//! What goes into stand-in and what comes out.

use ledger_api::{
    AccountId, Amount, AuthorizationId, CardToken, Cause, Currency, Expiry, Fingerprint, Mark,
    Reason,
};

/// The time, as the caller reads it: milliseconds since the machine started. No limit window reads
/// the wall clock; `yymm` is only compared with a card's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since boot.
    pub boot_ms: u64,
    /// Year and month in UTC as `YYMM`.
    pub yymm: u16,
}

/// An authorization to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its identity.
    pub id: AuthorizationId,
    /// The card.
    pub card: CardToken,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The expiry that was presented, if one was.
    pub expiry: Option<Expiry>,
    /// Digest of what a repeat must not change.
    pub fingerprint: Fingerprint,
    /// Digest of the client's `Idempotency-Key`, scoped to the client; zero where there is none.
    pub alias: u64,
    /// True where the sender says that it has sent this before (0101, `"repeat": true`).
    pub repeat: bool,
    /// The network's references, so that it can be found by STAN and RRN.
    pub stan: u32,
    /// Retrieval reference number, padded with spaces.
    pub rrn: [u8; 12],
}

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecidedBy {
    /// The ledger.
    Ledger,
    /// This gateway.
    StandIn,
    /// The card network (0120).
    Network,
}

/// The answer that an id got: the first one, which every repeat gets again (I3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub request: Request,
    /// Approved or declined.
    pub approved: bool,
    /// How much; zero for a decline.
    pub approved_amount: Amount,
    /// The binding reason.
    pub reason: Reason,
    /// Who decided.
    pub by: DecidedBy,
    /// Why the ledger did not; `None` where it did.
    pub cause: Cause,
    /// Six characters for DE38, derived from the id; meaningful for approvals.
    pub approval_code: [u8; 6],
    /// The record in the journal.
    pub seq: u64,
    /// What a reversal left of it, if one came.
    pub reversed_to: Option<Amount>,
}

/// What the ledger answered, as much of it as is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerAnswer {
    /// The account; `None` for an unknown card.
    pub account: Option<AccountId>,
    /// Approved or declined.
    pub approved: bool,
    /// How much; zero for a decline.
    pub approved_amount: Amount,
    /// The binding reason.
    pub reason: Reason,
    /// From this feed position on, balances include it.
    pub mark: Mark,
}

/// A stand-in decision before it is an answer: what the rules say, and what they were weighed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Approved or declined.
    pub approved: bool,
    /// The binding reason.
    pub reason: Reason,
    /// The account that was weighed, where the card is known.
    pub account: Option<AccountId>,
    /// How old the knowledge was, in milliseconds.
    pub knowledge_age_ms: u64,
}

/// Why an authorization gets no answer at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The write or the fsync failed: nobody knows whether the record is durable (rule 10).
    #[error(
        "the journal failed ({0}): the outcome of this request is unknown; ask again with the same \
         id after the gateway has been restarted on a healthy disk"
    )]
    OutcomeUnknown(String),
    /// The journal has no room for something that must not be answered before it is written down.
    #[error("{0}")]
    JournalFull(String),
}

/// An advice or a reversal that came from the network and was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The record in the journal.
    pub seq: u64,
    /// True where the same one had been accepted before.
    pub duplicate: bool,
}

/// An answer as an auditor reads it, in the order of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournaledAnswer {
    /// The answer, with its sequence number.
    pub answer: Answer,
    /// True where the ledger has nothing left to be told about it.
    pub acknowledged: bool,
}
