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
/// How long after a start, or after the books could not be reached, no hold expires: gateways have answered
/// meanwhile, and need a moment to say that advices wait.
const REPORTS_IN: Duration = Duration::from_secs(60);
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
    let mut away = last;
    let mut awake = last;
    loop {
        tokio::select! {
            () = sleep(TICK) => {}
            () = stopping.cancelled() => return,
        }
        // A process that was frozen knows as little of the journals as one that has just started.
        if awake.elapsed() > TICK_MAX {
            away = Instant::now();
        }
        match store.tick(last.elapsed().min(TICK_MAX)).await {
            Ok(clock) => {
                last = Instant::now();
                metrics.hold_clock(&clock);
                if away.elapsed() >= REPORTS_IN {
                    let expired = sweep(&store, &batcher, &clock, holds.expire_after_s).await;
                    metrics.expired(expired);
                    if expired > 0 {
                        tracing::info!(expired, clock_s = clock.seconds, "holds have expired");
                    }
                }
            }
            Err(error) => {
                away = Instant::now();
                tracing::debug!(%error, "the hold clock stands still");
            }
        }
        awake = Instant::now();
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
        // One by one: where somebody has locked an account, only its own holds wait for it (rule 19).
        let expire = |id| Command::Expire {
            ids: vec![id],
            held_by,
        };
        let commands = ids.into_iter().map(expire).collect();
        let outcomes = batcher.submit(commands).await.unwrap_or_default();
        let expired = outcomes.iter().map(|outcome| match outcome {
            Outcome::Expired(expired) => *expired,
            _ => 0,
        });
        let expired: u64 = expired.sum();
        all += expired;
        if expired == 0 {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use ledger_api::AccountId;
    use serde_json::json;

    use super::*;

    fn parsed<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_expires_before_gateways_could_report_after_a_start_rule_17() {
        let store = Store::memory(1);
        let metrics = Metrics::default();
        let batcher = Batcher::start(store.clone(), metrics.clone());
        let card = "k1-00000000000000000000000000000001";
        let account = json!({"account": 1, "currency": "EUR", "opening_minor": 500});
        let state = json!({"card": card, "account": 1, "status": "open", "expiry": 9912,
            "transaction_max_minor": 500});
        let request = json!({"id": "00000000000000000000000000000001", "card": card,
            "amount_minor": 100, "currency": "EUR", "fingerprint": 1});
        let commands = vec![
            Command::OpenAccount(parsed(account)),
            Command::PutCard(parsed(state)),
            Command::Authorize {
                gateway: "gw1".parse().unwrap(),
                request: parsed(request),
            },
        ];
        batcher.submit(commands).await.unwrap();
        let stopping = CancellationToken::new();
        let holds = Holds { expire_after_s: 10 };
        let running = run(store.clone(), batcher, metrics, holds, stopping.clone());
        let running = tokio::spawn(running);
        let held = async || {
            let account = store.account(AccountId(1)).await.unwrap().unwrap();
            account.totals.debits_pending
        };
        sleep(REPORTS_IN - TICK / 2).await;
        assert!(store.hold_clock().await.unwrap().seconds > 10, "it is due");
        assert_eq!(held().await, 100);
        sleep(TICK * 3).await;
        assert_eq!(held().await, 0);
        stopping.cancel();
        running.await.unwrap();
    }
}
