//! Numbers of rows by the hash of their keys.

use std::hash::{BuildHasher, Hash};

use super::Hasher;

/// Open addressing, one cell after the other: a cell has 32 bits of the hash and the number of a row, so
/// that a row is only read where the hash is right. The upper bits of the hash are the place: growing keeps
/// the order.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Zero is free; otherwise the hash, then the number plus one.
    cells: Vec<u64>,
    used: usize,
}

const CELLS_MIN: usize = 16;

/// The part of a key's hash that a cell keeps.
pub(crate) fn short_hash(hasher: &Hasher, key: impl Hash) -> u32 {
    u32::try_from(hasher.hash_one(key) >> 32).unwrap_or_default()
}

impl Slots {
    /// How many cells are used.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Reads the cell where a look would begin. See [`super::fetch`].
    pub(crate) fn touch(&self, hash: u32) -> u64 {
        let cell = self.cells.get(self.home(hash));
        cell.copied().unwrap_or_default()
    }

    /// The number with this hash that is the one.
    pub(crate) fn find(&self, hash: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let place = self.place(hash, is_it)?;
        self.cells.get(place).map(|cell| split(*cell).1)
    }

    /// Adds a number, whatever else has its hash.
    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        if (self.used + 1) * 4 > self.cells.len() * 3 {
            self.grow();
        }
        self.put(join(hash, number));
        self.used += 1;
    }

    /// Puts a number in the place of the one with this hash that is the one, and returns that; or adds it.
    pub(crate) fn replace(
        &mut self,
        hash: u32,
        number: u32,
        is_it: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let place = self.place(hash, is_it);
        if let Some(cell) = place.and_then(|place| self.cells.get_mut(place)) {
            let before = std::mem::replace(cell, join(hash, number));
            return Some(split(before).1);
        }
        self.insert(hash, number);
        None
    }

    /// Removes a number. Those behind it move up, so that no look passes a gap.
    pub(crate) fn remove(&mut self, hash: u32, number: u32) {
        let Some(mut gap) = self.place(hash, |other| other == number) else {
            return;
        };
        let mask = self.cells.len() - 1;
        let mut place = gap;
        loop {
            place = (place + 1) & mask;
            let cell = self.cells.get(place).copied().unwrap_or_default();
            if cell == 0 {
                break;
            }
            let home = self.home(split(cell).0);
            if place.wrapping_sub(home) & mask >= place.wrapping_sub(gap) & mask {
                self.set(gap, cell);
                gap = place;
            }
        }
        self.set(gap, 0);
        self.used -= 1;
    }

    /// All numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let used = self.cells.iter().filter(|cell| **cell != 0);
        used.map(|cell| split(*cell).1)
    }

    fn place(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<usize> {
        let mask = self.cells.len().wrapping_sub(1);
        let mut place = self.home(hash);
        loop {
            let cell = self.cells.get(place).copied().filter(|cell| *cell != 0)?;
            let (other, number) = split(cell);
            if other == hash && is_it(number) {
                return Some(place);
            }
            place = (place + 1) & mask;
        }
    }

    /// Where to look first: there are 2ⁿ cells, and these are the upper n bits.
    fn home(&self, hash: u32) -> usize {
        let cells = self.cells.len() as u64;
        usize::try_from((u64::from(hash) * cells) >> 32).unwrap_or_default()
    }

    fn put(&mut self, cell: u64) {
        let mask = self.cells.len().wrapping_sub(1);
        let mut place = self.home(split(cell).0);
        while self.cells.get(place).is_some_and(|other| *other != 0) {
            place = (place + 1) & mask;
        }
        self.set(place, cell);
    }

    fn set(&mut self, place: usize, cell: u64) {
        if let Some(old) = self.cells.get_mut(place) {
            *old = cell;
        }
    }

    fn grow(&mut self) {
        let cells = (self.cells.len() * 2).max(CELLS_MIN);
        let before = std::mem::replace(&mut self.cells, vec![0; cells]);
        for cell in before.into_iter().filter(|cell| *cell != 0) {
            self.put(cell);
        }
    }
}

fn join(hash: u32, number: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(number.saturating_add(1))
}

fn split(cell: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = cell.to_be_bytes();
    let number = u32::from_be_bytes([e, f, g, h]);
    (u32::from_be_bytes([a, b, c, d]), number.wrapping_sub(1))
}
