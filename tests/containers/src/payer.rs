//! A processor with a link to each gateway: pays all the while, asks the card's home first, and with
//! the same content the other gateway when no answer comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tests::cluster::Stack;
use tests::http_client::HttpClient;
use tests::iso_client::IsoClient;
use tests::notebook::{Answer, By, Outcome, ReversalOutcome};
use tests::payment::{Card, NewCard, Payment};
use tests::waiting::wait_until;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Fifty payments a second.
const EVERY: Duration = Duration::from_millis(20);
/// For two minutes: no test takes so long.
const PAYMENTS: usize = 6_000;
const CARDS: u64 = 60;
/// Other tests' cards have smaller numbers.
const FIRST_CARD: u64 = 10_000;
const OPENING_MINOR: i64 = 1_000_000;
const AMOUNT_MINOR: i64 = 125;
/// One attempt; longer than the gateways' budget, so that a late answer is seen as late.
const ATTEMPT: Duration = Duration::from_secs(3);
/// All attempts of one payment.
const PATIENCE: Duration = Duration::from_secs(7);
/// Between two attempts where both gateways refuse connections.
const PAUSE: Duration = Duration::from_millis(25);
/// How long a reversal is repeated.
const REVERSAL_PATIENCE: Duration = Duration::from_secs(60);
const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// What has come of the payments so far.
#[derive(Debug, Clone, Default)]
pub struct Paid {
    /// Payments with a decision.
    pub answered: u64,
    /// Approved, whoever did.
    pub approved: u64,
    /// Decided by the ledger, as the HTTP door tells; the ISO door does not.
    pub by_ledger: u64,
    /// Decided by a gateway alone, as the HTTP door tells.
    pub by_stand_in: u64,
    /// Answered by a gateway other than the first that was asked.
    pub failed_over: u64,
    /// Payments that nobody decided, and what was said instead.
    pub unanswered: Vec<String>,
}

/// Pays until it is stopped; stops when dropped.
pub struct Payer {
    street: Arc<Street>,
    task: JoinHandle<()>,
}

struct Street {
    links: Vec<(HttpClient, IsoClient)>,
    /// With the index of the card's home.
    payments: Vec<(Payment, usize)>,
    stopping: AtomicBool,
    paid: Mutex<Paid>,
}

impl Payer {
    /// Issues cards, and starts paying with them.
    ///
    /// # Errors
    /// Where the ledger does not take the cards, or a gateway is down.
    pub async fn start(stack: &Stack) -> anyhow::Result<Self> {
        let new: Vec<_> = (0..CARDS)
            .map(|n| NewCard::nth(FIRST_CARD + n, OPENING_MINOR))
            .collect();
        let cards = stack.seed(&new).await?;
        let mut links = Vec::new();
        for gateway in 0..stack.gateways().len() {
            links.push((stack.http(gateway)?, stack.iso(gateway).await?));
        }
        let planned = cards.iter().cycle().take(PAYMENTS);
        let planned = planned.map(|card: &Card| {
            let payment = stack.payment(card, AMOUNT_MINOR);
            (payment, stack.home_of(&card.token))
        });
        let street = Arc::new(Street {
            links,
            payments: planned.collect(),
            stopping: AtomicBool::new(false),
            paid: Mutex::default(),
        });
        let task = tokio::spawn(Arc::clone(&street).walk());
        Ok(Self { street, task })
    }

    /// What has come of it so far.
    pub fn paid(&self) -> Paid {
        self.street.paid().clone()
    }

    /// Waits until the ledger has decided so many more.
    ///
    /// # Errors
    /// Where that takes longer than a minute.
    pub async fn by_ledger(&self, more: u64) -> anyhow::Result<()> {
        self.more("decided by the ledger", more, |paid| paid.by_ledger)
            .await
    }

    /// Waits until gateways have decided so many more alone.
    ///
    /// # Errors
    /// Where that takes longer than a minute.
    pub async fn by_stand_in(&self, more: u64) -> anyhow::Result<()> {
        self.more("decided by stand-in", more, |paid| paid.by_stand_in)
            .await
    }

