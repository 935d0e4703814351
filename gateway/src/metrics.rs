//! What the gateway tells about itself: every name, unit, label and meaning is here.
//!
//! | what | how it is kept |
//! |---|---|
//! | durations, answers, reversals | [`Metrics`], counted where they happen |
//! | everything that the status knows too | read at the scrape, by [`Page`] |
//!
//! Labels are enums ([`labels`]): no id, card, token or reference can become one. The trace id of an
//! exemplar is the authorization id. `docs/metrics.md` is made from [`CATALOGUE`].

mod collect;
pub mod labels;

use std::fmt;
use std::time::Duration;

use fallback::{Accepted, Answer};
use ledger_api::AuthorizationId;
use process::metrics::{DEADLINES, Description, Series};
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::authorize::{Refused, Reply};
use crate::ledger_client::AskError;
use crate::metrics::labels::link::{EndLabels, PurposeLabels, SignedOnLabels};
pub use collect::Page;
use labels::{
    AnswerLabels, AskLabels, AskResult, AuthorizationLabels, BreakerLabels, DivergenceLabels, Door,
    DoorLabels, Noted, NotedLabels, OrderLabels, Outcome, ShedLabels, Wait, WaitLabels,
};

process::catalogue! {
    /// Every metric of the gateway but those of its process.
    OURS:
    AUTHORIZATION_DURATION = Histogram "holdfast_authorization_duration_seconds" Seconds by AuthorizationLabels,
        "From the first byte parsed of an authorization to its answer; `no_answer` is rule 10, a budget that was over, or a caller that hung up first",
        "p99 over the network's window; any `no_answer`";
    ANSWERS = Counter "holdfast_answers_total" None by AnswerLabels,
        "First answers to authorizations by who decided, the binding reason, and why the ledger did not; repeats are not counted",
        "`stand_in` above the drill's share; a jump of one reason";
    DUPLICATES = Counter "holdfast_duplicates_suppressed_total" None,
        "Repeats that got the answer of the first one",
        "many: a network that gets no answers";
    REVERSALS = Counter "holdfast_reversals_total" None by NotedLabels,
        "Reversals by what came of them",
        "any `no_answer`, or `no_original`: money stays held that somebody wanted back; many: answers come too late";
    NETWORK_ADVICES = Counter "holdfast_network_advices_total" None by NotedLabels,
        "Advices of the network's own answers by what came of them",
        "any: the network stands in for us";
    COMPLETIONS = Counter "holdfast_completions_total" None by NotedLabels,
        "Captures and refunds by what came of them",
        "any `no_answer`, or `refused`: the same one came with other content";
    MALFORMED = Counter "holdfast_malformed_total" None by DoorLabels,
        "Messages that could not be understood, or came with no time left, and were refused before they became an authorization",
        "a share of the traffic, after a change at a peer";
    DOOR_IN_FLIGHT = Gauge "holdfast_door_in_flight" None,
        "Authorizations that were let in and are not answered",
        "near `holdfast_door_in_flight_max`";
    DOOR_IN_FLIGHT_MAX = Gauge "holdfast_door_in_flight_max" None,
        "How many are let in at once", "";
    IDS_IN_FLIGHT = Gauge "holdfast_ids_in_flight" None,
        "Authorizations and reversals that are worked on, whether or not a caller still waits", "";
    SHED = Counter "holdfast_door_shed_total" None by ShedLabels,
        "Authorizations that were not let in; nothing was done for them",
        "any, outside a load test";
    CONNECTIONS = Gauge "holdfast_connections" None by DoorLabels,
        "Open connections",
        "none at the door that the network uses";
    LINK_CONNECTIONS = Gauge "holdfast_link_connections" None by [SignedOnLabels, "link"],
        "Open connections of an ISO 8583 link by what the peer said last about being signed on",
        "none on a link that the network uses; `off` for longer than the network has announced";
    LINK_ENDED = Counter "holdfast_link_ended_total" None by [EndLabels, "link"],
        "Connections of a link that ended, by cause; frames that cannot be are `frame_length` and `unreadable`",
        "`frame_length` or `unreadable`: another framing or profile at the peer; `unanswered`, `handshake`, `slow_reader`: any share";
    LINK_MALFORMED = Counter "holdfast_link_malformed_total" None by ["link"],
        "Messages of a link that were answered with a format error",
        "a share of the traffic, after a change at a peer";
    LINK_POLLS = Counter "holdfast_link_polls_total" None by ["link"],
        "Frames without a message, each answered with another", "";
    LINK_SENT = Counter "holdfast_link_requests_total" None by [PurposeLabels, "link"],
        "Messages of network management that the gateway sent by itself", "";
    LINK_UNANSWERED = Counter "holdfast_link_requests_unanswered_total" None by [PurposeLabels, "link"],
        "Those of them that had no answer when their connection ended",
        "any `echo`: the peer is there and does not answer";
    LINK_UNMATCHED = Counter "holdfast_link_unmatched_total" None by ["link"],
        "Answers to nothing that the gateway asked, or too late; they are dropped",
        "many: the peer takes us for somebody else";
    LINK_UNWRITTEN = Counter "holdfast_link_answers_unwritten_total" None by ["link"],
        "Answers that the link's profile or framing cannot hold; what was decided stands, and the peer does not hear it",
        "any: money may be held for a peer that timed out; compare the link's profile with the peer's layout";
    ASK_DURATION = Histogram "holdfast_ledger_ask_duration_seconds" Seconds by AskLabels,
        "From asking the ledger for a decision to the decision, or to giving up; the ledger's cut-off bounds it",
        "p99 of `decided` near the cut-off; any share of the other results";
    BREAKER_STATE = Gauge "holdfast_breaker_state" None by BreakerLabels,
        "1 for the state that the breaker towards the ledger is in, 0 for the others",
        "`tripped` or `probing` for longer than a minute";
    BREAKER_TRIPS = Counter "holdfast_breaker_trips_total" None,
        "How often the breaker stopped asking the ledger",
        "more often than recoveries, or every few minutes";
    BREAKER_RECOVERIES = Counter "holdfast_breaker_recoveries_total" None,
        "How often it found the ledger working again", "";
    EXPOSURE = Gauge "holdfast_exposure_minor" Minor by ["currency"],
        "Approved by stand-in and not yet covered",
        "above half of `holdfast_exposure_max_minor`";
    EXPOSURE_PEAK = Gauge "holdfast_exposure_peak_minor" Minor by ["currency"],
        "The most that exposure and realised overdraft together were, since the process started", "";
    EXPOSURE_MAX = Gauge "holdfast_exposure_max_minor" Minor by ["currency"],
        "The cap of exposure and realised overdraft together (I5)", "";
    BOUND = Gauge "holdfast_bound_minor" Minor by ["currency"],
        "The most that the fleet can lose in one outage: the caps of all gateways",
        "not the same on every gateway: another policy or homes file";
    REALISED = Gauge "holdfast_realised_overdraft_minor" Minor by ["currency"],
        "Overdraft caused by stand-in, charged until a person clears it (rule 14)",
        "any increase";
    BACKLOG = Gauge "holdfast_backlog" None,
        "Records that the ledger has to be told and has not acknowledged",
        "above zero and not falling while the ledger answers";
    BACKLOG_AGE = Gauge "holdfast_backlog_age_seconds" Seconds,
        "For how long the record that is told next has waited, while this gateway was up; 0 for none",
        "longer than an outage may last; or above a minute while the ledger answers";
    ADVICES_WRITTEN = Counter "holdfast_advices_written_total" None,
        "Records that the ledger had to be told, since the journal was made", "";
    ADVICES_ACKNOWLEDGED = Gauge "holdfast_advices_acknowledged" None,
        "Those of them that the ledger has taken in its present epoch; falls when a restored ledger is told again",
        "a fall that nobody has announced";
    ADVICES_DUPLICATE = Counter "holdfast_advices_duplicate_total" None,
        "Those that it had already: told again after an acknowledgement was lost, and booked once", "";
    ADVICES_PARKED = Gauge "holdfast_advices_parked" None,
        "Those that it could not book and keeps for a person",
        "any";
    KNOWLEDGE_AGE = Gauge "holdfast_knowledge_age_seconds" Seconds,
        "For how long the ledger was not heard: how old cards and balances may be; no value where it never was",
        "above a minute; near the policy's age limit stand-in ends (I7)";
    KNOWLEDGE_LISTED = Gauge "holdfast_knowledge_listed" None,
        "1 once a complete listing was received; without one there is no stand-in",
        "0 for longer than a start takes";
    KNOWLEDGE_CARDS = Gauge "holdfast_knowledge_cards" None,
        "Cards that are known here",
        "a fall";
    KNOWLEDGE_ACCOUNTS = Gauge "holdfast_knowledge_accounts" None,
        "Accounts that are known here", "";
    KNOWLEDGE_POSITION = Gauge "holdfast_knowledge_position" None,
        "The position of the ledger's feed up to which the local copy is complete",
        "far behind `holdfast_ledger_feed_position`";
    JOURNAL_SEQ = Gauge "holdfast_journal_seq" None,
        "The last record that was written to the journal", "";
    JOURNAL_SYNCED_SEQ = Gauge "holdfast_journal_synced_seq" None,
        "The last record that a power cut would leave",
        "does not move while stand-in answers";
    JOURNAL_BYTES = Gauge "holdfast_journal_size_bytes" Bytes,
        "Bytes of all segments of the journal",
        "near the size of its disk";
    JOURNAL_WRITES = Counter "holdfast_journal_writes_total" None,
        "Writes to the journal, of a group of records each", "";
    JOURNAL_SYNCS = Counter "holdfast_journal_syncs_total" None,
        "fdatasyncs of the journal, each of everything written until then", "";
    JOURNAL_WAIT = Histogram "holdfast_journal_wait_seconds" Seconds by WaitLabels,
        "How long an answer waited for its record: `durable` for the fdatasync, `written` for the kernel; deciding is in it",
        "p99 of `durable` above stand-in's slice (50 ms)";
    JOURNAL_POISONED = Gauge "holdfast_journal_poisoned" None,
        "1 after a write or a sync has failed: nothing is approved until a restart on a healthy disk (rule 10)",
        "1";
    JOURNAL_FULL = Gauge "holdfast_journal_full" None,
        "1 while its next segment cannot be made: stand-in declines once the present one is full",
        "1";
    POLICY_TAKEN = Counter "holdfast_policy_reloads_total" None,
        "How often the policy file was read again and taken, since the process started", "";
    POLICY_REFUSED = Gauge "holdfast_policy_refused" None,
        "1 while the policy file that was read last is not in force: it cannot be used, or raises the bound without an approval",
        "1: the status says why; the policy before it counts";
    FENCED = Gauge "holdfast_fenced" None,
        "1 where stand-in is fenced because the journal was lost or rolled back (rule 11)",
        "1";
    ORDERS = Gauge "holdfast_orders" None by OrderLabels,
        "Operators' orders in force, by what they say; they end by themselves",
        "any for longer than whoever placed it knows of";
    ORDERS_REFUSED = Gauge "holdfast_orders_refused" None,
        "1 where no order can be placed or cancelled because their audit file is damaged or cannot be written",
        "1";
    SHADOW = Counter "holdfast_shadow_comparisons_total" None by DivergenceLabels,
        "What stand-in would have said of what the ledger decided",
        "a growing share of `only_stand_in_approved`: what an outage would lose";
    SHADOW_MONEY = Counter "holdfast_shadow_divergence_minor_total" Minor by [DivergenceLabels, "currency"],
        "The same in money, where they differ; payments in another currency count with their own minor units",
        "as above, in money";
    READY = Gauge "holdfast_ready" None,
        "1 where requests should come here, 0 where they should go to another gateway: the journal takes nothing, or this one is about to stop; as `/readyz`",
        "0 for longer than a restart takes";
}

