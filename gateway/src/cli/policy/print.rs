//! What `gateway policy` prints, for people and for programs.

use std::fmt::Write;
use std::path::Path;

use fallback::policy::{Change, Line};
use fallback::simulate::{Difference, Tally};
use fallback::{Homes, Policy};
use ledger_api::Currency;
use process::settings::Output;
use serde_json::{Value, json};

/// The worst case: of a fleet, or of as many gateways as the programme has room for.
fn bound(policy: &Policy, homes: Option<&Homes>) -> i64 {
    match homes {
        Some(homes) => policy.bound_minor(homes),
        None => policy.programme_exposure_max().minor(),
    }
}

fn bound_text(policy: &Policy, homes: Option<&Homes>) -> String {
    match homes {
        Some(homes) => policy.bound_text(homes),
        None => format!(
            "worst loss of an outage: at most {} for the programme; with --homes it says how much it is",
            policy.currency().format(bound(policy, None))
        ),
    }
}

const FORMULA: &str = "Σ over the gateways of exposure.gateway_max_minor, and not more than \
    exposure.programme_max_minor; other currencies at their rate and haircut, rounded up";

fn printed(output: Output, text: String, json: &Value) -> String {
    match output {
        Output::Text => text,
        Output::Json => format!("{json:#}\n"),
    }
}

/// One policy.
pub(super) struct Checked {
    text: String,
    json: Value,
}

impl Checked {
    pub(super) fn new(file: &Path, policy: &Policy, homes: Option<&Homes>) -> Self {
        let lines = policy.lines();
        let width = lines.iter().map(|line| line.key.chars().count()).max();
        let width = width.unwrap_or_default();
        let mut text = format!(
            "{} is good: policy {:016x}\n",
            file.display(),
            policy.hash()
        );
        let mut say = |line: String| text += &(line + "\n");
        say(bound_text(policy, homes));
        say(format!("  {FORMULA}"));
        say(String::new());
        for Line { key, says } in &lines {
            say(format!("{key:width$}  {says}"));
        }
        let limits: serde_json::Map<_, _> = (lines.into_iter())
            .map(|line| (line.key, line.says.into()))
            .collect();
        let json = json!({
            "file": file,
            "hash": format!("{:016x}", policy.hash()),
            "currency": policy.currency(),
            "bound_minor": bound(policy, homes),
            "formula": FORMULA,
            "gateways": homes.map(|homes| homes.gateways().len()),
            "gateway_max_minor": policy.gateway_exposure_max(),
            "programme_max_minor": policy.programme_exposure_max(),
            "limits": limits,
        });
        Self { text, json }
    }

    pub(super) fn print(self, output: Output) -> String {
        printed(output, self.text, &self.json)
    }
}

/// Two policies.
pub(super) struct Compared {
    pub(super) raises: bool,
    text: String,
    json: Value,
}

impl Compared {
    pub(super) fn new(before: &Policy, after: &Policy, homes: Option<&Homes>) -> Self {
        let raises = after.raises(before, homes);
        let (was, is) = (bound(before, homes), bound(after, homes));
        let money = |policy: &Policy, minor: i64| policy.currency().format(minor);
        let changes = before.changes_to(after);
        let same_currency = before.currency() == after.currency();
        let mut text = format!("{}\n", bound_text(after, homes));
        let said = match is - was {
            _ if !same_currency => "the currency is another one: nothing compares".to_owned(),
            0 => "the change adds nothing to it".to_owned(),
            more @ 1.. => format!("the change adds {} to it", money(after, more)),
            less => format!("the change takes {} off it", money(after, -less)),
        };
        let approval = if raises {
            "; it needs a second approval"
        } else {
            ""
        };
        text += &format!("{said}: {} before{approval}\n", money(before, was));
        if changes.is_empty() {
            text += "\nboth say the same\n";
        } else {
            text.push('\n');
        }
        for Change { key, before, after } in &changes {
            let none = || "nothing".to_owned();
            let (before, after) = (before.clone(), after.clone());
            let (before, after) = (before.unwrap_or_else(none), after.unwrap_or_else(none));
            let _infallible = writeln!(text, "{key}: {before} → {after}");
        }
        let lines: Vec<_> = (changes.iter())
            .map(
                |change| json!({"key": change.key, "before": change.before, "after": change.after}),
            )
            .collect();
        let json = json!({
            "before": {"hash": format!("{:016x}", before.hash()), "bound_minor": was},
            "after": {"hash": format!("{:016x}", after.hash()), "bound_minor": is},
            "added_minor": same_currency.then_some(is - was),
            "raises": raises,
            "changes": lines,
        });
        Self { raises, text, json }
    }

    pub(super) fn print(self, output: Output) -> String {
        printed(output, self.text, &self.json)
    }
}

/// A recorded day.
pub(super) struct Simulated {
    text: String,
    json: Value,
}

impl Simulated {
    pub(super) fn new(policy: &Policy, difference: &Difference) -> Self {
        let currency = policy.currency();
        let Difference {
            decided,
            told_less,
            approved_then,
            approved_now,
            gained,
            lost,
            less,
            more,
            by_rule,
            exposure_peak_minor,
        } = difference;
        let tallies = [
            ("approved then", "approved_then", approved_then),
            ("approved under this policy", "approved_now", approved_now),
            ("declined then, approved here", "gained", gained),
            ("approved then, declined here", "lost", lost),
            ("approved for less here", "less", less),
            ("approved for more here", "more", more),
        ];
        let mut text = format!(
            "{decided} decisions of stand-in under policy {:016x}\n",
            policy.hash()
        );
        if *told_less > 0 {
            text += &format!(
                "{told_less} of an older journal, which does not say where and how: weighed as not told\n"
            );
        }
        for (words, _, tally) in tallies {
            text += &format!("{words:30} {}\n", amount(currency, tally));
        }
        for (reason, tally) in by_rule {
            text += &format!("  less by {reason:20} {}\n", amount(currency, tally));
        }
        let peak = currency.format(*exposure_peak_minor);
        text += &format!("{:30} {peak}\n", "most at risk at once");
        text += "balances and cards as they were known then; nothing that is only approved here is covered\n";
        let mut json = json!({
            "policy": format!("{:016x}", policy.hash()),
            "currency": currency,
            "decided": decided,
            "told_less": told_less,
            "exposure_peak_minor": exposure_peak_minor,
        });
        let count = |tally: &Tally| json!({"count": tally.count, "minor": tally.minor});
        if let Some(map) = json.as_object_mut() {
            for (_, key, tally) in tallies {
                map.insert(key.into(), count(tally));
            }
            let rules: serde_json::Map<_, _> = (by_rule.iter())
                .map(|(reason, tally)| (reason.to_string(), count(tally)))
                .collect();
            map.insert("less_by_rule".into(), rules.into());
        }
        Self { text, json }
    }

    pub(super) fn print(self, output: Output) -> String {
        printed(output, self.text, &self.json)
    }
}

fn amount(currency: Currency, tally: &Tally) -> String {
    format!("{:>8}  {}", tally.count, currency.format(tally.minor))
}