    /// Waits until so many more have been answered.
    ///
    /// # Errors
    /// Where that takes longer than a minute.
    pub async fn answered(&self, more: u64) -> anyhow::Result<()> {
        self.more("answered", more, |paid| paid.answered).await
    }

    /// Starts no more, waits for the last answer and the last reversal, and tells.
    ///
    /// # Errors
    /// Where the payer has failed.
    pub async fn stop(mut self) -> anyhow::Result<Paid> {
        self.street.stopping.store(true, Ordering::Relaxed);
        (&mut self.task).await.context("the payer failed")?;
        Ok(self.paid())
    }

    async fn more(&self, how: &str, more: u64, count: fn(&Paid) -> u64) -> anyhow::Result<()> {
        let enough = count(&self.paid()) + more;
        let reached = || async { count(&self.paid()) >= enough };
        wait_until(&format!("{more} more are {how}"), SEEN_WITHIN, reached)
            .await
            .with_context(|| format!("{:?}", self.paid()))?;
        Ok(())
    }
}

impl Drop for Payer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Street {
    fn paid(&self) -> MutexGuard<'_, Paid> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn walk(self: Arc<Self>) {
        let mut clock = interval(EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way = JoinSet::new();
        for index in 0..self.payments.len() {
            clock.tick().await;
            if self.stopping.load(Ordering::Relaxed) {
                break;
            }
            under_way.spawn(Arc::clone(&self).pay(index));
        }
        under_way.join_all().await;
    }

    async fn pay(self: Arc<Self>, index: usize) {
        let (payment, home) = &self.payments[index];
        let until = Instant::now() + PATIENCE;
        // An attempt that got no answer may have been heard all the same.
        let mut heard = false;
        for attempt in 0.. {
            let gateway = (home + attempt) % self.links.len();
            let (http, iso) = &self.links[gateway];
            let outcome = if index.is_multiple_of(2) {
                http.authorize(payment, false, ATTEMPT).await
            } else {
                iso.authorize(payment, false, ATTEMPT).await
            };
            let failure = match outcome {
                Outcome::Answered(answer) => {
                    self.count(&answer, attempt);
                    heard &= !answer.approved;
                    break;
                }
                Outcome::Refused(refusal) => format!("{}: {}", refusal.code, refusal.detail),
                Outcome::Unanswered(failure) => {
                    heard |= may_have_been_heard(&failure);
                    failure
                }
            };
            if Instant::now() >= until {
                self.paid().unanswered.push(failure);
                break;
            }
            if attempt > 0 {
                sleep(PAUSE).await;
            }
        }
        // Whoever got no answer, or no and then nothing, cannot know whether money is held.
        if heard {
            self.take_back(payment, *home).await;
        }
    }

    fn count(&self, answer: &Answer, attempt: usize) {
        let mut paid = self.paid();
        paid.answered += 1;
        paid.approved += u64::from(answer.approved);
        paid.by_ledger += u64::from(answer.decided_by == Some(By::Ledger));
        paid.by_stand_in += u64::from(answer.decided_by == Some(By::StandIn));
        paid.failed_over += u64::from(attempt > 0);
    }

    /// Store and forward: repeated until somebody takes it.
    async fn take_back(&self, payment: &Payment, home: usize) {
        let until = Instant::now() + REVERSAL_PATIENCE;
        for attempt in 0.. {
            let (http, _) = &self.links[(home + attempt) % self.links.len()];
            let outcome = http.reverse(payment, 0, ATTEMPT).await;
            if matches!(outcome, ReversalOutcome::Accepted { .. }) {
                return;
            }
            if Instant::now() >= until {
                let told = format!("a reversal was not taken: {outcome:?}");
                self.paid().unanswered.push(told);
                return;
            }
            sleep(PAUSE).await;
        }
    }
}

/// False only where there was no connection to send on.
fn may_have_been_heard(failure: &str) -> bool {
    !failure.starts_with("no link to") && !failure.contains("tcp connect error")
}
