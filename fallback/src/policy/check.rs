//! From a file to a policy: every number within its range, every limit within the larger one.

use ledger_api::Currency;
use sha2::{Digest, Sha256};

use super::age::Curve;
use super::error::{PolicyError, nests, range};
use super::file::{File, Layout, Pace, Transaction, Window};
use super::groups::{Categories, Countries};
use super::rates::Rate;
use super::{Limit, PLACES, Policy, Unverified, VERSION, WINDOWS_MAX, first_u64};
use crate::circumstances::Entry;
use crate::syntax;

const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;
/// A place is looked at for at most a day.
const MINUTES_MAX: u64 = 24 * 60;
/// A window is at most a week: that is for how long approvals are remembered.
const HOURS_MAX: u64 = 7 * 24;

pub(super) fn parse(text: &str) -> Result<Policy, PolicyError> {
    let layout: Layout = syntax::parse(text).map_err(PolicyError::Syntax)?;
    if layout.version != VERSION {
        return Err(PolicyError::Version {
            found: layout.version,
        });
    }
    let file: File = syntax::parse(text).map_err(PolicyError::Syntax)?;
    let mut policy = Policy {
        currency: file.currency,
        gateway_max: file.exposure.gateway_max_minor,
        programme_max: file.exposure.programme_max_minor,
        entry_max: entries(&file.transaction),
        cash_max: file.transaction.cash_max_minor.minor(),
        partial: file.transaction.partial_approval,
        // Purchase, cash, credit, other, inquiry.
        permits: [
            true,
            file.kinds.cash.allows(),
            file.kinds.credit.allows(),
            file.kinds.other.allows(),
            file.kinds.inquiry.allows(),
        ],
        purchase: windows("card.purchase", &file.card.purchase)?,
        cash: windows("card.cash", &file.card.cash)?,
        velocity: [
            pace("merchant", file.velocity.merchant.as_ref())?,
            pace("terminal", file.velocity.terminal.as_ref())?,
            pace("bin", file.velocity.bin.as_ref())?,
        ],
        elsewhere_day_max: file.card.elsewhere_day_max_minor.minor(),
        spendable_percent: file.balance.spendable_percent,
        age: Curve::parse(&file.age)?,
        unknown: Unverified {
            cvv2: file.verification.cvv2_unknown,
            pin: file.verification.pin_unknown,
            arqc: file.verification.arqc_unknown,
        },
        mcc: Categories::parse(&file.mcc)?,
        countries: Countries::parse(&file.country)?,
        rates: rates(&file)?,
        hash: 0,
    };
    range(
        "balance.spendable_percent",
        policy.spendable_percent,
        0..=100,
        "from 0 to 100",
    )?;
    nested(&policy)?;
    policy.hash = first_u64(&Sha256::digest(policy.content().as_bytes()));
    Ok(policy)
}

/// In the order of [`Entry::ALL`].
fn entries(limits: &Transaction) -> [i64; Entry::ALL.len()] {
    [
        limits.unknown_max_minor,
        limits.chip_max_minor,
        limits.contactless_max_minor,
        limits.magstripe_max_minor,
        limits.ecommerce_max_minor,
        limits.keyed_max_minor,
    ]
    .map(|limit| limit.minor())
}

