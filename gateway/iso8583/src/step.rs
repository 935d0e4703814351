//! The short way through a field that is as it should be.
//!
//! What a field's format means for reading it, worked out once: one row of twelve bytes instead of
//! four questions. It only ever says yes; where it does not, the long way in `decode` finds out
//! what is wrong, or that nothing is. Apart from the long way because an error that is made ready
//! for every field costs several times what reading the field does.

use crate::coding::{CodePage, Coding, Pad};
use crate::content::{Content, KINDS};
use crate::field::{Field, Length};
use crate::prefix::{Counts, Prefix, PrefixCoding};
use crate::{packed, swar};

/// How to read one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    check: Check,
    end: End,
    /// In units, what the field consists of as it travels.
    min: u16,
    max: u16,
}

/// Where the field ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At a fixed length, `max`.
    Fixed,
    /// At a length of two ASCII digits.
    TwoDigits,
    /// At a length that travels in another way and counts units.
    Counted(Prefix),
}

/// What its bytes must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Not for the short way.
    Long,
    AsciiDigits,
    AsciiPrintable,
    AsciiTrack,
    /// Of these kinds; most often digits.
    AsciiKinds(u8),
    EbcdicDigits,
    EbcdicKinds(CodePage, u8),
    Packed(Content, Pad),
    Anything,
}

impl Step {
    /// For a number that the profile has no field for.
    pub(crate) const NONE: Self = Self {
        check: Check::Long,
        end: End::Fixed,
        min: 0,
        max: 0,
    };

    /// The steps of all fields of a profile.
    pub(crate) const fn table(fields: &[Option<Field>; 129]) -> [Self; 129] {
        let mut steps = [Self::NONE; 129];
        let mut number = 0;
        while number < fields.len() {
            if let Some(field) = &fields[number] {
                steps[number] = Self::of(field);
            }
            number += 1;
        }
        steps
    }

    const fn of(field: &Field) -> Self {
        let (min, max) = field.length.bounds();
        // Hex digits come in pairs, which the long way sees to.
        let check = if field.is_hex() {
            Check::Long
        } else {
            check(field.content, field.coding)
        };
        let end = match field.length {
            Length::Fixed(_) => Some(End::Fixed),
            Length::Variable { prefix, .. } => end(prefix),
        };
        match end {
            Some(end) => Self {
                check,
                end,
                min,
                max,
            },
            None => Self::NONE,
        }
    }

    /// Where the content begins and ends of the field that begins at `at`.
    #[inline(always)]
    pub(crate) fn take(&self, bytes: &[u8], at: usize) -> Option<(u16, usize)> {
        let (units, start) = match self.end {
            End::Fixed => (usize::from(self.max), at),
            End::TwoDigits => {
                let [tens, ones] = *bytes.get(at..)?.first_chunk()?;
                let (tens, ones) = (tens ^ b'0', ones ^ b'0');
                let units = usize::from(tens) * 10 + usize::from(ones);
                (tens <= 9 && ones <= 9 && self.allows(units)).then_some((units, at + 2))?
            }
            End::Counted(prefix) => {
                let start = at + prefix.wire_length();
                let units = prefix.read(bytes.get(at..start)?).ok()?;
                self.allows(units).then_some((units, start))?
            }
        };
        let length = if let Check::Packed(..) = self.check {
            units.div_ceil(2)
        } else {
            units
        };
        let end = start + length;
        if self.check == Check::AsciiDigits
            && let Some(window) = bytes.get(start..).and_then(|rest| rest.first_chunk())
            && let Some(found) = swar::first_are_digits(window, units)
        {
            // Short fields of digits are the most; a window over them asks once.
            return found.then_some((start as u16, end));
        }
        let wire = bytes.get(start..end)?;
        // It fits: no message is longer than two bytes can say.
        self.holds(wire, units).then_some((start as u16, end))
    }

    /// Writes a field that travels as ASCII at `at`, and says where it ends.
    #[inline(always)]
    pub(crate) fn write_ascii(&self, text: &[u8], out: &mut [u8], at: usize) -> Option<usize> {
        let units = text.len();
        let ascii = matches!(
            self.check,
            Check::AsciiDigits | Check::AsciiPrintable | Check::AsciiTrack | Check::AsciiKinds(_)
        );
        if !ascii || !self.allows(units) || !self.holds(text, units) {
            return None;
        }
        let start = match self.end {
            End::Fixed => at,
            End::TwoDigits => {
                let digits = [b'0' + (units / 10) as u8, b'0' + (units % 10) as u8];
                *out.get_mut(at..)?.first_chunk_mut()? = digits;
                at + 2
            }
            End::Counted(_) => return None,
        };
        let end = start + units;
        out.get_mut(start..end)?.copy_from_slice(text);
        Some(end)
    }

    #[inline(always)]
    fn allows(&self, units: usize) -> bool {
        (usize::from(self.min)..=usize::from(self.max)).contains(&units)
    }

    #[inline(always)]
    fn holds(&self, wire: &[u8], units: usize) -> bool {
        // Most fields are these, and a branch is foreseen better than a jump through a table.
        if self.check == Check::AsciiDigits {
            return swar::all_digits::<0x30>(wire);
        }
        match self.check {
            Check::Long => false,
            Check::AsciiDigits => swar::all_digits::<0x30>(wire),
            Check::AsciiPrintable => swar::all_printable(wire),
            Check::AsciiTrack => swar::all_track(wire),
            Check::AsciiKinds(kinds) => swar::all_digits::<0x30>(wire) || of(&KINDS, kinds, wire),
            Check::EbcdicDigits => swar::all_digits::<0xF0>(wire),
            Check::EbcdicKinds(page, kinds) => of(page.kinds(), kinds, wire),
            Check::Packed(content, pad) => packed::holds(content, pad, wire, units),
            Check::Anything => true,
        }
    }
}

const fn end(prefix: Prefix) -> Option<End> {
    match prefix {
        Prefix {
            counts: Counts::Bytes,
            ..
        } => None,
        Prefix {
            coding: PrefixCoding::Ascii,
            size: 2,
            ..
        } => Some(End::TwoDigits),
        _ => Some(End::Counted(prefix)),
    }
}

const fn check(content: Content, coding: Coding) -> Check {
    match (coding, content) {
        (Coding::Raw, _) => Check::Anything,
        (Coding::Bcd(pad), _) => Check::Packed(content, pad),
        (_, Content::SignedNumeric | Content::Bytes) => Check::Long,
        (Coding::Ascii, Content::Numeric) => Check::AsciiDigits,
        (Coding::Ascii, Content::Text) => Check::AsciiPrintable,
        (Coding::Ascii, Content::Track) => Check::AsciiTrack,
        (Coding::Ascii, _) => Check::AsciiKinds(content.kinds()),
        (Coding::Ebcdic(_), Content::Numeric) => Check::EbcdicDigits,
        (Coding::Ebcdic(page), _) => Check::EbcdicKinds(page, content.kinds()),
    }
}

/// Whether every byte is of one of the kinds.
#[inline(always)]
fn of(table: &'static [u8; 256], kinds: u8, bytes: &[u8]) -> bool {
    let mut foreign = false;
    for &byte in bytes {
        foreign |= table[usize::from(byte)] & kinds == 0;
    }
    !foreign
}
