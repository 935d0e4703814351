//! Message to bytes, straight into a buffer of the caller's.

use std::fmt;

use crate::bitmap::Bitmap;
use crate::coding::{CodePage, Coding};
use crate::field::{Field, Length};
use crate::message::MESSAGE_LENGTH_MAX;
use crate::profile::{BitmapCoding, MtiCoding};
use crate::swar::hex_digit;
use crate::{EncodeError, Message, Mti, Profile, Reason, Value};

/// Writes a message field by field, in ascending order, into a buffer that the caller gives.
/// Allocates nothing. What it has written is what [`decode`](crate::decode) accepts.
///
/// A second bitmap is made room for when the first field above 64 comes.
///
/// ```
/// use iso8583::{Encoder, Mti, profile::BCD};
///
/// let mut room = [0; 64];
/// let mut echo = Encoder::new(&BCD, Mti::M0800, &mut room)?;
/// echo.put(7, "1122083400")?.put(11, "000042")?.put(70, "301")?;
/// let bytes = echo.finish()?;
/// assert_eq!(bytes, b"\x08\x00\x82\x20\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x11\x22\x08\x34\0\0\0\x42\x03\x01");
/// # Ok::<(), iso8583::EncodeError>(())
/// ```
pub struct Encoder<'p, 'o> {
    profile: &'p Profile,
    out: &'o mut [u8],
    /// Where the next field goes.
    at: usize,
    bitmap_at: usize,
    bitmap: Bitmap,
    last: u8,
}

impl<'p, 'o> Encoder<'p, 'o> {
    /// Begins a message, with the header that the profile gives to a sender who has none.
    ///
    /// # Errors
    /// If the version digit is not the profile's, or the buffer is too short.
    #[inline]
    pub fn new(profile: &'p Profile, mti: Mti, out: &'o mut [u8]) -> Result<Self, EncodeError> {
        check_version(profile, mti)?;
        Self::of_any_version(profile, None, mti, out)
    }

    /// Begins a message with a header of the sender's. A message length in it need not be right.
    ///
    /// # Errors
    /// If the header is none that the profile has, else as [`Encoder::new`].
    pub fn with_header(
        profile: &'p Profile,
        header: &[u8],
        mti: Mti,
        out: &'o mut [u8],
    ) -> Result<Self, EncodeError> {
        check_version(profile, mti)?;
        Self::of_any_version(profile, Some(header), mti, out)
    }

    /// Begins an answer to `request`, in its profile. Its header is the one of the request: with
    /// source and destination exchanged where it is a [`Base1`](crate::Base1), else as it came.
    ///
    /// # Errors
    /// As [`Encoder::new`].
    #[inline]
    pub fn answering(
        request: &Message<'p>,
        mti: Mti,
        out: &'o mut [u8],
    ) -> Result<Self, EncodeError> {
        let profile = request.profile();
        check_version(profile, mti)?;
        profile.header().answering(request.header(), move |header| {
            Self::of_any_version(profile, Some(header), mti, out)
        })
    }

    /// The same for a refusal, whose peer may speak another version than the profile.
    #[inline]
    pub(crate) fn of_any_version(
        profile: &'p Profile,
        header: Option<&[u8]>,
        mti: Mti,
        out: &'o mut [u8],
    ) -> Result<Self, EncodeError> {
        let mut encoder = Self::empty(profile, out);
        let format = profile.header();
        let length = header.map_or(format.default_length(), <[u8]>::len);
        let room = encoder.take(length).map_err(EncodeError::whole)?;
        match header {
            None => format.write_default(room),
            Some(header) if format.accepts(header) => room.copy_from_slice(header),
            Some(_) => return Err(EncodeError::whole(Reason::Header)),
        }
        encoder.begin(mti).map_err(EncodeError::whole)?;
        Ok(encoder)
    }

    fn empty(profile: &'p Profile, out: &'o mut [u8]) -> Self {
        Self {
            profile,
            out,
            at: 0,
            bitmap_at: 0,
            bitmap: Bitmap::default(),
            last: 1,
        }
    }

