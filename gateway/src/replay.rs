//! Telling the ledger what the network was told, until it acknowledges.
//!
//! Nothing is dropped and nothing expires. One batch is in flight at a time, in journal order; a
//! batch without an answer is sent again, under the same ids, and the ledger books it once.

use std::time::Duration;

use ledger_api::{AdviceAnswer, AdviceBatch, AdviceOutcome};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::authorize::{Gateway, now};
use crate::ledger_client::wire::Wire;
use crate::traces::Advices;

/// How many advices go into one call; fewer after one that was too much for the ledger's time.
const ITEMS_MAX: usize = 256;
const ITEMS_MIN: usize = 8;
/// How often the queue is looked at while it is empty.
const IDLE: Duration = Duration::from_millis(20);
/// Shorter than the time in which a backlog should be gone after a recovery: a call that was caught
/// in the outage must not hold up the drain.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Waits between attempts while the ledger is away.
const WAIT_MIN: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_millis(800);

/// Runs until `stop`.
pub async fn run(gateway: Gateway, wire: Wire, stop: CancellationToken) {
    let work = replay(&gateway, &wire);
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

async fn replay(gateway: &Gateway, wire: &Wire) {
    let mut wait = WAIT_MIN;
    let mut away = false;
    let mut items_max = ITEMS_MAX;
    let mut traced = Advices::default();
    loop {
        let (head, mut items) = gateway.parts().stand_in.pending_advices(items_max);
        if items.is_empty() {
            tokio::time::sleep(IDLE).await;
            continue;
        }
        let parts = gateway.parts();
        traced.tell(&parts.telemetry, &parts.name, &mut items);
        let batch = AdviceBatch {
            gateway: gateway.parts().name.clone(),
            head,
            undrained: Some(behind(gateway.parts().stand_in.backlog(), items.len())),
            items,
        };
        match wire.advise(&batch, PATIENCE).await {
            Ok(answers) => {
                traced.heard(&answers.items);
                if away {
                    info!(
                        backlog = gateway.parts().stand_in.backlog(),
                        "the ledger takes advices again"
                    );
                }
                away = false;
                items_max = (items_max * 2).min(ITEMS_MAX);
                gateway.parts().breaker.hint();
                let failed = gateway
                    .parts()
                    .stand_in
                    .acknowledge(&answers.items, now())
                    .await;
                if let Err(error) = failed {
                    warn!(%error, "acknowledgements could not be written; the advices are sent again after a restart");
                    tokio::time::sleep(WAIT_MAX).await;
                }
                let refused =
                    |answer: &AdviceAnswer| matches!(answer.outcome, AdviceOutcome::Failed { .. });
                if answers.items.iter().all(refused) {
                    // Nothing moved: asking at once again would only be load.
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(WAIT_MAX);
                } else {
                    wait = WAIT_MIN;
                }
            }
            Err(error) => {
                items_max = (items_max / 2).max(ITEMS_MIN);
                if !away {
                    warn!(%error, backlog = gateway.parts().stand_in.backlog(), "the ledger takes no advices; they wait");
                }
                away = true;
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(WAIT_MAX);
            }
        }
    }
}

/// How many of the backlog wait behind a batch.
fn behind(backlog: usize, batch: usize) -> u64 {
    u64::try_from(backlog.saturating_sub(batch)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_batch_says_how_many_advices_wait_behind_it_and_the_last_one_none_rule_17() {
        for (backlog, batch, expected) in [(1_000, 256, 744), (256, 256, 0), (3, 8, 0)] {
            assert_eq!(super::behind(backlog, batch), expected);
        }
    }
}
