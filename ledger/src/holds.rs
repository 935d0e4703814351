//! The clock by which holds expire, and letting go what has been held for too long (rule 17).
//!
//! The clock is the books' own: it goes on while a ledger runs and no gateway has an undrained journal.
//! No wall clock moves it, so neither a step of one nor an outage makes a hold expire early; a capture
//! that comes too late for its hold is posted all the same.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::batcher::Batcher;
use crate::metrics::Metrics;
use crate::posting::{Command, Outcome};
use crate::store::{HoldClock, Store};

/// How often the clock is moved on.
const TICK: Duration = Duration::from_secs(5);
/// What one tick counts at most.
const TICK_MAX: Duration = Duration::from_secs(15);
/// How many holds are let go in one transaction.
const EXPIRE_MAX: usize = 256;

/// When holds expire.
#[derive(Debug, Clone, Copy)]
pub struct Holds {
    /// After so many seconds of the hold clock.
    pub expire_after_s: u64,
}

/// Moves the clock on and lets go what is due, until `stopping`.
pub async fn run(
    store: Store,
    batcher: Batcher,
    metrics: Metrics,
    holds: Holds,
    stopping: CancellationToken,
) {
    let mut last = Instant::now();
    loop {
        tokio::select! {
            () = sleep(TICK) => {}
            () = stopping.cancelled() => return,
        }
        let elapsed = last.elapsed().min(TICK_MAX);
        match store.tick(elapsed).await {
            Ok(clock) => {
                last = Instant::now();
                metrics.hold_clock(&clock);
                let expired = sweep(&store, &batcher, &clock, holds.expire_after_s).await;
                metrics.expired(expired);
                if expired > 0 {
                    tracing::info!(expired, clock_s = clock.seconds, "holds have expired");
                }
            }
            Err(error) => tracing::debug!(%error, "the hold clock stands still"),
        }
    }
}

/// Lets go all that is due, in bounded batches; says how many. Nothing while the clock is stopped, which
/// is looked at before every batch: what a gateway has not told yet may be the capture.
pub async fn sweep(
    store: &Store,
    batcher: &Batcher,
    clock: &HoldClock,
    expire_after_s: u64,
) -> u64 {
    let mut all = 0;
    let Some(held_by) = clock.seconds.checked_sub(expire_after_s) else {
        return all;
    };
    while let Ok(HoldClock { undrained, .. }) = store.hold_clock().await {
        if !undrained.is_empty() {
            break;
        }
        let ids = match store.due(held_by, EXPIRE_MAX).await {
            Ok(ids) if !ids.is_empty() => ids,
            _ => break,
        };
        let command = Command::Expire { ids, held_by };
        let outcomes = batcher.submit(vec![command]).await;
        let expired = match outcomes.as_deref() {
            Ok([Outcome::Expired(expired)]) => *expired,
            _ => 0,
        };
        all += expired;
        if expired == 0 {
            break;
        }
    }
    all
}
