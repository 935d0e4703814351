//! The ledger's part of a trace: what a gateway records, we record.

use ledger_api::{AdviceOutcome, AuthorizeAnswer, GatewayId, TraceParent};
use process::telemetry::{Plan, Span, SpanKind, Spot, Telemetry};

use crate::posting::Outcome;

/// The spans of one batch, by place; none and no memory where no item has a sampled `traceparent`.
pub(super) struct Spans(Vec<(usize, Span)>);

impl Spans {
    /// Begins one of this name for each item that asks for it: whether it is recorded was decided
    /// where the trace began.
    pub(super) fn begin(
        telemetry: &Telemetry,
        name: &'static str,
        gateway: &GatewayId,
        parents: impl Iterator<Item = Option<TraceParent>>,
    ) -> Self {
        if !telemetry.is_on() {
            return Self(Vec::new());
        }
        let sampled = parents
            .enumerate()
            .filter_map(|(place, parent)| Some((place, parent.filter(|parent| parent.sampled)?)));
        let begun = sampled.map(|(place, parent)| {
            let under = Spot {
                trace: parent.trace_id,
                span: parent.span_id,
            };
            let plan = Plan::new(name, SpanKind::Server);
            let mut span = telemetry.child(Some(under), plan);
            span.set("holdfast.gateway", gateway.as_str().to_owned());
            (place, span)
        });
        Self(begun.collect())
    }

    /// Ends them with what came of the items. Spans that are dropped without it are of a batch that
    /// was not done, or may not have been.
    pub(super) fn end(mut self, outcomes: &[Outcome]) {
        for (place, mut span) in self.0.drain(..) {
            match outcomes.get(place) {
                Some(Outcome::Authorized(answer, entries)) => {
                    decided(&mut span, answer);
                    count(&mut span, *entries);
                }
                Some(Outcome::Advised(answer, entries)) => {
                    booked(&mut span, &answer.outcome);
                    count(&mut span, *entries);
                }
                _ => span.fail("not done"),
            }
        }
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        for (_, span) in &mut self.0 {
            span.fail("not done, or not known to be");
        }
    }
}

fn decided(span: &mut Span, answer: &AuthorizeAnswer) {
    match answer {
        AuthorizeAnswer::Decided(decision) => {
            let outcome = if decision.approved {
                "approved"
            } else {
                "declined"
            };
            span.set("holdfast.outcome", outcome);
            span.set("holdfast.reason", decision.reason.name());
        }
        AuthorizeAnswer::Conflict => span.set("holdfast.outcome", "conflict"),
        AuthorizeAnswer::Failed(_) => fail(span),
    }
}

fn booked(span: &mut Span, outcome: &AdviceOutcome) {
    match outcome {
        AdviceOutcome::Applied => span.set("holdfast.outcome", "applied"),
        AdviceOutcome::Duplicate => span.set("holdfast.outcome", "duplicate"),
        AdviceOutcome::Parked { reason } => {
            span.set("holdfast.outcome", "parked");
            span.set("holdfast.reason", reason.name());
        }
        AdviceOutcome::Failed { .. } => fail(span),
    }
}

fn fail(span: &mut Span) {
    span.set("holdfast.outcome", "failed");
    span.fail("the item could not be done");
}

/// How many lines it has put into the books: none for a repeat.
fn count(span: &mut Span, entries: usize) {
    let entries = i64::try_from(entries).unwrap_or(i64::MAX);
    span.set("holdfast.entries", entries);
}
