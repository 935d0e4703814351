//! The queue between requests and the collector: bounded, and never waited for.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::clock::boot_now;

/// How many spans may wait, those being sent included.
const QUEUE_MAX: usize = 4_096;
/// How many go into one call.
const CALL_MAX: usize = 512;
/// How long a span waits for others to go with it.
const GATHER: Duration = Duration::from_secs(1);
/// How often it is said that spans are dropped.
const SAY_EVERY_MS: u64 = 60_000;

/// The SDK's batches with a bound and a count around them: the SDK alone tells neither how many spans
/// it has dropped nor, without its own log, that it drops any.
pub(super) fn bounded(exporter: impl SpanExporter + 'static) -> impl SpanProcessor + 'static {
    let count = Arc::new(Count::default());
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_MAX)
        .with_max_export_batch_size(CALL_MAX)
        .with_scheduled_delay(GATHER)
        .build();
    let counted = Counted {
        inner: exporter,
        count: Arc::clone(&count),
    };
    let inner = BatchSpanProcessor::builder(counted)
        .with_batch_config(config)
        .build();
    Bounded { inner, count }
}

/// What waits, and what was dropped.
#[derive(Debug, Default)]
pub(super) struct Count {
    waiting: AtomicUsize,
    dropped: AtomicU64,
    said: Mutex<Said>,
}

/// What the log knows of it.
#[derive(Debug, Default)]
struct Said {
    at_ms: Option<u64>,
    dropped: u64,
    recovered: bool,
}

impl Count {
    /// True where there is room for one more.
    pub(super) fn enter(&self) -> bool {
        let fits = self.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE_MAX;
        if !fits {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        fits
    }

    /// So many have left, to the collector or nowhere.
    pub(super) fn leave(&self, spans: usize, sent: bool) {
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        if !sent {
            let lost = u64::try_from(spans).unwrap_or(u64::MAX);
            self.dropped.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// What to say now: how many were dropped since the last time, or that none are any more.
    pub(super) fn news(&self, now_ms: u64, sent: bool) -> Option<News> {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let due = said
            .at_ms
            .is_none_or(|at_ms| now_ms.saturating_sub(at_ms) >= SAY_EVERY_MS);
        if dropped > said.dropped && due {
            let since = dropped - said.dropped;
            *said = Said {
                at_ms: Some(now_ms),
                dropped,
                recovered: false,
            };
            Some(News::Dropping { since, dropped })
        } else if dropped == said.dropped && sent && said.at_ms.is_some() && !said.recovered {
            said.recovered = true;
            Some(News::Recovered)
        } else {
            None
        }
    }
}

/// Something for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Spans are dropped.
    Dropping {
        /// Since it was said last.
        since: u64,
        /// Since the start.
        dropped: u64,
    },
    /// They are taken again.
    Recovered,
}

#[derive(Debug)]
struct Bounded {
    inner: BatchSpanProcessor,
    count: Arc<Count>,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.count.enter() {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[derive(Debug)]
struct Counted<E> {
    inner: E,
    count: Arc<Count>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.inner.export(batch).await;
        self.count.leave(spans, exported.is_ok());
        match self.count.news(boot_now().0, exported.is_ok()) {
            Some(News::Dropping { since, dropped }) => tracing::warn!(
                since,
                dropped,
                error = exported.as_ref().err().map(tracing::field::display),
                "the collector does not take all traces; what it does not take is dropped, and \
                 nothing else is affected"
            ),
            Some(News::Recovered) => tracing::info!("the collector takes traces again"),
            None => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
