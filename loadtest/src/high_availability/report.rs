//! What came out, and what it proves.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::event::Event;
use super::load::{Answered, Seen};
use super::probe::Heard;
use super::watch::Backlog;
use crate::report::Verdict;

/// A client that gets no answer is a missed objective, and no lost money.
const UNANSWERED_MAX: f64 = 0.01;
/// What counts as no outage, where there should be none: a garbage collection, a slow disk.
const NO_OUTAGE_MAX_S: f64 = 3.0;
/// How many cases of a broken invariant are told.
const CASES: usize = 5;

/// All of it. Consumers may rely on these names; more may be added.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub verdict: Verdict,
    /// Why it is not a pass; the worst first.
    pub because: Vec<String>,
    pub on: String,
    pub commit: String,
    pub machine: String,
    pub rate_per_s: f64,
    pub events: Vec<Row>,
}

/// One event.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub event: Event,
    /// Why it did not come to its end.
    pub failed: Option<String>,
    pub measured: Option<Measured>,
    pub checked: Option<Checked>,
    /// Writes of the drill's own that the ledger had confirmed to nobody with a journal.
    pub gone_with_the_backup: usize,
}

/// Times are seconds from the blow; counts are from the blow on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    /// The longest time in which the ledger confirmed no write.
    pub write_outage_s: f64,
    pub by_ledger: u64,
    pub stand_in_approved: u64,
    pub stand_in_declined: u64,
    pub unanswered: u64,
    /// What the first of them were told instead.
    pub unanswered_because: Option<String>,
    pub last_stand_in_s: Option<f64>,
    pub backlog_max: u64,
    /// When the gateways had nothing left to tell.
    pub drained_s: Option<f64>,
}

/// The books afterwards; counts are of the whole drill so far.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Checked {
    pub approvals_told: u64,
    pub confirmed_by_ledger: u64,
    pub lost_approvals: u64,
    pub lost_confirmed: u64,
    pub booked_twice: u64,
    pub balanced: bool,
    pub advices: u64,
    pub waiting_for_person: u64,
    /// Every case of every broken invariant.
    pub broken: Vec<String>,
    /// What is wrong with the feed.
    pub feed: Vec<String>,
}

impl Measured {
    pub(super) fn of(seen: &[Seen], heard: &Heard, backlog: &Backlog, blow: Duration) -> Self {
        let after = || seen.iter().filter(|it| it.answered >= blow);
        let count = |kind: fn(&Answered) -> bool| after().filter(|it| kind(&it.by)).count() as u64;
        let stood_in = after().filter(|it| matches!(it.by, Answered::StandIn { .. }));
        let since = |at: Duration| seconds(at.saturating_sub(blow));
        Self {
            write_outage_s: seconds(heard.outage(blow)),
            by_ledger: count(|by| *by == Answered::Ledger),
            stand_in_approved: count(|by| *by == Answered::StandIn { approved: true }),
            stand_in_declined: count(|by| *by == Answered::StandIn { approved: false }),
            unanswered: count(|by| matches!(by, Answered::Nobody(_))),
            unanswered_because: after().find_map(|it| match &it.by {
                Answered::Nobody(why) => Some(why.clone()),
                _ => None,
            }),
            last_stand_in_s: stood_in.map(|it| it.answered).max().map(since),
            backlog_max: backlog.max(),
            drained_s: backlog.last_waiting().map(since),
        }
    }

    fn stood_in(&self) -> u64 {
        self.stand_in_approved + self.stand_in_declined
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}

type Reasons = Vec<(Verdict, String)>;

impl Row {
    pub(super) fn begun(event: Event) -> Self {
        Self {
            event,
            failed: None,
            measured: None,
            checked: None,
            gone_with_the_backup: 0,
        }
    }

    pub(super) fn not_played(event: Event) -> Self {
        Self {
            failed: Some("not played: the event before did not come to its end".into()),
            ..Self::begun(event)
        }
    }

    fn judge(&self) -> Reasons {
        let mut reasons = Vec::new();
        if let Some(checked) = &self.checked {
            checked.judge(&mut reasons);
        }
        match &self.failed {
            Some(why) if self.measured.is_none() => {
                reasons.push((Verdict::Inconclusive, why.clone()));
            }
            Some(why) => reasons.push((Verdict::ObjectiveMissed, why.clone())),
            None => {}
        }
        if let Some(measured) = &self.measured {
            measured.judge(self.event, &mut reasons);
        }
        if self.checked.is_none() {
            let text = "the books were not checked".into();
            reasons.push((Verdict::Inconclusive, text));
        }
        reasons
    }

    /// What one event is worth.
    pub(crate) fn verdict(&self) -> Verdict {
        let reasons = self.judge();
        let verdicts = reasons.iter().map(|(verdict, _)| *verdict);
        verdicts.max().unwrap_or(Verdict::Pass)
    }