    #[inline]
    fn begin(&mut self, mti: Mti) -> Result<(), Reason> {
        let digits = *mti.as_bytes();
        match self.profile.mti_coding() {
            MtiCoding::Ascii => self.take(4)?.copy_from_slice(&digits),
            MtiCoding::Ebcdic => {
                let digits = digits.map(|digit| CodePage::Cp500.byte_of(digit));
                self.take(4)?.copy_from_slice(&digits);
            }
            MtiCoding::Bcd => {
                let [a, b, c, d] = digits.map(|digit| digit & 0x0F);
                self.take(2)?.copy_from_slice(&[a << 4 | b, c << 4 | d]);
            }
        }
        self.bitmap_at = self.at;
        let length = self.half_length();
        self.take(length)?;
        Ok(())
    }

    /// Writes field `number`: exactly the characters and the length that the profile asks for,
    /// nothing is padded. Content of bytes is given as pairs of hex digits.
    ///
    /// # Errors
    /// If the profile has no such field, the text is not what it may hold, a field with a higher
    /// number was written before, or the buffer is too short. Nothing is written then.
    #[inline]
    pub fn put(&mut self, number: u8, text: &str) -> Result<&mut Self, EncodeError> {
        let step = self.profile.step(number);
        let in_order = number > self.last && (number <= 64 || self.last > 64);
        if in_order && let Some(end) = step.write_ascii(text.as_bytes(), self.out, self.at) {
            self.at = end;
            self.bitmap = self.bitmap.with(number);
            self.last = number;
            return Ok(self);
        }
        self.put_long(number, text.as_bytes())
    }

    /// The long way, which can explain itself.
    fn put_long(&mut self, number: u8, text: &[u8]) -> Result<&mut Self, EncodeError> {
        let write = |field: &Field, units, room: &mut [u8]| match field.coding {
            Coding::Ascii => room.copy_from_slice(text),
            _ => field.write(text.iter().copied(), units, room),
        };
        match self.put_with(number, |field| field.check_text(text), write) {
            Ok(()) => Ok(self),
            Err(reason) => Err(EncodeError::at(number, reason)),
        }
    }

    /// Writes field `number` as another message has it, which may be of another profile.
    ///
    /// # Errors
    /// As [`Encoder::put`].
    pub fn put_value(&mut self, number: u8, value: &Value<'_>) -> Result<&mut Self, EncodeError> {
        let check = |field: &Field| check_value(field, value);
        let write = |field: &Field, units, room: &mut [u8]| {
            if travels_alike(field, value.field) {
                room.copy_from_slice(value.wire);
            } else {
                field.write(value.characters(), units, room);
            }
        };
        match self.put_with(number, check, write) {
            Ok(()) => Ok(self),
            Err(reason) => Err(EncodeError::at(number, reason)),
        }
    }

