//! Message to bytes, fields in any order.

use std::fmt;
use zeroize::{Zeroize, Zeroizing};

use crate::bitmap::Bitmap;
use crate::encoder::{Encoder, check_value};
use crate::message::MESSAGE_LENGTH_MAX;
use crate::{EncodeError, Message, Mti, Profile, Reason, Value};

/// A message in the making. Every field is checked when it is set, so encoding cannot fail and
/// what it yields is what [`decode`](crate::decode) accepts. The contents are overwritten on drop.
///
/// It keeps contents on the heap; [`Encoder`] does without, for who has the fields in order.
pub struct MessageBuilder<'p> {
    profile: &'p Profile,
    mti: Mti,
    header: Vec<u8>,
    bitmap: Bitmap,
    slots: [Slot; 129],
    /// Characters in ASCII.
    contents: Zeroizing<Vec<u8>>,
}

/// Where the characters of a field lie.
#[derive(Clone, Copy, Default)]
struct Slot {
    start: u32,
    length: u16,
}

impl<'p> MessageBuilder<'p> {
    /// A message without fields. Takes its version from `mti`: give it one of the profile's, but
    /// in a refusal of a message of another version, which answers in the peer's.
    pub fn new(profile: &'p Profile, mti: Mti) -> Self {
        Self {
            profile,
            mti,
            header: Vec::new(),
            bitmap: Bitmap::default(),
            slots: [Slot::default(); 129],
            contents: Zeroizing::new(Vec::with_capacity(CONTENTS_CAPACITY)),
        }
    }

    /// An answer without fields to `request`, in its profile, with its header as
    /// [`Encoder::answering`] has it.
    pub fn answering(request: &Message<'p>, mti: Mti) -> Self {
        let mut answer = Self::new(request.profile(), mti);
        let header = request.profile().header();
        answer.header = header.answering(request.header(), <[u8]>::to_vec);
        answer
    }

    /// Gives the message a header, where the profile has one. A length of the whole message in it
    /// need not be right.
    ///
    /// # Errors
    /// If the profile has no such header.
    pub fn set_header(&mut self, header: &[u8]) -> Result<&mut Self, EncodeError> {
        if !self.profile.header().accepts(header) {
            return Err(EncodeError::whole(Reason::Header));
        }
        header.clone_into(&mut self.header);
        Ok(self)
    }

    /// Sets field `number` to `value`, which must have exactly the characters and the length
    /// that the profile asks for: nothing is padded. Content of bytes is given as pairs of hex
    /// digits. Setting it again replaces it.
    ///
    /// # Errors
    /// If the profile has no such field, or not with this content, or if the message would become
    /// longer than any frame.
    pub fn set(&mut self, number: u8, value: &str) -> Result<&mut Self, EncodeError> {
        let refuse = |reason| EncodeError::at(number, reason);
        let field = self
            .profile
            .field(number)
            .ok_or(refuse(Reason::FieldNotInProfile))?;
        field.check_text(value.as_bytes()).map_err(refuse)?;
        self.keep(number, value.bytes(), value.len())
            .map_err(refuse)?;
        Ok(self)
    }

    /// Sets field `number` to what another message has there, which may be of another profile.
    ///
    /// # Errors
    /// As [`MessageBuilder::set`].
    pub fn set_value(&mut self, number: u8, value: &Value<'_>) -> Result<&mut Self, EncodeError> {
        let refuse = |reason| EncodeError::at(number, reason);
        let field = self
            .profile
            .field(number)
            .ok_or(refuse(Reason::FieldNotInProfile))?;
        check_value(field, value).map_err(refuse)?;
        self.keep(number, value.characters(), value.len())
            .map_err(refuse)?;
        Ok(self)
    }

    /// Copies those of `numbers` that `message` has, secret ones too.
    ///
    /// # Errors
    /// As [`MessageBuilder::set`].
    pub fn echo(
        &mut self,
        message: &Message<'_>,
        numbers: &[u8],
    ) -> Result<&mut Self, EncodeError> {
        for &number in numbers {
            if let Some(value) = message.expose_field(number) {
                self.set_value(number, &value)?;
            }
        }
        Ok(self)
    }

