//! Natural batching: while one transaction is in flight, commands gather; the next takes them all,
//! up to a bound. No timer, so nothing waits when the ledger is idle. Where the next transaction can be made
//! ready meanwhile, authorizations go in two, which take turns ([`waiting`]).
//!
//! | lane | what waits in it |
//! |---|---|
//! | live | authorizations |
//! | advices | advices, reversals, captures, refunds, releases, what expires |
//! | desk | accounts, cards, grants, what a person has decided |
//! | [`held`] | commands whose account somebody else has locked, each account by itself (rule 19) |

mod flights;
mod held;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use ledger_api::{
    AdviceAnswer, AdviceOutcome, AuthorizeAnswer, Mark, Problem, ReleaseAnswer, ReleaseOutcome,
    Retry,
};
use process::clock;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::posting::{Command, Lane, Moment, Outcome};
use crate::store::{Passed, Store, StoreError};
use flights::Flights;
use held::HeldLanes;
use waiting::Waiting;

/// How much goes together, and how much and how long may wait.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many commands go into one transaction, unless one request alone has more.
    pub batch_commands: usize,
    /// How many requests may wait in one lane. More are refused at once, which is cheap.
    pub queue_jobs: usize,
    /// How many accounts that somebody else has locked may be waited for at once.
    pub held_rows: usize,
    /// How many commands may wait for one such account.
    pub held_commands: usize,
    /// How long a command that came alone waits for such an account.
    pub held_alone: Duration,
    /// How long others in the same request are kept waiting for it.
    pub held_together: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_commands: 512,
            queue_jobs: 1024,
            held_rows: 64,
            held_commands: 1024,
            // Less than the gateways' cut-off, 800 ms.
            held_alone: Duration::from_millis(600),
            held_together: Duration::from_millis(25),
        }
    }
}

/// Where requests bring their commands. Clones share the queues.
#[derive(Debug, Clone)]
pub struct Batcher {
    queues: [Queue; Lane::ALL.len()],
    held: HeldLanes,
}

#[derive(Debug, Clone)]
struct Queue {
    jobs: mpsc::Sender<Job>,
    flights: Arc<Flights>,
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), BatchError> {
        let place = self.jobs.try_reserve().map_err(|_| BatchError::Full)?;
        // Before it can be taken.
        self.flights.wait(job.commands.len());
        place.send(job);
        Ok(())
    }
}

type Answer = Result<Vec<Outcome>, StoreError>;

#[derive(Debug)]
struct Job {
    commands: Vec<Command>,
    reply: oneshot::Sender<Answer>,
    /// True once it was left out because somebody else held what it needs.
    passed_over: bool,
    /// True where its request has nothing else that would be kept waiting.
    alone: bool,
}

/// Why a request's commands were not done, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Too many requests wait. Nothing was done.
    #[error("too many requests are waiting; nothing was done, ask again later")]
    Full,
    /// The store said so.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Batcher {
    /// Starts the tasks that do the batches. They end when the last clone is gone and all that waits
    /// is done.
    pub fn start(store: Store, metrics: Metrics) -> Self {
        Self::with_limits(store, metrics, Limits::default())
    }

    /// As [`Batcher::start`], with other limits.
    pub fn with_limits(store: Store, metrics: Metrics, limits: Limits) -> Self {
        let held = HeldLanes::new(store.clone(), limits);
        let queues = Lane::ALL.map(|lane| {
            let (queue, jobs) = mpsc::channel(limits.queue_jobs);
            let workers = if lane == Lane::Live {
                store.live_in_flight()
            } else {
                1
            };
            let waiting = Arc::new(Mutex::new(Waiting::new(
                jobs,
                limits.batch_commands,
                workers,
            )));
            let flights = Arc::new(Flights::default());
            for _ in 0..workers {
                let worker = Worker {
                    lane,
                    store: store.clone(),
                    metrics: metrics.clone(),
                    held: held.clone(),
                    waiting: Arc::clone(&waiting),
                    flights: Arc::clone(&flights),
                };
                tokio::spawn(worker.work());
            }
            Queue {
                jobs: queue,
                flights,
            }
        });
        Self { queues, held }
    }

    /// How many requests wait in a lane.
    pub fn waiting(&self, lane: Lane) -> usize {
        let queue = &self.queues[lane as usize].jobs;
        queue.max_capacity() - queue.capacity()
    }

    /// How many accounts that somebody else has locked are waited for.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How many authorizations were decided on what the store remembers.
    pub fn remembered(&self) -> u64 {
        self.held.remembered()
    }

    /// Does a request's commands, in order, together with whatever else waits. They are done even if
    /// the caller goes away.
    ///
    /// # Errors
    /// When the queue is full, or the store did not do the batch.
    pub async fn submit(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, BatchError> {
        let (reply, answer) = oneshot::channel();
        let queue = &self.queues[Lane::of(&commands) as usize];
        let is_work = |command: &&Command| !matches!(command, Command::NoteHead { .. });
        let alone = commands.iter().filter(is_work).count() <= 1;
        let job = Job {
            commands,
            reply,
            passed_over: false,
            alone,
        };
        queue.push(job)?;
        Ok(answer.await.unwrap_or_else(|_| Err(lost()))?)
    }
}

