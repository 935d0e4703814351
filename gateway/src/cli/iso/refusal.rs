//! Bytes that cannot be read, as it is shown: where, why, and what may help.

use iso8583::{Coding, DecodeError, Field, Profile, Secrecy, salvage};
use serde::Serialize;

use super::framing::Framing;
use super::hints;
use super::input::begins_as_message;
use super::outline::Outline;
use super::window::{self, Around};

/// What is shown of bytes that cannot be read. None of their values: where reading fails, an earlier
/// field may already have been something else than it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Refusal {
    /// Always false; a description has true here.
    pub(super) readable: bool,
    /// The name of the profile that they were read with.
    pub(super) profile: String,
    /// How many bytes there are, without framing.
    pub(super) length: usize,
    /// The field at fault.
    pub(super) field: Option<u8>,
    /// Its name.
    pub(super) field_name: Option<String>,
    /// The first byte at fault.
    pub(super) offset: usize,
    /// What is wrong there, and the cure.
    pub(super) reason: String,
    /// The fields before it.
    pub(super) read: Vec<ReadField>,
    /// The bytes around it, card data masked.
    pub(super) window: Vec<String>,
    /// What may help.
    pub(super) hints: Vec<String>,
}

/// A field that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ReadField {
    /// Its number.
    pub(super) number: u8,
    /// Its name.
    pub(super) name: String,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte behind its last.
    pub(super) end: usize,
}

impl Refusal {
    /// Of these bytes, which the profile refused with `error`.
    pub(super) fn of(
        profile: &Profile,
        framing: Framing,
        bytes: &[u8],
        error: DecodeError,
    ) -> Self {
        let DecodeError {
            field,
            offset,
            reason,
            ..
        } = error;
        let is_open = |field| {
            let row = profile.field(field);
            row.is_some_and(|row| row.secrecy == Secrecy::Open)
        };
        let is_packed = |field: &Field| matches!(field.coding, Coding::Bcd(_));
        let around = Around {
            structure: structure(profile, bytes),
            show_fault: field.is_none_or(is_open),
            packed: profile.fields().any(|(_, field)| is_packed(field)),
        };
        Self {
            readable: false,
            profile: profile.name().to_owned(),
            length: bytes.len(),
            field,
            field_name: field.map(|field| profile.field_name(field).to_owned()),
            offset,
            reason: reason.to_string(),
            read: read(profile, bytes, error),
            window: window::lines(bytes, offset, &around),
            hints: hints::of(profile, framing, bytes, reason),
        }
    }
}

/// Message type and bitmap, where a type that there is stands in front of them. A card number alone
/// can be taken for such.
fn structure(profile: &Profile, bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let message = salvage(profile, bytes).filter(|_| begins_as_message(bytes, profile));
    let Some(message) = message else {
        return Vec::new();
    };
    let outline = Outline::of(&message, bytes);
    let bitmap = outline.bitmap_hex(profile, bytes);
    let looks_like_card = super::mask::is_card_number(&bitmap);
    let mut structure = vec![outline.mti];
    if !looks_like_card {
        structure.push(outline.bitmap);
    }
    structure
}

fn read(profile: &Profile, bytes: &[u8], error: DecodeError) -> Vec<ReadField> {
    let Some(message) = salvage(profile, bytes) else {
        return Vec::new();
    };
    let before = message
        .present()
        .take_while(|number| error.field.is_none_or(|field| *number < field));
    let fields = before.filter_map(|number| {
        let place = message.place_of(number)?;
        Some(ReadField {
            number,
            name: profile.field_name(number).to_owned(),
            start: place.start,
            end: place.end,
        })
    });
    fields.collect()
}
