//! What is going on right now, for whoever watches. Nothing is decided from it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::sampler::Sample;

/// Written by the driver, the timeline and the sampler; read by the live view.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub sent: AtomicU64,
    pub approved: AtomicU64,
    pub declined: AtomicU64,
    pub reversed: AtomicU64,
    pub failed_over: AtomicU64,
    pub late: AtomicU64,
    pub errors: AtomicU64,
    /// Latencies since the last look.
    recent: Mutex<Vec<Duration>>,
    /// What the gateways said last.
    last: Mutex<Option<Sample>>,
    /// The last thing that was done to the processes.
    event: Mutex<String>,
}

/// More than this is not kept between two looks.
const RECENT_MAX: usize = 100_000;

impl Board {
    pub(crate) fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn latency(&self, latency: Duration) {
        if let Ok(mut recent) = self.recent.lock()
            && recent.len() < RECENT_MAX
        {
            recent.push(latency);
        }
    }

    /// Latencies since the last call.
    pub(crate) fn take_latencies(&self) -> Vec<Duration> {
        self.recent
            .lock()
            .map(|mut recent| std::mem::take(&mut *recent))
            .unwrap_or_default()
    }

    pub(crate) fn sampled(&self, sample: Sample) {
        if let Ok(mut last) = self.last.lock() {
            *last = Some(sample);
        }
    }

    pub(crate) fn last_sample(&self) -> Option<Sample> {
        self.last.lock().ok().and_then(|last| last.clone())
    }

    pub(crate) fn happened(&self, event: String) {
        if let Ok(mut last) = self.event.lock() {
            *last = event;
        }
    }

    pub(crate) fn last_event(&self) -> String {
        self.event
            .lock()
            .map(|event| event.clone())
            .unwrap_or_default()
    }
}