    /// Ends the message and gives its bytes.
    ///
    /// # Errors
    /// If it has become longer than any frame.
    #[inline]
    pub fn finish(self) -> Result<&'o [u8], EncodeError> {
        let Self {
            profile,
            out,
            at,
            bitmap_at,
            bitmap,
            ..
        } = self;
        if at > MESSAGE_LENGTH_MAX {
            return Err(EncodeError::whole(Reason::TooLong));
        }
        let (primary, secondary) = bitmap.halves();
        let message = out.get_mut(..at).unwrap_or_default();
        let room = message.get_mut(bitmap_at..).unwrap_or_default();
        let coding = profile.bitmap_coding();
        if secondary == 0 {
            write_half(coding, primary, room);
        } else {
            write_half(coding, bitmap.with(1).halves().0, room);
            let length = half_length(coding);
            write_half(
                coding,
                secondary,
                room.get_mut(length..).unwrap_or_default(),
            );
        }
        profile.header().close(message);
        Ok(message)
    }

    #[inline]
    fn put_with(
        &mut self,
        number: u8,
        check: impl FnOnce(&Field) -> Result<usize, Reason>,
        write: impl FnOnce(&Field, usize, &mut [u8]),
    ) -> Result<(), Reason> {
        let profile = self.profile;
        let field = profile.field(number).ok_or(Reason::FieldNotInProfile)?;
        let units = check(field)?;
        self.check_order(number)?;
        let prefix = match field.length {
            Length::Fixed(_) => None,
            Length::Variable { prefix, .. } => Some(prefix),
        };
        let prefix_length = prefix.map_or(0, |prefix| prefix.wire_length());
        let length = field.coding.wire_length(units);
        self.make_room(number, prefix_length + length)?;
        let (room, content) = self
            .take(prefix_length + length)?
            .split_at_mut(prefix_length);
        if let Some(prefix) = prefix {
            prefix.write(field.said(prefix, units), room);
        }
        write(field, units, content);
        self.bitmap = self.bitmap.with(number);
        self.last = number;
        Ok(())
    }

    #[inline]
    fn check_order(&self, number: u8) -> Result<(), Reason> {
        if number <= self.last {
            return Err(Reason::NotAscending);
        }
        if number > 64 && self.bitmap.has(64) {
            return Err(Reason::MacNotLast);
        }
        Ok(())
    }

    /// Moves what was written where a second bitmap must go before it, if all of it fits.
    #[inline]
    fn make_room(&mut self, number: u8, length: usize) -> Result<(), Reason> {
        if number <= 64 || self.last > 64 {
            return Ok(());
        }
        let half = self.half_length();
        let end = self.at + half + length;
        if end > self.out.len() {
            let missing = end - self.out.len();
            return Err(Reason::NoRoom { missing });
        }
        let start = self.bitmap_at + half;
        self.out.copy_within(start..self.at, start + half);
        self.at += half;
        Ok(())
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&mut [u8], Reason> {
        let (start, end) = (self.at, self.at + length);
        let missing = end.saturating_sub(self.out.len());
        let room = self
            .out
            .get_mut(start..end)
            .ok_or(Reason::NoRoom { missing })?;
        self.at = end;
        Ok(room)
    }

    fn half_length(&self) -> usize {
        half_length(self.profile.bitmap_coding())
    }
}

impl fmt::Debug for Encoder<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("profile", &self.profile.name())
            .field("length", &self.at)
            .finish_non_exhaustive()
    }
}

/// Whether a field may hold this value of another message; in how many units.
pub(crate) fn check_value(field: &Field, value: &Value<'_>) -> Result<usize, Reason> {
    // Between messages of one profile it is the same one.
    if std::ptr::eq(field, value.field) || *field == *value.field {
        return Ok(value.units.into());
    }
    let raw = matches!(field.coding, Coding::Raw);
    let units = if raw { value.len() / 2 } else { value.len() };
    if raw && !value.len().is_multiple_of(2) {
        return Err(Reason::OddLength);
    }
    field.check_units(units)?;
    let mut characters = value.characters().enumerate();
    if !characters.all(|(place, character)| field.content.allows(place, character)) {
        return Err(Reason::Content(field.content));
    }
    field.check_odd(units)?;
    Ok(units)
}

fn travels_alike(field: &Field, other: &Field) -> bool {
    field.coding == other.coding && field.is_hex() == other.is_hex()
}

fn check_version(profile: &Profile, mti: Mti) -> Result<(), EncodeError> {
    if mti.version() == profile.version() {
        return Ok(());
    }
    Err(EncodeError::whole(Reason::VersionNotInProfile))
}

const fn half_length(coding: BitmapCoding) -> usize {
    match coding {
        BitmapCoding::Hex => 16,
        BitmapCoding::Raw => 8,
    }
}

#[inline]
fn write_half(coding: BitmapCoding, half: u64, room: &mut [u8]) {
    match (coding, half.to_be_bytes()) {
        (BitmapCoding::Raw, bytes) => room.iter_mut().zip(bytes).for_each(|(to, from)| *to = from),
        (BitmapCoding::Hex, bytes) => {
            for (pair, byte) in room.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
                *pair = [hex_digit(byte >> 4), hex_digit(byte)];
            }
        }
    }
}
