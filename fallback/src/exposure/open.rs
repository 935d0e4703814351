//! Records that the ledger has not acknowledged, of one authorization: nearly always none or one.

/// A few records, in place. Records count from 1.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Zero for none. Where there is no first one there are no more.
    first: u64,
    more: Vec<u64>,
}

impl Open {
    pub(super) fn is_empty(&self) -> bool {
        self.first == 0
    }

    pub(super) fn contains(&self, seq: u64) -> bool {
        seq != 0 && (self.first == seq || self.more.contains(&seq))
    }

    /// Adds one, where it is not there.
    pub(super) fn add(&mut self, seq: u64) {
        if self.contains(seq) {
            return;
        }
        if self.first == 0 {
            self.first = seq;
        } else {
            self.more.push(seq);
        }
    }

    /// Removes one, where it is there.
    pub(super) fn remove(&mut self, seq: u64) {
        self.more.retain(|open| *open != seq);
        if self.first == seq {
            self.first = self.more.pop().unwrap_or(0);
        }
    }
}
