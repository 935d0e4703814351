//! Advices on their way to the ledger: one span each, over all attempts.

use std::collections::HashMap;

use ledger_api::{Advice, AdviceAnswer, AdviceItem, AdviceOutcome, AdviceSource, Cause, GatewayId};
use process::telemetry::{Plan, Span, SpanKind, Spot, Telemetry};

use super::{APPEND, STAND_IN, parent, written_as};

/// How many may be underway. In an outage it is always the same ones that are tried; those beyond
/// are told without a span.
const UNDERWAY_MAX: usize = 1_024;

/// The advices that were told and not taken yet. One that is still here when the process stops ends
/// as `waiting`; after the restart another one begins.
#[derive(Default)]
pub struct Advices {
    /// By record.
    underway: HashMap<u64, Underway>,
}

struct Underway {
    span: Span,
    attempts: i64,
    /// What the ledger said last.
    outcome: &'static str,
}

impl Advices {
    /// These are told now, perhaps again. What hangs under an attempt hangs under all of them, so
    /// that an attempt whose reply is lost leaves no gap in the trace.
    pub fn tell(&mut self, telemetry: &Telemetry, gateway: &GatewayId, items: &mut [AdviceItem]) {
        if !telemetry.is_on() {
            return;
        }
        for item in items {
            let (id, seq) = (item.id(), item.seq());
            if !telemetry.sampled(&id.0) {
                continue;
            }
            if self.underway.len() >= UNDERWAY_MAX && !self.underway.contains_key(&seq) {
                continue;
            }
            let underway = (self.underway.entry(seq))
                .or_insert_with(|| Underway::begin(telemetry, gateway, item));
            underway.attempts += 1;
            *item.traceparent_mut() = parent(&underway.span);
        }
    }

    /// What the ledger said to them.
    pub fn heard(&mut self, answers: &[AdviceAnswer]) {
        if self.underway.is_empty() {
            return;
        }
        for answer in answers {
            let (outcome, is_final) = match &answer.outcome {
                AdviceOutcome::Applied => ("applied", true),
                AdviceOutcome::Duplicate => ("duplicate", true),
                AdviceOutcome::Parked { .. } => ("parked", true),
                AdviceOutcome::Failed { .. } => ("failed", false),
            };
            if let Some(underway) = self.underway.get_mut(&answer.seq) {
                underway.outcome = outcome;
                if let AdviceOutcome::Parked { reason } = &answer.outcome {
                    underway.span.set("holdfast.reason", reason.name());
                }
            }
            if is_final {
                self.underway.remove(&answer.seq);
            }
        }
    }
}

impl Underway {
    fn begin(telemetry: &Telemetry, gateway: &GatewayId, item: &AdviceItem) -> Self {
        let told = Some(told_in(gateway, item));
        let plan = Plan::new("advice", SpanKind::Client).linked(told);
        let mut span = telemetry.child(told, plan);
        span.set("holdfast.gateway", gateway.as_str().to_owned());
        span.set("holdfast.kind", kind(item));
        Self {
            span,
            attempts: 0,
            outcome: "waiting",
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.span.set("holdfast.outcome", self.outcome);
        self.span.set("holdfast.attempt", self.attempts);
        if self.outcome == "failed" {
            self.span.fail("the ledger could not take it");
        }
    }
}

fn kind(item: &AdviceItem) -> &'static str {
    match item {
        AdviceItem::Advice(_) => "advice",
        AdviceItem::Reversal(_) => "reversal",
        AdviceItem::Capture(_) => "capture",
        AdviceItem::Refund(_) => "refund",
    }
}

/// The span in which it was written down.
fn told_in(gateway: &GatewayId, item: &AdviceItem) -> Spot {
    let (id, seq) = (item.id(), item.seq());
    let span = match item {
        AdviceItem::Advice(advice) if is_stand_in(advice) => written_as(STAND_IN, &id, gateway, 0),
        _ => written_as(APPEND, &id, gateway, seq),
    };
    Spot { trace: id.0, span }
}

/// False for the network's own, and for an approval of the ledger that is told to a restored one.
fn is_stand_in(advice: &Advice) -> bool {
    let by_ledger = advice.approved && advice.cause == Cause::None;
    advice.source == AdviceSource::StandIn && !by_ledger
}

