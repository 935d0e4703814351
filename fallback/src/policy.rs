//! The signed limits of stand-in, read from an annotated TOML file.

use ledger_api::{Amount, Currency};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::homes::Homes;
use crate::syntax;

/// The layout of the file that this program reads.
const VERSION: u32 = 1;

/// Knowledge older than a week is never good enough, whatever a file says.
const AGE_LIMIT_MINUTES: u64 = 7 * 24 * 60;

/// What a gateway may approve by itself. There is no `Policy` whose limits contradict each other:
/// transaction ≤ card per day ≤ gateway, and elsewhere ≤ card per day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) currency: Currency,
    pub(crate) transaction_max: Amount,
    pub(crate) card_day_max: Amount,
    pub(crate) card_day_count: u32,
    pub(crate) card_elsewhere_max: Amount,
    pub(crate) gateway_exposure_max: Amount,
    pub(crate) knowledge_age_max_ms: u64,
    pub(crate) unknown: Unverified,
}

/// What stand-in does where a check has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// It declines.
    Decline,
    /// It decides by the other rules.
    Ignore,
}

impl OnUnknown {
    /// The word in the file.
    const fn name(self) -> &'static str {
        match self {
            Self::Decline => "decline",
            Self::Ignore => "ignore",
        }
    }
}

/// The same for each check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unverified {
    /// A CVV2 that was presented.
    pub cvv2: OnUnknown,
    /// A PIN that was presented.
    pub pin: OnUnknown,
    /// A cryptogram that was presented.
    pub arqc: OnUnknown,
}

/// A policy file that cannot be used. Nothing was started; correct the file and start again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, a key is missing, unknown or of the wrong type, or an amount is not one.
    #[error("the policy does not parse: {0}; correct it; the annotated default names every key")]
    Syntax(String),
    /// Written for another program.
    #[error(
        "the policy has version {found}, this program reads version {VERSION}; convert the file"
    )]
    Version {
        /// What the file says.
        found: u32,
    },
    /// One limit makes another one meaningless.
    #[error(
        "the policy contradicts itself: {smaller} ({smaller_value}) is above {larger} \
         ({larger_value}); lower the first or raise the second"
    )]
    Contradiction {
        /// The limit that must be the smaller one.
        smaller: &'static str,
        /// Its value in minor units.
        smaller_value: i64,
        /// The limit that must be the larger one.
        larger: &'static str,
        /// Its value in minor units.
        larger_value: i64,
    },
    /// A limit outside what it may be.
    #[error("the policy has {key} = {value}; it must be {must}")]
    OutOfRange {
        /// Which key.
        key: &'static str,
        /// What the file says.
        value: u64,
        /// What it may be.
        must: &'static str,
    },
}

