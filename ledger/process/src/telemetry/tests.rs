//! Without a network: what is recorded, under which names, and what happens when nobody takes it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::SpanData;

use super::queue::{Count, News};
use super::*;

const ID: [u8; 16] = [7; 16];

/// Keeps what it is given; or waits until its test ends; or refuses.
#[derive(Debug, Clone)]
enum Stub {
    Keeps(Arc<Mutex<Vec<SpanData>>>),
    Hangs(Arc<Mutex<Receiver<()>>>),
    Refuses,
}

impl SpanExporter for Stub {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self {
            Self::Keeps(spans) => {
                spans.lock().unwrap().extend(batch);
                Ok(())
            }
            Self::Hangs(until) => {
                let _ended = until.lock().unwrap().recv();
                Err(OTelSdkError::Timeout(Duration::ZERO))
            }
            Self::Refuses => Err(OTelSdkError::InternalFailure("refused".to_owned())),
        }
    }
}

fn settings(sample_ratio: f64) -> Settings {
    Settings {
        endpoint: None,
        sample_ratio,
    }
}

fn telemetry(stub: Stub, sample_ratio: f64) -> Telemetry {
    Telemetry::with(stub, &settings(sample_ratio), "test", "one".to_owned())
}

fn kept() -> (Stub, Arc<Mutex<Vec<SpanData>>>) {
    let spans = Arc::default();
    (Stub::Keeps(Arc::clone(&spans)), spans)
}

fn hanging() -> (Stub, Sender<()>) {
    let (end, until) = channel();
    (Stub::Hangs(Arc::new(Mutex::new(until))), end)
}

/// Uniform numbers that are the same on every run (splitmix64).
fn id(number: u64) -> [u8; 16] {
    let mix = |seed: u64| {
        let mut hash = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mix(2 * number + 1).to_be_bytes());
    id[8..].copy_from_slice(&mix(2 * number + 2).to_be_bytes());
    id
}

#[test]
fn off_records_nothing_and_has_no_thread() {
    for off in [
        Telemetry::off(),
        Telemetry::start(&settings(1.0), "test", String::new()).unwrap(),
    ] {
        assert!(!off.is_on());
        let root = off.root(&ID, Plan::new("root", SpanKind::Server));
        assert!(!root.is_recorded() && !off.sampled(&[0; 16]));
        let spot = Spot {
            trace: ID,
            span: [1; 8],
        };
        let child = off.child(Some(spot), Plan::new("child", SpanKind::Server));
        assert_eq!(child.spot(), None);
    }
}

#[test]
fn an_endpoint_that_cannot_be_used_is_told_and_one_that_is_not_there_is_not() {
    let start = |endpoint: &str| {
        let settings = Settings {
            endpoint: Some(endpoint.to_owned()),
            sample_ratio: 1.0,
        };
        Telemetry::start(&settings, "test", String::new()).map(|it| it.is_on())
    };
    for bad in [
        "",
        "127.0.0.1:4318",
        "https://127.0.0.1:4318",
        "http://",
        "http://127.0.0.1:4318/v1/traces",
        "http://127.0.0.1:4318?a=b",
    ] {
        assert_eq!(start(bad), Err(TelemetryError::Endpoint), "{bad}");
    }
    assert_eq!(start("http://127.0.0.1:1"), Ok(true));
    assert_eq!(start("http://127.0.0.1:1/"), Ok(true));
}

#[test]
fn sampling_is_a_pure_function_of_the_id_and_as_wide_as_the_ratio() {
    let ids: Vec<_> = (0..100_000).map(id).collect();
    for (ratio, expected) in [
        (0.0, 0),
        (f64::NAN, 0),
        (-1.0, 0),
        (0.01, 1_000),
        (0.5, 50_000),
        (1.0, 100_000),
        (7.0, 100_000),
    ] {
        let (one, other) = (telemetry(Stub::Refuses, ratio), telemetry(kept().0, ratio));
        let chosen = ids.iter().filter(|id| one.sampled(id)).count();
        // Five standard deviations of a binomial distribution.
        let off = (chosen as f64 - f64::from(expected)).abs();
        let allowed = 5.0
            * (100_000.0 * 0.25_f64)
                .sqrt()
                .min(f64::from(expected).sqrt());
        let exact = expected == 0 || expected == 100_000;
        assert!(
            off <= if exact { 0.0 } else { allowed },
            "{ratio}: {chosen}"
        );
        assert!(ids.iter().all(|id| one.sampled(id) == other.sampled(id)));
    }
    // What is chosen at a ratio is chosen at every higher one.
    let (few, many) = (telemetry(Stub::Refuses, 0.1), telemetry(Stub::Refuses, 0.2));
    assert!(ids.iter().all(|id| !few.sampled(id) || many.sampled(id)));
    assert!(telemetry(Stub::Refuses, 1.0).sampled(&[0xff; 16]));
}

