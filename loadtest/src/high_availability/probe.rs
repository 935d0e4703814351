//! Questions to the ledger itself: small holds that nobody but the books remembers, and the feed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::tests::cluster::Stack;
use anyhow::{Context, ensure};
use ledger_api::{
    AccountId, Amount, AuthorizationId, AuthorizeAnswer, AuthorizeAnswers, CardState, CardStatus,
    CardToken, Expiry, FeedPage, ListingPage, Mark, OpenAccount, Problem,
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Between two questions: how exactly an outage is measured.
const EVERY: Duration = Duration::from_millis(50);
/// Longer than any deadline of the ledger: what it says late counts too.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client with a card of its own.
#[derive(Debug)]
pub(super) struct Probe {
    url: String,
    client: reqwest::Client,
    card: CardToken,
    next: AtomicU64,
    /// Holds that the ledger has confirmed and that must stay.
    confirmed: Mutex<Vec<AuthorizationId>>,
    mark: Mutex<Mark>,
}

/// What a backup has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    confirmed: usize,
    epoch: u64,
}

/// What the ledger said in one window; times count from its start.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// When writes were confirmed.
    pub(super) confirmed: Vec<Duration>,
    /// When the last question had its answer, or was given up.
    pub(super) ended: Duration,
    /// How often the feed's head was behind one that had been told before, in the same epoch.
    pub(super) went_back: Vec<String>,
}

impl Probe {
    pub(super) async fn start(stack: &Stack, account: u64) -> anyhow::Result<Self> {
        let (id, card) = (AccountId(account), "k1-ffffffffffffffffffffffffffffff01");
        let card: CardToken = card.parse().context("the probe's card")?;
        let account = OpenAccount {
            account: id,
            currency: "EUR".parse().context("EUR")?,
            opening_minor: Amount::new(1_000_000_000)?,
        };
        stack.ledger().open_accounts(&[account]).await?;
        let state = CardState {
            card,
            account: id,
            status: CardStatus::Open,
            expiry: Expiry::try_from(3012)?,
            transaction_max_minor: Amount::new(100)?,
        };
        stack.ledger().put_cards(&[state]).await?;
        let probe = Self {
            url: stack.ledger_url().to_owned(),
            client: reqwest::Client::builder().no_proxy().build()?,
            card,
            next: AtomicU64::new(1),
            confirmed: Mutex::default(),
            mark: Mutex::default(),
        };
        probe.list().await?;
        Ok(probe)
    }

    /// All that the ledger has confirmed.
    pub(super) fn confirmed(&self) -> Vec<AuthorizationId> {
        self.lock().clone()
    }

    /// What a backup that is taken now has for certain.
    pub(super) fn place(&self) -> Place {
        Place {
            confirmed: self.lock().len(),
            epoch: self.mark().epoch,
        }
    }

