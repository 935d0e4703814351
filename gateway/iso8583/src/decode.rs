//! Bytes to message.

use crate::bitmap::Bitmap;
use crate::field::Length;
use crate::message::MESSAGE_LENGTH_MAX;
use crate::profile::{BitmapCoding, MtiCoding};
use crate::swar::hex_word;
use crate::{DecodeError, Message, Mti, Profile, Reason};

/// Reads one whole message. Strict: every field's characters, length and pad are checked, a
/// message authentication code is the last field, and bytes that the bitmap does not announce are
/// refused. Allocates nothing, never panics, and looks at each byte a bounded number of times.
///
/// An empty second bitmap is accepted.
///
/// # Errors
/// With the first thing that is wrong: which field, at which byte, and why.
pub fn decode<'a>(profile: &'a Profile, bytes: &'a [u8]) -> Result<Message<'a>, DecodeError> {
    match open(profile, bytes) {
        Ok(start) => read(profile, bytes, start),
        Err(error) => Err(error),
    }
}

/// Makes the message where the caller wants it: a message is half a kilobyte, and copying it would
/// cost a fifth of reading it.
#[inline(always)]
fn read<'a>(
    profile: &'a Profile,
    bytes: &'a [u8],
    start: Start,
) -> Result<Message<'a>, DecodeError> {
    let mut decoded = Ok(Message::new(profile, bytes, start.header_length, start.mti));
    if let Ok(message) = &mut decoded
        && let Err(error) = fill::<false>(message, bytes, start.at)
    {
        decoded = Err(error);
    }
    decoded
}

/// What can be read of bytes that [`decode`] refused. Fields with a wrong length or wrong
/// characters are left out, and everything from the first field on whose end cannot be found. None
/// if not even the message type can be read. Good for echoing fields into a refusal, not for acting
/// on.
pub fn salvage<'a>(profile: &'a Profile, bytes: &'a [u8]) -> Option<Message<'a>> {
    let start = open(profile, bytes).ok()?;
    let mut message = Message::new(profile, bytes, start.header_length, start.mti);
    // What is wrong was said when the bytes were refused.
    let _ = fill::<true>(&mut message, bytes, start.at);
    Some(message)
}

/// What stands before the bitmap.
struct Start {
    header_length: u8,
    mti: Mti,
    /// Where the bitmap begins.
    at: usize,
}

#[inline(always)]
fn open(profile: &Profile, bytes: &[u8]) -> Result<Start, DecodeError> {
    let unreadable = |(offset, reason)| DecodeError {
        mti: None,
        field: None,
        offset,
        reason,
    };
    let header = profile.header().read(bytes).map_err(unreadable)?;
    let mut at = header;
    let length = match profile.mti_coding() {
        MtiCoding::Ascii | MtiCoding::Ebcdic => 4,
        MtiCoding::Bcd => 2,
    };
    let digits = take(bytes, &mut at, length).map_err(unreadable)?;
    let mti = match profile.mti_coding() {
        MtiCoding::Ascii => Mti::from_ascii(digits),
        MtiCoding::Ebcdic => Mti::from_ebcdic(digits),
        MtiCoding::Bcd => Mti::from_bcd(digits),
    };
    let mti = mti
        .ok_or((header, Reason::MtiNotDigits))
        .map_err(unreadable)?;
    Ok(Start {
        header_length: u8::try_from(header).unwrap_or(u8::MAX),
        mti,
        at,
    })
}

