//! A message that was read: where each field lies in the bytes it came from.

use std::fmt;

use crate::bitmap::Bitmap;
use crate::composite::{self, CompositeError, OriginalData};
use crate::profile::{Profile, Secrecy};
use crate::{Mti, Pan};

/// A message. Borrows its fields from the bytes that were decoded and owns nothing on the heap.
///
/// `Debug` prints the fields that the profile calls open and only the names of the others.
#[derive(Clone)]
pub struct Message<'a> {
    profile: &'static Profile,
    bytes: &'a [u8],
    mti: Mti,
    bitmap: Bitmap,
    slots: [Slot; 128],
}

impl<'a> Message<'a> {
    pub(crate) fn new(profile: &'static Profile, bytes: &'a [u8], mti: Mti) -> Self {
        Self {
            profile,
            bytes,
            mti,
            bitmap: Bitmap::default(),
            slots: [Slot::default(); 128],
        }
    }

    /// Says that field `number` lies in the bytes at `slot`, already checked.
    pub(crate) fn place(&mut self, number: u8, slot: Slot) {
        if let Some(place) = self.slots.get_mut(usize::from(number).wrapping_sub(1)) {
            *place = slot;
            self.bitmap = self.bitmap.with(number);
        }
    }

    /// The profile it was read with.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// Its type.
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// Whether field `number` is there.
    pub fn has(&self, number: u8) -> bool {
        self.bitmap.has(number)
    }

    /// The numbers of its fields, ascending, without the bitmaps.
    pub fn present(&self) -> impl Iterator<Item = u8> + use<> {
        self.bitmap
    }

    /// The characters of field `number`, which may be none at all. None if it is absent, and also
    /// if the profile calls it a card number or sensitive: those come out through [`Message::pan`]
    /// and [`Message::expose_field`].
    pub fn field(&self, number: u8) -> Option<&'a str> {
        match self.profile.field(number)?.secrecy {
            Secrecy::Open | Secrecy::Personal => self.expose_field(number),
            Secrecy::Pan | Secrecy::Sensitive => None,
        }
    }

    /// The characters of any field, also a secret one. Whoever calls this answers for where they
    /// go.
    pub fn expose_field(&self, number: u8) -> Option<&'a str> {
        if !self.has(number) {
            return None;
        }
        let slot = self.slots.get(usize::from(number).checked_sub(1)?)?;
        str::from_utf8(slot.of(self.bytes)?).ok()
    }

    /// The card number, field 2.
    pub fn pan(&self) -> Option<Pan> {
        Pan::parse(self.expose_field(2)?).ok()
    }

    /// Which message this one takes back or follows up, field 90.
    pub fn original_data(&self) -> Option<OriginalData<'a>> {
        OriginalData::parse(self.field(90)?).ok()
    }

    /// What remains of the amount after a partial reversal, field 95, in minor units. An error if
    /// the field is there and does not begin with an amount.
    pub fn replacement_amount(&self) -> Option<Result<u64, CompositeError>> {
        self.field(95).map(composite::parse_replacement_amount)
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_map();
        all.entry(&"mti", &self.mti);
        for field in self
            .present()
            .filter_map(|number| self.profile.field(number))
        {
            match field.secrecy {
                Secrecy::Open => all.entry(&field.number, &self.field(field.number)),
                _ => all.entry(&field.number, &format_args!("<{}>", field.name)),
            };
        }
        all.finish()
    }
}

/// Where a field lies. Two bytes are enough: longer messages are refused.
#[derive(Clone, Copy, Default)]
pub(crate) struct Slot {
    pub(crate) offset: u16,
    pub(crate) length: u16,
}

impl Slot {
    pub(crate) fn new(offset: usize, length: usize) -> Option<Self> {
        Some(Self {
            offset: offset.try_into().ok()?,
            length: length.try_into().ok()?,
        })
    }

    /// The part of `bytes` where the field lies.
    pub(crate) fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        let start = usize::from(self.offset);
        bytes.get(start..start + usize::from(self.length))
    }
}

/// In bytes, without framing.
pub(crate) const MESSAGE_LENGTH_MAX: usize = u16::MAX as usize;
