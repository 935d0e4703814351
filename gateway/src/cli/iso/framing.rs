//! Where one message of a stream ends and the next begins.

use clap::ValueEnum;

/// What stands in front of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Framing {
    /// Nothing: there is one message.
    None,
    /// Two bytes of length, the higher first, not counting themselves.
    Be2,
    /// Two bytes of length, the higher first, counting themselves.
    Be2Inclusive,
    /// Two bytes of length, the lower first, not counting themselves.
    Le2,
    /// Four ASCII digits of length, not counting themselves.
    Ascii4,
}

/// Why a frame cannot be taken or made. Does not say what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    /// Four digits that are none.
    #[error("the length in front is not four digits: check --framing")]
    NotDigits,
    /// A length that counts itself and is shorter than that.
    #[error(
        "the length in front counts itself and says less than its own two bytes: check --framing"
    )]
    TooShort,
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
    /// All that put something in front.
    pub(super) const ALL: [Self; 4] = [Self::Be2, Self::Be2Inclusive, Self::Le2, Self::Ascii4];

    /// Its word on the command line.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Be2 => "be2",
            Self::Be2Inclusive => "be2-inclusive",
            Self::Le2 => "le2",
            Self::Ascii4 => "ascii4",
        }
    }

    /// Bytes in front of a message.
    pub(super) const fn header_length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Be2 | Self::Be2Inclusive | Self::Le2 => 2,
            Self::Ascii4 => 4,
        }
    }

    /// Takes the first message. A frame may be empty: hosts poll with such.
    ///
    /// # Errors
    /// If the bytes are no frame, or end within one.
    pub(super) fn take(self, bytes: &[u8]) -> Result<Taken<'_>, FramingError> {
        if self == Self::None {
            return Ok((bytes, &[]));
        }
        let missing = |wanted: usize, found: usize| FramingError::Truncated {
            missing: wanted.saturating_sub(found),
        };
        let length = self.header_length();
        let (header, rest) = bytes
            .split_at_checked(length)
            .ok_or(missing(length, bytes.len()))?;
        let said = self.said(header)?;
        rest.split_at_checked(said).ok_or(missing(said, rest.len()))
    }

    fn said(self, header: &[u8]) -> Result<usize, FramingError> {
        let pair = || <[u8; 2]>::try_from(header).unwrap_or_default();
        match self {
            Self::None => Ok(0),
            Self::Be2 => Ok(u16::from_be_bytes(pair()).into()),
            Self::Be2Inclusive => usize::from(u16::from_be_bytes(pair()))
                .checked_sub(2)
                .ok_or(FramingError::TooShort),
            Self::Le2 => Ok(u16::from_le_bytes(pair()).into()),
            Self::Ascii4 => header.iter().try_fold(0, |number, digit| {
                let value = digit.is_ascii_digit().then(|| usize::from(digit - b'0'));
                Ok(number * 10 + value.ok_or(FramingError::NotDigits)?)
            }),
        }
    }

    /// What stands in front of this message.
    ///
    /// # Errors
    /// If it is longer than can be said.
    pub(super) fn header(self, message: &[u8]) -> Result<Vec<u8>, FramingError> {
        let length = message.len();
        let error = FramingError::TooLong { length };
        let two = |length: usize| u16::try_from(length).map_err(|_| error);
        match self {
            Self::None => Ok(Vec::new()),
            Self::Be2 => Ok(two(length)?.to_be_bytes().to_vec()),
            Self::Be2Inclusive => Ok(two(length + 2)?.to_be_bytes().to_vec()),
            Self::Le2 => Ok(two(length)?.to_le_bytes().to_vec()),
            Self::Ascii4 if length > 9_999 => Err(error),
            Self::Ascii4 => Ok(format!("{length:04}").into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_front_is_taken_off_again() {
        for (framing, header) in [
            (Framing::Be2, &b"\0\x03"[..]),
            (Framing::Be2Inclusive, b"\0\x05"),
            (Framing::Le2, b"\x03\0"),
            (Framing::Ascii4, b"0003"),
        ] {
            assert_eq!(framing.header(b"abc").unwrap(), header, "{framing:?}");
            let stream = [header, b"abc", b"rest"].concat();
            assert_eq!(framing.take(&stream), Ok((&b"abc"[..], &b"rest"[..])));
            let cut = framing.take(stream.get(..header.len() + 1).unwrap());
            assert_eq!(cut, Err(FramingError::Truncated { missing: 2 }));
            let missing = header.len();
            assert_eq!(framing.take(b""), Err(FramingError::Truncated { missing }));
        }
        assert_eq!(Framing::None.take(b"abc"), Ok((&b"abc"[..], &b""[..])));
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for (framing, bytes, error) in [
            (
                Framing::Be2Inclusive,
                &b"\0\x01"[..],
                FramingError::TooShort,
            ),
            (Framing::Ascii4, b"00a3", FramingError::NotDigits),
        ] {
            assert_eq!(framing.take(bytes), Err(error));
        }
        for (framing, length) in [
            (Framing::Be2, 65_536),
            (Framing::Be2Inclusive, 65_534),
            (Framing::Ascii4, 10_000),
        ] {
            let error = FramingError::TooLong { length };
            assert_eq!(framing.header(&vec![0; length]), Err(error));
        }
    }
}
