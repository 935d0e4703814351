//! All that is known of the money of one authorization.

use ledger_api::{AuthorizationId, Mark};

use super::open::Open;
use crate::maps::Keyed;
use crate::policy::share;

/// Something that became known about an id. Amounts are minor units, `seq` the journal record that
/// the ledger has to acknowledge.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Claim {
    /// Stand-in approved it: exposure of `charge`, in the policy's currency.
    Approved { minor: i64, charge: i64, seq: u64 },
    /// The ledger was asked, its answer is unknown, and stand-in declined: the ledger may hold it
    /// until it has taken the advice.
    Unknown { minor: i64, seq: u64 },
    /// The ledger approved it; balances show it from `mark` on.
    Ledger {
        minor: i64,
        mark: Mark,
        served_ms: u64,
    },
    /// The network approved or captured it (0120, 0220), or the ledger did before it was restored: the ledger has to be
    /// told, and it is held until then, but it is not our exposure (rule 5).
    Told { minor: i64, seq: u64 },
}

/// One authorization's own spend.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: AuthorizationId,
    /// The account, and its entries before and behind this one: as rows of the book.
    pub(super) account: u32,
    pub(super) newer: Option<u32>,
    pub(super) older: Option<u32>,
    /// True until its exposure has left.
    exposed: bool,
    /// The largest amount that anybody claims for it.
    claimed: i64,
    /// What stand-in approved, and what that is in the policy's currency.
    approved: i64,
    charge: i64,
    /// The record of that approval; zero for none.
    approval: u64,
    /// What a reversal left; more than any amount where none came.
    remaining: i64,
    /// Records that the ledger has not acknowledged in its current epoch.
    open: Open,
    /// The latest mark that anybody gave.
    mark: Option<Mark>,
    /// When the ledger approved it, in served time.
    served_ms: u64,
}

impl Keyed for Entry {
    type Key = AuthorizationId;

    fn key(&self) -> AuthorizationId {
        self.id
    }
}

impl Entry {
    pub(super) fn new(id: AuthorizationId, account: u32) -> Self {
        Self {
            id,
            account,
            newer: None,
            older: None,
            exposed: false,
            claimed: 0,
            approved: 0,
            charge: 0,
            approval: 0,
            remaining: i64::MAX,
            open: Open::default(),
            mark: None,
            served_ms: 0,
        }
    }

    pub(super) fn claim(&mut self, claim: Claim) {
        let minor = match claim {
            Claim::Approved { minor, charge, seq } => {
                self.approved = minor;
                self.approval = seq;
                self.charge = charge;
                self.exposed = true;
                self.reopen(seq);
                minor
            }
            Claim::Unknown { minor, seq } | Claim::Told { minor, seq } => {
                self.reopen(seq);
                minor
            }
            Claim::Ledger {
                minor,
                mark,
                served_ms,
            } => {
                self.served_ms = served_ms;
                self.raise(mark);
                minor
            }
        };
        self.claimed = self.claimed.max(minor);
    }

    /// Claims this much and no more.
    pub(super) fn owe(&mut self, minor: i64) {
        self.claimed = minor;
    }

    pub(super) fn reverse(&mut self, remaining: i64, seq: u64, open: bool) {
        self.remaining = self.remaining.min(remaining);
        if open {
            self.reopen(seq);
        }
    }

    pub(super) fn acknowledge(&mut self, seq: u64, mark: Mark) {
        self.open.remove(seq);
        self.raise(mark);
    }

    pub(super) fn reopen(&mut self, seq: u64) {
        self.open.add(seq);
    }

    /// Waits for a position of this epoch after this one.
    pub(super) fn is_after(&self, to: Mark) -> bool {
        self.mark
            .is_some_and(|mark| mark.epoch == to.epoch && mark > to)
    }

    /// Waits for an epoch that no ledger has.
    pub(super) fn disprove(&mut self) {
        self.mark = self.mark.map(|mark| Mark { epoch: 0, ..mark });
    }

    /// The exposure has left; what is held stays until the feed shows it.
    pub(super) fn cover(&mut self) {
        self.exposed = false;
    }

    pub(super) fn clear(&mut self) {
        let Self {
            id,
            account,
            newer,
            older,
            ..
        } = *self;
        *self = Self {
            newer,
            older,
            ..Self::new(id, account)
        };
    }

    /// Subtracted from the balance.
    pub(super) fn held(&self) -> i64 {
        self.capped(self.claimed)
    }

    /// Counted against the cap, in the policy's currency.
    pub(super) fn exposure(&self) -> i64 {
        self.charge_of(self.exposed_minor())
    }

    /// A part of what was approved, in the policy's currency.
    pub(super) fn charge_of(&self, minor: i64) -> i64 {
        share(self.charge, self.approved, minor)
    }

    /// What is exposed, in the account's currency.
    pub(super) fn exposed_minor(&self) -> i64 {
        if self.exposed {
            self.capped(self.approved)
        } else {
            0
        }
    }

    /// Approved by stand-in and not acknowledged.
    pub(super) fn unbooked(&self) -> i64 {
        if self.open.contains(self.approval) {
            self.capped(self.approved)
        } else {
            0
        }
    }

    /// The record of an approval whose exposure has not left.
    pub(super) fn exposed_approval(&self) -> Option<u64> {
        (self.approval != 0 && self.exposed).then_some(self.approval)
    }

    /// The mark it waits for, once there is nothing left to tell.
    pub(super) fn waits_for(&self) -> Option<Mark> {
        self.mark.filter(|_| self.open.is_empty())
    }

    /// The feed has passed everything.
    pub(super) fn is_shown(&self, shown: Mark) -> bool {
        self.waits_for()
            .is_some_and(|mark| mark.epoch == shown.epoch && mark.position <= shown.position)
    }

    /// Waits for an epoch that is gone, cannot be told again, and has waited for long enough.
    pub(super) fn is_over(&self, shown: Mark, served_ms: u64, after_ms: u64) -> bool {
        !self.exposed
            && self
                .waits_for()
                .is_some_and(|mark| mark.epoch != shown.epoch)
            && served_ms.saturating_sub(self.served_ms) >= after_ms
    }

    /// Positions of two epochs do not compare: the one told last counts.
    fn raise(&mut self, mark: Mark) {
        self.mark = match self.mark {
            Some(before) if before.epoch == mark.epoch => Some(before.max(mark)),
            _ => Some(mark),
        };
    }

    fn capped(&self, minor: i64) -> i64 {
        minor.min(self.remaining)
    }
}
