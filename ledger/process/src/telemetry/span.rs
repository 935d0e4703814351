//! One span, or none.

use std::time::SystemTime;

use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{KeyValue, Value};

/// Where a span that is recorded stands: what another one needs to hang under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
}

impl Spot {
    pub(super) fn context(self) -> SpanContext {
        SpanContext::new(
            TraceId::from_bytes(self.trace),
            SpanId::from_bytes(self.span),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        )
    }

    pub(super) fn link(self) -> Link {
        Link::with_context(self.context())
    }
}

/// How a span begins.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) name: &'static str,
    pub(super) kind: SpanKind,
    pub(super) span: Option<[u8; 8]>,
    pub(super) since: Option<SystemTime>,
    pub(super) link: Option<Spot>,
}

impl Plan {
    /// A span of this name, from now on, with an id of its own.
    pub const fn new(name: &'static str, kind: SpanKind) -> Self {
        Self {
            name,
            kind,
            span: None,
            since: None,
            link: None,
        }
    }

    /// With this id, such as [`super::derived_span_id`] makes.
    #[must_use]
    pub const fn called(mut self, span: [u8; 8]) -> Self {
        self.span = Some(span);
        self
    }

    /// From an earlier moment on; [`super::now`] told it.
    #[must_use]
    pub const fn since(mut self, since: SystemTime) -> Self {
        self.since = Some(since);
        self
    }

    /// Linked to a span that it does not hang under.
    #[must_use]
    pub const fn linked(mut self, link: Option<Spot>) -> Self {
        self.link = link;
        self
    }
}

/// A span, or nothing where the trace is not recorded. It ends when it is dropped. What is set must
/// never tell a card number, a token or an amount (I15).
#[derive(Debug)]
pub struct Span(Option<Box<opentelemetry_sdk::trace::Span>>);

impl Span {
    /// Records nothing.
    pub const fn none() -> Self {
        Self(None)
    }

    pub(super) fn begun(span: opentelemetry_sdk::trace::Span) -> Self {
        Self(Some(Box::new(span)))
    }

    /// True where it is recorded: ask before you compute what to set.
    pub const fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Where it stands; `None` where it is not recorded.
    pub fn spot(&self) -> Option<Spot> {
        let context = self.0.as_ref()?.span_context();
        Some(Spot {
            trace: context.trace_id().to_bytes(),
            span: context.span_id().to_bytes(),
        })
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// Marks it as failed: something did not work. A decline works.
    pub fn fail(&mut self, what: &'static str) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(what));
        }
    }
}
