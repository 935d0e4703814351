//! From a request at a door to its answer: the trace's first span, and the log's line.

use fallback::{Accepted, Request};
use ledger_api::{AuthorizationId, TraceParent};
use process::telemetry::{Plan, Span, SpanKind, Spot};
use tokio::time::Instant;
use tracing::{Level, debug, enabled};

use super::{Trail, decider, verdict};
use crate::authorize::{Gateway, Refused, Reply};

/// The target of the log's lines: `info,decision=debug` asks for them.
pub const DECISIONS: &str = "decision";

/// Which door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// HTTP.
    Http,
    /// ISO 8583.
    Iso8583,
}

impl Via {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Iso8583 => "iso8583",
        }
    }
}

/// A request that was understood and not answered yet. Where its trace is not recorded and nobody
/// reads the log's lines, it is two comparisons.
pub struct Arrival {
    span: Span,
    began: Option<Instant>,
    via: Via,
}

impl Arrival {
    /// An authorization. `link` is the caller's own span: another trace, which ours only names.
    pub fn authorization(
        gateway: &Gateway,
        via: Via,
        request: &Request,
        link: Option<TraceParent>,
    ) -> Self {
        let mut arrival = Self::of("authorization", gateway, via, &request.id, link);
        if arrival.span.is_recorded() {
            arrival.span.set("holdfast.stan", stan(request));
            arrival.span.set("holdfast.rrn", rrn(request).into_owned());
        }
        arrival.began = enabled!(target: DECISIONS, Level::DEBUG).then(Instant::now);
        arrival
    }

    /// True where somebody would see [`Arrival::authorization`] of this id: its trace is recorded, or the
    /// log's lines are read.
    pub fn is_seen(gateway: &Gateway, id: &AuthorizationId) -> bool {
        gateway.parts().telemetry.sampled(&id.0) || enabled!(target: DECISIONS, Level::DEBUG)
    }

    /// A reversal of this authorization.
    pub fn reversal(
        gateway: &Gateway,
        via: Via,
        id: &AuthorizationId,
        link: Option<TraceParent>,
    ) -> Self {
        Self::of("reversal", gateway, via, id, link)
    }

    /// An advice of the network (0120).
    pub fn network_advice(
        gateway: &Gateway,
        via: Via,
        id: &AuthorizationId,
        link: Option<TraceParent>,
    ) -> Self {
        Self::of("network_advice", gateway, via, id, link)
    }

    /// A capture or a refund (0220), under its own id.
    pub fn completion(
        gateway: &Gateway,
        via: Via,
        id: &AuthorizationId,
        link: Option<TraceParent>,
    ) -> Self {
        Self::of("completion", gateway, via, id, link)
    }

    fn of(
        name: &'static str,
        gateway: &Gateway,
        via: Via,
        id: &AuthorizationId,
        link: Option<TraceParent>,
    ) -> Self {
        let parts = gateway.parts();
        let link = link.map(|link| Spot {
            trace: link.trace_id,
            span: link.span_id,
        });
        let plan = Plan::new(name, SpanKind::Server).linked(link);
        let mut span = parts.telemetry.root(&id.0, plan);
        if span.is_recorded() {
            span.set("holdfast.door", via.name());
            span.set("holdfast.gateway", parts.name.as_str().to_owned());
        }
        Self {
            span,
            began: None,
            via,
        }
    }

    /// Where the work for it hangs its spans.
    pub fn trail(&self) -> Trail {
        self.span.spot()
    }

    /// It is answered, or not.
    pub fn answered(mut self, request: &Request, answered: &Result<Reply, Refused>) {
        if self.span.is_recorded() {
            match answered {
                Ok(reply) => self.tell(reply),
                Err(refused) => self.tell_refused(refused),
            }
        }
        if let Some(began) = self.began {
            let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            write_line(self.via, request, answered, duration_us);
        }
    }

    /// A reversal, an advice or a completion is accepted, or not.
    pub fn accepted(mut self, accepted: &Result<Accepted, Refused>) {
        if self.span.is_recorded() {
            match accepted {
                Ok(accepted) => {
                    self.span.set("holdfast.outcome", "accepted");
                    self.span.set("holdfast.duplicate", accepted.duplicate);
                }
                Err(refused) => self.tell_refused(refused),
            }
        }
    }

    fn tell(&mut self, reply: &Reply) {
        let answer = &reply.answer;
        let code = answer.reason.response_code();
        self.span.set("holdfast.outcome", verdict(answer.approved));
        self.span.set("holdfast.reason", answer.reason.name());
        self.span.set("holdfast.decided_by", decider(answer.by));
        self.span.set("holdfast.response_code", code);
        let checks = answer.request.verification;
        self.span.set("holdfast.cvv2", checks.cvv2.name());
        self.span.set("holdfast.pin", checks.pin.name());
        self.span.set("holdfast.arqc", checks.arqc.name());
        self.span.set("holdfast.duplicate", reply.duplicate);
    }

    /// Only what leaves the outcome unknown to the caller is an error.
    fn tell_refused(&mut self, refused: &Refused) {
        let why = refusal(refused);
        self.span.set("holdfast.outcome", "refused");
        self.span.set("holdfast.reason", why);
        if matches!(refused, Refused::Unknown(_) | Refused::Late) {
            self.span.fail(why);
        }
    }
}

fn refusal(refused: &Refused) -> &'static str {
    match refused {
        Refused::Conflict => "content_changed",
        Refused::NoOriginal => "original_not_found",
        Refused::KeyReused => "key_reused",
        Refused::Unknown(_) => "outcome_unknown",
        Refused::Shed => "shed",
        Refused::Late => "late",
    }
}

fn stan(request: &Request) -> String {
    format!("{:06}", request.stan)
}

fn rrn(request: &Request) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(request.rrn.trim_ascii_end())
}

/// The trace's id stands in the line whether the trace is recorded or not: it is the authorization's.
fn write_line(via: Via, request: &Request, answered: &Result<Reply, Refused>, duration_us: u64) {
    let (id, door) = (request.id, via.name());
    let (stan, rrn) = (stan(request), rrn(request));
    match answered {
        Ok(Reply { answer, duplicate }) => debug!(
            target: DECISIONS,
            trace_id = %id,
            authorization = %id,
            stan,
            rrn = %rrn,
            door,
            decided_by = decider(answer.by),
            reason = answer.reason.name(),
            cause = answer.cause.name(),
            approved = answer.approved,
            cvv2 = answer.request.verification.cvv2.name(),
            pin = answer.request.verification.pin.name(),
            arqc = answer.request.verification.arqc.name(),
            duplicate,
            duration_us,
            "answered"
        ),
        Err(refused) => debug!(
            target: DECISIONS,
            trace_id = %id,
            authorization = %id,
            stan,
            rrn = %rrn,
            door,
            reason = refusal(refused),
            duration_us,
            "refused"
        ),
    }
}
