//! The text of all metrics, whether or not the store answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use process::metrics::{Scrape, Started};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use tokio::time::timeout;

use super::labels::LaneLabels;
use super::{FEED_POSITION, HELD, Metrics, QUEUE, REMEMBERED, STORE_READY};
use crate::batcher::Batcher;
use crate::posting::Lane;
use crate::store::Store;

/// A store that takes longer than this to say where it stands is not ready.
const PATIENCE: Duration = Duration::from_millis(500);

/// The text of all metrics, whenever it is asked for.
#[derive(Debug)]
pub struct Page {
    registry: Registry,
    store: Store,
    probe: Arc<Probe>,
}

/// What the store said last.
#[derive(Debug, Default)]
struct Probe {
    asking: AtomicBool,
    ready: AtomicBool,
    position: AtomicU64,
}

impl Page {
    /// The metrics of this ledger.
    pub fn new(metrics: &Metrics, store: Store, batcher: Batcher) -> Self {
        let mut registry = Registry::default();
        process::metrics::register_build(&mut registry, env!("CARGO_PKG_VERSION"));
        metrics.register(&mut registry);
        let probe = Arc::new(Probe::default());
        registry.register_collector(Box::new(Known {
            batcher,
            probe: Arc::clone(&probe),
            started: Started::now(),
        }));
        Self {
            registry,
            store,
            probe,
        }
    }

    /// As OpenMetrics text. The store is asked where it stands, and not waited for.
    pub async fn text(&self) -> String {
        self.ask().await;
        process::metrics::text(&self.registry)
    }

    /// One question at a time: a store that hangs must not gather those of every scrape. Whoever comes
    /// while one is open tells what came of the last one, and one that hangs comes to nothing.
    async fn ask(&self) {
        if self.probe.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (store, probe) = (self.store.clone(), Arc::clone(&self.probe));
        let asked = tokio::spawn(async move {
            let mark = store.mark().await;
            probe.asking.store(false, Ordering::Release);
            mark
        });
        let mark = match timeout(PATIENCE, asked).await {
            Ok(Ok(Ok(mark))) => Some(mark.position),
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => None,
        };
        self.probe.ready.store(mark.is_some(), Ordering::Release);
        if let Some(position) = mark {
            self.probe.position.store(position, Ordering::Release);
        }
    }
}

#[derive(Debug)]
struct Known {
    batcher: Batcher,
    probe: Arc<Probe>,
    started: Started,
}

impl Collector for Known {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut scrape = Scrape::new(encoder);
        self.started.write(&mut scrape)?;
        let ready = self.probe.ready.load(Ordering::Acquire);
        let position = self.probe.position.load(Ordering::Acquire);
        let queues = Lane::ALL.map(|lane| {
            let labels = LaneLabels { lane: lane.into() };
            // At most as many as the queue holds.
            (labels, self.batcher.waiting(lane) as f64)
        });
        scrape.gauges(&QUEUE, queues)?;
        scrape.gauge(&HELD, self.batcher.held())?;
        scrape.counter(&REMEMBERED, self.batcher.remembered())?;
        scrape.gauge(&STORE_READY, u32::from(ready))?;
        scrape.gauge_if_known(&FEED_POSITION, ready.then_some(position))
    }
}
