//! A policy line by line: what its hash is made of, what is printed, and how two are compared.

use std::collections::BTreeMap;

use super::{Limit, PLACES, Policy, VERSION};
use crate::circumstances::{Entry, Kind};

const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;

/// A key and what it says, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The key, as in the file.
    pub key: String,
    /// What it says. Money with its currency.
    pub says: String,
}

/// A line that is not the same in two policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// What the first one says; `None` where it has no such line.
    pub before: Option<String>,
    /// What the second one says.
    pub after: Option<String>,
}

impl Policy {
    /// Everything that it says, in an order of its own.
    pub fn lines(&self) -> Vec<Line> {
        let money = |minor: i64| self.currency.format(minor);
        let permit = |kind: Kind| {
            if self.permits(kind) {
                "allow"
            } else {
                "decline"
            }
        };
        let mut lines = Vec::new();
        let mut say = |key: String, says: String| lines.push(Line { key, says });
        say("currency".into(), self.currency.to_string());
        say(
            "exposure.gateway_max_minor".into(),
            money(self.gateway_max.minor()),
        );
        say(
            "exposure.programme_max_minor".into(),
            money(self.programme_max.minor()),
        );
        for (entry, limit) in Entry::ALL.iter().zip(self.entry_max) {
            say(
                format!("transaction.{}_max_minor", entry.name()),
                money(limit),
            );
        }
        say("transaction.cash_max_minor".into(), money(self.cash_max));
        say(
            "transaction.partial_approval".into(),
            self.partial.to_string(),
        );
        for kind in [Kind::Cash, Kind::Credit, Kind::Other, Kind::Inquiry] {
            say(format!("kinds.{}", kind.name()), permit(kind).into());
        }
        for (key, windows) in [("purchase", &self.purchase), ("cash", &self.cash)] {
            for Limit {
                span_ms,
                count,
                minor,
            } in windows
            {
                say(
                    format!("card.{key} of {} h", span_ms / HOUR_MS),
                    format!("{} in {count} authorizations", money(*minor)),
                );
            }
        }
        say(
            "card.elsewhere_day_max_minor".into(),
            money(self.elsewhere_day_max),
        );
        for (place, limit) in PLACES.iter().zip(self.velocity) {
            let says = limit.map_or("no limit".to_owned(), |limit| {
                let minutes = limit.span_ms / MINUTE_MS;
                let (most, count) = (money(limit.minor), limit.count);
                format!("{most} in {count} authorizations within {minutes} min")
            });
            say(format!("velocity.{place}"), says);
        }
        say(
            "balance.spendable_percent".into(),
            self.spendable_percent.to_string(),
        );
        say("age.curve".into(), self.age.text());
        for (check, unknown) in [
            ("cvv2", self.unknown.cvv2),
            ("pin", self.unknown.pin),
            ("arqc", self.unknown.arqc),
        ] {
            say(
                format!("verification.{check}_unknown"),
                unknown.name().into(),
            );
        }
        let (categories, countries) = (self.mcc.texts(money), self.countries.texts(money));
        for (key, says) in categories.into_iter().chain(countries) {
            say(key, says);
        }
        for (currency, rate) in &self.rates {
            say(
                format!("rate {currency}"),
                rate.text(*currency, self.currency),
            );
        }
        lines
    }

    /// What is not the same in another policy, in the order of the lines here and then there.
    pub fn changes_to(&self, other: &Self) -> Vec<Change> {
        let of = |policy: &Self| -> BTreeMap<String, String> {
            let lines = policy.lines().into_iter();
            lines.map(|line| (line.key, line.says)).collect()
        };
        let (before, after) = (of(self), of(other));
        let here = self.lines().into_iter().map(|line| line.key);
        let there = other.lines().into_iter().map(|line| line.key);
        let keys = here.chain(there.filter(|key| !before.contains_key(key)));
        keys.filter(|key| before.get(key) != after.get(key))
            .map(|key| Change {
                before: before.get(&key).cloned(),
                after: after.get(&key).cloned(),
                key,
            })
            .collect()
    }

    /// Everything that it says, as one text: what the hash is made of. Whoever changes how it is written
    /// changes the hash on every decision.
    pub fn content(&self) -> String {
        let mut text = format!("holdfast policy {VERSION}\n");
        for Line { key, says } in self.lines() {
            text.push_str(&format!("{key} = {says}\n"));
        }
        text
    }
}
