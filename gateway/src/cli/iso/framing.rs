//! Where one message of a stream ends and the next begins.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use iso8583::frame::{Cut, FrameError, Framing as Known, Routing, encode_frame};
use zeroize::Zeroizing;

/// What stands in front of a message; `None` is nothing: there is one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing(Option<Known>);

/// Why a frame cannot be taken or made. Does not say what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    /// The header cannot be.
    #[error("{0} (--framing)")]
    Bad(FrameError),
    /// The input ends within a frame.
    #[error(
        "the frame ends {missing} bytes too early: check --framing, or whether all of it is there"
    )]
    Truncated {
        /// How many more there should be.
        missing: usize,
    },
    /// More than a length can say.
    #[error(
        "the message has {length} bytes, more than a length of this framing can say: send less"
    )]
    TooLong {
        /// How many it has.
        length: usize,
    },
}

/// A message, and what stands behind it.
pub(super) type Taken<'b> = (&'b [u8], &'b [u8]);

impl Framing {
    /// Nothing in front.
    pub(super) const NONE: Self = Self(None);
    /// What most hosts speak.
    pub(super) const BE2: Self = Self(Some(Known::Be2));
    const VARIANTS: [Self; 7] = [
        Self::NONE,
        Self::BE2,
        Self(Some(Known::Be2Inclusive)),
        Self(Some(Known::Le2)),
        Self(Some(Known::Ascii4)),
        Self(Some(Known::Vap)),
        Self(Some(Known::Tpdu)),
    ];

    /// All that put something in front.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Known::ALL.into_iter().map(|known| Self(Some(known)))
    }

    /// Its word on the command line.
    pub(super) const fn word(self) -> &'static str {
        match self.0 {
            None => "none",
            Some(known) => known.word(),
        }
    }

    /// Bytes in front of a message.
    pub(super) const fn header_length(self) -> usize {
        match self.0 {
            None => 0,
            Some(known) => known.header_length(),
        }
    }

    /// Takes the first message. A frame may be empty: hosts poll with such, also where a gateway
    /// would not take it.
    ///
    /// # Errors
    /// If the bytes are no frame, or end within one.
    pub(super) fn take(self, bytes: &[u8]) -> Result<Taken<'_>, FramingError> {
        let Some(known) = self.0 else {
            return Ok((bytes, &[]));
        };
        match known.cut(bytes, usize::MAX) {
            Ok(Cut::Whole { frame, rest }) => Ok((frame.message, rest)),
            Ok(Cut::Missing(missing)) => Err(FramingError::Truncated { missing }),
            Err(FrameError::Empty) => {
                let header = known.header_length();
                let missing = header.saturating_sub(bytes.len());
                let rest = bytes.get(header..);
                Ok((&[], rest.ok_or(FramingError::Truncated { missing })?))
            }
            Err(error) => Err(FramingError::Bad(error)),
        }
    }

    /// The message with its header in front. A TPDU has addresses of zeros.
    ///
    /// # Errors
    /// If it is longer than can be said.
    pub(super) fn framed(self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, FramingError> {
        let length = message.len();
        let mut frame = Zeroizing::new(Vec::with_capacity(self.header_length() + length));
        match self.0 {
            None => frame.extend_from_slice(message),
            Some(known) => {
                encode_frame(known, Routing::default(), message, &mut frame).map_err(|error| {
                    match error {
                        FrameError::TooLong { .. } => FramingError::TooLong { length },
                        other => FramingError::Bad(other),
                    }
                })?
            }
        }
        Ok(frame)
    }
}

impl ValueEnum for Framing {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self.0 {
            None => "Nothing: there is one message",
            Some(Known::Be2) => "Two bytes of length, the higher first, not counting themselves",
            Some(Known::Be2Inclusive) => {
                "Two bytes of length, the higher first, counting themselves"
            }
            Some(Known::Le2) => "Two bytes of length, the lower first, not counting themselves",
            Some(Known::Ascii4) => "Four ASCII digits of length, not counting themselves",
            Some(Known::Vap) => "Two bytes of length, the higher first, and two bytes of zeros",
            Some(Known::Tpdu) => "Two bytes of length, the higher first, and a TPDU of five bytes",
        };
        Some(PossibleValue::new(self.word()).help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_front_is_taken_off_again() {
        for framing in Framing::all() {
            let mut stream = framing.framed(b"abc").unwrap();
            let cut = framing.take(stream.get(..stream.len() - 2).unwrap());
            assert_eq!(cut, Err(FramingError::Truncated { missing: 2 }));
            assert!(matches!(
                framing.take(b""),
                Err(FramingError::Truncated { missing: 2 | 4 })
            ));
            stream.extend_from_slice(b"rest");
            assert_eq!(framing.take(&stream), Ok((&b"abc"[..], &b"rest"[..])));
        }
        assert_eq!(Framing::NONE.take(b"abc"), Ok((&b"abc"[..], &b""[..])));
        assert_eq!(**Framing::NONE.framed(b"abc").unwrap(), *b"abc");
    }

    #[test]
    fn the_command_line_knows_every_framing_by_its_word() {
        let all = std::iter::once(Framing::NONE).chain(Framing::all());
        assert!(all.eq(Framing::VARIANTS), "all have a word");
        for framing in Framing::VARIANTS {
            assert_eq!(Framing::from_str(framing.word(), false), Ok(framing));
        }
    }

    #[test]
    fn an_empty_frame_is_shown_as_a_poll_in_every_framing() {
        for (framing, poll) in [
            ("be2", &b"\0\0"[..]),
            ("be2-inclusive", b"\0\x02"),
            ("ascii4", b"0000"),
            ("vap", b"\0\0\0\0"),
            ("tpdu", b"\0\x05\x60\0\0\0\0"),
        ] {
            let framing = Framing::from_str(framing, false).unwrap();
            assert_eq!(framing.take(poll), Ok((&b""[..], &b""[..])));
        }
    }

    #[test]
    fn what_is_no_length_is_refused() {
        let inclusive = Framing(Some(Known::Be2Inclusive));
        let error = inclusive.take(b"\0\x01").unwrap_err();
        assert!(error.to_string().ends_with("(--framing)"), "{error}");
        for known in Known::ALL {
            let length = known.length_max() + 1;
            let error = FramingError::TooLong { length };
            let framed = Framing(Some(known)).framed(&vec![0; length]);
            assert_eq!(framed.map(|_| ()), Err(error));
        }
    }
}