/// Of a request a part of which is booked nobody may say that nothing was done.
fn partly(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(what) | StoreError::Busy(what) | StoreError::Refused(what) => {
            StoreError::Unknown(format!("a part of the request was done, and then: {what}"))
        }
        other => other,
    }
}

fn lost() -> StoreError {
    StoreError::Unknown("the batch was lost".to_owned())
}

/// What does batches of one lane, one at a time; a lane may have two of them.
struct Worker {
    lane: Lane,
    store: Store,
    metrics: Metrics,
    held: HeldLanes,
    waiting: Arc<Mutex<Waiting>>,
    flights: Arc<Flights>,
}

impl Worker {
    async fn work(self) {
        loop {
            let (batch, flight) = {
                let mut waiting = self.waiting.lock().await;
                let Some(batch) = waiting.gather(&self.flights).await else {
                    return;
                };
                let flight = self.flights.begin(batch.commands);
                (batch.jobs, flight)
            };
            let again = self.run(batch).await;
            flight.end(again);
            // Who has just been answered may have the next question ready: then it goes along.
            tokio::task::yield_now().await;
        }
    }

    /// Does a batch; returns what was left out of it and is to be tried once more.
    async fn run(&self, mut batch: Vec<Job>) -> Vec<Job> {
        let mut commands = Vec::new();
        let counts: Vec<usize> = (batch.iter_mut())
            .map(|job| {
                commands.append(&mut job.commands);
                commands.len()
            })
            .collect();
        let commands = Arc::new(commands);
        let ends = counts.iter().copied();
        let begins = std::iter::once(0).chain(ends.clone());
        let spans = begins.zip(ends).map(|(from, to)| from..to);
        match self.transact(Arc::clone(&commands)).await {
            Ok(passed) => {
                let mut passed = passed.into_iter();
                let mut again = Vec::new();
                for (job, span) in batch.into_iter().zip(spans) {
                    let own = passed.by_ref().take(span.len());
                    again.extend(self.answer(job, own, &commands[span]));
                }
                again
            }
            Err(StoreError::Refused(cause)) => {
                tracing::error!(cause, "the store refuses a batch; looking for the item");
                for (job, span) in batch.into_iter().zip(spans) {
                    let outcomes = one_by_one(&self.store, &commands[span]).await;
                    let told = outcomes.iter().flatten();
                    told.for_each(|outcome| self.metrics.outcome(outcome));
                    let _gone = job.reply.send(outcomes);
                }
                Vec::new()
            }
            Err(error) => {
                for job in batch {
                    let _gone = job.reply.send(Err(error.clone()));
                }
                Vec::new()
            }
        }
    }

    async fn transact(&self, commands: Arc<Vec<Command>>) -> Result<Vec<Passed>, StoreError> {
        let (count, began) = (commands.len(), Instant::now());
        let ended = self.store.transact_free(commands, now(&self.store)).await;
        self.metrics
            .committed(self.lane, count, began.elapsed(), &ended);
        ended
    }

