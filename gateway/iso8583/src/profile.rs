//! A dialect of the standard, as data.
//!
//! A [`Message`](crate::Message) always speaks in characters: digits, text, hex digits. A profile
//! says how they travel, which a field may hold, how long it may be and how secret it is.
//!
//! | profile | message type | bitmap | digits | text | bytes | lengths |
//! |---|---|---|---|---|---|---|
//! | [`ASCII_HEX`] | ASCII | hex | ASCII | ASCII | hex | ASCII |
//! | [`ASCII_BINARY`] | ASCII | bytes | ASCII | ASCII | bytes | ASCII |
//! | [`BCD`] | BCD | bytes | BCD | ASCII | bytes | BCD |
//! | [`EBCDIC`] | EBCDIC | bytes | EBCDIC | EBCDIC | bytes | EBCDIC |
//! | [`BASE1`] | BCD | bytes | BCD | EBCDIC | bytes | one binary byte |
//! | [`ASCII_HEX_1993`], [`ASCII_HEX_2003`] | as [`ASCII_HEX`] | | | | | |
//!
//! The names of schemes are nobody's promise: the tables follow what open-source programs do, and
//! a host's own manual decides. Put what differs into a file: `Profile::from_toml` reads it, with the feature `toml`.

mod dialects;
mod differences;
#[cfg(feature = "toml")]
mod file;
mod iso1987;
mod names;

pub use dialects::{
    ASCII_BINARY, ASCII_HEX, ASCII_HEX_1993, ASCII_HEX_2003, BASE1, BCD, BUILT_IN, EBCDIC,
};

#[cfg(feature = "toml")]
pub use file::ProfileFileError;

use std::borrow::Cow;
use std::fmt;

use crate::field::{Field, Length};
use crate::header::Header;
use crate::presence::Rule;
use crate::step::Step;
use crate::{Content, coding::Coding};
use names::Names;

/// A dialect: how a message begins, which fields there are, and what a message must carry.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    name: Cow<'static, str>,
    version: u8,
    header: Header,
    mti: MtiCoding,
    bitmap: BitmapCoding,
    location: LocationLayout,
    /// Field n at place n.
    fields: [Option<Field>; 129],
    /// What the formats mean for reading.
    steps: [Step; 129],
    names: Names,
    presence: Cow<'static, [Rule]>,
}

/// How the message type travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MtiCoding {
    /// Four ASCII digits.
    Ascii,
    /// Four EBCDIC digits.
    Ebcdic,
    /// Two bytes of two digits.
    Bcd,
}

/// How bitmaps travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BitmapCoding {
    /// 16 ASCII hex digits each; either case is read, upper case written.
    Hex,
    /// Eight bytes each.
    Raw,
}

/// How field 43 divides its 40 characters, in characters. Hosts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocationLayout {
    /// Name, and street where it has one.
    pub name: u8,
    /// City.
    pub city: u8,
    /// State or region.
    pub region: u8,
    /// Country.
    pub country: u8,
}

impl Profile {
    /// Short name for logs and configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version digit of every message type: 0 is 1987, 1 is 1993, 2 is 2003.
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// What stands before the message type.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// How the message type travels.
    pub const fn mti_coding(&self) -> MtiCoding {
        self.mti
    }

    /// How bitmaps travel.
    pub const fn bitmap_coding(&self) -> BitmapCoding {
        self.bitmap
    }

    /// How field 43 is divided.
    pub const fn location(&self) -> LocationLayout {
        self.location
    }

    /// Which fields each message type must and must not carry.
    pub fn presence(&self) -> &[Rule] {
        &self.presence
    }

    /// The format of field `number`, if this profile has it.
    #[inline]
    pub fn field(&self, number: u8) -> Option<&Field> {
        self.fields.get(usize::from(number))?.as_ref()
    }

    #[inline(always)]
    pub(crate) fn step(&self, number: u8) -> &Step {
        self.steps.get(usize::from(number)).unwrap_or(&Step::NONE)
    }

