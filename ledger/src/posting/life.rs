//! What happens to an authorization after its answer: increments, captures, refunds, and its end.

use ledger_api::{Amount, AuthorizationId, AuthorizationState, Money, Resolved};
use serde::{Deserialize, Serialize};

use super::record::Record;

/// The facts of a record that a plain authorization does not have. Amounts are sums over the distinct
/// messages that name the record as their original, stages are a set, and what a message says of
/// itself is said once: so no order of messages can change them (I13). Only an id that comes again
/// with other content has an order: the first content stands, and it is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Life {
    /// The authorization that it adds to, takes or gives back.
    pub link: Option<Link>,
    /// Set where it is a capture or a refund, and no authorization.
    pub moved: Option<Moved>,
    /// What its increments hold on top.
    pub incremented_minor: i64,
    /// What captures have taken of it.
    pub captured_minor: i64,
    /// What refunds have given back of it.
    pub refunded_minor: i64,
    /// What has happened to it.
    pub stages: Stages,
    /// What the merchant charged; for people.
    pub transaction: Option<Money>,
    /// The balance that was told to whoever asked for it.
    pub shown_minor: Option<i64>,
    /// What a person has decided.
    pub resolved: Option<Resolved>,
    /// True while that person's word is the last one: it is not listed any more.
    pub settled: bool,
}

/// Which authorization a message adds to, takes or gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub original: AuthorizationId,
    /// False where the two contradict each other: then the message stands alone.
    pub counts: bool,
}

/// Money that was taken or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Which of the two.
    pub kind: MovedKind,
    /// How much.
    pub amount: Amount,
    /// True where more captures of the same authorization follow.
    pub more: bool,
}

/// Taken or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovedKind {
    /// Taken.
    Capture,
    /// Given back.
    Refund,
}

/// What has happened to a record: a set, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stages(u8);

impl Stages {
    /// Another message names it as its original.
    pub const NAMED: Self = Self(1);
    /// Its final capture was booked.
    pub const CAPTURED: Self = Self(2);
    /// The issuer let its hold go.
    pub const RELEASED: Self = Self(4);
    /// Nobody captured it in time.
    pub const EXPIRED: Self = Self(8);

    /// The set as bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits; `None` if one of them means nothing.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits < 16).then_some(Self(bits))
    }

    /// True if all of the other are in it.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True once nothing can be held any more, ever.
    pub fn over(self) -> bool {
        self.0 & !Self::NAMED.0 != 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What a message contributes to its original.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Contribution {
    named: bool,
    incremented: i64,
    captured: i64,
    refunded: i64,
    closes: bool,
}

impl Contribution {
    /// True where it asks for more of its original's hold than the other.
    pub(crate) fn holds_more_than(&self, other: &Self) -> bool {
        self.incremented > other.incremented
    }
}

impl Life {
    /// True where there is nothing to write but what a plain authorization has. Once false, it stays
    /// so: every fact but the sums only grows, and whoever has sums is named.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Puts one contribution in the place of another.
    pub(crate) fn exchange(&mut self, was: Contribution, now: Contribution) {
        let add = |sum: i64, was: i64, now: i64| sum.saturating_add(now - was);
        self.incremented_minor = add(self.incremented_minor, was.incremented, now.incremented);
        self.captured_minor = add(self.captured_minor, was.captured, now.captured);
        self.refunded_minor = add(self.refunded_minor, was.refunded, now.refunded);
        if now.named {
            self.stages.add(Stages::NAMED);
        }
        if now.closes {
            self.stages.add(Stages::CAPTURED);
        }
    }
}

impl Record {
    /// The authorization whose hold it changes.
    pub(crate) fn original(&self) -> Option<AuthorizationId> {
        let link = self.life.link.filter(|link| link.counts);
        link.map(|link| link.original)
    }

    /// True for an authorization whose hold is with its original.
    pub(crate) fn is_increment(&self) -> bool {
        self.life.moved.is_none() && self.original().is_some()
    }

    /// True once nothing can be held for it any more: it is closed, taken back, or declined.
    pub(crate) fn is_over(&self) -> bool {
        let declined = self.standing().is_some_and(|told| !told.verdict().approved);
        self.life.stages.over() || self.reversed_to == Some(Amount::ZERO) || declined
    }

    /// What its own answer approved and no reversal took back, with what its increments add, without
    /// what captures took: the hold that the facts call for. A full reversal takes the increments
    /// along, and what is closed holds nothing.
    pub(crate) fn open(&self) -> i64 {
        if self.life.stages.over() || self.reversed_to == Some(Amount::ZERO) {
            return 0;
        }
        let own = match self.standing() {
            Some(told) if told.verdict().approved => told.verdict().approved_minor,
            _ => Amount::ZERO,
        };
        let added = self.life.incremented_minor - self.life.captured_minor;
        (self.left(own) + added).max(0)
    }

    /// What reversals leave of an amount.
    pub(crate) fn left(&self, amount: Amount) -> i64 {
        self.reversed_to
            .map_or(amount, |remaining| amount.min(remaining))
            .minor()
    }

    /// What it contributes to its original: a function of its facts. What is parked contributes
    /// nothing until a person books it.
    pub(crate) fn contribution(&self) -> Contribution {
        let mut contribution = Contribution {
            named: self.original().is_some(),
            ..Contribution::default()
        };
        if !contribution.named || self.parked.is_some() || self.account.is_none() {
            return contribution;
        }
        match self.life.moved {
            None => contribution.incremented = self.open(),
            Some(moved) if moved.kind == MovedKind::Capture => {
                contribution.captured = self.left(moved.amount);
                contribution.closes = !moved.more;
            }
            Some(moved) => contribution.refunded = self.left(moved.amount),
        }
        contribution
    }

    /// Where it stands.
    pub(crate) fn state(&self) -> AuthorizationState {
        use AuthorizationState as State;
        if self.parked.is_some() {
            return State::Parked;
        }
        let reversed = self.reversed_to == Some(Amount::ZERO);
        let standing = self.standing().map(|told| told.verdict().approved);
        match (self.life.moved, standing) {
            (Some(_), _) if reversed => State::Reversed,
            (Some(moved), _) if moved.kind == MovedKind::Capture => State::Posted,
            (Some(_), _) => State::Refunded,
            (None, None) => State::Tombstone,
            (None, Some(false)) => State::Declined,
            (None, Some(true)) if self.life.stages.has(Stages::CAPTURED) => State::Captured,
            (None, Some(true)) if self.life.stages.has(Stages::RELEASED) => State::Released,
            (None, Some(true)) if self.life.stages.has(Stages::EXPIRED) => State::Expired,
            (None, Some(true)) if reversed => State::Reversed,
            (None, Some(true)) => State::Held,
        }
    }
}