/// Every metric of the gateway, in the order of the documentation.
pub fn catalogue() -> Vec<&'static Description> {
    [OURS, process::metrics::PROCESS].concat()
}

/// Says of an authorization whether it is traced: only those have an exemplar.
pub type Sampled = Box<dyn Fn(&AuthorizationId) -> bool + Send + Sync>;

/// The trace id of an exemplar.
#[derive(Debug, Clone, Copy)]
pub struct Trace(AuthorizationId);

impl EncodeLabelSet for Trace {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("trace_id", self.0.to_string()).encode(encoder.encode_label())
    }
}

/// How the calls of the client stack ended, and how long they took.
pub type Asks = Series<AskLabels, Histogram>;

/// What is counted where it happens. Counting takes no lock but that of its own series.
pub struct Metrics {
    authorizations: Series<AuthorizationLabels, HistogramWithExemplars<Trace>>,
    answers: Series<AnswerLabels, Counter>,
    reversals: Series<NotedLabels, Counter>,
    network_advices: Series<NotedLabels, Counter>,
    completions: Series<NotedLabels, Counter>,
    malformed: Series<DoorLabels, Counter>,
    connections: Series<DoorLabels, Gauge>,
    asks: Asks,
    journal_waits: Series<WaitLabels, Histogram>,
    sampled: Sampled,
}

