//! What goes into stand-in and what comes out.

use ledger_api::{
    AccountId, Amount, AuthorizationId, CardToken, Cause, Currency, Expiry, Fingerprint, Mark,
    Reason,
};
use sha2::{Digest, Sha256};

use crate::circumstances::Circumstances;
use crate::decide::Reasons;
use crate::verification::Verification;

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
    /// What came of the checks of card and cardholder. No part of the fingerprint: a repeat that is
    /// sent without its PIN block asks for the same, and gets the answer that was given.
    pub verification: Verification,
    /// Digest of the network's terminal, for whoever names this one without its key; zero where it is
    /// not known.
    pub terminal: u32,
    /// True where an approval takes the money at once (0200): it is captured in the same step.
    pub captures: bool,
    /// What it is for, and where and how it was made. No part of the fingerprint.
    pub circumstances: Circumstances,
}

impl Request {
    /// What it can be found by without its key.
    pub fn reference(&self) -> Reference {
        Reference {
            card: self.card,
            rrn: self.rrn,
            terminal: self.terminal,
        }
    }
}

/// What an authorization is found by where its key is not known: the same card, at the same terminal,
/// under the same retrieval reference number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The card.
    pub card: CardToken,
    /// Retrieval reference number, padded with spaces.
    pub rrn: [u8; 12],
    /// Digest of the network's terminal; zero where it is not known.
    pub terminal: u32,
}

impl Reference {
    /// False where it says too little to be looked for.
    pub fn is_complete(&self) -> bool {
        let blank = |byte: &u8| matches!(byte, b' ' | b'0');
        self.terminal != 0 && !self.rrn.iter().all(blank)
    }
}

/// What was found for a [`Reference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This one, and no other.
    One(AuthorizationId),
    /// None.
    Nothing,
    /// More than one: nobody may choose.
    Several,
}

impl Found {
    /// With one more.
    pub(crate) fn and(self, id: AuthorizationId) -> Self {
        match self {
            Self::Nothing => Self::One(id),
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

/// Which way a completion moves money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Movement {
    /// A merchant takes it.
    Capture,
    /// A merchant gives it back.
    Refund,
}

/// Money that moved, as the network tells it (0220): under an id of its own, and never refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// Its own identity.
    pub id: AuthorizationId,
    /// The authorization that it belongs to; `None` where it stands alone.
    pub of: Option<AuthorizationId>,
    /// Which way.
    pub movement: Movement,
    /// The card.
    pub card: CardToken,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// True where more captures of the same authorization follow; without it what is left of the hold
    /// is released.
    pub more: bool,
    /// Digest of what a repeat must not change.
    pub fingerprint: Fingerprint,
}

/// The id of the completion that has the same references as this authorization: of a space of its own,
/// so that a completion may repeat the references of what it completes.
pub fn completion_id(authorization: &AuthorizationId) -> AuthorizationId {
    let hash = Sha256::new()
        .chain_update(b"holdfast completion")
        .chain_update(authorization.0);
    let digest: [u8; 32] = hash.finalize().into();
    AuthorizationId(digest.first_chunk().copied().unwrap_or_default())
}

impl Completion {
    /// True where the other one is this one again. To which authorization it was found to belong does
    /// not count: that may become known only later.
    pub fn repeats(&self, first: &Self) -> bool {
        Self {
            of: first.of,
            ..*self
        } == *first
    }
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
    /// How much: what was asked for, or what the limits leave of it where the terminal takes less; zero for
    /// a decline.
    pub approved_amount: Amount,
    /// The reason that is given.
    pub reason: Reason,
    /// The first rule that is broken: of a decline the reason, of a part what made it one.
    pub binding: Option<Reason>,
    /// Every rule that had something to weigh.
    pub weighed: Reasons,
    /// Every rule that is broken.
    pub broken: Reasons,
    /// Exposure and realised overdraft of the gateway, in minor units of the policy's currency.
    pub exposure_before: i64,
    /// The same with what is approved.
    pub exposure_after: i64,
    /// The account that was weighed, where the card is known.
    pub account: Option<AccountId>,
    /// How old the knowledge was, in milliseconds.
    pub knowledge_age_ms: u64,
    /// Digest of the policy that it was weighed by.
    pub policy_hash: u64,
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

/// Why what the network tells is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The same id was told before with other content: the first one stands (I3).
    #[error("this was told before with other content; the first one stands")]
    Conflict,
    /// It could not be made durable; the network must send it again.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

/// An advice, a completion or a reversal that came from the network and was written down.
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
