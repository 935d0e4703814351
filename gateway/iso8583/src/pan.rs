//! The card number, as a type that cannot be printed.

use std::fmt;
use zeroize::Zeroize;

/// A primary account number: 12 to 19 digits.
///
/// `Debug` and `Display` show the first six and the last four digits, or only the last four of
/// a number shorter than 15. There is no `Clone` and no serialization, and the digits are
/// overwritten on drop. Rust moves by copying bytes, so keep one where it was made and pass
/// references.
pub struct Pan {
    digits: [u8; PAN_LENGTH_MAX],
    length: usize,
}

impl Pan {
    /// Reads 12 to 19 digits. The check digit is a separate question: [`Pan::luhn_valid`].
    ///
    /// # Errors
    /// If there are fewer or more, or other characters.
    pub fn parse(text: &str) -> Result<Self, PanError> {
        Self::of(text.bytes())
    }

    pub(crate) fn of(characters: impl ExactSizeIterator<Item = u8>) -> Result<Self, PanError> {
        let length = characters.len();
        if !(PAN_LENGTH_MIN..=PAN_LENGTH_MAX).contains(&length) {
            return Err(PanError::Length { length });
        }
        let mut pan = Self {
            digits: [0; PAN_LENGTH_MAX],
            length,
        };
        for (to, from) in pan.digits.iter_mut().zip(characters) {
            if !from.is_ascii_digit() {
                return Err(PanError::NotDigits);
            }
            *to = from;
        }
        Ok(pan)
    }

    /// Whether the last digit is the check digit that the others call for (ISO/IEC 7812-1).
    pub fn luhn_valid(&self) -> bool {
        let sum: u32 = (self.expose_digits().bytes().rev().enumerate())
            .map(|(place, byte)| {
                let digit = u32::from(byte - b'0');
                match (place % 2, digit) {
                    (0, digit) => digit,
                    (_, digit @ 0..=4) => digit * 2,
                    (_, digit) => digit * 2 - 9,
                }
            })
            .sum();
        sum.is_multiple_of(10)
    }

    /// The digits themselves. For turning them into a token and nothing else.
    pub fn expose_digits(&self) -> &str {
        let digits = self.digits.get(..self.length).unwrap_or_default();
        str::from_utf8(digits).unwrap_or_default()
    }
}

impl Drop for Pan {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

impl fmt::Display for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.expose_digits();
        let head = if self.length >= SHOW_HEAD_LENGTH_MIN {
            6
        } else {
            0
        };
        let tail = self.length - 4;
        for (place, digit) in digits.chars().enumerate() {
            let shown = place < head || place >= tail;
            fmt::Write::write_char(f, if shown { digit } else { '*' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pan({self})")
    }
}

/// The text is not a card number. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PanError {
    /// Too short or too long.
    #[error("a card number has 12 to 19 digits, this has {length} characters")]
    Length {
        /// In bytes.
        length: usize,
    },
    /// Something else than digits; spaces and dashes count.
    #[error("a card number has digits only: send it without spaces and dashes")]
    NotDigits,
}

pub(crate) const PAN_LENGTH_MIN: usize = 12;
pub(crate) const PAN_LENGTH_MAX: usize = 19;
/// Below this, six and four shown digits would leave fewer than five hidden.
const SHOW_HEAD_LENGTH_MIN: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_masks_the_middle_digits() {
        for (digits, shown) in [
            ("4111111111111111", "411111******1111"),
            ("378282246310005", "378282*****0005"),
            ("6304000000000000000", "630400*********0000"),
            ("501800000009", "********0009"),
        ] {
            let pan = Pan::parse(digits).unwrap();
            assert_eq!(pan.to_string(), shown);
            assert_eq!(format!("{pan:?}"), format!("Pan({shown})"));
            assert!(pan.luhn_valid(), "{shown}");
            assert_eq!(pan.expose_digits(), digits);
        }
    }

    #[test]
    fn luhn_refuses_every_single_wrong_digit() {
        let good = "4111111111111111";
        for place in 0..good.len() {
            for digit in '0'..='9' {
                let mut text: Vec<char> = good.chars().collect();
                text[place] = digit;
                let text: String = text.into_iter().collect();
                assert_eq!(
                    Pan::parse(&text).unwrap().luhn_valid(),
                    text == good,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn only_12_to_19_digits_are_a_card_number() {
        for (text, error) in [
            ("", PanError::Length { length: 0 }),
            ("41111111111", PanError::Length { length: 11 }),
            ("41111111111111111111", PanError::Length { length: 20 }),
            ("4111 1111 1111 1111", PanError::NotDigits),
            ("411111111111111x", PanError::NotDigits),
            ("٤١١١١١١١", PanError::NotDigits),
        ] {
            assert_eq!(Pan::parse(text).unwrap_err(), error, "{text:?}");
        }
    }
}
