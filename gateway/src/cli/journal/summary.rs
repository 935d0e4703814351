//! What is in a journal, added up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use fallback::DecidedBy;
use fallback::journal::{Entry, Reading, Record};
use ledger_api::{AuthorizationId, Currency};
use serde_json::{Value, json};

use super::export::{decider, kind};

/// How many, and how much by currency, in minor units.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sum {
    count: u64,
    minor: BTreeMap<String, (Currency, i128)>,
}

/// The totals so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    kinds: BTreeMap<&'static str, u64>,
    /// Answers, by who decided and how.
    answers: BTreeMap<(&'static str, &'static str), Sum>,
    starts: u64,
    /// What the ledger has to be told and has not acknowledged, by its record.
    waiting: BTreeSet<u64>,
    parked: u64,
    /// Stand-in approvals that the feed has not shown, by their record.
    exposed: HashMap<u64, Exposed>,
    /// The record of a stand-in approval.
    approvals: HashMap<AuthorizationId, u64>,
}

#[derive(Debug)]
struct Exposed {
    currency: Currency,
    minor: i64,
}

impl Sum {
    fn add(&mut self, currency: Currency, minor: i64) {
        self.count += 1;
        let (_, sum) = self
            .minor
            .entry(currency.to_string())
            .or_insert((currency, 0));
        *sum += i128::from(minor);
    }

    fn json(&self) -> Value {
        let minor: serde_json::Map<_, _> = (self.minor.iter())
            .map(|(name, (_, sum))| (name.clone(), i64::try_from(*sum).unwrap_or(i64::MAX).into()))
            .collect();
        json!({ "count": self.count, "minor": minor })
    }

    fn text(&self) -> String {
        let money = self
            .minor
            .values()
            .map(|(currency, sum)| currency.format(i64::try_from(*sum).unwrap_or(i64::MAX)));
        let money: Vec<_> = money.collect();
        format!("{} of {}", self.count, money.join(", "))
    }
}

impl Summary {
    /// With one more record.
    pub(super) fn add(&mut self, entry: &Entry) {
        *self.kinds.entry(kind(&entry.record)).or_default() += 1;
        match &entry.record {
            Record::Answer(answered) => {
                let currency = answered.request.currency;
                let (verdict, minor) = if answered.approved {
                    ("approved", answered.approved_amount)
                } else {
                    ("declined", answered.request.amount)
                };
                let key = (decider(answered.by), verdict);
                let sum = self.answers.entry(key).or_default();
                sum.add(currency, minor.minor());
                if answered.by != DecidedBy::Ledger {
                    self.waiting.insert(entry.seq);
                }
                if answered.by == DecidedBy::StandIn && answered.approved {
                    let minor = answered.approved_amount.minor();
                    self.exposed.insert(entry.seq, Exposed { currency, minor });
                    self.approvals.insert(answered.request.id, entry.seq);
                }
            }
            Record::Reversal(reversed) => {
                self.waiting.insert(entry.seq);
                let approval = self.approvals.get(&reversed.id);
                if let Some(exposed) = approval.and_then(|seq| self.exposed.get_mut(seq)) {
                    exposed.minor = exposed.minor.min(reversed.remaining.minor());
                }
            }
            Record::Completion(_) => {
                self.waiting.insert(entry.seq);
            }
            Record::Acknowledged(acknowledged) => {
                self.waiting.remove(&acknowledged.seq);
                self.parked += u64::from(acknowledged.parked.is_some());
            }
            Record::Covered(covered) => {
                self.exposed.remove(&covered.seq);
            }
            Record::Booted(_) => self.starts += 1,
            Record::Synced => {}
        }
    }

    fn exposure(&self) -> Sum {
        let mut sum = Sum::default();
        for exposed in self.exposed.values() {
            sum.add(exposed.currency, exposed.minor);
        }
        sum
    }

    /// For people.
    pub(super) fn text(&self, reading: &Reading, is_in_use: bool) -> String {
        let mut text = reading_text(reading, is_in_use);
        let kinds: Vec<_> = (self.kinds.iter())
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let _ = writeln!(text, "records: {}", kinds.join(", "));
        for ((by, verdict), sum) in &self.answers {
            let _ = writeln!(text, "{by} {verdict}: {}", sum.text());
        }
        let _ = writeln!(
            text,
            "exposure, approved by stand-in and not shown by the feed: {}",
            self.exposure().text()
        );
        let _ = writeln!(
            text,
            "waiting for the ledger's acknowledgement: {}; parked for a person: {}; starts: {}",
            self.waiting.len(),
            self.parked,
            self.starts
        );
        text
    }

    /// For programs.
    pub(super) fn json(&self, reading: &Reading, is_in_use: bool) -> Value {
        let answers: Vec<_> = (self.answers.iter())
            .map(|((by, verdict), sum)| json!({ "by": by, "verdict": verdict, "sum": sum.json() }))
            .collect();
        let mut value = reading_json(reading, is_in_use);
        if let Value::Object(fields) = &mut value {
            fields.insert("records".into(), json!(self.kinds));
            fields.insert("answers".into(), answers.into());
            fields.insert("exposure".into(), self.exposure().json());
            fields.insert("waiting".into(), self.waiting.len().into());
            fields.insert("parked".into(), self.parked.into());
            fields.insert("starts".into(), self.starts.into());
        }
        value
    }
}

/// What was read, for people.
pub(super) fn reading_text(reading: &Reading, is_in_use: bool) -> String {
    let head = reading.head;
    let mut text = format!(
        "{} records in {} segments, epoch {:016x}, hash {:016x}; durable for certain up to record {}\n",
        head.seq, reading.segments, head.epoch, head.hash, reading.synced_through
    );
    match (&reading.torn, is_in_use) {
        (None, false) => {}
        (None, true) => text.push_str("in use: there may be more by now\n"),
        (Some(_), true) => text.push_str("in use: a record is being written behind the last one\n"),
        (Some(torn), false) => {
            let (file, offset, bytes) = (&torn.file, torn.offset, torn.bytes);
            let _ = writeln!(
                text,
                "torn: {bytes} bytes at {file}, byte {offset}, are no whole record; the next start cuts them off"
            );
        }
    }
    text
}

/// The same for programs.
pub(super) fn reading_json(reading: &Reading, is_in_use: bool) -> Value {
    let head = reading.head;
    let torn = reading
        .torn
        .as_ref()
        .map(|torn| json!({ "file": torn.file, "offset": torn.offset, "bytes": torn.bytes }));
    json!({
        "sound": true,
        "epoch": format!("{:016x}", head.epoch),
        "hash": format!("{:016x}", head.hash),
        "last": head.seq,
        "synced_through": reading.synced_through,
        "segments": reading.segments,
        "in_use": is_in_use,
        "torn": torn,
    })
}
