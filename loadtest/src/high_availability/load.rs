//! Payments at a fixed rate, to the home of each card, whatever becomes of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::tests::cluster::Stack;
use ::tests::http_client::HttpClient;
use ::tests::notebook::{By, Outcome};
use ::tests::payment::Card;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The gateways' budget is shorter: whoever waits so long waits in vain.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Larger than what the amounts are made from, and prime: a card's amounts differ.
const STRIDE: usize = 7_919;

/// One payment as its client saw it; times count from the start of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) answered: Duration,
    pub(super) by: Answered,
}

/// Who answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answered {
    Ledger,
    StandIn { approved: bool },
    Nobody(String),
}

/// What has been seen so far; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Payments(Arc<Mutex<Vec<Seen>>>);

impl Payments {
    pub(super) fn all(&self) -> Vec<Seen> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, seen: Seen) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(seen);
    }

    /// When the last answer of this kind came.
    pub(super) fn last(&self, kind: impl Fn(&Answered) -> bool) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = all.iter().filter(|seen| kind(&seen.by));
        answers.map(|seen| seen.answered).max()
    }
}

/// Sends until `stop`, then waits for the last answer.
pub(super) async fn send(
    stack: &Arc<Stack>,
    cards: &Arc<[Card]>,
    rate_per_s: f64,
    seen: &Payments,
    (start, stop): (Instant, CancellationToken),
) -> anyhow::Result<()> {
    let gateways = (0..stack.gateways().len()).map(|gateway| stack.http(gateway));
    let clients: Vec<HttpClient> = gateways.collect::<Result<_, _>>()?;
    let tasks = TaskTracker::new();
    for number in 0_u32.. {
        let at = start + Duration::from_secs_f64(f64::from(number) / rate_per_s);
        tokio::select! {
            () = tokio::time::sleep_until(at) => {}
            () = stop.cancelled() => break,
        }
        let number = number as usize;
        let card = &cards[number * STRIDE % cards.len()];
        let amount = 100 + i64::try_from(number * 37 % 900)?;
        let payment = stack.payment(card, amount);
        let client = clients[stack.home_of(&card.token)].clone();
        let seen = seen.clone();
        tasks.spawn(async move {
            let outcome = client.authorize(&payment, false, PATIENCE).await;
            seen.add(Seen {
                answered: start.elapsed(),
                by: answered(outcome),
            });
        });
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

fn answered(outcome: Outcome) -> Answered {
    match outcome {
        Outcome::Answered(answer) if answer.decided_by == Some(By::StandIn) => Answered::StandIn {
            approved: answer.approved,
        },
        Outcome::Answered(_) => Answered::Ledger,
        Outcome::Refused(refusal) => {
            Answered::Nobody(format!("{}: {}", refusal.code, refusal.detail))
        }
        Outcome::Unanswered(why) => Answered::Nobody(why),
    }
}
