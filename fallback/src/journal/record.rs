//! What a frame carries: fixed-width, little-endian records, independent of the wire contract's
//! JSON. Every length is a multiple of eight; reserved bytes are zero and must be.
//!
//! ```text
//! 1 Answer (144), of older journals      2 Reversal (56)          3 Acknowledged (40)
//!    0  8  at, ms since boot               0  8  at, ms             0  8  at, ms since boot
//!    8 16  authorization id                8 16  original's id      8  8  seq acknowledged
//!   24 17  card token                     24 17  card token        16  1  flags: 1 parked
//!   41  1  flags: 1 approved, 2 asked,    41  7  reserved          17  1  reason parked
//!          4 repeat, 8 account,           48  8  remaining, minor  18  6  reserved
//!          16 expiry, 32 ledger                                    24  8  mark: epoch
//!          declines, 64 captures
//!   42  1  reason                                                  32  8  mark: position
//!   43  1  by: 0 ledger, 1 stand-in,
//!          2 network                    4 Booted (32)            5 Synced (0)
//!   44  1  cause                           0  8  at, ms since boot
//!   45  1  checks: 2 bits each, from        8 16  boot id
//!          the lowest CVV2, PIN, ARQC;   24  8  policy hash
//!          0 not presented, 1 unknown,
//!          2 matched, 3 failed
//!   46  2  currency, ISO 4217 numeric
//!   48  8  amount, minor
//!   56  8  approved amount, minor
//!   64  2  expiry, YYMM
//!   66  2  reserved
//!   68  4  STAN
//!   72 12  RRN
//!   84  4  terminal, a digest
//!   88  8  fingerprint
//!   96  8  alias
//!  104  8  account
//!  112  8  mark: epoch
//!  120  8  mark: position
//!  128  8  policy hash
//!  136  8  knowledge age, ms            6 Covered (24)
//!                                          0  8  at, ms since boot
//!                                          8  8  seq covered
//!                                         16  8  shortfall, minor
//!
//! 7 Capture, 8 Refund (88)
//!    0  8  at, ms since boot
//!    8 16  its own id
//!   24 17  card token
//!   41  1  flags: 1 more follow (nothing in 8), 2 original, 4 account
//!   42  2  currency, ISO 4217 numeric
//!   44  4  reserved
//!   48 16  original's id
//!   64  8  amount, minor
//!   72  8  fingerprint
//!   80  8  account
//!
//! 9 Answer (184)
//!    0 144  as 1
//!  144  2  MCC; zero here and below: not told
//!  146  2  country, ISO 3166 numeric
//!  148  4  merchant, a digest
//!  152  4  first digits of the card number, a digest
//!  156  1  kind: 0 purchase, 1 cash, 2 credit, 3 other, 4 inquiry
//!  157  1  entry: 0 unknown, 1 chip, 2 contactless, 3 stripe, 4 e-commerce, 5 keyed
//!  158  1  flags: 1 the terminal takes less
//!  159  1  reserved
//!  160  8  rules that were broken: a bit for each reason, at the place of its number
//!  168  8  exposure before, minor units of the policy's currency
//!  176  8  exposure after
//! ```
//!
//! A new type of record needs no new version of the format: who does not know a type refuses the
//! whole journal, and skips nothing.

mod answered;
mod completed;

use ledger_api::{AccountId, Amount, AuthorizationId, CardToken, Cause, Currency, Mark, Reason};

pub(crate) use answered::BYTES as ANSWER_BYTES;

use crate::circumstances::Kind;
use crate::decide::Reasons;
use crate::words::{Answer, Completion, DecidedBy, Movement, Request};

/// One thing that must not be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// The network was answered, or told us its own answer.
    Answer(Answered),
    /// The network took something back.
    Reversal(Reversed),
    /// The network told of money that was captured or given back.
    Completion(Completed),
    /// The ledger has acknowledged an earlier record.
    Acknowledged(Acknowledged),
    /// The gateway started.
    Booted(Booted),
    /// The feed has shown the booking of an earlier stand-in approval.
    Covered(Covered),
    /// Says only, like every frame, how far the journal was synced; written when there is nothing
    /// else to write.
    Synced,
}

/// An answer, and everything that a repeat, a replay or an auditor needs to know about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// When, in milliseconds since boot.
    pub at_ms: u64,
    /// What was asked.
    pub request: Request,
    /// The account that was weighed; `None` for an unknown card.
    pub account: Option<AccountId>,
    /// What was told.
    pub approved: bool,
    /// How much; zero for a decline.
    pub approved_amount: Amount,
    /// The binding reason.
    pub reason: Reason,
    /// Who decided.
    pub by: DecidedBy,
    /// Why the ledger did not.
    pub cause: Cause,
    /// True where the ledger was asked and its outcome is not known.
    pub asked: bool,
    /// True where the ledger, by what was known of card and account, cannot have approved it: nothing
    /// is held for it there.
    pub ledger_declines: bool,
    /// The ledger's mark; zero where it did not decide.
    pub mark: Mark,
    /// Digest of the policy in force.
    pub policy_hash: u64,
    /// How old the knowledge was, in milliseconds.
    pub knowledge_age_ms: u64,
    /// Every rule that it broke; of older journals none.
    pub broken: Reasons,
    /// Exposure and realised overdraft of the gateway before it, in minor units of the policy's currency;
    /// of older journals zero, and what follows is what was approved.
    pub exposure_before: i64,
    /// The same after it: what stand-in approved is in it.
    pub exposure_after: i64,
}

