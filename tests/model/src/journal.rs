//! A gateway's journal: what is durable, and behind it what is appended and not yet synced.
//!
//! Stands for `fallback/src/journal.rs` and its group commit. What is durable is kept as what it says,
//! not as a sequence: recovery reads all of it and the order does not matter to it.

use crate::words::{Epoch, Epochs, LEASES, PAYMENTS, PaymentNo, Under, Verdict};

/// A record whose loss would be seen. The records of a grant and of an acknowledgement are durable as
/// soon as they are appended: a crash that loses one of them, and with it whatever was appended after
/// it, leaves the same state as a crash before the message arrived, and the message may arrive again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Record {
    /// Stand-in decided.
    Decided(PaymentNo, Verdict),
    /// Nothing is spent under the lease from here on.
    Closed(Epoch),
}

/// What a sequence of records says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Known {
    /// How often a grant was added, per lease: at most once, unless a mutant adds duplicates.
    pub taken: [u8; LEASES],
    /// What was decided, per payment.
    pub decided: [Option<Verdict>; PAYMENTS],
    /// What the ledger has acknowledged, per payment.
    pub acknowledged: [bool; PAYMENTS],
    /// Leases that were closed.
    pub closed: Epochs,
    /// The journal was granted anew by a person: no lease up to this one is spent from (rule 11).
    pub fence: Option<Epoch>,
}

impl Known {
    fn learn(&mut self, record: Record) {
        match record {
            Record::Decided(payment, verdict) => self.decided[payment.index()] = Some(verdict),
            Record::Closed(epoch) => self.closed.put(epoch),
        }
    }

    /// What was approved under it, with its payments.
    pub fn approved(&self, under: Under) -> impl Iterator<Item = usize> + '_ {
        let wanted = Some(Verdict::Approve(under));
        (0..PAYMENTS).filter(move |payment| self.decided[*payment] == wanted)
    }

    /// The newest lease that may be spent from.
    #[must_use]
    pub fn newest_lease(&self) -> Option<Epoch> {
        (1..=LEASES as u8)
            .rev()
            .map(Epoch)
            .find(|epoch| self.taken[epoch.index()] > 0)
            .filter(|epoch| self.is_above_fence(*epoch) && !self.closed.has(*epoch))
    }

    /// Whether the lease is younger than the journal.
    #[must_use]
    pub fn is_above_fence(&self, epoch: Epoch) -> bool {
        self.fence.is_none_or(|fence| epoch > fence)
    }
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Journal {
    /// What a restart reads.
    pub durable: Known,
    /// Appended, not synced, in order.
    pub tail: Vec<Record>,
}

impl Journal {
    /// What the running process knows: everything appended.
    #[must_use]
    pub fn known(&self) -> Known {
        let mut known = self.durable;
        for record in &self.tail {
            known.learn(*record);
        }
        known
    }

    /// Appends a record, without waiting for it.
    pub fn append(&mut self, record: Record) {
        self.tail.push(record);
    }

    /// Everything appended is durable.
    pub fn sync(&mut self) {
        self.durable = self.known();
        self.tail.clear();
    }

    /// The machine stops: of the tail only the first `kept` records have reached the disk.
    pub fn crash(&mut self, kept: usize) {
        self.tail.truncate(kept);
        self.sync();
    }

    /// The disk is rolled back: nothing is left of the payments from this one on; of the leases
    /// neither, where it is the first one. Returns the payments of which a durable record is gone.
    pub fn roll_back(&mut self, from: PaymentNo) -> impl Iterator<Item = usize> + use<> {
        let before = self.durable;
        if from.0 == 0 {
            self.durable = Known::default();
        }
        for payment in from.index()..PAYMENTS {
            self.durable.decided[payment] = None;
            self.durable.acknowledged[payment] = false;
        }
        self.tail.clear();
        (from.index()..PAYMENTS).filter(move |payment| before.decided[*payment].is_some())
    }
}