    /// The standard's name of field `number`, shortened; empty if this profile does not have it.
    pub fn field_name(&self, number: u8) -> &str {
        self.names.of(number)
    }

    /// All fields with their numbers, ascending.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &Field)> {
        (0_u8..)
            .zip(&self.fields)
            .filter_map(|(number, field)| Some((number, field.as_ref()?)))
    }

    /// The built-in profile of this name.
    pub fn built_in(name: &str) -> Option<&'static Self> {
        BUILT_IN
            .iter()
            .copied()
            .find(|profile| profile.name == name)
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("fields", &self.fields().count())
            .finish_non_exhaustive()
    }
}

/// What no field of a profile may be. A profile of ours is checked by a test, one from a file when
/// it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// Field 0, 1, 65 or beyond 128.
    #[error("fields are 2 to 128 without 65: 1 and 65 are bitmaps")]
    Number,
    /// Bytes as they are that are not content of bytes, or BCD that is not digits.
    #[error("raw is for b, bcd for n and z: choose another coding or content")]
    Coding,
    /// A prefix of a size that its coding does not have.
    #[error("a length in front has 1 to 4 digits, or 1 or 2 bytes where it is binary")]
    Prefix,
    /// Bounds the wrong way round, nothing at all, or more than the prefix can say.
    #[error("lengths must go from the shortest up to the longest, and fit the length in front")]
    Length,
}

/// Whether a field with this number may look so.
///
/// # Errors
/// With the first thing that it may not.
pub fn check_field(number: u8, field: &Field) -> Result<(), FieldFault> {
    if !(2..=128).contains(&number) || number == 65 {
        return Err(FieldFault::Number);
    }
    let fits = match field.coding {
        Coding::Raw => field.content == Content::Bytes,
        Coding::Bcd(_) => matches!(field.content, Content::Numeric | Content::Track),
        Coding::Ascii | Coding::Ebcdic(_) => true,
    };
    if !fits {
        return Err(FieldFault::Coding);
    }
    match field.length {
        Length::Fixed(0) => Err(FieldFault::Length),
        Length::Fixed(_) => Ok(()),
        Length::Variable { prefix, .. } if !prefix.is_sound() => Err(FieldFault::Prefix),
        Length::Variable { prefix, min, max } => {
            let said = field.said(prefix, field.units(max.into()));
            let sound = min <= max && max > 0 && said <= prefix.largest();
            if sound {
                Ok(())
            } else {
                Err(FieldFault::Length)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secrecy;

    #[test]
    fn every_1987_profile_has_every_field() {
        let expected: Vec<u8> = (2..=128).filter(|&number| number != 65).collect();
        for profile in BUILT_IN {
            let numbers: Vec<u8> = profile.fields().map(|(number, _)| number).collect();
            assert_eq!(numbers, expected, "{profile:?}");
            for number in 0..=u8::MAX {
                assert_eq!(profile.field(number).is_some(), expected.contains(&number));
                assert_eq!(
                    !profile.field_name(number).is_empty(),
                    expected.contains(&number)
                );
            }
        }
    }

    #[test]
    fn every_field_can_be_and_is_found_by_the_name_of_its_profile() {
        for profile in BUILT_IN {
            assert_eq!(Profile::built_in(profile.name()), Some(*profile));
            for (number, field) in profile.fields() {
                assert_eq!(
                    check_field(number, field),
                    Ok(()),
                    "{profile:?} {number} {field:?}"
                );
            }
            let LocationLayout {
                name,
                city,
                region,
                country,
            } = profile.location();
            assert_eq!(name + city + region + country, 40, "{profile:?}");
        }
    }

    #[test]
    fn card_data_is_never_open() {
        for profile in BUILT_IN {
            for number in [
                2, 14, 34, 35, 36, 45, 48, 52, 53, 55, 60, 61, 62, 63, 96, 120, 126,
            ] {
                let secrecy = profile.field(number).unwrap().secrecy;
                assert_ne!(secrecy, Secrecy::Open, "{profile:?} {number}");
            }
        }
    }
}