impl Answered {
    /// What it adds to the gateway's exposure, in minor units of the policy's currency.
    pub(crate) fn charge(&self) -> i64 {
        self.exposure_after.saturating_sub(self.exposure_before)
    }

    /// True where it is of money for the cardholder.
    pub(crate) fn is_credit(&self) -> bool {
        self.request.circumstances.kind == Kind::Credit
    }

    /// The answer as the rest of the crate speaks of it, not reversed yet. `seq` is this record's.
    pub fn answer(&self, seq: u64, approval_code: [u8; 6]) -> Answer {
        Answer {
            request: self.request,
            approved: self.approved,
            approved_amount: self.approved_amount,
            reason: self.reason,
            by: self.by,
            cause: self.cause,
            approval_code,
            seq,
            reversed_to: None,
        }
    }
}

/// A reversal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reversed {
    /// When, in milliseconds since boot.
    pub at_ms: u64,
    /// The id of the original.
    pub id: AuthorizationId,
    /// The card.
    pub card: CardToken,
    /// What remains of the original, in minor units; zero for a full reversal.
    pub remaining: Amount,
}

/// A capture or a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// When, in milliseconds since boot.
    pub at_ms: u64,
    /// What was told.
    pub completion: Completion,
    /// The account that it moves money of; `None` for an unknown card.
    pub account: Option<AccountId>,
}

/// The ledger's final word on an earlier record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// When, in milliseconds since boot.
    pub at_ms: u64,
    /// The sequence number of the record that was acknowledged.
    pub seq: u64,
    /// Why it could not be booked and waits for a person; `None` where it was booked.
    pub parked: Option<Reason>,
    /// From this feed position on, balances include it (rule 12).
    pub mark: Mark,
}

/// A start of the gateway; what follows was written by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booted {
    /// When, in milliseconds since boot.
    pub at_ms: u64,
    /// Which start of which machine; times of two different ones do not compare (rule 16).
    pub boot_id: u128,
    /// Digest of the policy in force.
    pub policy_hash: u64,
}

/// The end of a stand-in approval's exposure: from here on only its shortfall stays charged
/// (rule 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered {
    /// When, in milliseconds since boot.
    pub at_ms: u64,
    /// The sequence number of the stand-in answer.
    pub seq: u64,
    /// The overdraft that it realised, in minor units.
    pub shortfall: Amount,
}

/// A payload whose checksum is right and whose content cannot be: written by other software, or by
/// a defect. Never skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A record type that this version does not have.
    #[error("unknown record type {0}")]
    UnknownType(u8),
    /// A field that cannot be.
    #[error("record type {kind} with an impossible {field}")]
    Impossible {
        /// The record type.
        kind: u8,
        /// Which field.
        field: &'static str,
    },
}

const ANSWER_BEFORE: u8 = 1;
const REVERSAL: u8 = 2;
const ACKNOWLEDGED: u8 = 3;
const BOOTED: u8 = 4;
const SYNCED: u8 = 5;
const COVERED: u8 = 6;
const CAPTURE: u8 = 7;
const REFUND: u8 = 8;
const ANSWER: u8 = 9;

const PARKED: u8 = 1;

impl Record {
    /// The type byte of the frame.
    pub(crate) const fn kind(&self) -> u8 {
        match self {
            Self::Answer(_) => ANSWER,
            Self::Reversal(_) => REVERSAL,
            Self::Acknowledged(_) => ACKNOWLEDGED,
            Self::Booted(_) => BOOTED,
            Self::Synced => SYNCED,
            Self::Covered(_) => COVERED,
            Self::Completion(completed) => match completed.completion.movement {
                Movement::Capture => CAPTURE,
                Movement::Refund => REFUND,
            },
        }
    }

    /// How many bytes [`Record::encode`] appends.
    pub(crate) const fn payload_bytes(&self) -> usize {
        match self {
            Self::Answer(_) => answered::BYTES,
            Self::Reversal(_) => 56,
            Self::Acknowledged(_) => 40,
            Self::Booted(_) => 32,
            Self::Synced => 0,
            Self::Covered(_) => 24,
            Self::Completion(_) => completed::BYTES,
        }
    }