/// Reads the fields. Where `SALVAGE`, goes on after a fault whose end is known.
#[inline]
fn fill<const SALVAGE: bool>(
    message: &mut Message<'_>,
    bytes: &[u8],
    mut at: usize,
) -> Result<(), DecodeError> {
    let (mti, profile) = (message.mti(), message.profile());
    let fail = |field, (offset, reason)| DecodeError {
        mti: Some(mti),
        field,
        offset,
        reason,
    };
    if mti.version() != profile.version() {
        return Err(fail(
            None,
            (message.header().len(), Reason::VersionNotInProfile),
        ));
    }
    if bytes.len() > MESSAGE_LENGTH_MAX {
        return Err(fail(None, (MESSAGE_LENGTH_MAX, Reason::TooLong)));
    }
    let bitmap_at = at;
    let bitmap = read_bitmap(profile.bitmap_coding(), bytes, &mut at);
    let bitmap = bitmap.map_err(|fault| fail(None, fault))?;
    if bitmap.has(64) && bitmap.halves().1 != 0 && !SALVAGE {
        return Err(fail(Some(64), (bitmap_at, Reason::MacNotLast)));
    }
    let mut present = Bitmap::default();
    for number in bitmap {
        let start = match profile.step(number).take(bytes, at) {
            Some((start, end)) => {
                at = end;
                start
            }
            None => {
                let found = explain(profile, number, bytes, at);
                let found = found.map_err(|fault| fail(Some(number), fault))?;
                at = found.end;
                match found.start {
                    Ok(start) => start,
                    Err(_) if SALVAGE => continue,
                    Err(fault) => return Err(fail(Some(number), fault)),
                }
            }
        };
        message.place(number, start);
        if SALVAGE {
            present = present.with(number);
            message.set_present(present);
        }
    }
    if !SALVAGE {
        message.set_present(bitmap);
    }
    match bytes.len() - at {
        0 => Ok(()),
        count => Err(fail(None, (at, Reason::TrailingBytes { count }))),
    }
}

/// The fields that follow; bit 1 only says that there is a second half.
#[inline(always)]
fn read_bitmap(coding: BitmapCoding, bytes: &[u8], at: &mut usize) -> Result<Bitmap, Fault> {
    let primary = read_half(coding, bytes, at)?;
    let bitmap = Bitmap::from_halves(primary, 0);
    if !bitmap.has(1) {
        return Ok(bitmap);
    }
    Ok(Bitmap::from_halves(primary, read_half(coding, bytes, at)?).without(1))
}

#[inline(always)]
fn read_half(coding: BitmapCoding, bytes: &[u8], at: &mut usize) -> Result<u64, Fault> {
    let start = *at;
    match coding {
        BitmapCoding::Raw => {
            let half = take(bytes, at, 8)?;
            Ok(u64::from_be_bytes(half.try_into().unwrap_or_default()))
        }
        BitmapCoding::Hex => {
            let digits = take(bytes, at, 16)?;
            let half = digits.first_chunk().and_then(hex_word);
            half.ok_or_else(|| {
                let foreign = digits.iter().position(|digit| !digit.is_ascii_hexdigit());
                (start + foreign.unwrap_or_default(), Reason::BitmapNotHex)
            })
        }
    }
}

/// A field whose end is known.
struct Found {
    /// Where its content begins, or what is wrong with it.
    start: Result<u16, Fault>,
    end: usize,
}

/// The long way: what is wrong with a field, at which byte. An error says that not even its end is
/// known.
#[cold]
fn explain(profile: &Profile, number: u8, bytes: &[u8], before: usize) -> Result<Found, Fault> {
    let mut at = before;
    let field = profile.field(number).ok_or(match number {
        65 => (before, Reason::ThirdBitmap),
        _ => (before, Reason::FieldNotInProfile),
    })?;
    let units = match field.length {
        Length::Fixed(length) => field.units(length.into()),
        Length::Variable { prefix, .. } => {
            let said = take(bytes, &mut at, prefix.wire_length())?;
            let said = prefix.read(said);
            let said = said.map_err(|foreign| (before + foreign, Reason::LengthNotDigits))?;
            field.units_said(prefix, said, bytes.get(at..).unwrap_or_default())
        }
    };
    let start = at;
    let length = field.check_units(units).map_err(|reason| (before, reason));
    let wire = match take(bytes, &mut at, field.coding.wire_length(units)) {
        Ok(wire) => wire,
        // A length that cannot be is the better explanation of an end that came too early.
        Err(fault) => return Err(length.err().unwrap_or(fault)),
    };
    let content = || {
        field
            .check_wire(wire, units)
            .map_err(|(at, reason)| (start + at, reason))
    };
    let sound = length.and_then(|()| content());
    let place = u16::try_from(start).map_err(|_| (start, Reason::TooLong));
    Ok(Found {
        start: sound.and(place),
        end: at,
    })
}

#[inline]
fn take<'b>(bytes: &'b [u8], at: &mut usize, count: usize) -> Result<&'b [u8], Fault> {
    let end = *at + count;
    match bytes.get(*at..end) {
        Some(taken) => {
            *at = end;
            Ok(taken)
        }
        None => {
            let missing = end - bytes.len().min(end);
            Err((*at, Reason::Truncated { missing }))
        }
    }
}

/// At which byte, and why.
type Fault = (usize, Reason);
