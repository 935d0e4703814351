//! Maps with a quick hash, seeded per map; and tables whose rows lie densely, for what there are millions of.
//!
//! Their keys are counters, keyed hashes of ours, or references that a processor's own links give: nobody
//! outside can look for keys that collide.
//!
//! A look into a [`Table`] reads one line of cells and one row; a row takes its own size and some 16 bytes.
//! Rows never move: growing copies the cells alone, eight bytes each, in their order.

use std::collections::HashMap;

mod by_seq;
mod chains;
mod rows;
mod slots;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use by_seq::BySeq;
pub(crate) use chains::Chains;
pub(crate) use rows::Rows;
pub(crate) use slots::{Slots, short_hash};
pub(crate) use table::{Keyed, Table};

/// A map with a quick hash.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Waits for memory once, where several tables are about to be looked into: each of these has read a cell
/// that depends on none of the others, so they come together.
pub(crate) fn fetch<const N: usize>(touched: [u64; N]) {
    std::hint::black_box(touched);
}

/// The hash of all of them.
pub(crate) type Hasher = foldhash::fast::RandomState;