impl Policy {
    /// The annotated default, as text to copy and change.
    pub fn default_text() -> &'static str {
        include_str!("../policy.toml")
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// Says which key is wrong and what to do about it.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: File = syntax::parse(text).map_err(PolicyError::Syntax)?;
        if file.version != VERSION {
            return Err(PolicyError::Version {
                found: file.version,
            });
        }
        range(
            "card_day_max_count",
            u64::from(file.card_day_max_count),
            1,
            u64::MAX,
            "at least 1",
        )?;
        range(
            "knowledge_age_max_minutes",
            file.knowledge_age_max_minutes,
            1,
            AGE_LIMIT_MINUTES,
            "from 1 to 10080 minutes (a week)",
        )?;
        for ((smaller, small), (larger, large)) in [
            (
                ("transaction_max_minor", file.transaction_max_minor),
                ("card_day_max_minor", file.card_day_max_minor),
            ),
            (
                ("card_elsewhere_max_minor", file.card_elsewhere_max_minor),
                ("card_day_max_minor", file.card_day_max_minor),
            ),
            (
                ("card_day_max_minor", file.card_day_max_minor),
                (
                    "gateway_exposure_max_minor",
                    file.gateway_exposure_max_minor,
                ),
            ),
        ] {
            if small > large {
                return Err(PolicyError::Contradiction {
                    smaller,
                    smaller_value: small.minor(),
                    larger,
                    larger_value: large.minor(),
                });
            }
        }
        Ok(Self {
            currency: file.currency,
            transaction_max: file.transaction_max_minor,
            card_day_max: file.card_day_max_minor,
            card_day_count: file.card_day_max_count,
            card_elsewhere_max: file.card_elsewhere_max_minor,
            gateway_exposure_max: file.gateway_exposure_max_minor,
            knowledge_age_max_ms: file.knowledge_age_max_minutes * 60_000,
            unknown: Unverified {
                cvv2: file.cvv2_unknown,
                pin: file.pin_unknown,
                arqc: file.arqc_unknown,
            },
        })
    }

    /// The currency of all limits.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The most that one authorization may be.
    pub fn transaction_max(&self) -> Amount {
        self.transaction_max
    }

    /// The most that one card may spend in 24 hours at its home.
    pub fn card_day_max(&self) -> Amount {
        self.card_day_max
    }

    /// How often one card may be approved in 24 hours.
    pub fn card_day_count(&self) -> u32 {
        self.card_day_count
    }

    /// The most that one card may spend in 24 hours at a gateway that is not its home.
    pub fn card_elsewhere_max(&self) -> Amount {
        self.card_elsewhere_max
    }

    /// The most that one gateway may have at risk.
    pub fn gateway_exposure_max(&self) -> Amount {
        self.gateway_exposure_max
    }

    /// How old the knowledge may be, in milliseconds.
    pub fn knowledge_age_max_ms(&self) -> u64 {
        self.knowledge_age_max_ms
    }

    /// What happens to what was presented and not checked.
    pub fn unknown(&self) -> Unverified {
        self.unknown
    }

    /// Names the content: equal for two files that differ only in comments or order.
    pub fn hash(&self) -> u64 {
        let canonical = format!(
            "holdfast policy {VERSION}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.currency,
            self.transaction_max.minor(),
            self.card_day_max.minor(),
            self.card_day_count,
            self.card_elsewhere_max.minor(),
            self.gateway_exposure_max.minor(),
            self.knowledge_age_max_ms,
            self.unknown.cvv2.name(),
            self.unknown.pin.name(),
            self.unknown.arqc.name(),
        );
        first_u64(&Sha256::digest(canonical.as_bytes()))
    }

    /// The most that an outage can cost: the exposure limit of every gateway, added up. In minor
    /// units of [`Policy::currency`].
    pub fn bound_minor(&self, homes: &Homes) -> i64 {
        let gateways = i64::try_from(homes.gateways().len()).unwrap_or(i64::MAX);
        self.gateway_exposure_max.minor().saturating_mul(gateways)
    }

    /// The bound in words, for the start of the process and the head of every report.
    pub fn bound_text(&self, homes: &Homes) -> String {
        format!(
            "worst loss of an outage: {} = {} gateways × {}",
            self.currency.format(self.bound_minor(homes)),
            homes.gateways().len(),
            self.currency.format(self.gateway_exposure_max.minor()),
        )
    }
}

/// The file as it is written; becomes a [`Policy`] only through [`Policy::parse`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    currency: Currency,
    transaction_max_minor: Amount,
    card_day_max_minor: Amount,
    card_day_max_count: u32,
    card_elsewhere_max_minor: Amount,
    gateway_exposure_max_minor: Amount,
    knowledge_age_max_minutes: u64,
    cvv2_unknown: OnUnknown,
    pin_unknown: OnUnknown,
    arqc_unknown: OnUnknown,
}

fn range(
    key: &'static str,
    value: u64,
    least: u64,
    most: u64,
    must: &'static str,
) -> Result<(), PolicyError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(PolicyError::OutOfRange { key, value, must })
    }
}

