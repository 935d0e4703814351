//! The policy file as it is written. It becomes a [`super::Policy`] only through [`super::check`].

use ledger_api::{Amount, Currency};
use serde::Deserialize;

use super::OnUnknown;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[expect(
        dead_code,
        reason = "compared before, in Layout, and no unknown key here"
    )]
    pub(super) version: u32,
    pub(super) currency: Currency,
    pub(super) exposure: Exposure,
    pub(super) transaction: Transaction,
    pub(super) kinds: Kinds,
    pub(super) card: Card,
    #[serde(default)]
    pub(super) velocity: Velocity,
    pub(super) balance: Balance,
    pub(super) age: Age,
    pub(super) verification: Verification,
    pub(super) mcc: Mcc,
    pub(super) country: Country,
    #[serde(default)]
    pub(super) rate: Vec<Rate>,
}

/// What every layout has: read first, so that a file of another one is told so, and not that a key is
/// missing.
#[derive(Deserialize)]
pub(super) struct Layout {
    pub(super) version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exposure {
    pub(super) gateway_max_minor: Amount,
    pub(super) programme_max_minor: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    pub(super) chip_max_minor: Amount,
    pub(super) contactless_max_minor: Amount,
    pub(super) magstripe_max_minor: Amount,
    pub(super) ecommerce_max_minor: Amount,
    pub(super) keyed_max_minor: Amount,
    pub(super) unknown_max_minor: Amount,
    pub(super) cash_max_minor: Amount,
    pub(super) partial_approval: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Permit {
    Allow,
    Decline,
}

impl Permit {
    pub(super) fn allows(self) -> bool {
        self == Self::Allow
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kinds {
    pub(super) cash: Permit,
    pub(super) credit: Permit,
    pub(super) other: Permit,
    pub(super) inquiry: Permit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Card {
    pub(super) purchase: Vec<Window>,
    pub(super) cash: Vec<Window>,
    pub(super) elsewhere_day_max_minor: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    pub(super) hours: u64,
    pub(super) count: u32,
    pub(super) max_minor: Amount,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Velocity {
    pub(super) merchant: Option<Pace>,
    pub(super) terminal: Option<Pace>,
    pub(super) bin: Option<Pace>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pace {
    pub(super) minutes: u64,
    pub(super) count: u32,
    pub(super) max_minor: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Balance {
    pub(super) spendable_percent: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Age {
    pub(super) shape: Shape,
    pub(super) curve: Vec<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    Steps,
    Linear,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    pub(super) minutes: u64,
    pub(super) percent: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verification {
    pub(super) cvv2_unknown: OnUnknown,
    pub(super) pin_unknown: OnUnknown,
    pub(super) arqc_unknown: OnUnknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mcc {
    pub(super) unlisted: Permit,
    pub(super) untold: Permit,
    #[serde(default)]
    pub(super) group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) codes: Vec<String>,
    pub(super) rule: GroupRule,
    pub(super) max_minor: Option<Amount>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum GroupRule {
    Allow,
    Decline,
    Limit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Country {
    pub(super) home: Vec<String>,
    pub(super) elsewhere_max_minor: Amount,
    pub(super) untold_max_minor: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rate {
    pub(super) currency: Currency,
    pub(super) rate: String,
    pub(super) haircut_percent: u64,
}
