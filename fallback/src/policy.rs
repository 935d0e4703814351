//! The signed limits of stand-in, read from an annotated TOML file.
//!
//! | module | what |
//! |---|---|
//! | `file` | the file as it is written |
//! | `check` | from there to a [`Policy`]: ranges, nesting, sums |
//! | `age`, `groups`, `rates` | the curve, merchants and countries, other currencies |
//! | `lines` | its content line by line: what is hashed, printed and compared |

mod age;
mod check;
mod error;
mod file;
mod groups;
mod lines;
mod rates;
#[cfg(test)]
mod tests;

use ledger_api::{Amount, Currency};
use serde::Deserialize;

use crate::circumstances::{Entry, Kind};
use crate::homes::Homes;
use age::Curve;
pub use age::Left;
pub use error::PolicyError;
pub(crate) use groups::Say;
use groups::{Categories, Countries};
pub use lines::{Change, Line};
pub use rates::Rate;
pub(crate) use rates::share;

/// The layout of the file that this program reads.
const VERSION: u32 = 2;

/// The most windows that a card has for purchases, and for cash.
pub const WINDOWS_MAX: usize = 4;

/// What velocity is of, in the order of [`Policy::velocity`].
const PLACES: [&str; 3] = ["merchant", "terminal", "bin"];

/// So much and so often within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How long it looks back, in milliseconds.
    pub span_ms: u64,
    /// How often.
    pub count: u32,
    /// How much, in minor units of the policy's currency.
    pub minor: i64,
}

