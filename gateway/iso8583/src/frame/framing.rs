use std::fmt;
use std::str::FromStr;

use super::{Cut, Frame, FrameError, Routing};

/// What stands in front of each message of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Two bytes of length, the higher first, not counting themselves. What most hosts speak.
    #[default]
    Be2,
    /// Two bytes of length, the higher first, counting themselves.
    Be2Inclusive,
    /// Two bytes of length, the lower first, not counting themselves.
    Le2,
    /// Four ASCII digits of length, not counting themselves. 0000 is a poll.
    Ascii4,
    /// Two bytes of length, the higher first, not counting the header, and two bytes of zeros; at
    /// most 2048 bytes of message. A length of zero is a poll, answered with the same four bytes.
    Vap,
    /// Two bytes of length, the higher first, counting what follows them: a TPDU of five bytes
    /// (60, destination, source) and the message. An answer has the addresses swapped.
    Tpdu,
}

/// The first byte of a TPDU.
const TPDU_ID: u8 = 0x60;

impl Framing {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Be2,
        Self::Be2Inclusive,
        Self::Le2,
        Self::Ascii4,
        Self::Vap,
        Self::Tpdu,
    ];

    /// Its word in settings and on command lines.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Be2 => "be2",
            Self::Be2Inclusive => "be2-inclusive",
            Self::Le2 => "le2",
            Self::Ascii4 => "ascii4",
            Self::Vap => "vap",
            Self::Tpdu => "tpdu",
        }
    }

    /// Bytes in front of a message.
    pub const fn header_length(self) -> usize {
        match self {
            Self::Be2 | Self::Be2Inclusive | Self::Le2 => 2,
            Self::Ascii4 | Self::Vap => 4,
            Self::Tpdu => 7,
        }
    }

    /// The longest message that it can announce, in bytes.
    pub const fn length_max(self) -> usize {
        match self {
            Self::Be2 | Self::Le2 => 65_535,
            Self::Be2Inclusive => 65_533,
            Self::Ascii4 => 9_999,
            Self::Vap => 2_048,
            Self::Tpdu => 65_530,
        }
    }

    /// Whether a frame without a message is a poll that keeps the connection alive. Elsewhere it is
    /// an error.
    pub const fn has_polls(self) -> bool {
        matches!(self, Self::Ascii4 | Self::Vap)
    }

    /// Takes the first frame of a stream, whose message may have `length_max` bytes.
    ///
    /// # Errors
    /// As soon as the bytes that are there cannot begin a frame.
    pub fn cut(self, stream: &[u8], length_max: usize) -> Result<Cut<'_>, FrameError> {
        // The length comes first: one that cannot be is refused whatever follows it.
        let length_bytes = if self == Self::Ascii4 { 4 } else { 2 };
        let Some(length) = stream.get(..length_bytes) else {
            return Ok(Cut::Missing(length_bytes - stream.len()));
        };
        let length = self.said(length)?;
        self.check(length, length_max)?;
        let Some((header, rest)) = stream.split_at_checked(self.header_length()) else {
            return Ok(Cut::Missing(self.header_length() - stream.len()));
        };
        let routing = match (self, header) {
            (Self::Vap, [_, _, 0, 0]) => Routing::default(),
            (Self::Vap, _) => return Err(FrameError::Reserved),
            (Self::Tpdu, &[_, _, TPDU_ID, d0, d1, s0, s1]) => Routing::new([d0, d1], [s0, s1]),
            (Self::Tpdu, _) => return Err(FrameError::NotTpdu),
            _ => Routing::default(),
        };
        Ok(match rest.split_at_checked(length) {
            Some((message, rest)) => Cut::Whole {
                frame: Frame { message, routing },
                rest,
            },
            None => Cut::Missing(length - rest.len()),
        })
    }

    /// The length of the message, by what stands in front.
    fn said(self, length: &[u8]) -> Result<usize, FrameError> {
        let pair = <[u8; 2]>::try_from(length).unwrap_or_default();
        let said = usize::from(match self {
            Self::Le2 => u16::from_le_bytes(pair),
            _ => u16::from_be_bytes(pair),
        });
        let counted_too = |min| {
            let error = FrameError::TooShort { length: said, min };
            said.checked_sub(min).ok_or(error)
        };
        match self {
            Self::Be2 | Self::Le2 | Self::Vap => Ok(said),
            Self::Be2Inclusive => counted_too(2),
            Self::Tpdu => counted_too(5),
            Self::Ascii4 => length.iter().try_fold(0, |number, digit| {
                let value = digit.is_ascii_digit().then(|| usize::from(digit - b'0'));
                Ok(number * 10 + value.ok_or(FrameError::NotDigits)?)
            }),
        }
    }

    /// Appends what stands in front of a message of this length.
    pub(super) fn put_header(
        self,
        routing: Routing,
        length: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        self.check(length, usize::MAX)?;
        // What was checked fits two bytes.
        let two = |length: usize| u16::try_from(length).unwrap_or_default();
        match self {
            Self::Be2 => out.extend_from_slice(&two(length).to_be_bytes()),
            Self::Be2Inclusive => out.extend_from_slice(&two(length + 2).to_be_bytes()),
            Self::Le2 => out.extend_from_slice(&two(length).to_le_bytes()),
            Self::Ascii4 => {
                let digit = |unit: usize| b'0' + u8::try_from(length / unit % 10).unwrap_or(0);
                out.extend_from_slice(&[1_000, 100, 10, 1].map(digit));
            }
            Self::Vap => {
                let [high, low] = two(length).to_be_bytes();
                out.extend_from_slice(&[high, low, 0, 0]);
            }
            Self::Tpdu => {
                out.extend_from_slice(&two(length + 5).to_be_bytes());
                out.push(TPDU_ID);
                out.extend_from_slice(&routing.destination);
                out.extend_from_slice(&routing.source);
            }
        }
        Ok(())
    }

    fn check(self, length: usize, max: usize) -> Result<(), FrameError> {
        let max = max.min(self.length_max());
        if length > max {
            return Err(FrameError::TooLong { length, max });
        }
        if length == 0 && !self.has_polls() {
            return Err(FrameError::Empty);
        }
        Ok(())
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Reads [`Framing::word`].
impl FromStr for Framing {
    type Err = UnknownFraming;

    fn from_str(word: &str) -> Result<Self, UnknownFraming> {
        let mut all = Self::ALL.into_iter();
        all.find(|framing| framing.word() == word)
            .ok_or(UnknownFraming)
    }
}

/// The word names no framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a framing: one of be2, be2-inclusive, le2, ascii4, vap, tpdu")]
pub struct UnknownFraming;
