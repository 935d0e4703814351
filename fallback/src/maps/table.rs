//! A map whose rows know their keys.

use std::hash::Hash;

use super::{Hasher, Rows, Slots, short_hash};

/// A row with a key of its own, which does not change.
pub(crate) trait Keyed {
    /// What it is found by.
    type Key: Hash + Eq;

    fn key(&self) -> Self::Key;
}

/// See the module above. The number of a row stays the same until it is removed; then another row may get
/// it.
#[derive(Debug)]
pub(crate) struct Table<R> {
    rows: Rows<R>,
    slots: Slots,
    free: Vec<u32>,
    hasher: Hasher,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self {
            rows: Rows::default(),
            slots: Slots::default(),
            free: Vec::new(),
            hasher: Hasher::default(),
        }
    }
}

impl<R: Keyed> Table<R> {
    /// How many rows there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Reads the cell where a look would begin. See [`super::fetch`].
    pub(crate) fn touch(&self, key: &R::Key) -> u64 {
        self.slots.touch(short_hash(&self.hasher, key))
    }

    /// The number of the row with this key.
    pub(crate) fn find(&self, key: &R::Key) -> Option<u32> {
        self.find_hashed(short_hash(&self.hasher, key), key)
    }

    pub(crate) fn get(&self, key: &R::Key) -> Option<&R> {
        self.at(self.find(key)?)
    }

    pub(crate) fn get_mut(&mut self, key: &R::Key) -> Option<&mut R> {
        let number = self.find(key)?;
        self.at_mut(number)
    }

    /// The row with this number.
    pub(crate) fn at(&self, number: u32) -> Option<&R> {
        self.rows.get(number)
    }

    pub(crate) fn at_mut(&mut self, number: u32) -> Option<&mut R> {
        self.rows.get_mut(number)
    }

    /// The number of the row with this key, and whether it was made now.
    pub(crate) fn find_or_insert(&mut self, key: &R::Key, make: impl FnOnce() -> R) -> (u32, bool) {
        let hash = short_hash(&self.hasher, key);
        if let Some(number) = self.find_hashed(hash, key) {
            return (number, false);
        }
        let row = make();
        debug_assert!(row.key() == *key, "a row is kept under its own key");
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(old) = self.rows.get_mut(number) {
                    *old = row;
                }
                number
            }
            None => self.rows.push(row),
        };
        self.slots.insert(hash, number);
        (number, true)
    }

    /// Removes the row with this number. What it held stays in memory until another row takes its place.
    pub(crate) fn remove(&mut self, number: u32) {
        if let Some(row) = self.rows.get(number) {
            let hash = short_hash(&self.hasher, row.key());
            let before = self.slots.len();
            self.slots.remove(hash, number);
            if self.slots.len() < before {
                self.free.push(number);
            }
        }
    }

    /// All rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.slots.iter().filter_map(|number| self.at(number))
    }

    fn find_hashed(&self, hash: u32, key: &R::Key) -> Option<u32> {
        let is_it = |number| self.at(number).is_some_and(|row| row.key() == *key);
        self.slots.find(hash, is_it)
    }
}