/// What a gateway may approve by itself. There is no `Policy` whose limits contradict each other:
/// transaction ≤ every window of the card ≤ gateway ≤ programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    currency: Currency,
    gateway_max: Amount,
    programme_max: Amount,
    /// In the order of [`Entry::ALL`].
    entry_max: [i64; Entry::ALL.len()],
    cash_max: i64,
    partial: bool,
    /// In the order of [`Kind::ALL`].
    permits: [bool; Kind::ALL.len()],
    purchase: Vec<Limit>,
    cash: Vec<Limit>,
    /// Of merchants, terminals and ranges of card numbers.
    velocity: [Option<Limit>; PLACES.len()],
    elsewhere_day_max: i64,
    spendable_percent: u64,
    age: Curve,
    unknown: Unverified,
    mcc: Categories,
    countries: Countries,
    rates: Vec<(Currency, Rate)>,
    hash: u64,
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
        check::parse(text)
    }

    /// That the caps of this fleet's gateways fit into the programme's.
    ///
    /// # Errors
    /// They do not.
    pub fn fits(&self, homes: &Homes) -> Result<(), PolicyError> {
        let gateways = homes.gateways().len();
        let (each, most) = (self.gateway_max.minor(), self.programme_max.minor());
        let sum = each.saturating_mul(i64::try_from(gateways).unwrap_or(i64::MAX));
        if sum <= most {
            return Ok(());
        }
        Err(PolicyError::Programme {
            gateways,
            each,
            sum,
            most,
            fits: most / i64::try_from(gateways.max(1)).unwrap_or(i64::MAX),
        })
    }

    /// True where it can lose more than the one in force: for this fleet, or, where the fleet is not known,
    /// for the largest that either has room for. Of another currency nobody can say.
    pub fn raises(&self, in_force: &Self, homes: Option<&Homes>) -> bool {
        let higher = |minor: fn(&Self) -> i64| minor(self) > minor(in_force);
        self.currency != in_force.currency
            || match homes {
                Some(homes) => self.bound_minor(homes) > in_force.bound_minor(homes),
                None => {
                    higher(|policy| policy.gateway_max.minor())
                        || higher(|policy| policy.programme_max.minor())
                }
            }
    }

    /// That it counts in the currency of the one in force: what is charged already is in that.
    ///
    /// # Errors
    /// It does not.
    pub fn may_follow(&self, in_force: &Self) -> Result<(), PolicyError> {
        if self.currency == in_force.currency {
            return Ok(());
        }
        Err(PolicyError::meaningless(
            format!(
                "currency {}, and the one in force counts in {}",
                self.currency, in_force.currency
            ),
            "keep the currency, and give the other one a rate",
        ))
    }

    /// The currency of all limits.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The most that one gateway may have at risk.
    pub fn gateway_exposure_max(&self) -> Amount {
        self.gateway_max
    }

    /// The most that all gateways together may have at risk.
    pub fn programme_exposure_max(&self) -> Amount {
        self.programme_max
    }

    /// The most that one authorization may be whose card was read like this, in minor units.
    pub fn entry_max(&self, entry: Entry) -> i64 {
        let place = usize::from(entry as u8);
        self.entry_max.get(place).copied().unwrap_or_default()
    }

    /// The most that one authorization of cash may be, in minor units.
    pub fn cash_max(&self) -> i64 {
        self.cash_max
    }

    /// True where a part is approved when not all of it can be.
    pub fn approves_partially(&self) -> bool {
        self.partial
    }

    /// True where this kind is allowed at all.
    pub fn permits(&self, kind: Kind) -> bool {
        let place = usize::from(kind as u8);
        self.permits.get(place).copied().unwrap_or_default()
    }

    /// The windows of a card for what is asked for, the shortest first.
    pub fn windows(&self, kind: Kind) -> &[Limit] {
        if is_cash(kind) {
            &self.cash
        } else {
            &self.purchase
        }
    }

    /// How much and how often in one place: at a merchant, at a terminal, for a range of card numbers.
    pub fn velocity(&self) -> [Option<Limit>; PLACES.len()] {
        self.velocity
    }

    /// The most that one card may spend in 24 hours at a gateway that is not its home, in minor units.
    pub fn elsewhere_day_max(&self) -> i64 {
        self.elsewhere_day_max
    }

    /// How much of this balance may be spent, in the same units.
    pub fn spendable(&self, available_minor: i64) -> i64 {
        if available_minor <= 0 || self.spendable_percent == 100 {
            return available_minor;
        }
        let part = i128::from(available_minor) * i128::from(self.spendable_percent) / 100;
        i64::try_from(part).unwrap_or(available_minor)
    }

    /// What is left of the limits at this age of knowledge; `None` where it is too old.
    pub fn left_at(&self, age_ms: u64) -> Option<Left> {
        self.age.at(age_ms)
    }

    /// How old the knowledge may be, in milliseconds.
    pub fn knowledge_age_max_ms(&self) -> u64 {
        self.age.end_ms()
    }

    /// What happens to what was presented and not checked.
    pub fn unknown(&self) -> Unverified {
        self.unknown
    }

    /// What is said of a merchant category.
    pub(crate) fn category(&self, mcc: u16) -> Say {
        self.mcc.say(mcc)
    }

    /// The most that one authorization may be there, where the country has a limit of its own.
    pub(crate) fn country_limit(&self, country: u16) -> Option<i64> {
        self.countries.limit(country)
    }

    /// How a currency counts; `None` where it is not covered.
    pub fn rate(&self, currency: Currency) -> Option<Rate> {
        if currency == self.currency {
            return Some(Rate::ONE);
        }
        let mut rates = self.rates.iter();
        rates.find(|(of, _)| *of == currency).map(|(_, rate)| *rate)
    }

    /// Names the content: equal for two files that differ only in comments or order.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The most that an outage can cost: the exposure limit of every gateway, added up, and not more than
    /// the programme's. In minor units of [`Policy::currency`]; other currencies count with their haircut.
    pub fn bound_minor(&self, homes: &Homes) -> i64 {
        let gateways = i64::try_from(homes.gateways().len()).unwrap_or(i64::MAX);
        let sum = self.gateway_max.minor().saturating_mul(gateways);
        sum.min(self.programme_max.minor())
    }

    /// The bound in words, for the start of the process and the head of every report.
    pub fn bound_text(&self, homes: &Homes) -> String {
        format!(
            "worst loss of an outage: {} = {} gateways × {}, at most {} for the programme",
            self.currency.format(self.bound_minor(homes)),
            homes.gateways().len(),
            self.currency.format(self.gateway_max.minor()),
            self.currency.format(self.programme_max.minor()),
        )
    }
}

/// True where the windows of cash count.
pub(crate) fn is_cash(kind: Kind) -> bool {
    matches!(kind, Kind::Cash | Kind::Other)
}

/// The first eight bytes of a digest, as a number.
pub(crate) fn first_u64(digest: &[u8]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
