//! The order in which records are told.

use std::collections::VecDeque;

/// Records in the order in which they came. One that leaves from the middle leaves a gap until those before
/// it have left.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Zero is a gap: records count from 1. The first one is none.
    records: VecDeque<u64>,
    /// The place of the first one.
    first: u64,
    waiting: usize,
}

impl Queue {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Adds a record at the end and returns its place, which stays its own.
    pub(super) fn push(&mut self, seq: u64) -> u64 {
        let place = self.first + self.records.len() as u64;
        self.records.push_back(seq);
        self.waiting += 1;
        place
    }

    /// Takes out what is at this place.
    pub(super) fn remove(&mut self, place: u64) {
        let found = place
            .checked_sub(self.first)
            .and_then(|place| self.records.get_mut(usize::try_from(place).ok()?));
        if let Some(record) = found.filter(|record| **record != 0) {
            *record = 0;
            self.waiting -= 1;
        }
        while self.records.pop_front_if(|record| *record == 0).is_some() {
            self.first += 1;
        }
    }

    /// The records, first first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.records.iter().copied().filter(|record| *record != 0)
    }
}
