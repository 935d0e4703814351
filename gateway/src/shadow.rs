//! What stand-in would have answered, on every request that the ledger decided.
//!
//! *Would have approved, the ledger declined* is what stand-in loses; the reverse is a lost sale.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters of a two-by-two table, by number and by money.
#[derive(Debug, Default)]
pub struct Shadow {
    both_approved: AtomicU64,
    both_declined: AtomicU64,
    only_stand_in_approved: AtomicU64,
    only_stand_in_approved_minor: AtomicU64,
    only_ledger_approved: AtomicU64,
    only_ledger_approved_minor: AtomicU64,
}

/// The table at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// Both approved.
    pub both_approved: u64,
    /// Both declined.
    pub both_declined: u64,
    /// Stand-in would have approved, the ledger declined: loss.
    pub only_stand_in_approved: u64,
    /// The same in money.
    pub only_stand_in_approved_minor: u64,
    /// The ledger approved, stand-in would have declined: lost sales.
    pub only_ledger_approved: u64,
    /// The same in money.
    pub only_ledger_approved_minor: u64,
}

impl Shadow {
    /// Counts one request.
    pub fn compare(&self, stand_in: bool, ledger: bool, amount_minor: i64) {
        let money = u64::try_from(amount_minor).unwrap_or_default();
        let add = |counter: &AtomicU64, by: u64| {
            counter.fetch_add(by, Ordering::Relaxed);
        };
        match (stand_in, ledger) {
            (true, true) => add(&self.both_approved, 1),
            (false, false) => add(&self.both_declined, 1),
            (true, false) => {
                add(&self.only_stand_in_approved, 1);
                add(&self.only_stand_in_approved_minor, money);
            }
            (false, true) => {
                add(&self.only_ledger_approved, 1);
                add(&self.only_ledger_approved_minor, money);
            }
        }
    }

    /// The table now.
    pub fn read(&self) -> Divergence {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Divergence {
            both_approved: read(&self.both_approved),
            both_declined: read(&self.both_declined),
            only_stand_in_approved: read(&self.only_stand_in_approved),
            only_stand_in_approved_minor: read(&self.only_stand_in_approved_minor),
            only_ledger_approved: read(&self.only_ledger_approved),
            only_ledger_approved_minor: read(&self.only_ledger_approved_minor),
        }
    }
}