/// The first eight bytes of a digest, as a number.
pub(crate) fn first_u64(digest: &[u8]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
#[expect(
    clippy::inconsistent_digit_grouping,
    reason = "euros and cents: 500_00 is 500.00"
)]
mod tests {
    use super::*;

    fn with(from: &str, to: &str) -> Result<Policy, PolicyError> {
        let text = Policy::default_text();
        assert!(text.contains(from), "{from}");
        Policy::parse(&text.replace(from, to))
    }

    #[test]
    fn the_default_is_the_one_that_was_signed() {
        let policy = Policy::parse(Policy::default_text()).unwrap();
        assert_eq!(policy.currency().to_string(), "EUR");
        assert_eq!(policy.transaction_max().minor(), 500_00);
        assert_eq!(policy.card_day_max().minor(), 2_000_00);
        assert_eq!(policy.card_day_count(), 250);
        assert_eq!(policy.card_elsewhere_max().minor(), 150_00);
        assert_eq!(policy.gateway_exposure_max().minor(), 100_000_00);
        assert_eq!(policy.knowledge_age_max_ms(), 4 * 3_600_000);
        let Unverified { cvv2, pin, arqc } = policy.unknown();
        assert_eq!([cvv2, pin, arqc], [OnUnknown::Decline; 3]);
    }

    #[test]
    fn the_bound_is_the_sum_of_the_gateways_caps() {
        let policy = Policy::parse(Policy::default_text()).unwrap();
        let homes = Homes::parse(
            "version = 1\ngateways = [{ name = \"gw1\" }, { name = \"gw2\" }, { name = \"gw3\" }]",
        )
        .unwrap();
        assert_eq!(policy.bound_minor(&homes), 300_000_00);
        assert_eq!(
            policy.bound_text(&homes),
            "worst loss of an outage: 300000.00 EUR = 3 gateways × 100000.00 EUR"
        );
    }

    #[test]
    fn the_hash_names_the_content_and_not_the_comments() {
        let policy = Policy::parse(Policy::default_text()).unwrap();
        let commented = with("# The layout", "# Our layout").unwrap();
        assert_eq!(policy.hash(), commented.hash());
        let changed = with("card_day_max_count = 250", "card_day_max_count = 251").unwrap();
        assert_ne!(policy.hash(), changed.hash());
        assert_eq!(
            policy.hash(),
            0x53aa_5656_fece_a9df,
            "golden: a change here changes the hash on every decision"
        );
    }

    #[test]
    fn limits_that_contradict_each_other_are_refused_with_the_cure() {
        for (from, to, says) in [
            (
                "transaction_max_minor = 50_000",
                "transaction_max_minor = 200_001",
                "transaction_max_minor (200001) is above card_day_max_minor (200000)",
            ),
            (
                "card_elsewhere_max_minor = 15_000",
                "card_elsewhere_max_minor = 200_001",
                "card_elsewhere_max_minor (200001) is above card_day_max_minor (200000)",
            ),
            (
                "gateway_exposure_max_minor = 10_000_000",
                "gateway_exposure_max_minor = 199_999",
                "card_day_max_minor (200000) is above gateway_exposure_max_minor (199999)",
            ),
            (
                "card_day_max_count = 250",
                "card_day_max_count = 0",
                "at least 1",
            ),
            ("minutes = 240", "minutes = 10_081", "from 1 to 10080"),
            ("version = 1", "version = 2", "this program reads version 1"),
            ("currency = \"EUR\"", "currency = \"XXX\"", "ISO 4217"),
            ("version = 1", "version = 1\nsurprise = 1", "unknown field"),
            ("card_day_max_count = 250", "", "missing field"),
            (
                "pin_unknown = \"decline\"",
                "pin_unknown = \"approve\"",
                "unknown variant",
            ),
            ("= 50_000", "= -1", "between 0 and"),
            ("= 50_000", "= 500.00", "invalid type"),
        ] {
            let refused = with(from, to).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
