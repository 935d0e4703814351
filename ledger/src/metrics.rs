//! What the ledger tells about itself: every name, unit, label and meaning is here.
//!
//! Labels are enums ([`labels`]): no id, card, token or path can become one. `docs/metrics.md` is made
//! from [`catalogue`].

pub mod labels;
mod page;
#[cfg(test)]
mod tests;

use std::time::Duration;

use process::metrics::{DEADLINES, Description, Series};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::posting::{Lane, Outcome};
use crate::store::{HoldClock, StoreError};
use labels::{
    AdviceLabels, AdviceResult, AuthorizationLabels, Call, CloseLabels, CloseResult, Commit,
    CommitLabels, Conflict, ConflictLabels, Decision, LaneLabels, RequestLabels, StatusClass,
};
pub use page::Page;

process::catalogue! {
    /// Every metric of the ledger but those of its process.
    OURS:
    REQUEST_DURATION = Histogram "holdfast_ledger_request_duration_seconds" Seconds by RequestLabels,
        "From a request's head to its answer's, by call and class of status; `feed` waits for news on purpose",
        "p99 of `authorize` near the gateways' cut-off; any share of `5xx`";
    BATCH_COMMANDS = Histogram "holdfast_ledger_batch_commands" None by LaneLabels,
        "How many commands went into one transaction",
        "always at the top bucket: the store is the limit";
    COMMIT_DURATION = Histogram "holdfast_ledger_commit_duration_seconds" Seconds by CommitLabels,
        "How long the transaction of a batch took, by lane and by what came of it",
        "p99 of `done` near the gateways' cut-off; any `unknown` or `broken`";
    QUEUE = Gauge "holdfast_ledger_queue_requests" None by LaneLabels,
        "Requests that wait for a transaction",
        "near 1,024: then they are refused";
    HELD = Gauge "holdfast_ledger_held_accounts" None,
        "Accounts and authorizations that somebody else has locked, and that are waited for (rule 19)",
        "more than 0 for longer than a transaction takes: somebody keeps a lock";
    REMEMBERED = Counter "holdfast_ledger_remembered_total" None,
        "Authorizations that were decided on what this ledger remembers of cards and accounts, and written without reading them again",
        "stands still under load: other ledgers write to the same database, or accounts are locked";
    AUTHORIZATIONS = Counter "holdfast_ledger_authorizations_total" None by AuthorizationLabels,
        "Authorizations that were answered, repeats too",
        "any `failed`; a jump of `declined`";
    ADVICES = Counter "holdfast_ledger_advices_total" None by AdviceLabels,
        "Advices and reversals by what came of them",
        "any `parked` or `failed`";
    CONFLICTS = Counter "holdfast_ledger_conflicts_total" None by ConflictLabels,
        "Ids that came again with other content; nothing was booked a second time",
        "any: somebody makes wrong ids, or attacks";
    HOLD_CLOCK = Gauge "holdfast_ledger_hold_clock_seconds" Seconds,
        "The clock by which holds expire, when it was last moved on",
        "stands still while `holdfast_ledger_hold_clock_paused` is 0";
    HOLD_CLOCK_PAUSED = Gauge "holdfast_ledger_hold_clock_paused" None,
        "1 while a gateway has an undrained journal, so that no hold expires (rule 17)",
        "1 long after an outage: a gateway that does not come back; `GET /v1/holds` names it";
    EXPIRED = Counter "holdfast_ledger_holds_expired_total" None,
        "Holds that this ledger let go because nobody had captured them in time",
        "a jump: captures do not arrive";
    CLOSES = Counter "holdfast_ledger_closes_total" None by CloseLabels,
        "Closings of a day by what came of them",
        "any `refused`: look for `books_not_balanced` in the log, then run `ledger verify`; no `closed` for a day";
    FEED_READERS = Gauge "holdfast_ledger_feed_readers" None,
        "Readers that wait for news of the feed",
        "fewer than there are gateways";
    FEED_POSITION = Gauge "holdfast_ledger_feed_position" None,
        "The last position of the feed in the books; no value while the store does not answer",
        "falls: older books came back";
    STORE_READY = Gauge "holdfast_ledger_store_ready" None,
        "1 where the store answered within half a second when the metrics were read",
        "0";
}

