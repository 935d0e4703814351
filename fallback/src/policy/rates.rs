//! Exchange rates: one bound covers all currencies.
//!
//! Integers only. What is converted to the policy's currency is rounded up, what a limit leaves in another
//! currency is rounded down: both against us.

use ledger_api::Currency;

use super::error::{PolicyError, range};
use super::file;

/// More would not be a price but a guess.
const HAIRCUT_MAX: u64 = 100;
/// Digits after the point.
const DECIMALS_MAX: usize = 9;
/// Digits before it.
const WHOLE_MAX: usize = 9;

/// What one minor unit of a currency is in minor units of the policy's, haircut included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    numerator: u64,
    denominator: u64,
}

impl Rate {
    /// Of the policy's own currency.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// Minor units in the policy's currency, rounded up.
    pub fn charge(self, minor: i64) -> i64 {
        up(minor, self.numerator, self.denominator)
    }

    /// The most minor units of the other currency whose charge is not above this, rounded down.
    pub fn room(self, minor: i64) -> i64 {
        if self == Self::ONE {
            return minor;
        }
        let exact = i128::from(minor) * i128::from(self.denominator);
        saturated(exact.div_euclid(i128::from(self.numerator)))
    }

    /// In words, exactly.
    pub(super) fn text(self, from: Currency, to: Currency) -> String {
        let Self {
            numerator,
            denominator,
        } = self;
        format!("{denominator} minor units of {from} count as {numerator} of {to}")
    }

    /// Reads a line of the file.
    pub(super) fn parse(line: &file::Rate, to: Currency) -> Result<Self, PolicyError> {
        let currency = line.currency;
        let key = format!("rate {currency}, haircut_percent");
        range(key, line.haircut_percent, 0..=HAIRCUT_MAX, "from 0 to 100")?;
        let (units, decimals) = decimal(&line.rate).ok_or_else(|| {
            PolicyError::meaningless(
                format!("a rate of {currency} that is none"),
                "write it as \"0.0893\": up to nine digits before the point and nine behind, above zero",
            )
        })?;
        let power = |exponent: u32| 10_u128.pow(exponent);
        let numerator = u128::from(units)
            * u128::from(100 + line.haircut_percent)
            * power(to.exponent().into());
        let denominator = power(decimals) * 100 * power(currency.exponent().into());
        let shared = greatest_common_divisor(numerator, denominator);
        let small = |number: u128| {
            u64::try_from(number / shared).map_err(|_| {
                PolicyError::meaningless(
                    format!("a rate of {currency} that cannot be counted with"),
                    "write it with fewer digits",
                )
            })
        };
        Ok(Self {
            numerator: small(numerator)?,
            denominator: small(denominator)?,
        })
    }
}

/// `part` of what was charged for `whole`, rounded up.
pub(crate) fn share(charge: i64, whole: i64, part: i64) -> i64 {
    if charge == whole {
        return part;
    }
    match (u64::try_from(charge), u64::try_from(whole)) {
        (Ok(charge), Ok(whole)) if whole > 0 => up(part, charge, whole),
        _ => 0,
    }
}

fn up(minor: i64, numerator: u64, denominator: u64) -> i64 {
    if numerator == denominator {
        return minor;
    }
    let (exact, by) = (
        i128::from(minor) * i128::from(numerator),
        i128::from(denominator),
    );
    let floor = exact.div_euclid(by);
    saturated(floor + i128::from(exact.rem_euclid(by) != 0))
}

fn saturated(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

/// `0.0893` as 893 and 4 decimals.
fn decimal(text: &str) -> Option<(u64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits(whole)
        && digits(fraction)
        && (1..=WHOLE_MAX).contains(&whole.len())
        && fraction.len() <= DECIMALS_MAX
        && (text.contains('.') != fraction.is_empty());
    let units = format!("{whole}{fraction}").parse::<u64>().ok()?;
    let decimals = u32::try_from(fraction.len()).ok()?;
    (fits && units > 0).then_some((units, decimals))
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(currency: &str, rate: &str, haircut_percent: u64) -> Result<Rate, PolicyError> {
        let line = file::Rate {
            currency: currency.parse().unwrap(),
            rate: rate.to_owned(),
            haircut_percent,
        };
        Rate::parse(&line, "EUR".parse().unwrap())
    }

    #[test]
    fn minor_units_of_currencies_with_other_decimals_are_converted_and_rounded_against_us() {
        for (currency, text, haircut, minor, charge) in [
            ("USD", "0.9", 0, 1_000, 900),
            ("USD", "0.9", 10, 1_000, 990),
            ("USD", "0.9", 0, 1, 1),
            ("JPY", "0.0061", 0, 1_000, 610),
            ("JPY", "0.0061", 0, 1, 1),
            ("KWD", "3.0", 0, 1_000, 300),
            ("KWD", "3", 5, 1_000, 315),
            ("USD", "0.9", 0, 0, 0),
        ] {
            let rate = rate(currency, text, haircut).unwrap();
            assert_eq!(
                rate.charge(minor),
                charge,
                "{minor} {currency} at {text} + {haircut} %"
            );
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "0",
            "0.0",
            "-1",
            "1.",
            ".5",
            "1,5",
            "1e3",
            "1.0000000001",
            "12345678901",
            "1.2.3",
        ] {
            let refused = rate("USD", text, 0).unwrap_err().to_string();
            assert!(
                refused.contains("a rate of USD that is none"),
                "{text}: {refused}"
            );
        }
        let refused = rate("USD", "1.0", 101).unwrap_err().to_string();
        assert!(
            refused.contains("rate USD, haircut_percent = 101"),
            "{refused}"
        );
    }

    proptest! {
        #[test]
        fn what_a_limit_leaves_is_never_charged_above_it_i5(
            units in 1_u64..1_000_000_000, decimals in 0_usize..=9, haircut in 0_u64..=100,
            limit in 0_i64..=999_999_999_999,
        ) {
            let digits = format!("{units:010}");
            let (whole, fraction) = digits.split_at(10 - decimals);
            let whole = if whole.len() > 9 { &whole[1..] } else { whole };
            let text = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
            let Ok(rate) = rate("JPY", &text, haircut) else { return Ok(()) };
            let room = rate.room(limit);
            prop_assert!(rate.charge(room) <= limit);
            prop_assert!(rate.charge(room + 1) > limit);
        }

        #[test]
        fn a_share_is_never_below_its_part_of_the_charge(
            charge in 1_i64..1_000_000_000, whole in 1_i64..1_000_000_000, part in 0_i64..1_000_000_000,
        ) {
            let part = part.min(whole);
            let share = share(charge, whole, part);
            prop_assert!(i128::from(share) * i128::from(whole) >= i128::from(charge) * i128::from(part));
            prop_assert!(share <= charge.max(part));
        }
    }
}