    /// The message as bytes, without framing. It may hold card data: overwrite it after use.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    /// Appends the message to `out`, without framing.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + self.length_max(), 0);
        let room = out.get_mut(start..).unwrap_or_default();
        // Every field was checked when it was set, and there is room for all.
        let length = self.encode_to(room).map_or(0, <[u8]>::len);
        out.truncate(start + length);
    }

    /// Writes the message to the start of `out`, without framing.
    ///
    /// # Errors
    /// If the buffer is too short; [`MessageBuilder::length_max`] bytes are enough.
    pub fn encode_to<'o>(&self, out: &'o mut [u8]) -> Result<&'o [u8], EncodeError> {
        let header = Some(self.header.as_slice()).filter(|header| !header.is_empty());
        let mut encoder = Encoder::of_any_version(self.profile, header, self.mti, out)?;
        for number in self.bitmap {
            encoder.put(number, self.content(number))?;
        }
        encoder.finish()
    }

    /// As many bytes as the message can have at most.
    pub fn length_max(&self) -> usize {
        let contents: usize = self.bitmap.map(|number| self.content(number).len()).sum();
        contents + OVERHEAD_LENGTH_MAX
    }

    fn content(&self, number: u8) -> &str {
        let slot = self
            .slots
            .get(usize::from(number))
            .copied()
            .unwrap_or_default();
        let start = slot.start as usize;
        let content = self.contents.get(start..start + usize::from(slot.length));
        content
            .and_then(|content| str::from_utf8(content).ok())
            .unwrap_or_default()
    }

    fn keep(
        &mut self,
        number: u8,
        characters: impl Iterator<Item = u8>,
        length: usize,
    ) -> Result<(), Reason> {
        let others = self.bitmap.without(number);
        let mac_follows = number == 64 && others.halves().1 != 0;
        if mac_follows || number > 64 && others.has(64) {
            return Err(Reason::MacNotLast);
        }
        if self.contents.len() + length > CONTENTS_LENGTH_MAX {
            return Err(Reason::TooLong);
        }
        let start = u32::try_from(self.contents.len()).map_err(|_| Reason::TooLong)?;
        let slot = Slot {
            start,
            length: u16::try_from(length).map_err(|_| Reason::TooLong)?,
        };
        let place = self
            .slots
            .get_mut(usize::from(number))
            .ok_or(Reason::FieldNotInProfile)?;
        *place = slot;
        grow(&mut self.contents, length);
        self.contents.extend(characters);
        self.bitmap = self.bitmap.with(number);
        Ok(())
    }
}

/// Makes room for `more` without leaving a copy behind, as a vector that grows would.
fn grow(contents: &mut Zeroizing<Vec<u8>>, more: usize) {
    if contents.capacity() - contents.len() >= more {
        return;
    }
    let mut larger = Vec::with_capacity((contents.len() + more).next_power_of_two());
    larger.extend_from_slice(contents);
    let mut smaller = std::mem::replace(&mut **contents, larger);
    smaller.zeroize();
}

impl fmt::Debug for MessageBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present: Vec<u8> = self.bitmap.collect();
        f.debug_struct("MessageBuilder")
            .field("mti", &self.mti)
            .field("has", &present)
            .finish()
    }
}

/// Room for a usual message, so that its contents are not moved while it grows.
const CONTENTS_CAPACITY: usize = 512;
/// Header, message type, two bitmaps, and a length of four bytes in front of every field.
const OVERHEAD_LENGTH_MAX: usize = 255 + 4 + 32 + 4 * 126;
/// With all overhead, the message still has a length that can be decoded.
const CONTENTS_LENGTH_MAX: usize = MESSAGE_LENGTH_MAX - OVERHEAD_LENGTH_MAX;
