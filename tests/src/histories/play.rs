//! Playing a history on books, and comparing them with the model after every step.

use std::fmt;
use std::future::{Future, poll_fn};
use std::task::Poll;

use anyhow::{Context, ensure};
use ledger::posting::{Command, Moment, Outcome};
use ledger::store::{Store, StoreError};
use ledger_api::{AdviceOutcome, AuthorizeAnswer, ReleaseOutcome};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::disk::Disk;
use super::model::{Expected, Model};
use super::steps::{History, Step, TRANSACTION_MAX, YYMM, line};

/// How often books that were interrupted are asked again before that counts as a failure.
const ATTEMPTS: usize = 200;

/// Books that can be interrupted.
pub trait Bench: Send {
    /// The books.
    fn store(&self) -> &Store;

    /// True where something else interrupts the books at any time: then an answer may be the one to a
    /// second asking.
    fn is_disturbed(&self) -> bool {
        false
    }

    /// False where a batch whose outcome is open is left as it is: the comparison must notice.
    fn asks_again(&self) -> bool {
        true
    }

    /// Does a batch and interrupts the books meanwhile, `after` so many changes or moments; they can be
    /// used again afterwards. An error is an honest "not done" or "unknown".
    fn interrupted(
        &mut self,
        commands: Vec<Command>,
        after: u32,
    ) -> impl Future<Output = anyhow::Result<Result<Vec<Outcome>, StoreError>>> + Send;
}

/// The embedded store on a disk whose power is cut.
#[derive(Debug)]
pub struct OnDisk {
    disk: Disk,
    store: Option<Store>,
    chance: ChaCha8Rng,
}

impl OnDisk {
    /// Empty books; `seed` says what is left of what was not synced when the power goes.
    ///
    /// # Errors
    /// Where the books cannot be made.
    pub async fn new(seed: u64) -> anyhow::Result<Self> {
        let disk = Disk::default();
        let store = Store::embedded_on(disk.clone()).await?;
        Ok(Self {
            disk,
            store: Some(store),
            chance: ChaCha8Rng::seed_from_u64(seed),
        })
    }
}

impl Bench for OnDisk {
    fn store(&self) -> &Store {
        self.store.as_ref().expect("it is opened again at once")
    }

    async fn interrupted(
        &mut self,
        commands: Vec<Command>,
        after: u32,
    ) -> anyhow::Result<Result<Vec<Outcome>, StoreError>> {
        self.disk.cut_after(after);
        let outcome = transact(self.store(), commands).await;
        let found = self.disk.after_the_cut(&mut self.chance);
        self.store = None;
        self.disk = found;
        let store = Store::embedded_on(self.disk.clone()).await;
        self.store = Some(store.context("books after the power was cut")?);
        Ok(outcome)
    }
}

/// Books in a database, which others may disturb.
#[derive(Debug)]
pub struct InDatabase {
    /// The books.
    pub store: Store,
    /// True where somebody ends its sessions meanwhile.
    pub disturbed: bool,
}

impl Bench for InDatabase {
    fn store(&self) -> &Store {
        &self.store
    }

    fn is_disturbed(&self) -> bool {
        self.disturbed
    }

    /// The caller goes away after so many polls, as one does whose deadline has passed.
    async fn interrupted(
        &mut self,
        commands: Vec<Command>,
        after: u32,
    ) -> anyhow::Result<Result<Vec<Outcome>, StoreError>> {
        let mut work = Box::pin(transact(&self.store, commands));
        let mut polls = after;
        let abandoned = poll_fn(|context| {
            if polls == 0 {
                return Poll::Ready(None);
            }
            polls -= 1;
            work.as_mut().poll(context).map(Some)
        });
        let outcome = abandoned.await;
        let away = || StoreError::Unknown("the caller went away".to_owned());
        Ok(outcome.unwrap_or_else(|| Err(away())))
    }
}

/// Where the books and the model differ.
#[derive(Debug, thiserror::Error)]
pub struct Difference {
    /// The history.
    pub seed: u64,
    /// After which step; 0 is the first.
    pub step: usize,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "history {}, step {}: {}",
            self.seed, self.step, self.what
        )
    }
}

/// What a run has seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    /// Histories.
    pub histories: u64,
    /// Commands, repeats included.
    pub commands: u64,
    /// How often the books were interrupted.
    pub interrupted: u64,
    /// How often that left the outcome open.
    pub unanswered: u64,
    /// Approvals.
    pub approved: u64,
    /// Captures and refunds.
    pub moved: u64,
}

/// Plays histories on one set of books, one after the other.
#[derive(Debug, Default)]
pub struct Run {
    /// What was seen so far.
    pub report: Report,
}

impl Run {
    /// Plays one history and compares the books with the model after every step.
    ///
    /// # Errors
    /// A [`Difference`], or what kept the books from being asked.
    pub async fn play(&mut self, history: &History, bench: &mut impl Bench) -> anyhow::Result<()> {
        let (openings, cards) = (history.openings.clone(), history.cards.clone());
        let mut model = Model::new(openings, cards, TRANSACTION_MAX);
        until_done(bench, history.founding()).await?;
        for (number, step) in history.steps.iter().enumerate() {
            let differs = |what: String| Difference {
                seed: history.seed,
                step: number,
                what: format!("{what}\n{}", told(&history.steps[..=number])),
            };
            let expected: Vec<_> = step.commands().iter().map(|it| model.take(it)).collect();
            if let Some(outcomes) = self.step(step, bench).await? {
                compare(&expected, &outcomes).map_err(differs)?;
                self.count(&outcomes);
            }
            balances(&model, bench.store()).await.map_err(differs)?;
        }
        self.report.histories += 1;
        Ok(())
    }

