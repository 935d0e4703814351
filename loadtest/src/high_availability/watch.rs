//! How much the gateways still have to tell the ledger.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::tests::cluster::Stack;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(100);

/// What has been seen so far; clones share it. Times count from the start of the window.
#[derive(Debug, Clone, Default)]
pub(super) struct Backlog(Arc<Mutex<Seen>>);

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    now: u64,
    max: u64,
    last_waiting: Option<Duration>,
}

impl Backlog {
    /// What waits now.
    pub(super) fn now(&self) -> u64 {
        self.seen().now
    }

    /// The most that ever waited.
    pub(super) fn max(&self) -> u64 {
        self.seen().max
    }

    /// When something waited for the last time.
    pub(super) fn last_waiting(&self) -> Option<Duration> {
        self.seen().last_waiting
    }

    fn seen(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, waiting: u64, at: Duration) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.now = waiting;
        seen.max = seen.max.max(waiting);
        if waiting > 0 {
            seen.last_waiting = Some(at);
        }
    }

    /// Looks until `stop`.
    pub(super) async fn watch(
        &self,
        stack: &Stack,
        start: Instant,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            let mut waiting = 0;
            for gateway in stack.gateways() {
                // One that does not say counts as one that has something to tell.
                waiting += gateway.status().await.map_or(1, |status| status.backlog);
            }
            self.add(waiting, start.elapsed());
            tokio::time::sleep(EVERY).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_and_the_last_are_remembered() {
        let backlog = Backlog::default();
        for (waiting, second) in [(0, 1), (7, 2), (3, 3), (0, 4)] {
            backlog.add(waiting, Duration::from_secs(second));
        }
        assert_eq!((backlog.now(), backlog.max()), (0, 7));
        assert_eq!(backlog.last_waiting(), Some(Duration::from_secs(3)));
    }
}