/// Every metric of the ledger, in the order of the documentation.
pub fn catalogue() -> Vec<&'static Description> {
    [OURS, process::metrics::PROCESS].concat()
}

/// What is counted where it happens. Clones share it.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Series<RequestLabels, Histogram>,
    batches: Series<LaneLabels, Histogram>,
    commits: Series<CommitLabels, Histogram>,
    authorizations: Series<AuthorizationLabels, Counter>,
    advices: Series<AdviceLabels, Counter>,
    conflicts: Series<ConflictLabels, Counter>,
    hold_clock: Gauge,
    hold_clock_paused: Gauge,
    expired: Counter,
    closes: Series<CloseLabels, Counter>,
    feed_readers: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let durations = || Histogram::new(DEADLINES);
        let sizes = || Histogram::new((0..=10).map(|power| f64::from(1 << power)));
        Self {
            requests: Series::new(durations, RequestLabels::is_expected),
            batches: Series::new(sizes, |_| true),
            commits: Series::new(durations, CommitLabels::is_expected),
            authorizations: Series::new(Counter::default, |_| true),
            advices: Series::new(Counter::default, |_| true),
            conflicts: Series::new(Counter::default, |_| true),
            hold_clock: Gauge::default(),
            hold_clock_paused: Gauge::default(),
            expired: Counter::default(),
            closes: Series::new(Counter::default, |_| true),
            feed_readers: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Counts a request.
    pub fn request(&self, call: Call, status: StatusClass, took: Duration) {
        let series = self.requests.of(RequestLabels { call, status });
        series.observe(took.as_secs_f64());
    }

    /// Counts a transaction of so many commands.
    pub fn committed<T>(
        &self,
        lane: Lane,
        commands: usize,
        took: Duration,
        ended: &Result<T, StoreError>,
    ) {
        let lane = lane.into();
        // Far below where a float would round.
        self.batches
            .of(LaneLabels { lane })
            .observe(commands as f64);
        let result = Commit::of(ended);
        let series = self.commits.of(CommitLabels { lane, result });
        series.observe(took.as_secs_f64());
    }

    /// Counts an outcome that a request gets.
    pub fn outcome(&self, outcome: &Outcome) {
        if let Some(outcome) = Decision::of(outcome) {
            self.authorizations
                .of(AuthorizationLabels { outcome })
                .inc();
        }
        if let Some(outcome) = AdviceResult::of(outcome) {
            self.advices.of(AdviceLabels { outcome }).inc();
        }
        if let Some(message) = Conflict::of(outcome) {
            self.conflicts.of(ConflictLabels { message }).inc();
        }
    }

    /// Where the hold clock stands.
    pub fn hold_clock(&self, clock: &HoldClock) {
        let seconds = i64::try_from(clock.seconds).unwrap_or(i64::MAX);
        self.hold_clock.set(seconds);
        let paused = !clock.undrained.is_empty();
        self.hold_clock_paused.set(i64::from(paused));
    }

    /// Counts holds that were let go.
    pub fn expired(&self, holds: u64) {
        self.expired.inc_by(holds);
    }

    /// Counts the closing of a day.
    pub fn closed(&self, result: CloseResult) {
        self.closes.of(CloseLabels { result }).inc();
    }

    /// A reader waits for the feed until what is returned goes.
    pub fn feed_reader(&self) -> Reading {
        self.feed_readers.inc();
        Reading(self.feed_readers.clone())
    }

    fn register(&self, registry: &mut Registry) {
        REQUEST_DURATION.register(registry, self.requests.clone());
        BATCH_COMMANDS.register(registry, self.batches.clone());
        COMMIT_DURATION.register(registry, self.commits.clone());
        AUTHORIZATIONS.register(registry, self.authorizations.clone());
        ADVICES.register(registry, self.advices.clone());
        CONFLICTS.register(registry, self.conflicts.clone());
        HOLD_CLOCK.register(registry, self.hold_clock.clone());
        HOLD_CLOCK_PAUSED.register(registry, self.hold_clock_paused.clone());
        EXPIRED.register(registry, self.expired.clone());
        CLOSES.register(registry, self.closes.clone());
        FEED_READERS.register(registry, self.feed_readers.clone());
    }
}

/// Somebody who waits for the feed.
#[derive(Debug)]
pub struct Reading(Gauge);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.dec();
    }
}
