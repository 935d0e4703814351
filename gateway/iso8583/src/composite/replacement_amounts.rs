//! Field 95: what remains after a partial reversal.

use std::fmt::Write;

use super::{CompositeError, Sign, digits};
use crate::Value;

/// The amounts that stand from now on instead of those of the original, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplacementAmounts {
    /// In the currency of the transaction, at most 12 digits.
    pub actual_minor: u64,
    /// In the currency of settlement, at most 12 digits; 0 where there is none.
    pub settlement_minor: u64,
    /// In the currency of the transaction.
    pub fee: Fee,
    /// In the currency of settlement.
    pub settlement_fee: Fee,
}

/// A fee in minor units, at most 8 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fee {
    /// Whom it is for.
    pub sign: Sign,
    /// How much.
    pub minor: u32,
}

impl Fee {
    /// No fee: a credit of nothing.
    pub const NONE: Self = Self {
        sign: Sign::Credit,
        minor: 0,
    };

    fn read(text: &[u8]) -> Option<Self> {
        let (sign, amount) = text.split_first()?;
        Some(Self {
            sign: Sign::of(*sign)?,
            minor: digits(amount)?.try_into().ok()?,
        })
    }
}

impl ReplacementAmounts {
    /// An actual amount, without settlement and fees.
    pub const fn actual(actual_minor: u64) -> Self {
        Self {
            actual_minor,
            settlement_minor: 0,
            fee: Fee::NONE,
            settlement_fee: Fee::NONE,
        }
    }

    /// Reads the 42 characters of field 95.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, CompositeError> {
        Self::read(text.as_bytes()).ok_or(CompositeError::ReplacementAmounts)
    }

    /// Reads a field.
    ///
    /// # Errors
    /// If its characters are not these amounts.
    pub fn of(value: &Value<'_>) -> Result<Self, CompositeError> {
        let mut room = [0; LENGTH];
        let text = value
            .copy_to(&mut room)
            .ok_or(CompositeError::ReplacementAmounts)?;
        Self::parse(text)
    }

    /// The actual amount alone, in minor units, whatever stands behind it: some hosts send zeros
    /// there instead of fees.
    ///
    /// # Errors
    /// If the field is not 42 characters that begin with 12 digits.
    pub fn actual_of(value: &Value<'_>) -> Result<u64, CompositeError> {
        let mut room = [0; LENGTH];
        let text = value.copy_to(&mut room).filter(|text| text.len() == LENGTH);
        let actual = text.and_then(|text| digits(text.as_bytes().get(..12)?));
        actual.ok_or(CompositeError::ReplacementAmounts)
    }

    fn read(text: &[u8]) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        Some(Self {
            actual_minor: digits(text.get(..12)?)?,
            settlement_minor: digits(text.get(12..24)?)?,
            fee: Fee::read(text.get(24..33)?)?,
            settlement_fee: Fee::read(text.get(33..)?)?,
        })
    }

    /// The 42 characters.
    ///
    /// # Errors
    /// If an amount has more digits than its place.
    pub fn encode(&self) -> Result<String, CompositeError> {
        let mut text = format!("{:012}{:012}", self.actual_minor, self.settlement_minor);
        for fee in [self.fee, self.settlement_fee] {
            let written = write!(text, "{}{:08}", fee.sign.letter(), fee.minor);
            written.map_err(|_| CompositeError::ReplacementAmounts)?;
        }
        match Self::parse(&text) {
            Ok(read) if read == *self => Ok(text),
            _ => Err(CompositeError::ReplacementAmounts),
        }
    }
}

const LENGTH: usize = 42;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacement_amounts_round_trip() {
        for actual in [0, 1, 5_000, 999_999_999_999] {
            let amounts = ReplacementAmounts::actual(actual);
            let text = amounts.encode().unwrap();
            assert_eq!(text.len(), 42);
            assert_eq!(ReplacementAmounts::parse(&text), Ok(amounts));
        }
        let all = ReplacementAmounts {
            actual_minor: 1,
            settlement_minor: 2,
            fee: Fee {
                sign: Sign::Debit,
                minor: 3,
            },
            settlement_fee: Fee {
                sign: Sign::Credit,
                minor: 99_999_999,
            },
        };
        let text = "000000000001000000000002D00000003C99999999";
        assert_eq!(all.encode().as_deref(), Ok(text));
        assert_eq!(ReplacementAmounts::parse(text), Ok(all));
    }

    #[test]
    fn what_does_not_fit_its_place_is_refused() {
        let error = CompositeError::ReplacementAmounts;
        assert_eq!(
            ReplacementAmounts::actual(1_000_000_000_000).encode(),
            Err(error)
        );
        let letter = format!("+{}", "0".repeat(41));
        for text in [
            "",
            "000000005000",
            &letter,
            &"ä".repeat(21),
            &"0".repeat(42),
        ] {
            assert_eq!(ReplacementAmounts::parse(text), Err(error), "{text}");
        }
    }
}
