//! Any number of rows by something that is nearly always one row's alone.

use std::hash::Hash;

use super::{Hasher, Rows, Slots, short_hash};

/// Numbers of rows by key, for rows that come in the order of their numbers and stay. Neither adding one
/// nor finding the latest looks through the others.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    /// The latest row of every hash.
    latest: Slots,
    /// Of every row the one before it with the same hash, plus one; zero is none.
    before: Rows<u32>,
    hasher: Hasher,
}

impl Chains {
    /// Adds the next row; without a key it is not found.
    pub(crate) fn push(&mut self, key: Option<impl Hash>) {
        let before = key.and_then(|key| {
            let number = u32::try_from(self.before.len()).unwrap_or(u32::MAX);
            let hash = short_hash(&self.hasher, key);
            self.latest.replace(hash, number, |_| true)
        });
        self.before.push(before.map_or(0, |before| before + 1));
    }

    /// Reads the cell where a look would begin. See [`super::fetch`].
    pub(crate) fn touch(&self, key: impl Hash) -> u64 {
        self.latest.touch(short_hash(&self.hasher, key))
    }

    /// The rows with this key, the latest first; and, rarely, rows with another key.
    pub(crate) fn get(&self, key: impl Hash) -> impl Iterator<Item = u32> {
        let hash = short_hash(&self.hasher, key);
        let latest = self.latest.find(hash, |_| true);
        std::iter::successors(latest, |number| self.before.get(*number)?.checked_sub(1))
    }
}
