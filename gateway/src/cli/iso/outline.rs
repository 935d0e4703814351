//! Where the parts of a message stand that say nothing about a card.

use std::ops::Range;

use iso8583::profile::{BitmapCoding, MtiCoding};
use iso8583::{Message, Profile};

/// Message type and bitmaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    /// The message type.
    pub(super) mti: Range<usize>,
    /// One or two bitmaps, as far as the bytes go.
    pub(super) bitmap: Range<usize>,
}

impl Outline {
    /// Of a message that was read from these bytes, at least as far as its type.
    pub(super) fn of(message: &Message<'_>, bytes: &[u8]) -> Self {
        let profile = message.profile();
        let start = message.header().len();
        let end = start
            + match profile.mti_coding() {
                MtiCoding::Ascii | MtiCoding::Ebcdic => 4,
                MtiCoding::Bcd => 2,
            };
        let half = match profile.bitmap_coding() {
            BitmapCoding::Hex => 16,
            BitmapCoding::Raw => 8,
        };
        let first = bytes.get(end).copied().unwrap_or_default();
        let second = match profile.bitmap_coding() {
            BitmapCoding::Hex => matches!(first, b'8' | b'9' | b'A'..=b'F' | b'a'..=b'f'),
            BitmapCoding::Raw => first & 0x80 != 0,
        };
        let bitmap_end = end + if second { 2 * half } else { half };
        Self {
            mti: start..end,
            bitmap: end..bitmap_end.min(bytes.len()),
        }
    }

    /// The bitmaps as hex digits.
    pub(super) fn bitmap_hex(&self, profile: &Profile, bytes: &[u8]) -> String {
        let bitmap = bytes.get(self.bitmap.clone()).unwrap_or_default();
        match profile.bitmap_coding() {
            BitmapCoding::Hex => String::from_utf8_lossy(bitmap).to_ascii_uppercase(),
            BitmapCoding::Raw => bitmap.iter().map(|byte| format!("{byte:02X}")).collect(),
        }
    }
}