    /// Appends the payload.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Answer(answered) => answered::encode(answered, out),
            Self::Reversal(reversed) => {
                out.extend(reversed.at_ms.to_le_bytes());
                out.extend(reversed.id.0);
                out.extend(reversed.card.to_bytes());
                out.extend([0; 7]);
                put_amount(out, reversed.remaining);
            }
            Self::Acknowledged(acknowledged) => {
                out.extend(acknowledged.at_ms.to_le_bytes());
                out.extend(acknowledged.seq.to_le_bytes());
                out.push(if acknowledged.parked.is_some() {
                    PARKED
                } else {
                    0
                });
                out.push(acknowledged.parked.map_or(0, Reason::code));
                out.extend([0; 6]);
                put_mark(out, acknowledged.mark);
            }
            Self::Booted(booted) => {
                out.extend(booted.at_ms.to_le_bytes());
                out.extend(booted.boot_id.to_le_bytes());
                out.extend(booted.policy_hash.to_le_bytes());
            }
            Self::Covered(covered) => {
                out.extend(covered.at_ms.to_le_bytes());
                out.extend(covered.seq.to_le_bytes());
                put_amount(out, covered.shortfall);
            }
            Self::Completion(completed) => completed::encode(completed, out),
            Self::Synced => {}
        }
    }

    /// The inverse of [`Record::encode`]; accepts nothing else.
    pub(crate) fn decode(kind: u8, payload: &[u8]) -> Result<Self, RecordError> {
        let mut fields = Fields {
            kind,
            rest: payload,
        };
        let record = match kind {
            ANSWER_BEFORE => Self::Answer(answered::decode(&mut fields, false)?),
            ANSWER => Self::Answer(answered::decode(&mut fields, true)?),
            REVERSAL => Self::Reversal(decode_reversal(&mut fields)?),
            ACKNOWLEDGED => Self::Acknowledged(decode_acknowledged(&mut fields)?),
            BOOTED => Self::Booted(Booted {
                at_ms: fields.u64()?,
                boot_id: u128::from_le_bytes(fields.take()?),
                policy_hash: fields.u64()?,
            }),
            SYNCED => Self::Synced,
            COVERED => Self::Covered(Covered {
                at_ms: fields.u64()?,
                seq: fields.u64()?,
                shortfall: fields.amount()?,
            }),
            CAPTURE => Self::Completion(completed::decode(&mut fields, Movement::Capture)?),
            REFUND => Self::Completion(completed::decode(&mut fields, Movement::Refund)?),
            unknown => return Err(RecordError::UnknownType(unknown)),
        };
        fields.check(fields.rest.is_empty(), "length")?;
        Ok(record)
    }
}

fn decode_reversal(fields: &mut Fields<'_>) -> Result<Reversed, RecordError> {
    let at_ms = fields.u64()?;
    let id = AuthorizationId(fields.take()?);
    let card = CardToken::from_bytes(fields.take()?);
    fields.reserved::<7>()?;
    Ok(Reversed {
        at_ms,
        id,
        card,
        remaining: fields.amount()?,
    })
}

fn decode_acknowledged(fields: &mut Fields<'_>) -> Result<Acknowledged, RecordError> {
    let at_ms = fields.u64()?;
    let seq = fields.u64()?;
    let parked = match fields.u8()? {
        0 => {
            fields.reserved::<1>()?;
            None
        }
        PARKED => Some(fields.reason()?),
        _ => return Err(fields.impossible("flag")),
    };
    fields.reserved::<6>()?;
    Ok(Acknowledged {
        at_ms,
        seq,
        parked,
        mark: fields.mark()?,
    })
}

fn put_amount(out: &mut Vec<u8>, amount: Amount) {
    out.extend(amount.minor().to_le_bytes());
}

fn put_mark(out: &mut Vec<u8>, mark: Mark) {
    out.extend(mark.epoch.to_le_bytes());
    out.extend(mark.position.to_le_bytes());
}

/// What is left of a payload.
struct Fields<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.impossible("length"))?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn u8(&mut self) -> Result<u8, RecordError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Result<u64, RecordError> {
        self.take().map(u64::from_le_bytes)
    }

    fn reserved<const N: usize>(&mut self) -> Result<(), RecordError> {
        let bytes = self.take::<N>()?;
        self.check(bytes == [0; N], "reserved byte")
    }

    fn amount(&mut self) -> Result<Amount, RecordError> {
        let minor = i64::from_le_bytes(self.take()?);
        Amount::new(minor).map_err(|_| self.impossible("amount"))
    }

    fn currency(&mut self) -> Result<Currency, RecordError> {
        let numeric = u16::from_le_bytes(self.take()?);
        Currency::from_numeric(numeric).map_err(|_| self.impossible("currency"))
    }

    fn reason(&mut self) -> Result<Reason, RecordError> {
        let code = self.u8()?;
        Reason::from_code(code).ok_or_else(|| self.impossible("reason"))
    }

    fn mark(&mut self) -> Result<Mark, RecordError> {
        Ok(Mark {
            epoch: self.u64()?,
            position: self.u64()?,
        })
    }

    fn check(&self, holds: bool, field: &'static str) -> Result<(), RecordError> {
        if holds {
            Ok(())
        } else {
            Err(self.impossible(field))
        }
    }

    fn impossible(&self, field: &'static str) -> RecordError {
        RecordError::Impossible {
            kind: self.kind,
            field,
        }
    }
}
