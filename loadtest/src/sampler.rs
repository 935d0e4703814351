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
    /// What each said now or, where it is silent, when it was heard last: what a dead gateway has
    /// in its journal is owed as before.
    pub known: Vec<Known>,
}

/// What is remembered of a gateway that is silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub exposure_minor: i64,
    pub bound_minor: i64,
    pub backlog: u64,
}

impl From<&Status> for Known {
    fn from(status: &Status) -> Self {
        Self {
            exposure_minor: status.exposure_minor,
            bound_minor: status.bound_minor,
            backlog: status.backlog,
        }
    }
}

impl Sample {
    fn new(at: Duration, gateways: Vec<Option<Status>>, before: &[Known]) -> Self {
        let known = gateways.iter().enumerate().map(|(index, status)| {
            let last = before.get(index).copied().unwrap_or_default();
            status.as_ref().map_or(last, Known::from)
        });
        Self {
            at,
            known: known.collect(),
            gateways,
        }
    }

    /// Money at risk, as far as it is known.
    pub(crate) fn exposure_minor(&self) -> i64 {
        self.known.iter().map(|known| known.exposure_minor).sum()
    }

    /// Advices that the ledger has not acknowledged, as far as it is known.
    pub(crate) fn backlog_known(&self) -> u64 {
        self.known.iter().map(|known| known.backlog).sum()
    }

    /// The most that it may be; the same at every gateway.
    pub(crate) fn bound_minor(&self) -> i64 {
        let bounds = self.known.iter().map(|known| known.bound_minor);
        bounds.max().unwrap_or_default()
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
    let mut known = Vec::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let sample = look(stack, start, &known).await;
        known.clone_from(&sample.known);
        board.sampled(sample.clone());
        if let Ok(mut samples) = samples.lock() {
            samples.push(sample);
        }
    }
}

/// One look at all of them.
async fn look(stack: &Stack, start: Instant, before: &[Known]) -> Sample {
    let at = start.elapsed();
    let mut gateways = Vec::with_capacity(stack.gateways().len());
    for index in 0..stack.gateways().len() {
        let status = tokio::time::timeout(PATIENCE, stack.status(index)).await;
        gateways.push(status.ok().and_then(Result::ok));
    }
    Sample::new(at, gateways, before)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(exposure_minor: i64, backlog: u64) -> Option<Status> {
        let status = json!({
            "gateway": "gw1", "exposure_minor": exposure_minor, "exposure_peak_minor": 0,
            "exposure_max_minor": 0, "bound_minor": 900, "realised_minor": 0, "backlog": backlog,
            "advices_written": 0, "advices_acknowledged": 0, "parked": 0, "breaker": "passing",
            "breaker_trips": 0, "stand_in": {"approved": 0, "declined": 0},
            "ledger": {"approved": 0, "declined": 0},
            "knowledge": {"cards": 0, "accounts": 0, "age_ms": null, "epoch": 1, "position": 1},
        });
        Some(serde_json::from_value(status).unwrap())
    }

    #[test]
    fn a_dead_gateway_still_owes_what_it_said_last() {
        let before = Sample::new(Duration::ZERO, vec![status(70, 7), status(30, 3)], &[]);
        let dead = Sample::new(EVERY, vec![None, status(40, 4)], &before.known);
        let still = Sample::new(2 * EVERY, vec![None, status(50, 5)], &dead.known);
        assert_eq!((dead.exposure_minor(), dead.backlog_known()), (110, 11));
        assert_eq!((still.exposure_minor(), still.backlog_known()), (120, 12));
        assert_eq!(still.bound_minor(), 900);
        assert_eq!(still.backlog(), None, "not known to be empty");
    }
}