    /// One line of progress.
    pub(super) fn line(&self) -> String {
        let because: Vec<String> = self.judge().into_iter().map(|(_, why)| why).collect();
        let outage = self.measured.as_ref().map_or("–".into(), |measured| {
            format!(
                "no write for {:.1} s, {} answers by stand-in",
                measured.write_outage_s,
                measured.stood_in()
            )
        });
        let mut line = format!("{outage}: {}", self.verdict().words().to_lowercase());
        if !because.is_empty() {
            let _ = write!(line, " ({})", because.join("; "));
        }
        line
    }
}

impl Checked {
    fn judge(&self, reasons: &mut Reasons) {
        for (count, what) in [
            (self.lost_approvals, "approvals that were told are lost"),
            (
                self.lost_confirmed,
                "writes that the ledger confirmed are lost",
            ),
            (self.booked_twice, "payments are booked twice"),
        ] {
            if count > 0 {
                reasons.push((Verdict::InvariantBroken, format!("{count} {what}")));
            }
        }
        if !self.balanced {
            let text = "debits and credits are not the same".into();
            reasons.push((Verdict::InvariantBroken, text));
        }
        for case in self.broken.iter().chain(&self.feed).take(CASES) {
            reasons.push((Verdict::InvariantBroken, case.clone()));
        }
    }

    fn books(&self) -> &'static str {
        if self.balanced && self.broken.is_empty() {
            "ok"
        } else {
            "BROKEN"
        }
    }
}

impl Measured {
    fn judge(&self, event: Event, reasons: &mut Reasons) {
        if event.has_gap() && self.stood_in() == 0 {
            let text = "nobody had to stand in: it proves nothing".into();
            reasons.push((Verdict::Inconclusive, text));
        }
        if self.by_ledger == 0 {
            let text = "the ledger did not decide afterwards".into();
            reasons.push((Verdict::Inconclusive, text));
        }
        if !event.has_gap() && self.write_outage_s > NO_OUTAGE_MAX_S {
            let text = format!(
                "no write for {:.1} s where nobody should notice",
                self.write_outage_s
            );
            reasons.push((Verdict::ObjectiveMissed, text));
        }
        let all = self.by_ledger + self.stood_in() + self.unanswered;
        if self.unanswered as f64 > all as f64 * UNANSWERED_MAX {
            let why = self.unanswered_because.as_deref().unwrap_or_default();
            let text = format!("{} of {all} got no answer: {why}", self.unanswered);
            reasons.push((Verdict::ObjectiveMissed, text));
        }
    }
}

impl Report {
    pub(crate) fn of(
        events: Vec<Row>,
        on: String,
        commit: String,
        machine: String,
        rate_per_s: f64,
    ) -> Self {
        let mut reasons: Reasons = Vec::new();
        for row in &events {
            let named = |(verdict, why)| (verdict, format!("{}: {why}", row.event));
            reasons.extend(row.judge().into_iter().map(named));
        }
        if events.is_empty() {
            reasons.push((Verdict::Inconclusive, "nothing was played".into()));
        }
        reasons.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
        Self {
            verdict: reasons.first().map_or(Verdict::Pass, |(worst, _)| *worst),
            because: reasons.into_iter().map(|(_, why)| why).collect(),
            on,
            commit,
            machine,
            rate_per_s,
            events,
        }
    }

    /// For people; the table is also Markdown.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\n{}  high availability, {}",
            self.verdict.words(),
            self.on
        )?;
        for reason in &self.because {
            writeln!(out, "  ! {reason}")?;
        }
        writeln!(out)?;
        writeln!(out, "| {HEAD} |")?;
        writeln!(out, "|{}", "---|".repeat(HEAD.split('|').count()))?;
        for row in &self.events {
            writeln!(out, "| {} |", cells(row).join(" | "))?;
        }
        let checked = self
            .events
            .iter()
            .rev()
            .find_map(|row| row.checked.as_ref());
        if let Some(checked) = checked {
            writeln!(
                out,
                "\nIn the end: {} approvals told to clients and {} writes confirmed to the drill \
                 itself are in the books; {} advices; {} wait for a person.",
                checked.approvals_told,
                checked.confirmed_by_ledger,
                checked.advices,
                checked.waiting_for_person
            )?;
        }
        let gone: usize = self.events.iter().map(|row| row.gone_with_the_backup).sum();
        if gone > 0 {
            writeln!(
                out,
                "{gone} of the drill's own writes, which are in no journal, were newer than the \
                 backup and are gone with what was lost."
            )?;
        }
        writeln!(
            out,
            "{} payments/s · commit {} · {}",
            self.rate_per_s, self.commit, self.machine
        )
    }
}

const HEAD: &str = "event | write outage s | by the ledger | by stand-in (approved / declined) | \
    unanswered | last stand-in, s after | backlog, most | drained, s after | lost | twice | books | \
    feed | verdict";

fn cells(row: &Row) -> Vec<String> {
    let none = || "–".to_owned();
    let number = |value: Option<f64>| value.map_or_else(none, |value| format!("{value:.1}"));
    let mut cells = vec![row.event.words().to_owned()];
    match &row.measured {
        None => cells.extend((0..7).map(|_| none())),
        Some(it) => cells.extend([
            format!("{:.1}", it.write_outage_s),
            it.by_ledger.to_string(),
            format!("{} / {}", it.stand_in_approved, it.stand_in_declined),
            it.unanswered.to_string(),
            number(it.last_stand_in_s),
            it.backlog_max.to_string(),
            number(it.drained_s),
        ]),
    }
    match &row.checked {
        None => cells.extend((0..4).map(|_| none())),
        Some(it) => cells.extend([
            (it.lost_approvals + it.lost_confirmed).to_string(),
            it.booked_twice.to_string(),
            it.books().to_owned(),
            if it.feed.is_empty() { "ok" } else { "BROKEN" }.to_owned(),
        ]),
    }
    cells.push(row.verdict().words().to_lowercase());
    cells
}

#[cfg(test)]
mod tests;
