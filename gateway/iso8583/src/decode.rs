//! Bytes to message.

use std::fmt;

use crate::bitmap::Bitmap;
use crate::message::{MESSAGE_LENGTH_MAX, Slot};
use crate::profile::{Field, Length};
use crate::{Content, Message, Mti, Profile};

/// Reads one whole message. Strict: every field's characters and length are checked, and bytes
/// that the bitmap does not announce are refused. Allocates nothing and never panics.
///
/// An empty second bitmap is accepted.
pub fn decode<'a>(profile: &'static Profile, bytes: &'a [u8]) -> Result<Message<'a>, DecodeError> {
    match read(profile, bytes)? {
        (message, None) => Ok(message),
        (_, Some(error)) => Err(error),
    }
}

/// What can be read of bytes that [`decode`] refused. Fields with a wrong length or wrong
/// characters are left out, and everything from the first field on whose end cannot be found. None
/// if not even the message type can be read. Good for echoing fields into a refusal, not for acting
/// on.
pub fn salvage<'a>(profile: &'static Profile, bytes: &'a [u8]) -> Option<Message<'a>> {
    read(profile, bytes).ok().map(|(message, _)| message)
}

/// The message as far as it goes, with the first error if there is one; only an error if there
/// is no message type to begin with.
fn read<'a>(
    profile: &'static Profile,
    bytes: &'a [u8],
) -> Result<(Message<'a>, Option<DecodeError>), DecodeError> {
    let unreadable = |(offset, reason)| DecodeError {
        mti: None,
        field: None,
        offset,
        reason,
    };
    let mut cursor = Cursor { bytes, at: 0 };
    let mti = cursor.take(4).map_err(unreadable)?;
    let mti = Mti::from_bytes(mti).ok_or(unreadable((0, Reason::MtiNotDigits)))?;

    let mut message = Message::new(profile, bytes, mti);
    let mut first: Option<DecodeError> = None;
    let mut report = |field, (offset, reason)| {
        first.get_or_insert(DecodeError {
            mti: Some(mti),
            field,
            offset,
            reason,
        });
    };
    if mti.version() != profile.version {
        report(None, (0, Reason::VersionNotInProfile));
    } else if bytes.len() > MESSAGE_LENGTH_MAX {
        report(None, (MESSAGE_LENGTH_MAX, Reason::TooLong));
    } else {
        fill(&mut message, &mut cursor, &mut report);
    }
    Ok((message, first))
}

fn fill(
    message: &mut Message<'_>,
    cursor: &mut Cursor<'_>,
    report: &mut impl FnMut(Option<u8>, Fault),
) {
    let bitmap = match read_bitmap(cursor) {
        Ok(bitmap) => bitmap,
        Err(fault) => return report(None, fault),
    };
    for number in bitmap {
        let Some(field) = message.profile().field(number) else {
            return report(Some(number), (cursor.at, Reason::FieldNotInProfile));
        };
        let found = match read_field(field, cursor) {
            Ok(found) => found,
            Err(fault) => return report(Some(number), fault),
        };
        match found.sound.and_then(|()| found.place(field)) {
            Ok(slot) => message.place(number, slot),
            Err(fault) => report(Some(number), fault),
        }
    }
    match cursor.rest().len() {
        0 => (),
        count => report(None, (cursor.at, Reason::TrailingBytes { count })),
    }
}

/// The fields that follow; bit 1 only says that there is a second half.
fn read_bitmap(cursor: &mut Cursor<'_>) -> Result<Bitmap, Fault> {
    let primary = read_half(cursor)?;
    let bitmap = Bitmap::from_halves(primary, 0);
    if !bitmap.has(1) {
        return Ok(bitmap);
    }
    Ok(Bitmap::from_halves(primary, read_half(cursor)?).without(1))
}

fn read_half(cursor: &mut Cursor<'_>) -> Result<u64, Fault> {
    let start = cursor.at;
    let digits = cursor.take(16)?;
    let foreign = |at| (start + at, Reason::BitmapNotHex);
    digits
        .iter()
        .enumerate()
        .try_fold(0, |half: u64, (at, &digit)| {
            let value = char::from(digit).to_digit(16).ok_or(foreign(at))?;
            Ok(half << 4 | u64::from(value))
        })
}

fn read_field<'a>(field: &Field, cursor: &mut Cursor<'a>) -> Result<Found<'a>, Fault> {
    let before = cursor.at;
    let length = match field.length {
        Length::Fixed(length) => usize::from(length),
        Length::Variable { digits, .. } => {
            let prefix = cursor.take(usize::from(digits))?;
            if let Some(at) = Content::Numeric.first_foreign(prefix) {
                return Err((before + at, Reason::LengthNotDigits));
            }
            prefix
                .iter()
                .fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
        }
    };
    let sound = field
        .check_length(length)
        .map_err(|reason| (before, reason));
    let start = cursor.at;
    let content = cursor
        .take(length)
        .map_err(|fault| sound.err().unwrap_or(fault))?;
    Ok(Found {
        start,
        content,
        sound,
    })
}

/// A field whose end is known, though it may be too short or too long.
struct Found<'a> {
    start: usize,
    content: &'a [u8],
    sound: Result<(), Fault>,
}

impl Found<'_> {
    fn place(&self, field: &Field) -> Result<Slot, Fault> {
        let Self { start, content, .. } = *self;
        field
            .check_content(content)
            .map_err(|(at, reason)| (start + at, reason))?;
        Slot::new(start, content.len()).ok_or((start, Reason::TooLong))
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let rest = self.rest();
        let missing = count.saturating_sub(rest.len());
        let taken = rest
            .get(..count)
            .ok_or((self.at, Reason::Truncated { missing }))?;
        self.at += count;
        Ok(taken)
    }
}

/// At which byte, and why.
type Fault = (usize, Reason);

/// Why bytes are not a message. Says where and why, never what stood there: safe to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct DecodeError {
    /// The message type, where it could be read: with it the refusal can be answered.
    pub mti: Option<Mti>,
    /// The field at fault; none if it is the message type, the bitmap or the end.
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

/// What is wrong with a message or a field. Never says what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The bytes end before the message does.
    #[error("the message ends {missing} bytes too early")]
    Truncated {
        /// How many more the part being read needs.
        missing: usize,
    },
    /// The message does not begin with four digits.
    #[error("a message begins with four digits")]
    MtiNotDigits,
    /// Written for another edition of the standard.
    #[error("the version digit is not this profile's: check which profile the peer speaks")]
    VersionNotInProfile,
    /// A bitmap is 16 hex digits.
    #[error("a bitmap is 16 hex digits: check which profile the peer speaks")]
    BitmapNotHex,
    /// No such field here, so nobody knows where it would end.
    #[error("this profile has no such field")]
    FieldNotInProfile,
    /// The length in front of a field is not a number.
    #[error("the length in front of the field is not digits")]
    LengthNotDigits,
    /// Too short or too long.
    #[error("{length} characters, allowed are {min} to {max}")]
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
    #[error("hex digits come in pairs")]
    OddLength,
    /// More than the bitmap announced.
    #[error("{count} bytes after the last field")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// Longer than a frame can carry.
    #[error("the message is longer than 65535 bytes")]
    TooLong,
}