#[tokio::test]
async fn spans_have_the_ids_that_were_chosen_and_others_random_ones() {
    let (stub, spans) = kept();
    let telemetry = telemetry(stub, 1.0);
    let root = telemetry.root(&ID, Plan::new("root", SpanKind::Server));
    let named = [9; 8];
    let plan = Plan::new("named", SpanKind::Internal)
        .called(named)
        .linked(root.spot());
    let child = telemetry.child(root.spot(), plan);
    let mut grandchild = telemetry.child(child.spot(), Plan::new("leaf", SpanKind::Client));
    grandchild.set("holdfast.outcome", "applied");
    grandchild.fail("timeout");
    let (root_at, leaf_at) = (root.spot().unwrap(), grandchild.spot().unwrap());
    assert_eq!(
        child.spot().unwrap(),
        Spot {
            trace: ID,
            span: named
        }
    );
    drop((grandchild, child, root));
    telemetry.shutdown().await;

    let spans = spans.lock().unwrap();
    let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(spans.len(), 3);
    for span in spans.iter() {
        assert_eq!(span.span_context.trace_id(), TraceId::from_bytes(ID));
        assert_ne!(span.span_context.span_id(), SpanId::INVALID);
    }
    assert_eq!(of("root").parent_span_id, SpanId::INVALID);
    assert_eq!(of("named").parent_span_id, SpanId::from_bytes(root_at.span));
    assert_eq!(of("leaf").parent_span_id, SpanId::from_bytes(named));
    assert_eq!(of("named").links.links.len(), 1);
    assert!(root_at.span != leaf_at.span && root_at.span != named);
}

#[test]
fn a_derived_id_is_the_same_everywhere_and_another_for_anything_else() {
    let ids = [
        derived_span_id(&ID, &["stand_in.decide", "gw1"], 0),
        derived_span_id(&ID, &["stand_in.decide", "gw2"], 0),
        derived_span_id(&ID, &["stand_in.decideg", "w1"], 0),
        derived_span_id(&ID, &["stand_in.decide", "gw1"], 1),
        derived_span_id(&[8; 16], &["stand_in.decide", "gw1"], 0),
    ];
    // Pinned: another version of this process must name the same span.
    assert_eq!(u64::from_be_bytes(ids[0]), 13_954_593_003_141_068_332);
    for (place, id) in ids.iter().enumerate() {
        assert_ne!(*id, [0; 8]);
        assert!(!ids[..place].contains(id), "{place}");
    }
}

#[tokio::test]
async fn a_collector_that_hangs_holds_up_neither_spans_nor_the_end() {
    let (stub, end) = hanging();
    let telemetry = telemetry(stub, 1.0);
    for number in 0..20_000 {
        drop(telemetry.root(&id(number), Plan::new("root", SpanKind::Server)));
    }
    // The collector answers only after that, so it ends for no other reason than its own bound.
    telemetry.shutdown().await;
    drop(end);
    // What ends afterwards goes nowhere.
    drop(telemetry.root(&ID, Plan::new("late", SpanKind::Server)));
}

#[test]
fn what_is_dropped_is_counted_and_said_once_a_minute() {
    let count = Count::default();
    assert_eq!(count.news(0, true), None);
    let entered = (0..5_000).filter(|_| count.enter()).count();
    assert_eq!(entered, 4_096);
    let dropping = |since, dropped| Some(News::Dropping { since, dropped });
    assert_eq!(count.news(1_000, false), dropping(904, 904));
    count.leave(512, false);
    assert_eq!(count.news(2_000, false), None, "not yet");
    assert_eq!(count.news(60_999, false), None);
    assert_eq!(count.news(61_000, false), dropping(512, 1_416));
    count.leave(512, true);
    assert_eq!(count.news(61_001, true), Some(News::Recovered));
    assert_eq!(count.news(61_002, true), None, "once");
    count.leave(512, false);
    assert_eq!(count.news(61_003, false), None, "within the minute");
    assert_eq!(count.news(121_001, false), dropping(512, 1_928));
    assert!(count.enter(), "there is room again");
}