fn durations() -> Histogram {
    Histogram::new(DEADLINES)
}

impl Metrics {
    /// Nothing counted yet. Authorizations that are `sampled` leave exemplars.
    pub fn new(sampled: Sampled) -> Self {
        let expected = |labels: AuthorizationLabels| labels.is_expected();
        let traced = || HistogramWithExemplars::new(DEADLINES.into_iter());
        Self {
            authorizations: Series::new(traced, expected),
            answers: Series::new(Counter::default, |_| false),
            reversals: Series::new(Counter::default, |labels: NotedLabels| {
                let by_reference = labels.outcome == Noted::NoOriginal;
                labels.is_expected() || (by_reference && labels.door == Door::Iso8583)
            }),
            network_advices: Series::new(Counter::default, NotedLabels::is_expected),
            completions: Series::new(Counter::default, NotedLabels::is_expected),
            malformed: Series::new(Counter::default, |_| true),
            connections: Series::new(Gauge::default, |_| true),
            asks: Series::new(durations, |_| true),
            journal_waits: Series::new(durations, |_| true),
            sampled,
        }
    }

    /// Measures an authorization that came through `door`, from `began` until what is returned goes.
    pub fn authorization(&self, door: Door, began: Instant, id: AuthorizationId) -> Measured<'_> {
        Measured {
            metrics: self,
            door,
            began,
            id,
            // Whoever is dropped without an end has got no answer.
            end: Outcome::NoAnswer.alone(),
        }
    }

    /// Observes an authorization that took so long from its first byte on.
    pub fn authorized(&self, labels: AuthorizationLabels, id: AuthorizationId, took: Duration) {
        let exemplar = (self.sampled)(&id).then_some(Trace(id));
        let series = self.authorizations.of(labels);
        series.observe(took.as_secs_f64(), exemplar, None);
    }

    /// Counts the first answer to an authorization.
    pub fn answered(&self, answer: &Answer) {
        self.first_answer(AnswerLabels::of(answer));
    }

    /// The same, of an answer that is gone.
    pub fn first_answer(&self, labels: AnswerLabels) {
        self.answers.of(labels).inc();
    }

    /// Counts a reversal.
    pub fn reversal(&self, door: Door, came: &Result<Accepted, Refused>) {
        let outcome = Noted::of(came);
        self.reversals.of(NotedLabels { door, outcome }).inc();
    }

    /// Counts an advice of the network.
    pub fn network_advice(&self, door: Door, came: &Result<Accepted, Refused>) {
        let outcome = Noted::of(came);
        self.network_advices.of(NotedLabels { door, outcome }).inc();
    }

    /// Counts a capture or a refund.
    pub fn completion(&self, door: Door, came: &Result<Accepted, Refused>) {
        let outcome = Noted::of(came);
        self.completions.of(NotedLabels { door, outcome }).inc();
    }

    /// Counts a message that could not be understood.
    pub fn malformed(&self, door: Door) {
        self.malformed.of(DoorLabels { door }).inc();
    }

    /// The open connections of a door.
    pub fn connections(&self, door: Door) -> Gauge {
        self.connections.of(DoorLabels { door }).clone()
    }

    /// For the layer that measures the ledger.
    pub fn asks(&self) -> Asks {
        self.asks.clone()
    }

    /// Observes an ask that the breaker refused before it was made.
    pub fn not_asked(&self) {
        let result = AskResult::Tripped;
        self.asks.of(AskLabels { result }).observe(0.0);
    }

    /// Observes for how long an answer's record was waited for.
    pub fn waited(&self, what: Wait, took: Duration) {
        let series = self.journal_waits.of(WaitLabels { what });
        series.observe(took.as_secs_f64());
    }

    /// An answer's record is waited for from here on.
    pub fn waiting(&self, what: Wait) -> Waiting<'_> {
        Waiting {
            series: self.journal_waits.of(WaitLabels { what }),
            began: Instant::now(),
        }
    }

    fn register(&self, registry: &mut Registry) {
        AUTHORIZATION_DURATION.register(registry, self.authorizations.clone());
        ANSWERS.register(registry, self.answers.clone());
        REVERSALS.register(registry, self.reversals.clone());
        NETWORK_ADVICES.register(registry, self.network_advices.clone());
        COMPLETIONS.register(registry, self.completions.clone());
        MALFORMED.register(registry, self.malformed.clone());
        CONNECTIONS.register(registry, self.connections.clone());
        ASK_DURATION.register(registry, self.asks.clone());
        JOURNAL_WAIT.register(registry, self.journal_waits.clone());
    }
}

/// Notes how an ask ended.
pub fn asked<T>(asks: &Asks, began: Instant, ended: &Result<T, AskError>) {
    let result = AskResult::of(ended);
    let series = asks.of(AskLabels { result });
    series.observe(began.elapsed().as_secs_f64());
}

/// Somebody waits for a record.
pub struct Waiting<'a> {
    series: &'a Histogram,
    began: Instant,
}

impl Waiting<'_> {
    /// It is there, or never will be.
    pub fn over(self) {
        self.series.observe(self.began.elapsed().as_secs_f64());
    }
}

/// An authorization on its way through a door. It is observed when this goes.
pub struct Measured<'a> {
    metrics: &'a Metrics,
    door: Door,
    began: Instant,
    id: AuthorizationId,
    end: labels::End,
}

impl Measured<'_> {
    /// It got this answer, or none.
    pub fn answered(mut self, reply: &Result<Reply, Refused>) {
        self.end = labels::End::of(reply);
    }

    /// It was not let in.
    pub fn shed(mut self) {
        self.end = Outcome::Shed.alone();
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        let (labels, took) = (self.end.at(self.door), self.began.elapsed());
        self.metrics.authorized(labels, self.id, took);
    }
}

#[cfg(test)]
mod tests;