    /// Everything after this may be gone, because a backup does not have it and nobody tells it again.
    /// Says how many.
    ///
    /// # Errors
    /// Where the ledger does not tell its new epoch.
    pub(super) async fn forget_after(&self, place: Place) -> anyhow::Result<usize> {
        self.list().await?;
        ensure!(
            self.mark().epoch != place.epoch,
            "the restored ledger has its old epoch"
        );
        let mut confirmed = self.lock();
        let gone = confirmed.len().saturating_sub(place.confirmed);
        confirmed.truncate(place.confirmed);
        Ok(gone)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<AuthorizationId>> {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until `stop`, then waits for the last answer.
    pub(super) async fn ask(
        self: &Arc<Self>,
        start: Instant,
        stop: CancellationToken,
    ) -> anyhow::Result<Heard> {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let tasks = TaskTracker::new();
        tasks.spawn(Arc::clone(self).follow(Arc::clone(&heard), stop.clone()));
        for number in 0_u32.. {
            tokio::select! {
                () = tokio::time::sleep_until(start + EVERY * number) => {}
                () = stop.cancelled() => break,
            }
            let (probe, heard) = (Arc::clone(self), Arc::clone(&heard));
            tasks.spawn(async move {
                let number = probe.next.fetch_add(1, Ordering::Relaxed);
                if let Ok(Some(id)) = probe.hold(number).await {
                    probe.lock().push(id);
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    heard.confirmed.push(start.elapsed());
                }
            });
        }
        tasks.close();
        tasks.wait().await;
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.ended = start.elapsed();
        Ok(heard.clone())
    }

    /// One cent, under an id of its own; nothing where the ledger does not approve.
    async fn hold(&self, number: u64) -> anyhow::Result<Option<AuthorizationId>> {
        let mut id = [0xaa; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let id = AuthorizationId(id);
        let body = json!({"gateway": "probe", "items": [{"id": id, "card": self.card,
            "amount_minor": 1, "currency": "EUR", "fingerprint": number}]});
        let ask = self
            .client
            .post(format!("{}/v1/authorizations", self.url))
            .json(&body)
            .timeout(PATIENCE);
        let answers: AuthorizeAnswers = ask.send().await?.error_for_status()?.json().await?;
        let approved =
            matches!(answers.items.first(), Some(AuthorizeAnswer::Decided(it)) if it.approved);
        Ok(approved.then_some(id))
    }

    /// Follows the feed's head, as a gateway does.
    async fn follow(self: Arc<Self>, heard: Arc<Mutex<Heard>>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::time::sleep(EVERY).await;
            let known = self.mark();
            let told = self.head(known).await;
            if let Ok(Some(told)) = told
                && told.epoch == known.epoch
                && told.position < known.position
            {
                let text = format!(
                    "the feed ended at {}, then at {}",
                    known.position, told.position
                );
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.went_back.push(text);
            }
            if let Ok(Some(told)) = told {
                self.set_mark(told);
            }
        }
    }

    /// Where the feed ends now; nothing where the ledger has no answer for somebody who knows that much.
    async fn head(&self, known: Mark) -> anyhow::Result<Option<Mark>> {
        let (epoch, after) = (known.epoch, known.position);
        let url = format!("{}/v1/feed?epoch={epoch}&after={after}&limit=1", self.url);
        let answer = self.client.get(url).timeout(PATIENCE).send().await?;
        if answer.status() == StatusCode::CONFLICT {
            let problem: Problem = answer.json().await?;
            ensure!(problem.name() == "epoch_changed", "{problem}");
            return self.listed().await.map(Some);
        }
        let page: FeedPage = answer.error_for_status()?.json().await?;
        Ok(Some(Mark {
            epoch: page.epoch,
            position: page.head,
        }))
    }

    async fn listed(&self) -> anyhow::Result<Mark> {
        let url = format!("{}/v1/listing?limit=1", self.url);
        let answer = self.client.get(url).timeout(PATIENCE).send().await?;
        let page: ListingPage = answer.error_for_status()?.json().await?;
        Ok(page.mark)
    }

    async fn list(&self) -> anyhow::Result<()> {
        let mark = self.listed().await.context("where the feed ends")?;
        self.set_mark(mark);
        Ok(())
    }

    fn mark(&self) -> Mark {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_mark(&self, mark: Mark) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
    }
}

impl Heard {
    /// The longest time without a confirmed write from `blow` to the end.
    pub(super) fn outage(&self, blow: Duration) -> Duration {
        let mut times = self.confirmed.clone();
        times.sort();
        let before = times.iter().rfind(|time| **time < blow);
        let from = [before.copied().unwrap_or(blow)];
        let after = times.iter().copied().filter(|time| *time >= blow);
        let mut all: Vec<Duration> = from.into_iter().chain(after).collect();
        all.push(self.ended);
        let gaps = all.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        gaps.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_the_longest_time_between_confirmed_writes_after_the_blow() {
        let at = |ms: &[u64]| Heard {
            confirmed: ms.iter().map(|ms| Duration::from_millis(*ms)).collect(),
            ended: Duration::from_millis(1_650),
            went_back: Vec::new(),
        };
        let outage = |heard: Heard| heard.outage(Duration::from_millis(1_000)).as_millis();
        // The gap of 700 before the blow does not count; answers may come out of order.
        assert_eq!(outage(at(&[0, 700, 990, 1_500, 1_400, 1_600])), 410);
        assert_eq!(outage(at(&[1_200, 1_350, 1_500])), 200);
        assert_eq!(outage(at(&[500])), 1_150, "none at all");
    }
}
