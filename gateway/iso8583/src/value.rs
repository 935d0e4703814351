//! The content of one field of a message that was read.

use std::fmt;

use crate::coding::Coding;
use crate::field::{Field, Secrecy};

/// What a field holds: characters, however they travel. Borrows the bytes they came in.
///
/// The characters are ASCII: digits, text, hex digits where the content is bytes. Compare with
/// `==`, read a number with [`Value::number`], copy with [`Value::copy_to`] or [`Value::to_text`].
/// `Debug` shows them only where the profile calls the field open, and there is no `Display`.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    pub(crate) field: &'a Field,
    /// The bytes as they travel.
    pub(crate) wire: &'a [u8],
    /// What the field consists of as it travels: characters, digits, raw bytes.
    pub(crate) units: u16,
}

impl<'a> Value<'a> {
    /// How many characters there are.
    pub fn len(&self) -> usize {
        let units = usize::from(self.units);
        if matches!(self.field.coding, Coding::Raw) {
            units * 2
        } else {
            units
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.units == 0
    }

    /// The format it was read with.
    pub fn field(&self) -> &'a Field {
        self.field
    }

    /// The bytes as they travel, without the length in front. With the pad of BCD.
    pub fn wire(&self) -> &'a [u8] {
        self.wire
    }

    /// The characters where they travel as ASCII and need not be copied.
    pub fn as_str(&self) -> Option<&'a str> {
        match self.field.coding {
            Coding::Ascii => str::from_utf8(self.wire).ok(),
            _ => None,
        }
    }

    /// The characters one by one, in ASCII.
    #[inline]
    pub fn characters(&self) -> impl ExactSizeIterator<Item = u8> + use<'a> {
        let Self { field, wire, units } = *self;
        // A message has only checked fields, so there is a character at every place.
        (0..self.len()).map(move |at| field.character(wire, units.into(), at).unwrap_or(b'?'))
    }

    /// Copies the characters into `room`; None if they do not fit.
    pub fn copy_to<'r>(&self, room: &'r mut [u8]) -> Option<&'r str> {
        let room = room.get_mut(..self.len())?;
        room.iter_mut()
            .zip(self.characters())
            .for_each(|(to, from)| *to = from);
        str::from_utf8(room).ok()
    }

    /// The characters as text of your own, on the heap. Nobody overwrites it on drop: copy what is
    /// secret with [`Value::copy_to`] into room that is.
    pub fn to_text(&self) -> String {
        self.characters().map(char::from).collect()
    }

    /// The characters as a decimal number; None if there are none, others than digits, or more
    /// than 19.
    pub fn number(&self) -> Option<u64> {
        if !(1..=19).contains(&self.len()) {
            return None;
        }
        let add = |number: u64, character: u8| {
            let digit = character.checked_sub(b'0').filter(|digit| *digit <= 9)?;
            number.checked_mul(10)?.checked_add(digit.into())
        };
        match self.field.coding {
            Coding::Ascii => self.wire.iter().copied().try_fold(0, add),
            _ => self.characters().try_fold(0, add),
        }
    }

    /// The bytes that content of bytes stands for: borrowed where they travel as they are, else
    /// put into `room`. None if the content is not bytes or does not fit.
    pub fn bytes<'r>(&self, room: &'r mut [u8]) -> Option<&'r [u8]>
    where
        'a: 'r,
    {
        if self.field.content != crate::Content::Bytes {
            return None;
        }
        if matches!(self.field.coding, Coding::Raw) {
            return Some(self.wire);
        }
        let room = room.get_mut(..self.len() / 2)?;
        let mut nibbles = self
            .characters()
            .map(|digit| crate::swar::hex_value(digit).unwrap_or(0));
        for byte in &mut *room {
            *byte = nibbles.next()? << 4 | nibbles.next()?;
        }
        Some(room)
    }
}

impl PartialEq<str> for Value<'_> {
    fn eq(&self, text: &str) -> bool {
        self.len() == text.len() && self.characters().eq(text.bytes())
    }
}

impl PartialEq<&str> for Value<'_> {
    fn eq(&self, text: &&str) -> bool {
        *self == **text
    }
}

/// Equal where the characters are, however each travels.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.characters().eq(other.characters())
    }
}

impl Eq for Value<'_> {}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.secrecy != Secrecy::Open {
            return write!(f, "<{} characters>", self.len());
        }
        f.write_str("\"")?;
        self.characters()
            .try_for_each(|character| write!(f, "{}", char::from(character).escape_debug()))?;
        f.write_str("\"")
    }
}
