//! Money: integer minor units and a currency. No floats, no negative amounts on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Negative, or more than twelve digits.
    #[error("an amount must be between 0 and {} minor units", Amount::MAX.0)]
    OutOfRange,
    /// Not a currency with an exponent in ISO 4217.
    #[error("a currency must be an ISO 4217 code with minor units, such as EUR or 978")]
    UnknownCurrency,
}

/// A non-negative amount in minor units of a currency that stands beside it; at most twelve
/// digits, as DE4 of ISO 8583 carries.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(i64);

impl Amount {
    /// The largest amount: 999,999,999,999 minor units.
    pub const MAX: Self = Self(999_999_999_999);
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of `minor` units.
    pub const fn new(minor: i64) -> Result<Self, MoneyError> {
        if minor < 0 || minor > Self::MAX.0 {
            Err(MoneyError::OutOfRange)
        } else {
            Ok(Self(minor))
        }
    }

    /// The minor units.
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// True for zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl TryFrom<i64> for Amount {
    type Error = MoneyError;

    fn try_from(minor: i64) -> Result<Self, MoneyError> {
        Self::new(minor)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

/// An amount with its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// How much.
    pub amount_minor: Amount,
    /// In which currency.
    pub currency: Currency,
}

/// An ISO 4217 currency that has minor units; alphabetic on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The currency with this numeric code, as DE49 carries it.
    pub fn from_numeric(code: u16) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_numeric(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }

    /// The numeric code.
    pub fn numeric(self) -> u16 {
        self.0.numeric()
    }

    /// How many decimals the minor unit stands for: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u16 {
        self.0.exponent().unwrap_or_default()
    }

    /// True where a caller that says how many decimals there are says it right, or says nothing.
    pub fn has_exponent(self, said: Option<u8>) -> bool {
        said.is_none_or(|said| u16::from(said) == self.exponent())
    }

    /// `1234` as `12.34 EUR`.
    pub fn format(self, minor: i64) -> String {
        let digits = usize::from(self.exponent());
        let sign = if minor < 0 { "-" } else { "" };
        let text = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
        let (whole, part) = text.split_at(text.len() - digits);
        if digits == 0 {
            format!("{sign}{whole} {self}")
        } else {
            format!("{sign}{whole}.{part} {self}")
        }
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(text)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_twelve_digits_and_never_negative() {
        assert!(Amount::new(-1).is_err());
        assert!(Amount::new(1_000_000_000_000).is_err());
        assert_eq!(
            Amount::new(999_999_999_999).map(Amount::minor),
            Ok(999_999_999_999)
        );
        assert!(serde_json::from_str::<Amount>("-5").is_err());
        assert!(serde_json::from_str::<Amount>("1.5").is_err());
    }

    #[test]
    fn exponents_come_from_the_standard() {
        for (code, minor, text) in [
            ("EUR", 1234, "12.34 EUR"),
            ("EUR", 5, "0.05 EUR"),
            ("JPY", 1234, "1234 JPY"),
            ("KWD", -1234, "-1.234 KWD"),
        ] {
            assert_eq!(
                code.parse::<Currency>().map(|c| c.format(minor)),
                Ok(text.to_owned())
            );
        }
        assert!("XXX".parse::<Currency>().is_err(), "no minor units");
        assert_eq!(
            Currency::from_numeric(978).map(|c| c.to_string()),
            Ok("EUR".to_owned())
        );
    }
}
