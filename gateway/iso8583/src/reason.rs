//! What can be wrong, and what to do about it. Nothing here says what stood in a field: every
//! error is safe to log.

use std::fmt;

use crate::coding::PadNibble;
use crate::{Content, Mti};

/// Why bytes are not a message: which field, which byte, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct DecodeError {
    /// The message type, where it could be read: with it the refusal can be answered.
    pub mti: Option<Mti>,
    /// The field at fault; none if it is the header, the message type, a bitmap or the end.
    pub field: Option<u8>,
    /// The first byte at fault, counted from 0.
    pub offset: usize,
    /// What is wrong there.
    pub reason: Reason,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mti {
            Some(mti) => write!(f, "unreadable {mti} message")?,
            None => write!(f, "unreadable message")?,
        }
        if let Some(field) = self.field {
            write!(f, ", field {field}")?;
        }
        write!(f, ", byte {}: {}", self.offset, self.reason)
    }
}

/// Why a message cannot be written: at which field, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct EncodeError {
    /// The field at fault; none if it is the message as a whole.
    pub field: Option<u8>,
    /// What is wrong with it.
    pub reason: Reason,
}

impl EncodeError {
    pub(crate) const fn at(field: u8, reason: Reason) -> Self {
        let field = Some(field);
        Self { field, reason }
    }

    pub(crate) const fn whole(reason: Reason) -> Self {
        Self {
            field: None,
            reason,
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "field {field} cannot be sent: {}", self.reason),
            None => write!(f, "the message cannot be sent: {}", self.reason),
        }
    }
}

/// What is wrong with a message or a field, with the cure where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The bytes end before the message does.
    #[error("the message ends {missing} bytes too early: check the frame length")]
    Truncated {
        /// How many more the part being read needs.
        missing: usize,
    },
    /// The header is none of those that the profile has.
    #[error("not a header of this profile: check which profile the peer speaks")]
    Header,
    /// The header names a length, and the message has another.
    #[error("the header says {said} bytes, the message has {found}: check the frame length")]
    HeaderLength {
        /// What the header says, in bytes with the header.
        said: usize,
        /// What there is, in bytes with the header.
        found: usize,
    },
    /// The message type is not four digits.
    #[error("a message type is four digits: check which profile the peer speaks")]
    MtiNotDigits,
    /// Written for another edition of the standard.
    #[error("the version digit is not this profile's: check which profile the peer speaks")]
    VersionNotInProfile,
    /// A bitmap is 16 hex digits.
    #[error("a bitmap is 16 hex digits: check which profile the peer speaks")]
    BitmapNotHex,
    /// Bit 65 is set.
    #[error("a third bitmap is announced: fields beyond 128 are not read, send none")]
    ThirdBitmap,
    /// No such field here, so nobody knows where it would end.
    #[error("this profile has no such field: do not send it, or add it to the profile")]
    FieldNotInProfile,
    /// The length in front of a field is not a number.
    #[error(
        "the length in front of the field is not a number: check which profile the peer speaks"
    )]
    LengthNotDigits,
    /// Too short or too long. In characters, or bytes where the content is bytes.
    #[error("a length of {length}, allowed are {min} to {max}")]
    LengthOutOfBounds {
        /// What the message says or the caller gave.
        length: usize,
        /// Shortest allowed.
        min: u16,
        /// Longest allowed.
        max: u16,
    },
    /// A character that does not belong there.
    #[error("a character that is not allowed there: expected {0}")]
    Content(Content),
    /// Half a byte.
    #[error(
        "half a byte: send hex digits in pairs, and digits in pairs where the length counts bytes"
    )]
    OddLength,
    /// The half byte that fills up an odd number of digits is not what was agreed.
    #[error("the half byte that fills up an odd number of digits must be {:X}", .0.value())]
    PadNibble(PadNibble),
    /// Fields follow the message authentication code.
    #[error(
        "a message authentication code comes last: send 128 instead of 64, or no field above 64"
    )]
    MacNotLast,
    /// More than the bitmap announced.
    #[error("{count} bytes after the last field: check the bitmap and the frame length")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// Longer than a frame can carry.
    #[error("the message is longer than 65535 bytes: send less")]
    TooLong,
    /// Fields were given out of order, or twice.
    #[error("fields are written in ascending order, each once: use a builder for any order")]
    NotAscending,
    /// The caller's buffer is too short.
    #[error("the buffer is {missing} bytes too short: give a longer one")]
    NoRoom {
        /// How many more the part being written needs.
        missing: usize,
    },
}
