//! Messages that follow from a seed. The tests of the whole house use it too.

use std::hash::{BuildHasher, RandomState};

use iso8583::{Coding, Content, Field, Profile};

/// So many seeds in a row, from one that differs from run to run; or `ISO8583_SEED=…` alone.
pub(crate) fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let wanted = std::env::var("ISO8583_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let (first, count) = match wanted {
        Some(seed) => (seed, 1),
        None => (RandomState::new().hash_one(0), count),
    };
    (0..count).map(move |run| first.wrapping_add(run))
}

/// SplitMix64: eight lines, and any seed is as good as another.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but not `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Some fields of a profile with content that they may hold, ascending.
    pub(crate) fn fields(&mut self, profile: &Profile) -> Vec<(u8, String)> {
        let rarity = self.one_of(&[2, 5, 12, 40]);
        let mut fields: Vec<(u8, String)> = Vec::new();
        for (number, field) in profile.fields() {
            let mac_is_there = fields.iter().any(|(number, _)| *number == 64);
            if self.below(rarity) == 0 && !(number > 64 && mac_is_there) {
                fields.push((number, self.content(field)));
            }
        }
        fields
    }

    fn content(&mut self, field: &Field) -> String {
        let (min, max) = field.length.bounds();
        // Short ones mostly, so that a message stays readable, and now and then the longest.
        let spread = usize::from(max - min);
        let spread = if self.below(20) == 0 {
            spread
        } else {
            spread.min(40)
        };
        let length = usize::from(min) + self.below(spread + 1);
        let length = if self.below(30) == 0 {
            usize::from(max)
        } else {
            length
        };
        self.characters(field, length)
    }

    fn characters(&mut self, field: &Field, length: usize) -> String {
        let printable: Vec<u8> = (b' '..=b'~').collect();
        let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ";
        let choices: &[u8] = match (field.content, field.coding) {
            (Content::Numeric | Content::SignedNumeric, _) => b"0123456789",
            (Content::AlphaNumeric, _) => &letters[..62],
            (Content::AlphaNumericSpace, _) => letters,
            (Content::Text, _) => &printable,
            // What stands in a half byte reads back as D.
            (Content::Track, Coding::Bcd(_)) => b"0123456789D",
            (Content::Track, _) => b"0123456789D=",
            (Content::Bytes, Coding::Raw) => b"0123456789ABCDEF",
            (Content::Bytes, _) => b"0123456789ABCDEFabcdef",
        };
        let length = if field.content == Content::Bytes {
            length * 2
        } else {
            length
        };
        let mut text: Vec<u8> = (0..length).map(|_| self.one_of(choices)).collect();
        if field.content == Content::SignedNumeric && !text.is_empty() {
            text[0] = self.one_of(b"CD");
        }
        String::from_utf8(text).unwrap()
    }
}
