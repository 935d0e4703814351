//! Track 2 of a magnetic stripe, as a type that cannot be printed.

use std::fmt;
use zeroize::Zeroize;

use crate::Pan;
use crate::composite::CompositeError;

/// What a stripe says on its second track (ISO/IEC 7813): card number, separator, expiry,
/// service code, and data of the issuer that may prove the card.
///
/// `Debug` shows the masked card number and nothing else. No `Clone`, no `Display`, no
/// serialization; overwritten on drop. Must not outlive the decision (PCI DSS 3.3.1).
pub struct Track2 {
    pan: Pan,
    expiry: [u8; 4],
    service_code: [u8; 3],
    rest: [u8; TRACK2_LENGTH_MAX],
    rest_length: usize,
}

/// Longest track 2, in characters.
const TRACK2_LENGTH_MAX: usize = 37;

impl Track2 {
    /// Reads the characters of a track without its sentinels.
    ///
    /// # Errors
    /// If there is no card number, no separator (`=` or `D`), or not the seven digits of expiry
    /// and service code behind it.
    pub fn parse(text: &str) -> Result<Self, CompositeError> {
        Self::of(text.bytes())
    }

    pub(crate) fn of(
        mut characters: impl ExactSizeIterator<Item = u8>,
    ) -> Result<Self, CompositeError> {
        if characters.len() > TRACK2_LENGTH_MAX {
            return Err(CompositeError::Track2);
        }
        let mut digits = [0_u8; TRACK2_LENGTH_MAX];
        let mut length = 0;
        let mut separated = false;
        for (to, from) in digits.iter_mut().zip(&mut characters) {
            separated = matches!(from, b'=' | b'D');
            if separated {
                break;
            }
            *to = from;
            length += 1;
        }
        let number = Pan::of(digits.iter().take(length).copied()).ok();
        digits.zeroize();
        let mut track = Self {
            pan: number.filter(|_| separated).ok_or(CompositeError::Track2)?,
            expiry: [0; 4],
            service_code: [0; 3],
            rest: [0; TRACK2_LENGTH_MAX],
            rest_length: 0,
        };
        let fixed = track.expiry.iter_mut().chain(&mut track.service_code);
        for to in fixed {
            let digit = characters.next().filter(u8::is_ascii_digit);
            *to = digit.ok_or(CompositeError::Track2)?;
        }
        for (to, from) in track.rest.iter_mut().zip(characters) {
            *to = from;
            track.rest_length += 1;
        }
        Ok(track)
    }

    /// The card number on the stripe.
    pub fn pan(&self) -> &Pan {
        &self.pan
    }

    /// The expiry on the stripe, YYMM.
    pub fn expiry(&self) -> &str {
        str::from_utf8(&self.expiry).unwrap_or_default()
    }

    /// The service code: whether there is a chip, whether to go online, whether to ask for a PIN.
    pub fn service_code(&self) -> &str {
        str::from_utf8(&self.service_code).unwrap_or_default()
    }

    /// What the issuer wrote behind it. For a check of the card and nothing else.
    pub fn expose_discretionary(&self) -> &str {
        let rest = self.rest.get(..self.rest_length).unwrap_or_default();
        str::from_utf8(rest).unwrap_or_default()
    }
}

impl Drop for Track2 {
    fn drop(&mut self) {
        self.expiry.zeroize();
        self.service_code.zeroize();
        self.rest.zeroize();
    }
}

impl fmt::Debug for Track2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Track2({})", self.pan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_falls_into_its_parts_and_is_not_printed() {
        for text in [
            "4111111111111111D29122011234500000",
            "4111111111111111=29122011234500000",
        ] {
            let track = Track2::parse(text).unwrap();
            assert_eq!(track.pan().expose_digits(), "4111111111111111");
            assert_eq!((track.expiry(), track.service_code()), ("2912", "201"));
            assert_eq!(track.expose_discretionary(), "1234500000");
            assert_eq!(format!("{track:?}"), "Track2(411111******1111)");
        }
        let bare = Track2::parse("4111111111111111D2912201").unwrap();
        assert_eq!(bare.expose_discretionary(), "");
    }

    #[test]
    fn a_track_without_its_parts_is_refused() {
        for text in [
            "",
            "4111111111111111",
            "41111111111D2912201",      // eleven digits are no card number
            "4111111111111111D291220",  // a service code has three digits
            "4111111111111111D2912D01", // no expiry
            "4111111111111111D29122011234500000000000", // longer than a track
        ] {
            assert_eq!(
                Track2::parse(text).unwrap_err(),
                CompositeError::Track2,
                "{text}"
            );
        }
    }
}
