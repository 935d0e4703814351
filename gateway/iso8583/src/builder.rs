//! Message to bytes.

use std::fmt;
use zeroize::Zeroizing;

use crate::bitmap::Bitmap;
use crate::message::{MESSAGE_LENGTH_MAX, Slot};
use crate::{Message, Mti, Profile, Reason};

/// A message in the making. Every field is checked when it is set, so encoding cannot fail and
/// what it yields is what [`decode`](crate::decode) accepts. The contents are overwritten on drop.
pub struct MessageBuilder {
    profile: &'static Profile,
    mti: Mti,
    bitmap: Bitmap,
    slots: [Slot; 128],
    contents: Zeroizing<Vec<u8>>,
}

impl MessageBuilder {
    /// A message without fields. Takes its version from `mti`: give it one of the profile's.
    pub fn new(profile: &'static Profile, mti: Mti) -> Self {
        let contents = Zeroizing::new(Vec::with_capacity(CONTENTS_CAPACITY));
        let slots = [Slot::default(); 128];
        Self {
            profile,
            mti,
            bitmap: Bitmap::default(),
            slots,
            contents,
        }
    }

    /// Sets field `number` to `value`, which must have exactly the characters and the length
    /// that the profile asks for: nothing is padded. Setting it again replaces it.
    pub fn set(&mut self, number: u8, value: &str) -> Result<&mut Self, EncodeError> {
        let refuse = |reason| EncodeError {
            field: number,
            reason,
        };
        let field = self
            .profile
            .field(number)
            .ok_or(refuse(Reason::FieldNotInProfile))?;
        field.check_length(value.len()).map_err(refuse)?;
        field
            .check_content(value.as_bytes())
            .map_err(|(_, reason)| refuse(reason))?;

        if self.contents.len() + value.len() > CONTENTS_LENGTH_MAX {
            return Err(refuse(Reason::TooLong));
        }
        let slot = Slot::new(self.contents.len(), value.len()).ok_or(refuse(Reason::TooLong))?;
        if let Some(place) = self.slots.get_mut(usize::from(number) - 1) {
            self.contents.extend_from_slice(value.as_bytes());
            *place = slot;
            self.bitmap = self.bitmap.with(number);
        }
        Ok(self)
    }

    /// Copies those of `numbers` that `message` has, secret ones too.
    pub fn echo(
        &mut self,
        message: &Message<'_>,
        numbers: &[u8],
    ) -> Result<&mut Self, EncodeError> {
        for &number in numbers {
            if let Some(value) = message.expose_field(number) {
                self.set(number, value)?;
            }
        }
        Ok(self)
    }

    /// The message as bytes, without framing.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.contents.len() + OVERHEAD_LENGTH_MAX);
        self.encode_into(&mut out);
        out
    }

    /// Appends the message to `out`, without framing.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.mti.as_bytes());
        match self.bitmap.halves() {
            (primary, 0) => write_half(primary, out),
            (_, secondary) => {
                write_half(self.bitmap.with(1).halves().0, out);
                write_half(secondary, out);
            }
        }
        for number in self.bitmap {
            self.write_field(number, out);
        }
    }

    fn write_field(&self, number: u8, out: &mut Vec<u8>) {
        let slot = usize::from(number)
            .checked_sub(1)
            .and_then(|place| self.slots.get(place));
        let content = slot.and_then(|slot| slot.of(&self.contents));
        let (Some(field), Some(content)) = (self.profile.field(number), content) else {
            return;
        };
        let mut unit = 10_usize.pow(field.length.prefix_digits().into());
        while unit > 1 {
            unit /= 10;
            out.push(b'0' + (content.len() / unit % 10) as u8);
        }
        out.extend_from_slice(content);
    }
}

fn write_half(half: u64, out: &mut Vec<u8>) {
    for place in (0..16).rev() {
        let digit = (half >> (place * 4) & 0xF) as u8;
        out.push(if digit < 10 {
            b'0' + digit
        } else {
            b'A' + digit - 10
        });
    }
}

impl fmt::Debug for MessageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present: Vec<u8> = self.bitmap.collect();
        f.debug_struct("MessageBuilder")
            .field("mti", &self.mti)
            .field("has", &present)
            .finish()
    }
}

/// Why a field cannot be sent. Says which and why, never its content: safe to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("field {field} cannot be sent: {reason}")]
pub struct EncodeError {
    /// The field at fault.
    pub field: u8,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Room for a usual message, so that its contents are not moved while it grows.
const CONTENTS_CAPACITY: usize = 512;
/// Message type, two bitmaps, and a three-digit length in front of every field.
const OVERHEAD_LENGTH_MAX: usize = 4 + 32 + 3 * 126;
/// With all overhead, the message still has a length that can be decoded.
const CONTENTS_LENGTH_MAX: usize = MESSAGE_LENGTH_MAX - OVERHEAD_LENGTH_MAX;
