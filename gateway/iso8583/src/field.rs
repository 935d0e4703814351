//! One row of a profile: how a field looks and who may see it.

use crate::coding::{CodePage, Coding, PadNibble};
use crate::packed::{self, pad_nibble};
use crate::prefix::{Counts, Prefix};
use crate::{Content, Reason};

/// The format of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Which characters it may hold.
    pub content: Content,
    /// How they travel.
    pub coding: Coding,
    /// How long it may be.
    pub length: Length,
    /// Who may see it.
    pub secrecy: Secrecy,
}

/// How long a field is, and how its end is found. In characters; in bytes where the content is
/// [`Content::Bytes`], however they travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Length {
    /// Always this long.
    Fixed(u16),
    /// The length stands in front.
    Variable {
        /// How.
        prefix: Prefix,
        /// Shortest allowed.
        min: u16,
        /// Longest allowed.
        max: u16,
    },
}

impl Length {
    /// The shortest and the longest allowed.
    #[inline]
    pub const fn bounds(self) -> (u16, u16) {
        match self {
            Self::Fixed(length) => (length, length),
            Self::Variable { min, max, .. } => (min, max),
        }
    }
}

/// Who may see a field. Whatever is not named open stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Secrecy {
    /// Logs and people may see it.
    Open,
    /// About the cardholder. The program may read it, logs may not show it.
    Personal,
    /// The card number.
    Pan,
    /// Holds, or may hold, what proves a card or its holder (track, PIN block, CVV, chip data).
    /// Must not be kept after the decision, not even encrypted (PCI DSS 3.3.1).
    Sensitive,
}

impl Field {
    /// Whether its content travels as pairs of hex digits.
    #[inline]
    pub(crate) const fn is_hex(&self) -> bool {
        matches!(self.content, Content::Bytes) && !matches!(self.coding, Coding::Raw)
    }

    /// Units in a length as [`Length`] gives it. A unit is what the field consists of as it
    /// travels: a character, a digit, a hex digit, a raw byte.
    #[inline]
    pub(crate) const fn units(&self, length: usize) -> usize {
        if self.is_hex() { length * 2 } else { length }
    }

    /// Whether so many units are allowed.
    #[inline]
    pub(crate) fn check_units(&self, units: usize) -> Result<(), Reason> {
        let (min, max) = self.length.bounds();
        let length = if self.is_hex() {
            units.div_ceil(2)
        } else {
            units
        };
        if length < usize::from(min) || length > usize::from(max) {
            return Err(Reason::LengthOutOfBounds { length, min, max });
        }
        if self.is_hex() && !units.is_multiple_of(2) {
            return Err(Reason::OddLength);
        }
        Ok(())
    }

    /// Units that a length in front of the field says, where it travels as `wire`.
    #[inline]
    pub(crate) fn units_said(&self, prefix: Prefix, said: usize, wire: &[u8]) -> usize {
        if matches!(prefix.counts, Counts::Units) {
            return said;
        }
        match self.coding {
            // Whole bytes; the pad nibble F tells that the last digit is none.
            Coding::Bcd(pad) if pad.nibble == PadNibble::F => {
                let odd = wire
                    .get(..said)
                    .is_some_and(|wire| pad_nibble(pad, wire) == Some(0xF));
                said * 2 - usize::from(odd)
            }
            Coding::Bcd(_) => said * 2,
            _ if self.is_hex() => said * 2,
            _ => said,
        }
    }

    /// What the length in front says of so many units.
    #[inline]
    pub(crate) fn said(&self, prefix: Prefix, units: usize) -> usize {
        match prefix.counts {
            Counts::Units => units,
            Counts::Bytes if self.is_hex() => units / 2,
            Counts::Bytes => self.coding.wire_length(units),
        }
    }

    /// Whether ASCII text is what this field may hold; in how many units. Content of bytes is
    /// written as pairs of hex digits.
    #[inline]
    pub(crate) fn check_text(&self, text: &[u8]) -> Result<usize, Reason> {
        let raw = matches!(self.content, Content::Bytes) && matches!(self.coding, Coding::Raw);
        if raw && !text.len().is_multiple_of(2) {
            return Err(Reason::OddLength);
        }
        let units = if raw { text.len() / 2 } else { text.len() };
        self.check_units(units)?;
        self.check_odd(units)?;
        match self.content.first_foreign(text) {
            Some(_) => Err(Reason::Content(self.content)),
            None => Ok(units),
        }
    }

    /// Refuses digits that a reader could not tell from their pad: an odd number, where the length
    /// counts bytes and the pad is a digit itself.
    #[inline]
    pub(crate) fn check_odd(&self, units: usize) -> Result<(), Reason> {
        match (self.length, self.coding) {
            (Length::Variable { prefix, .. }, Coding::Bcd(pad))
                if prefix.counts == Counts::Bytes
                    && pad.nibble == PadNibble::Zero
                    && !units.is_multiple_of(2) =>
            {
                Err(Reason::OddLength)
            }
            _ => Ok(()),
        }
    }

    /// Whether the bytes of the field are what it may hold; if not, at which byte and why.
    #[inline]
    pub(crate) fn check_wire(&self, wire: &[u8], units: usize) -> Result<(), (usize, Reason)> {
        let foreign = match self.coding {
            Coding::Raw => return Ok(()),
            Coding::Ascii => self.content.first_foreign(wire),
            Coding::Ebcdic(page) => self.content.first_foreign_ebcdic(page.kinds(), wire),
            Coding::Bcd(pad) => {
                return packed::check(self.content, pad, wire, units);
            }
        };
        match foreign {
            Some(at) => Err((at, Reason::Content(self.content))),
            None => Ok(()),
        }
    }

    /// The character at a place, in ASCII. `wire` and `units` are those of a checked field.
    #[inline]
    pub(crate) fn character(&self, wire: &[u8], units: usize, place: usize) -> Option<u8> {
        match self.coding {
            Coding::Ascii => wire.get(place).copied(),
            Coding::Ebcdic(page) => wire.get(place).map(|&byte| page.ascii_of(byte)),
            Coding::Bcd(pad) => packed::digit(pad, wire, units, place),
            Coding::Raw => {
                let byte = wire.get(place / 2)?;
                let nibble = if place.is_multiple_of(2) {
                    byte >> 4
                } else {
                    *byte
                };
                Some(crate::swar::hex_digit(nibble))
            }
        }
    }

    /// Writes `units` units of ASCII characters, already checked, into the bytes that they take.
    #[inline]
    pub(crate) fn write(&self, text: impl Iterator<Item = u8>, units: usize, out: &mut [u8]) {
        match self.coding {
            Coding::Ascii => out.iter_mut().zip(text).for_each(|(to, from)| *to = from),
            Coding::Ebcdic(page) => write_ebcdic(page, text, out),
            Coding::Bcd(pad) => packed::write(pad, text, units, out),
            Coding::Raw => {
                let mut nibbles = text.map(|digit| crate::swar::hex_value(digit).unwrap_or(0));
                for byte in out {
                    let (high, low) = (nibbles.next(), nibbles.next());
                    *byte = high.unwrap_or(0) << 4 | low.unwrap_or(0);
                }
            }
        }
    }
}

fn write_ebcdic(page: CodePage, text: impl Iterator<Item = u8>, out: &mut [u8]) {
    out.iter_mut()
        .zip(text)
        .for_each(|(to, from)| *to = page.byte_of(from));
}
