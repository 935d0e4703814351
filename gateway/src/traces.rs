//! The spans of a gateway, and the line that its log has for each authorization.
//!
//! ```text
//! authorization                 a door; the trace's id is the authorization's
//! ├─ ledger.ask                 one; the ledger's `ledger.decide` hangs under it
//! ├─ journal.append             the ledger's answer, written
//! └─ stand_in.decide            where the ledger gave none
//!    ├─ journal.append          the wait until it is durable
//!    └─ advice                  later, perhaps after a restart; the ledger's `ledger.book` under it
//! reversal, network_advice,     a door
//! completion
//! └─ journal.append
//!    └─ advice
//! ```
//!
//! An advice must find its parent after a restart, and the journal knows nothing of traces: the span of
//! whatever was written down has an id that follows from the authorization, this gateway and the
//! record. No span tells a card number, a token, an amount or an account (I15).

mod advices;
mod door;

use std::pin::pin;
use std::time::SystemTime;

use fallback::{Accepted, Answer, DecidedBy, Given, LedgerAnswer, NoAnswer, NotTaken};
use ledger_api::{AuthorizationId, GatewayId, TraceParent};
use process::telemetry::{Plan, Span, SpanKind, Spot, Telemetry, derived_span_id, now};

pub use advices::Advices;
pub use door::{Arrival, DECISIONS, Via};

use crate::ledger_client::AskError;

/// Where the work for one request hangs its spans; `None` where its trace is not recorded.
pub type Trail = Option<Spot>;

const STAND_IN: &str = "stand_in.decide";
const APPEND: &str = "journal.append";

/// What goes over the wire, so that another process can hang its span under this one.
fn parent(span: &Span) -> Option<TraceParent> {
    span.spot().map(|spot| TraceParent {
        trace_id: spot.trace,
        span_id: spot.span,
        sampled: true,
    })
}

fn decider(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::Ledger => "ledger",
        DecidedBy::StandIn => "stand_in",
        DecidedBy::Network => "network",
    }
}

fn verdict(approved: bool) -> &'static str {
    if approved { "approved" } else { "declined" }
}

// === the ledger is asked ===

/// The question to the ledger.
pub(crate) struct Asking(Span);

impl Asking {
    /// Begins with the question.
    pub(crate) fn begin(telemetry: &Telemetry, trail: Trail) -> Self {
        Self(telemetry.child(trail, Plan::new("ledger.ask", SpanKind::Client)))
    }

    /// What the question carries.
    pub(crate) fn parent(&self) -> Option<TraceParent> {
        parent(&self.0)
    }

    /// Ends with the answer. A decline is no error, and neither is not having been asked.
    pub(crate) fn end(mut self, answered: &Result<LedgerAnswer, AskError>) {
        if !self.0.is_recorded() {
            return;
        }
        match answered {
            Ok(answer) => {
                self.0.set("holdfast.outcome", verdict(answer.approved));
                self.0.set("holdfast.reason", answer.reason.name());
            }
            Err(AskError::Conflict) => self.0.set("holdfast.outcome", "conflict"),
            Err(error) => {
                let cause = error.cause().name();
                self.0.set("holdfast.outcome", "unanswered");
                self.0.set("holdfast.cause", cause);
                if !matches!(error, AskError::Tripped | AskError::Full) {
                    self.0.fail(cause);
                }
            }
        }
    }
}

// === something is written down ===

/// Makes the spans around what stand-in does, under a door's.
#[derive(Clone, Copy)]
pub(crate) struct Writing<'a> {
    telemetry: &'a Telemetry,
    gateway: &'a GatewayId,
    id: AuthorizationId,
    trail: Trail,
}

impl<'a> Writing<'a> {
    /// For this authorization.
    pub(crate) fn new(
        telemetry: &'a Telemetry,
        gateway: &'a GatewayId,
        id: AuthorizationId,
        trail: Trail,
    ) -> Self {
        Self {
            telemetry,
            gateway,
            id,
            trail,
        }
    }

