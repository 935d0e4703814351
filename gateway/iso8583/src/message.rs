//! A message that was read: where each field lies in the bytes it came from.

use std::fmt;

use crate::bitmap::Bitmap;
use crate::composite::{
    AdditionalAmounts, CompositeError, EntryMode, Location, OriginalData, ProcessingCode,
    ReplacementAmounts,
};
use crate::field::{Length, Secrecy};
use crate::profile::Profile;
use crate::tlv::Elements;
use crate::{Mti, Pan, PinBlock, Track2, Value};

/// A message. Borrows its fields from the bytes that were decoded and owns nothing on the heap.
///
/// `Debug` prints the fields that the profile calls open and only the names of the others.
#[derive(Clone)]
pub struct Message<'a> {
    profile: &'a Profile,
    bytes: &'a [u8],
    mti: Mti,
    /// Bytes before the message type.
    header_length: u8,
    bitmap: Bitmap,
    /// Where the content of field n begins, at place n. Its length is read again when somebody
    /// asks: a message that is half as large is made faster.
    starts: [u16; 129],
}

impl<'a> Message<'a> {
    #[inline(always)]
    pub(crate) fn new(profile: &'a Profile, bytes: &'a [u8], header_length: u8, mti: Mti) -> Self {
        Self {
            profile,
            bytes,
            mti,
            header_length,
            bitmap: Bitmap::default(),
            starts: [0; 129],
        }
    }

    /// Notes that the content of field `number`, already checked, begins at `start`.
    #[inline]
    pub(crate) fn place(&mut self, number: u8, start: u16) {
        if let Some(place) = self.starts.get_mut(usize::from(number)) {
            *place = start;
        }
    }

    /// Says which fields were placed.
    #[inline]
    pub(crate) fn set_present(&mut self, bitmap: Bitmap) {
        self.bitmap = bitmap;
    }

    /// The profile it was read with.
    pub fn profile(&self) -> &'a Profile {
        self.profile
    }

    /// Its type.
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// What stands before its type; empty where the profile has no header.
    pub fn header(&self) -> &'a [u8] {
        self.bytes
            .get(..self.header_length.into())
            .unwrap_or_default()
    }

    /// Whether field `number` is there.
    pub fn has(&self, number: u8) -> bool {
        self.bitmap.has(number)
    }

    /// The numbers of its fields, ascending, without the bitmaps.
    pub fn present(&self) -> impl Iterator<Item = u8> + use<> {
        self.bitmap
    }

    /// What field `number` holds, which may be no characters at all. None if it is absent, and
    /// also if the profile calls it a card number or sensitive: those come out through
    /// [`Message::pan`], [`Message::track2`], [`Message::pin_block`] and
    /// [`Message::expose_field`].
    #[inline]
    pub fn field(&self, number: u8) -> Option<Value<'a>> {
        let value = self.expose_field(number)?;
        match value.field.secrecy {
            Secrecy::Open | Secrecy::Personal => Some(value),
            Secrecy::Pan | Secrecy::Sensitive => None,
        }
    }

    /// What any field holds, also a secret one. Whoever calls this answers for where it goes.
    #[inline]
    pub fn expose_field(&self, number: u8) -> Option<Value<'a>> {
        if !self.has(number) {
            return None;
        }
        let field = self.profile.field(number)?;
        let start = self.start(number)?;
        let units = match field.length {
            Length::Fixed(length) => field.units(length.into()),
            Length::Variable { prefix, .. } => {
                let said = self
                    .bytes
                    .get(start.checked_sub(prefix.wire_length())?..start)?;
                let said = prefix.read(said).ok()?;
                field.units_said(prefix, said, self.bytes.get(start..)?)
            }
        };
        let wire = self
            .bytes
            .get(start..start + field.coding.wire_length(units))?;
        Some(Value {
            field,
            wire,
            units: u16::try_from(units).ok()?,
        })
    }

    /// Where field `number` lies in the bytes, without the length in front.
    pub fn place_of(&self, number: u8) -> Option<std::ops::Range<usize>> {
        let length = self.expose_field(number)?.wire.len();
        let start = self.start(number)?;
        Some(start..start + length)
    }

    fn start(&self, number: u8) -> Option<usize> {
        self.starts
            .get(usize::from(number))
            .copied()
            .map(usize::from)
    }

    /// The card number, field 2.
    pub fn pan(&self) -> Option<Pan> {
        Pan::of(self.expose_field(2)?.characters()).ok()
    }

    /// Track 2, field 35; an error if it has not the parts that ISO/IEC 7813 gives it.
    pub fn track2(&self) -> Option<Result<Track2, CompositeError>> {
        Some(Track2::of(self.expose_field(35)?.characters()))
    }

    /// The PIN block, field 52.
    pub fn pin_block(&self) -> Option<PinBlock> {
        let mut room = PinBlock::room();
        let bytes = self.expose_field(52)?.bytes(&mut *room)?;
        PinBlock::of(bytes)
    }

    /// What kind of transaction, field 3.
    pub fn processing_code(&self) -> Option<Result<ProcessingCode, CompositeError>> {
        self.field(3).map(|value| ProcessingCode::of(&value))
    }

    /// How the card was read, field 22 of 1987.
    pub fn entry_mode(&self) -> Option<Result<EntryMode, CompositeError>> {
        self.field(22).map(|value| EntryMode::of(&value))
    }

    /// Where the card was used, field 43, divided as the profile says.
    pub fn location(&self) -> Option<Result<Location, CompositeError>> {
        let layout = self.profile.location();
        self.field(43).map(|value| Location::of(&value, layout))
    }

    /// Further amounts, field 54.
    pub fn additional_amounts(&self) -> Option<Result<AdditionalAmounts<'a>, CompositeError>> {
        self.field(54).map(AdditionalAmounts::of)
    }

    /// Chip data, field 55, element by element. `room` is for profiles where it travels as hex
    /// digits: as many bytes as the field may have, usually 255. An error if it does not fit
    /// there. Card data lies in it afterwards.
    pub fn expose_chip_data<'r>(
        &self,
        room: &'r mut [u8],
    ) -> Option<Result<Elements<'r>, CompositeError>>
    where
        'a: 'r,
    {
        let value = self.expose_field(55)?;
        let bytes = value.bytes(room).ok_or(CompositeError::ChipDataRoom);
        Some(bytes.map(Elements::of))
    }

    /// Which message this one takes back or follows up, field 90. None if it is absent or not what
    /// it should be.
    pub fn original_data(&self) -> Option<OriginalData> {
        OriginalData::of(&self.field(90)?).ok()
    }

    /// What remains of the amount after a partial reversal, field 95, in minor units. An error if
    /// the field is there and does not begin with an amount.
    pub fn replacement_amount(&self) -> Option<Result<u64, CompositeError>> {
        self.field(95)
            .map(|value| ReplacementAmounts::actual_of(&value))
    }

    /// All that remains after a partial reversal, field 95.
    pub fn replacement_amounts(&self) -> Option<Result<ReplacementAmounts, CompositeError>> {
        self.field(95).map(|value| ReplacementAmounts::of(&value))
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_map();
        all.entry(&"mti", &self.mti);
        for number in self.present() {
            match self.expose_field(number) {
                Some(value) if value.field.secrecy == Secrecy::Open => all.entry(&number, &value),
                _ => all.entry(
                    &number,
                    &format_args!("<{}>", self.profile.field_name(number)),
                ),
            };
        }
        all.finish()
    }
}

/// In bytes, without framing.
pub(crate) const MESSAGE_LENGTH_MAX: usize = u16::MAX as usize;
