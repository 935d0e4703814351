//! Bytes that are no message, or no longer one, and the runs that take them.

use crate::random::{Random, seeds};

const RUNS: u64 = 400;

/// Runs a property with many seeds. A failure prints its seed; `ISO8583_SEED=…` replays it alone.
pub(crate) fn with_seeds(property: impl Fn(&mut Random)) {
    for seed in seeds(RUNS) {
        let _guard = Seed(seed);
        property(&mut Random::new(seed));
    }
}

/// Says which seed it was if the test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with ISO8583_SEED={}", self.0);
        }
    }
}

impl Random {
    pub(crate) fn bytes(&mut self, length_max: usize) -> Vec<u8> {
        (0..self.below(length_max + 1))
            .map(|_| self.next() as u8)
            .collect()
    }

    /// Sets, inserts or removes a few bytes, or cuts the end off. Bytes that mean something
    /// somewhere do more damage than any byte.
    pub(crate) fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let byte = match self.below(2) {
                0 => self.one_of(b"0123456789abcdefABCDEF =\x00\xF0\xF9\x0C\x3F\xFF"),
                _ => self.next() as u8,
            };
            match self.below(13) {
                0..=7 => bytes[at] = byte,
                8..=9 => bytes.insert(at, byte),
                10..=11 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
    }
}