    /// A decision of stand-in, until it is durable. Told how to decide, not a future that does: what is
    /// kept while waiting is small.
    pub(crate) async fn decision(
        self,
        decide: impl FnOnce() -> Result<Given, NoAnswer>,
    ) -> Result<Answer, NoAnswer> {
        if self.trail.is_none() {
            return decide()?.kept().await;
        }
        let id = written_as(STAND_IN, &self.id, self.gateway, 0);
        let plan = Plan::new(STAND_IN, SpanKind::Internal).called(id);
        let mut span = self.telemetry.child(self.trail, plan);
        let given = decide();
        let since = now();
        let decided = match given {
            Ok(given) => given.kept().await,
            Err(no_answer) => Err(no_answer),
        };
        match &decided {
            Ok(answer) => {
                span.set("holdfast.outcome", verdict(answer.approved));
                span.set("holdfast.reason", answer.reason.name());
                span.set("holdfast.cause", answer.cause.name());
            }
            Err(_) => span.fail("no answer"),
        }
        // A decline that the journal has no room for has no record.
        if decided.as_ref().map_or(true, |answer| answer.seq != 0) {
            let plan = Plan::new(APPEND, SpanKind::Internal).since(since);
            let append = self.telemetry.child(span.spot(), plan);
            ended(append, true, decided.is_err());
        }
        decided
    }

    /// The ledger's answer, until it is written.
    pub(crate) async fn answer(self, given: Given) -> Result<Answer, NoAnswer> {
        if self.trail.is_none() {
            return given.kept().await;
        }
        let since = now();
        let recorded = given.kept().await;
        let seq = match &recorded {
            Ok(answer) if answer.by == DecidedBy::Ledger => Some(answer.seq),
            _ => None,
        };
        self.appended(seq, since, false, recorded.is_err());
        recorded
    }

    /// What the network tells, until it is durable. What contradicts an earlier message is not written.
    pub(crate) async fn told<E>(
        self,
        accepting: impl Future<Output = Result<Accepted, E>>,
    ) -> Result<Accepted, E>
    where
        E: Clone + Into<NotTaken>,
    {
        if self.trail.is_none() {
            return accepting.await;
        }
        let (accepted, since) = in_two_steps(accepting).await;
        let refused = accepted.as_ref().err().cloned().map(Into::into);
        if refused == Some(NotTaken::Conflict) {
            return accepted;
        }
        let seq = match &accepted {
            // The record is the first one's, and so is its span.
            Ok(accepted) if !accepted.duplicate => Some(accepted.seq),
            _ => None,
        };
        self.appended(seq, since, true, accepted.is_err());
        accepted
    }

    fn appended(self, seq: Option<u64>, since: SystemTime, durable: bool, failed: bool) {
        let mut plan = Plan::new(APPEND, SpanKind::Internal).since(since);
        if let Some(seq) = seq {
            plan = plan.called(written_as(APPEND, &self.id, self.gateway, seq));
        }
        ended(self.telemetry.child(self.trail, plan), durable, failed);
    }
}

fn ended(mut append: Span, durable: bool, failed: bool) {
    append.set("holdfast.durable", durable);
    if failed {
        append.fail("no answer");
    }
}

/// The id of the span of something that was written down: the same after a restart.
fn written_as(what: &str, id: &AuthorizationId, gateway: &GatewayId, seq: u64) -> [u8; 8] {
    derived_span_id(&id.0, &[what, gateway.as_str()], seq)
}

/// Stand-in does its step under the lock when it is first polled, and then waits for its record:
/// the answer, and when that wait began.
async fn in_two_steps<T>(work: impl Future<Output = T>) -> (T, SystemTime) {
    let mut work = pin!(work);
    let mut waits_since = None;
    let done = std::future::poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            waits_since.get_or_insert_with(now);
        }
        polled
    });
    let done = done.await;
    (done, waits_since.unwrap_or_else(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_wait_begins_after_the_first_step() {
        let before = now();
        let (value, since) = in_two_steps(async {
            tokio::task::yield_now().await;
            7
        })
        .await;
        assert!(value == 7 && since >= before && since <= now());
        let (_, at_once) = in_two_steps(async {}).await;
        assert!(at_once >= since, "nothing to wait for");
    }
}
