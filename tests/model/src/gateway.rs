//! A gateway: what it may spend, and what a crash leaves of it.
//!
//! Stands for `fallback/src/stand_in.rs` (decide and reserve in one step, append, sync, answer),
//! `fallback/src/exposure.rs` (own spend is subtracted until the feed has passed it) and
//! `fallback/src/copy.rs` (what is known of the ledger, as of a position).

use crate::config::Config;
use crate::journal::{Journal, Known};
use crate::ledger::{Entry, Ledger};
use crate::mutants::Mutant;
use crate::words::{Epoch, Epochs, Money, PaymentNo, Position, Under, Verdict};

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Gateway {
    /// Nothing passes between it and the ledger.
    pub cut: bool,
    /// Its journal is behind what is known of it: nothing is approved until a person grants it anew.
    pub fenced: bool,
    /// The newest lease at the time when its journal was last lost. Only properties read it.
    pub lost_up_to: Epoch,
    /// How far the local copy has followed the feed.
    pub copy: Position,
    /// Leases that it does not spend from any more: expired by its own clock, or fenced by a move.
    pub stopped: Epochs,
    /// What it has written down.
    pub journal: Journal,
}

impl Gateway {
    /// What the lease lets it spend now: what the ledger's snapshot says is left, less its own spend
    /// that the snapshot does not show (rule 12).
    #[must_use]
    pub fn spendable(
        &self,
        known: &Known,
        epoch: Epoch,
        ledger: &Ledger,
        config: &Config,
    ) -> Money {
        let acknowledged_is_enough = config.is(Mutant::StaleSnapshotErasesSpend);
        let unseen = known.approved(Under::Lease(epoch)).filter(|payment| {
            let seen = match ledger.entries[*payment] {
                Entry::Booked { mark, .. } => acknowledged_is_enough || mark <= self.copy,
                _ => false,
            };
            !(known.acknowledged[*payment] && seen)
        });
        let unseen: Money = unseen.map(|payment| config.amounts[payment]).sum();
        let added_again = Money::try_from(known.taken[epoch.index()].saturating_sub(1))
            .unwrap_or_default()
            * ledger.lease(epoch).map_or(0, |lease| lease.amount);
        ledger.rest_at(epoch, self.copy, &config.amounts) + added_again - unseen
    }

    /// Decides a payment by what is known here.
    #[must_use]
    pub fn decide(&self, payment: PaymentNo, ledger: &Ledger, config: &Config) -> Verdict {
        if self.fenced {
            return Verdict::Decline;
        }
        let amount = config.amounts[payment.index()];
        let known = self.journal.known();
        let lease = known.newest_lease().filter(|epoch| {
            !self.stopped.has(*epoch) && self.spendable(&known, *epoch, ledger, config) >= amount
        });
        if let Some(epoch) = lease {
            return Verdict::Approve(Under::Lease(epoch));
        }
        // After a loss of the journal the floor counts as spent too.
        let floor_is_fresh = known.fence.is_none() || config.is(Mutant::FloorAfreshAfterLoss);
        let spent: Money = known
            .approved(Under::Floor)
            .map(|payment| config.amounts[payment])
            .sum();
        if floor_is_fresh && spent + amount <= config.floor {
            Verdict::Approve(Under::Floor)
        } else {
            Verdict::Decline
        }
    }

    /// Whether a grant of this lease is taken: once, and only above the fence.
    #[must_use]
    pub fn takes(&self, epoch: Epoch, config: &Config) -> bool {
        let known = self.journal.known();
        let times = known.taken[epoch.index()];
        let most = if config.is(Mutant::DuplicateGrant) {
            2
        } else {
            1
        };
        !self.fenced && known.is_above_fence(epoch) && !known.closed.has(epoch) && times < most
    }

    /// Whether the lease may be closed: it is not spent from any more, and the ledger has
    /// acknowledged every advice under it.
    #[must_use]
    pub fn may_close(&self, epoch: Epoch, config: &Config) -> bool {
        let known = self.journal.known();
        let drained = known
            .approved(Under::Lease(epoch))
            .all(|payment| known.acknowledged[payment]);
        !self.fenced
            && known.is_above_fence(epoch)
            && known.taken[epoch.index()] > 0
            && !known.closed.has(epoch)
            && self.stopped.has(epoch)
            && (drained || config.is(Mutant::CloseBeforeDrain))
    }

    /// Stops and starts again: what is durable is read back. The local copy may be as old as it
    /// likes, and nobody remembers that a lease had expired: safety rests on neither.
    pub fn crash(&mut self, kept: usize) {
        self.journal.crash(kept);
        self.copy = Position(0);
        self.stopped = Epochs::default();
    }
}
