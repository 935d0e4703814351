//! A dialect of the standard, as a table.
//!
//! A [`Message`](crate::Message) always speaks in characters: digits, text, hex digits. A profile
//! says which characters a field may hold, how long it may be and how secret it is. In
//! [`ASCII_HEX`] the characters on the wire are those same characters, so a message borrows them
//! from the bytes it was read from.

mod ascii_hex;

pub use ascii_hex::ASCII_HEX;

use crate::{Content, Reason, presence::Rule};

/// A dialect: which fields there are, and what a message must carry.
#[derive(Debug)]
#[non_exhaustive]
pub struct Profile {
    /// Short name for logs and configuration.
    pub name: &'static str,
    /// The version digit of every message type: 0 is 1987.
    pub version: u8,
    /// In ascending order of number, each number once.
    pub fields: &'static [Field],
    /// Which fields each message type must carry.
    pub presence: &'static [Rule],
    /// Where field n stands in `fields`, plus one; 0 where there is no field n.
    index: [u8; 129],
}

impl Profile {
    /// The row of field `number`, if this profile has it.
    pub fn field(&self, number: u8) -> Option<&'static Field> {
        let place = self.index.get(usize::from(number))?.checked_sub(1)?;
        self.fields.get(usize::from(place))
    }

    const fn index(fields: &[Field]) -> [u8; 129] {
        let mut index = [0; 129];
        let mut place = 0;
        while place < fields.len() {
            index[fields[place].number as usize] = place as u8 + 1;
            place += 1;
        }
        index
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// 2 to 128.
    pub number: u8,
    /// The standard's name, shortened.
    pub name: &'static str,
    /// Which characters it may hold.
    pub content: Content,
    /// How long it may be.
    pub length: Length,
    /// Who may see it.
    pub secrecy: Secrecy,
}

impl Field {
    /// Whether `length` characters are allowed.
    pub(crate) fn check_length(&self, length: usize) -> Result<(), Reason> {
        let (min, max) = self.length.bounds();
        if length < usize::from(min) || length > usize::from(max) {
            return Err(Reason::LengthOutOfBounds { length, min, max });
        }
        if self.content == Content::Hex && !length.is_multiple_of(2) {
            return Err(Reason::OddLength);
        }
        Ok(())
    }

    /// Whether the characters are allowed; if not, where the first foreign one stands.
    pub(crate) fn check_content(&self, bytes: &[u8]) -> Result<(), (usize, Reason)> {
        match self.content.first_foreign(bytes) {
            Some(at) => Err((at, Reason::Content(self.content))),
            None => Ok(()),
        }
    }
}

/// How long a field is, in characters, and how its end is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Always this long.
    Fixed(u16),
    /// The length stands in front, in `digits` decimal digits (2: LLVAR, 3: LLLVAR).
    Variable {
        /// Digits of the length.
        digits: u8,
        /// Shortest allowed.
        min: u16,
        /// Longest allowed.
        max: u16,
    },
}

impl Length {
    /// The shortest and the longest allowed.
    pub const fn bounds(self) -> (u16, u16) {
        match self {
            Self::Fixed(length) => (length, length),
            Self::Variable { min, max, .. } => (min, max),
        }
    }

    /// Digits of the length in front of the field; 0 if its length is fixed.
    pub const fn prefix_digits(self) -> u8 {
        match self {
            Self::Fixed(_) => 0,
            Self::Variable { digits, .. } => digits,
        }
    }
}

/// Who may see a field. Whatever is not named open stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Logs and people may see it.
    Open,
    /// About the cardholder. The program may read it, logs may not show it.
    Personal,
    /// The card number.
    Pan,
    /// Holds, or may hold, what proves a card or its holder (track, PIN block, CVV, chip data).
    /// Must not be kept after the decision, not even encrypted.
    Sensitive,
}
