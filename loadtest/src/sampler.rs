//! Asks the gateways, ten times a second, how they are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tests::cluster::Stack;
use ::tests::gateway_node::Status;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::board::Board;

/// What the gateways said at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// From the start of the run.
    pub at: Duration,
    /// `None` where one did not answer.
    pub gateways: Vec<Option<Status>>,
}

impl Sample {
    /// Money at risk, over the gateways that answered.
    pub(crate) fn exposure_minor(&self) -> i64 {
        self.gateways
            .iter()
            .flatten()
            .map(|status| status.exposure_minor)
            .sum()
    }

    /// The most that it may be; the same at every gateway.
    pub(crate) fn bound_minor(&self) -> i64 {
        self.gateways
            .iter()
            .flatten()
            .map(|status| status.bound_minor)
            .max()
            .unwrap_or_default()
    }

    /// Advices that the ledger has not acknowledged; `None` where somebody did not answer.
    pub(crate) fn backlog(&self) -> Option<u64> {
        self.gateways
            .iter()
            .map(|status| status.as_ref().map(|status| status.backlog))
            .sum()
    }
}

pub(crate) const EVERY: Duration = Duration::from_millis(100);
/// A gateway that takes longer to say how it is counts as silent.
const PATIENCE: Duration = Duration::from_millis(400);

/// All that was seen.
pub(crate) type Samples = Arc<Mutex<Vec<Sample>>>;

/// Asks until it is told to stop.
pub(crate) async fn watch(
    stack: &Stack,
    board: &Board,
    samples: &Samples,
    start: Instant,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let sample = look(stack, start).await;
        board.sampled(sample.clone());
        if let Ok(mut samples) = samples.lock() {
            samples.push(sample);
        }
    }
}

/// One look at all of them.
async fn look(stack: &Stack, start: Instant) -> Sample {
    let at = start.elapsed();
    let mut gateways = Vec::with_capacity(stack.gateways().len());
    for index in 0..stack.gateways().len() {
        let status = tokio::time::timeout(PATIENCE, stack.status(index)).await;
        gateways.push(status.ok().and_then(Result::ok));
    }
    Sample { at, gateways }
}

/// When the backlog was first empty everywhere, at or after `healed`.
pub(crate) fn drained_at(samples: &[Sample], healed: Duration) -> Option<Duration> {
    samples
        .iter()
        .find(|sample| sample.at >= healed && sample.backlog() == Some(0))
        .map(|sample| sample.at)
}

/// How often a breaker tripped and how often one passed again, as seen from outside.
pub(crate) fn breaker_turns(samples: &[Sample]) -> (u64, u64) {
    let gateways = samples.first().map_or(0, |sample| sample.gateways.len());
    let (mut tripped, mut recovered) = (0, 0);
    for index in 0..gateways {
        let mut open = false;
        for status in samples
            .iter()
            .filter_map(|sample| sample.gateways[index].as_ref())
        {
            let passing = status.breaker == "passing";
            tripped += u64::from(!open && !passing);
            recovered += u64::from(open && passing);
            open = !passing;
        }
    }
    (tripped, recovered)
}