/// Ascending in time, and a longer window allows no less than a shorter one.
fn windows(key: &str, list: &[Window]) -> Result<Vec<Limit>, PolicyError> {
    let count = list.len() as u64;
    range(
        format!("{key} windows"),
        count,
        1..=WINDOWS_MAX as u64,
        "1 to 4",
    )?;
    let mut limits: Vec<Limit> = Vec::new();
    for window in list {
        let Window {
            hours,
            count,
            max_minor,
        } = *window;
        let of = |what: &str| format!("{key} of {hours} h, {what}");
        range(of("hours"), hours, 1..=HOURS_MAX, "from 1 to 168 (a week)")?;
        range(of("count"), count.into(), 1..=u32::MAX.into(), "at least 1")?;
        if let Some(shorter) = limits.last() {
            let before = |what: &str| {
                let hours = shorter.span_ms / HOUR_MS;
                format!("{key} of {hours} h, {what}")
            };
            if shorter.span_ms >= hours * HOUR_MS {
                return Err(PolicyError::meaningless(
                    format!("windows in {key} that are not in order"),
                    "write the shortest first, each length once",
                ));
            }
            nests(
                (&before("count"), shorter.count.into()),
                (&of("count"), count.into()),
            )?;
            nests(
                (&before("max_minor"), shorter.minor),
                (&of("max_minor"), max_minor.minor()),
            )?;
        }
        limits.push(Limit {
            span_ms: hours * HOUR_MS,
            count,
            minor: max_minor.minor(),
        });
    }
    Ok(limits)
}

fn pace(place: &str, pace: Option<&Pace>) -> Result<Option<Limit>, PolicyError> {
    let Some(pace) = pace else {
        return Ok(None);
    };
    let key = |what: &str| format!("velocity.{place}.{what}");
    range(
        key("minutes"),
        pace.minutes,
        1..=MINUTES_MAX,
        "from 1 to 1440 (a day)",
    )?;
    range(
        key("count"),
        pace.count.into(),
        1..=u32::MAX.into(),
        "at least 1",
    )?;
    Ok(Some(Limit {
        span_ms: pace.minutes * MINUTE_MS,
        count: pace.count,
        minor: pace.max_minor.minor(),
    }))
}

/// Transaction ≤ every window of the card ≤ gateway ≤ programme.
fn nested(policy: &Policy) -> Result<(), PolicyError> {
    let gateway = ("exposure.gateway_max_minor", policy.gateway_max.minor());
    let within = |key: &str, minor: i64, windows: &[Limit], of: &str| {
        windows.iter().try_for_each(|window| {
            let hours = window.span_ms / HOUR_MS;
            let larger = format!("{of} of {hours} h, max_minor");
            nests((key, minor), (&larger, window.minor))
        })
    };
    for (entry, limit) in Entry::ALL.iter().zip(policy.entry_max) {
        let key = format!("transaction.{}_max_minor", entry.name());
        within(&key, limit, &policy.purchase, "card.purchase")?;
    }
    let cash = "transaction.cash_max_minor";
    within(cash, policy.cash_max, &policy.cash, "card.cash")?;
    for (key, windows) in [
        ("card.purchase, max_minor", &policy.purchase),
        ("card.cash, max_minor", &policy.cash),
    ] {
        let most = windows.last().map_or(0, |window| window.minor);
        nests((key, most), gateway)?;
    }
    let largest = policy.entry_max.iter().copied().max().unwrap_or_default();
    for (place, pace) in PLACES.iter().zip(policy.velocity) {
        let Some(pace) = pace else { continue };
        let key = format!("velocity.{place}.max_minor");
        nests(
            ("the largest limit of transaction", largest),
            (&key, pace.minor),
        )?;
        nests((&key, pace.minor), gateway)?;
    }
    let elsewhere = ("card.elsewhere_day_max_minor", policy.elsewhere_day_max);
    nests(elsewhere, gateway)?;
    nests(
        gateway,
        ("exposure.programme_max_minor", policy.programme_max.minor()),
    )
}

fn rates(file: &File) -> Result<Vec<(Currency, Rate)>, PolicyError> {
    let mut rates: Vec<(Currency, Rate)> = Vec::new();
    for line in &file.rate {
        let own = line.currency == file.currency;
        if own || rates.iter().any(|(currency, _)| *currency == line.currency) {
            return Err(PolicyError::meaningless(
                format!("a rate of {} too many", line.currency),
                "give one for each currency that is not the policy's own",
            ));
        }
        rates.push((line.currency, Rate::parse(line, file.currency)?));
    }
    rates.sort_by_key(|(currency, _)| currency.numeric());
    Ok(rates)
}
