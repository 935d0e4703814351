//! Processes that ended although nobody here stopped them.

use std::collections::BTreeSet;
use std::time::Duration;

use ::tests::cluster::Stack;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Death {
    /// Which, such as `gw1`.
    pub name: String,
    /// As the system says it: an exit status or a signal.
    pub how: String,
    /// When it was seen, from the start of the run.
    pub at: Duration,
}

/// How often it is looked.
pub(crate) const EVERY: Duration = Duration::from_millis(100);

/// Looks for the dead, and tells of each once.
#[derive(Debug, Default)]
pub(crate) struct Deaths(BTreeSet<String>);

impl Deaths {
    /// Who ended since the last look.
    pub(crate) async fn look(&mut self, stack: &Stack, start: Instant) -> Vec<Death> {
        let mut deaths = Vec::new();
        for process in stack.processes().await {
            let Some(status) = process.ended else {
                self.0.remove(&process.name);
                continue;
            };
            if self.0.insert(process.name.clone()) {
                deaths.push(Death {
                    name: process.name,
                    how: status.to_string(),
                    at: start.elapsed(),
                });
            }
        }
        deaths
    }
}

/// Looks until it is told to stop.
pub(crate) async fn watch(stack: &Stack, start: Instant, stop: CancellationToken) -> Vec<Death> {
    let (mut deaths, mut seen) = (Deaths::default(), Vec::new());
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => {}
        }
        seen.extend(deaths.look(stack, start).await);
    }
    seen
}