    /// Does a step until it is done; the outcomes of its first attempt, where there are any.
    async fn step(
        &mut self,
        step: &Step,
        bench: &mut impl Bench,
    ) -> anyhow::Result<Option<Vec<Outcome>>> {
        self.report.commands += step.commands().len() as u64;
        match step {
            Step::Batch(commands) => {
                let outcomes = until_done(bench, commands.clone()).await?;
                Ok((!bench.is_disturbed()).then_some(outcomes))
            }
            Step::Broken(commands, after) => {
                self.report.interrupted += 1;
                match bench.interrupted(commands.clone(), *after).await? {
                    Ok(outcomes) => Ok(Some(outcomes)),
                    Err(_) => {
                        self.report.unanswered += 1;
                        // As a gateway would: again, under the same ids. What the first attempt did or did
                        // not do may show in the answers, never in the money.
                        if bench.asks_again() {
                            until_done(bench, commands.clone()).await?;
                        }
                        Ok(None)
                    }
                }
            }
        }
    }

    fn count(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::Authorized(AuthorizeAnswer::Decided(decision), _) => {
                    self.report.approved += u64::from(decision.approved);
                }
                Outcome::Advised(_, entries) if *entries > 0 => self.report.moved += 1,
                _ => {}
            }
        }
    }
}

/// Steps in lines, for people.
fn told(steps: &[Step]) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let how = match step {
            Step::Batch(_) => "together",
            Step::Broken(..) => "together, interrupted",
        };
        text += &format!("step {number}, {how}:\n");
        for command in step.commands() {
            text += &format!("  {}\n", line(command));
        }
    }
    text
}

async fn until_done(bench: &impl Bench, commands: Vec<Command>) -> anyhow::Result<Vec<Outcome>> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match transact(bench.store(), commands.clone()).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => last = Some(error),
        }
    }
    anyhow::bail!("the books were asked {ATTEMPTS} times: {last:?}")
}

async fn transact(store: &Store, commands: Vec<Command>) -> Result<Vec<Outcome>, StoreError> {
    let now = Moment {
        yymm: YYMM,
        ..Moment::default()
    };
    store.transact(commands, now).await
}

fn compare(expected: &[Expected], outcomes: &[Outcome]) -> Result<(), String> {
    for (place, (expected, outcome)) in expected.iter().zip(outcomes).enumerate() {
        if !agrees(*expected, outcome) {
            return Err(format!(
                "command {place}: the model says {expected:?}, the books {outcome:?}"
            ));
        }
    }
    if expected.len() == outcomes.len() {
        Ok(())
    } else {
        Err(format!("{} outcomes", outcomes.len()))
    }
}

fn agrees(expected: Expected, outcome: &Outcome) -> bool {
    match (expected, outcome) {
        (Expected::Unsaid, _) => true,
        (Expected::Conflict, Outcome::Authorized(AuthorizeAnswer::Conflict, 0)) => true,
        (
            Expected::Decided(minor, reason),
            Outcome::Authorized(AuthorizeAnswer::Decided(decision), _),
        ) => {
            let approved = decision.approved.then(|| decision.approved_minor.minor());
            (approved, decision.reason) == (minor, reason)
        }
        (Expected::Taken, Outcome::Advised(answer, _)) => matches!(
            answer.outcome,
            AdviceOutcome::Applied | AdviceOutcome::Duplicate
        ),
        (Expected::Parked, Outcome::Advised(answer, _)) => {
            matches!(answer.outcome, AdviceOutcome::Parked { .. })
        }
        (Expected::Released(over), Outcome::Released(answer)) => match answer.outcome {
            ReleaseOutcome::Released => !over,
            ReleaseOutcome::Already | ReleaseOutcome::Refused { .. } => over,
        },
        _ => false,
    }
}

async fn balances(model: &Model, store: &Store) -> Result<(), String> {
    for (account, expected) in model.balances() {
        let found = read(|| store.account(account)).await?;
        let Some(found) = found else {
            return Err(format!("account {account} is not there"));
        };
        let (available, held) = (found.available_minor, found.totals.debits_pending);
        if (available, held) != (expected.available, expected.held) {
            return Err(format!(
                "account {account} has {available} available and {held} held, the model {} and {}",
                expected.available, expected.held
            ));
        }
    }
    for (id, expected) in model.effects() {
        let view = read(|| store.authorization(id)).await?;
        let held = view.map_or(0, |view| view.effect_minor);
        if held != expected {
            return Err(format!("{id} holds {held}, in the model {expected}"));
        }
    }
    Ok(())
}

/// Asks again while the books are interrupted.
async fn read<T, F>(work: impl Fn() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match work().await {
            Err(StoreError::Unavailable(why)) => last = Some(why),
            other => return other.map_err(|error| error.to_string()),
        }
    }
    Err(format!("the books were read {ATTEMPTS} times: {last:?}"))
}

/// Σ debits = Σ credits, and every account's totals are the sum of its entries (I6).
///
/// # Errors
/// Where they are not.
pub async fn balanced(store: &Store) -> anyhow::Result<()> {
    let books = store.books().await?;
    ensure!(books.balanced, "the books do not balance: {books:?}");
    Ok(())
}
