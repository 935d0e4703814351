//! Ids that are chosen, and not drawn.
//!
//! The SDK asks a generator for the ids of every span, on the thread that begins it. What the span is
//! to be called is left there for it, in the only state of telemetry that no handle leads to.

use std::cell::Cell;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

thread_local! {
    static NEXT: Cell<Next> = const { Cell::new(Next { trace: None, span: None }) };
}

#[derive(Debug, Clone, Copy)]
struct Next {
    trace: Option<[u8; 16]>,
    span: Option<[u8; 8]>,
}

/// The generator: what [`choose`] has left, random numbers otherwise.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    random: RandomIdGenerator,
}

impl IdGenerator for Chosen {
    fn new_trace_id(&self) -> TraceId {
        match NEXT.get().trace {
            Some(id) => TraceId::from_bytes(id),
            None => self.random.new_trace_id(),
        }
    }

    fn new_span_id(&self) -> SpanId {
        match NEXT.get().span {
            Some(id) => SpanId::from_bytes(id),
            None => self.random.new_span_id(),
        }
    }
}

/// Begins a span in this trace, and with this id if one is given.
pub(super) fn choose<T>(trace: [u8; 16], span: Option<[u8; 8]>, begin: impl FnOnce() -> T) -> T {
    let _cleared = Clear;
    NEXT.set(Next {
        trace: Some(trace),
        span,
    });
    begin()
}

/// Forgets what was left, also after a panic.
struct Clear;

impl Drop for Clear {
    fn drop(&mut self) {
        NEXT.set(Next {
            trace: None,
            span: None,
        });
    }
}

/// The id of a span that others must be able to name without having heard of it: a pure function of
/// what it is about, the same in every process and version; never zero. FNV-1a, and a finish that
/// spreads it over all bits.
pub fn derived_span_id(trace: &[u8; 16], names: &[&str], number: u64) -> [u8; 8] {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    let names = names
        .iter()
        .flat_map(|name| name.bytes().chain([0xff /* ends a name: not UTF-8 */]));
    let bytes = trace
        .iter()
        .copied()
        .chain(names)
        .chain(number.to_be_bytes());
    let mut hash = bytes.fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).max(1).to_be_bytes()
}