    /// Answers a job, or has what was left out of it done elsewhere; returns that where it is to be
    /// tried once more first: most locks are those of another batch, and gone when that commits.
    fn answer(
        &self,
        job: Job,
        passed: impl Iterator<Item = Passed>,
        commands: &[Command],
    ) -> Option<Job> {
        let mut outcomes = Vec::with_capacity(commands.len());
        let mut left_out = Vec::new();
        let mut failure = None;
        for (place, passed) in passed.enumerate() {
            match passed {
                Passed::Done(outcome) => {
                    self.metrics.outcome(&outcome);
                    outcomes.push(Some(outcome));
                }
                Passed::Held(row) => {
                    left_out.push((place, row));
                    outcomes.push(None);
                }
                Passed::Failed(StoreError::Refused(cause)) => {
                    tracing::error!(cause, "the store refuses an item");
                    outcomes.push(Some(failed(&commands[place], refused())));
                }
                Passed::Failed(error) => {
                    failure = Some(error);
                    outcomes.push(None);
                }
            }
        }
        if let Some(error) = failure {
            let begun = outcomes.iter().any(Option::is_some);
            let error = if begun { partly(error) } else { error };
            let _gone = job.reply.send(Err(error));
            return None;
        }
        if left_out.is_empty() {
            // The caller may have gone away; the books have it all the same.
            let _gone = job.reply.send(Ok(outcomes.into_iter().flatten().collect()));
            return None;
        }
        let command = |place: usize| commands[place].clone();
        if job.passed_over {
            let parts = left_out.into_iter();
            let parts = parts.map(|(place, row)| (place, row, command(place)));
            self.held.answer(
                job.reply,
                outcomes,
                parts.collect(),
                job.alone,
                &self.metrics,
            );
            return None;
        }
        let (reply, answer) = oneshot::channel();
        let again = left_out.iter().map(|(place, _)| command(*place)).collect();
        tokio::spawn(async move {
            let rest: Answer = answer.await.unwrap_or_else(|_| Err(lost()));
            let begun = outcomes.iter().any(Option::is_some);
            let rest = rest.map_err(|error| if begun { partly(error) } else { error });
            let whole = rest.map(|rest| {
                let mut rest = rest.into_iter();
                let fill = |known: Option<Outcome>| known.or_else(|| rest.next());
                outcomes.into_iter().filter_map(fill).collect()
            });
            let _gone = job.reply.send(whole);
        });
        Some(Job {
            commands: again,
            reply,
            passed_over: true,
            alone: job.alone,
        })
    }
}

fn now(store: &Store) -> Moment {
    store.moment(clock::wall_seconds())
}

/// A command that the store refuses must not take others with it (I13): each is done alone, and none
/// waits for a row that somebody else has locked (rule 19).
async fn one_by_one(store: &Store, commands: &[Command]) -> Answer {
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        let alone = Arc::new(vec![command.clone()]);
        match store.transact_free(alone, now(store)).await {
            Ok(done) => outcomes.extend(done.into_iter().map(|passed| match passed {
                Passed::Done(outcome) => outcome,
                Passed::Held(_) => failed(command, busy()),
                // Only beside others of its batch.
                Passed::Failed(_) => failed(command, refused()),
            })),
            Err(StoreError::Refused(cause)) => {
                tracing::error!(cause, "the store refuses an item");
                outcomes.push(failed(command, refused()));
            }
            Err(StoreError::Busy(_)) => outcomes.push(failed(command, busy())),
            Err(error) if outcomes.is_empty() => return Err(error),
            Err(error) => return Err(partly(error)),
        }
    }
    Ok(outcomes)
}

fn refused() -> Problem {
    let detail = "the store refuses this item; its log says why";
    Problem::new("refused_by_store", 500, Retry::SameKeyOnly, detail)
}

fn busy() -> Problem {
    let detail = "somebody else has locked the account for longer than this item may wait; ask again \
                  with the same id";
    Problem::new("account_busy", 503, Retry::SameKeyOnly, detail)
}

/// The answer to a command of which nothing came.
fn failed(command: &Command, problem: Problem) -> Outcome {
    match command {
        Command::Authorize { .. } => Outcome::Authorized(AuthorizeAnswer::Failed(problem), 0),
        Command::Advise { item, .. } | Command::Settle { item, .. } => {
            let answer = AdviceAnswer {
                id: item.id(),
                seq: item.seq(),
                outcome: AdviceOutcome::Failed { problem },
                conflict: false,
                mark: Mark::default(),
            };
            Outcome::Advised(answer, 0)
        }
        Command::Release(id) => Outcome::Released(ReleaseAnswer {
            id: *id,
            outcome: ReleaseOutcome::Refused { problem },
            mark: Mark::default(),
        }),
        _ => Outcome::Refused(problem),
    }
}