#[cfg(test)]
mod tests {
    use ledger_api::{Amount, AuthorizationId, CardToken, Fingerprint, Mark, Reason, Reversal};
    use process::telemetry::Settings;

    use super::*;

    fn gateway() -> GatewayId {
        "gw1".parse().unwrap()
    }

    fn telemetry(sample_ratio: f64) -> Telemetry {
        let settings = Settings {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            sample_ratio,
        };
        Telemetry::start(&settings, "test", String::new()).unwrap()
    }

    const CARD: CardToken = CardToken {
        key_id: 1,
        mac: [1; 16],
    };

    fn reversal(seq: u64) -> AdviceItem {
        AdviceItem::Reversal(Reversal {
            id: AuthorizationId([7; 16]),
            card: CARD,
            remaining_minor: Amount::ZERO,
            seq,
            traceparent: None,
        })
    }

    fn advice(source: AdviceSource, approved: bool, cause: Cause) -> AdviceItem {
        AdviceItem::Advice(Advice {
            id: AuthorizationId([7; 16]),
            card: CARD,
            requested_minor: Amount::ZERO,
            approved_minor: Amount::ZERO,
            approved,
            currency: "EUR".parse().unwrap(),
            fingerprint: Fingerprint(1),
            source,
            reason: Reason::Approved,
            cause,
            seq: 3,
            original: None,
            exponent: None,
            traceparent: None,
        })
    }

    fn said(seq: u64, outcome: AdviceOutcome) -> AdviceAnswer {
        AdviceAnswer {
            id: AuthorizationId([7; 16]),
            seq,
            outcome,
            conflict: false,
            mark: Mark::default(),
        }
    }

    #[test]
    fn what_is_not_sampled_carries_nothing() {
        for telemetry in [Telemetry::off(), telemetry(0.0)] {
            let (mut advices, mut items) = (Advices::default(), [reversal(1)]);
            advices.tell(&telemetry, &gateway(), &mut items);
            assert_eq!(items[0].traceparent(), None);
            assert!(advices.underway.is_empty());
        }
    }

    #[test]
    fn all_attempts_of_one_advice_are_one_span_until_it_is_taken() {
        let telemetry = telemetry(1.0);
        let mut advices = Advices::default();
        let mut told = || {
            let mut items = [reversal(1)];
            advices.tell(&telemetry, &gateway(), &mut items);
            items[0].traceparent().unwrap()
        };
        let first = told();
        assert!(first.sampled && first.trace_id == [7; 16]);
        assert_eq!(told(), first);
        let problem = ledger_api::Problem::new("full", 503, ledger_api::Retry::Safe, "");
        advices.heard(&[said(1, AdviceOutcome::Failed { problem })]);
        assert_eq!(advices.underway[&1].attempts, 2);
        advices.heard(&[
            said(1, AdviceOutcome::Applied),
            said(2, AdviceOutcome::Applied),
        ]);
        assert!(advices.underway.is_empty());
    }

    #[test]
    fn a_backlog_however_long_keeps_no_more_spans_than_it_may_i12() {
        let telemetry = telemetry(1.0);
        let mut advices = Advices::default();
        let mut items: Vec<_> = (1..=2_000).map(reversal).collect();
        advices.tell(&telemetry, &gateway(), &mut items);
        assert_eq!(advices.underway.len(), UNDERWAY_MAX);
        let traced = items.iter().filter(|item| item.traceparent().is_some());
        assert_eq!(traced.count(), UNDERWAY_MAX);
    }

    #[test]
    fn an_advice_hangs_under_what_it_tells() {
        use AdviceSource::{Network, StandIn};
        let id = AuthorizationId([7; 16]);
        let decision = written_as(STAND_IN, &id, &gateway(), 0);
        let record = written_as(APPEND, &id, &gateway(), 3);
        for (item, span) in [
            (advice(StandIn, true, Cause::LedgerTimeout), decision),
            // Reversed before it came: no cause, and a decline.
            (advice(StandIn, false, Cause::None), decision),
            (advice(StandIn, true, Cause::None), record),
            (advice(Network, true, Cause::NetworkAdvice), record),
            (reversal(3), record),
        ] {
            let spot = told_in(&gateway(), &item);
            assert_eq!((spot.trace, spot.span), (id.0, span), "{item:?}");
        }
    }
}
