//! Natural batching: while one transaction is in flight, commands gather; the next takes them all,
//! up to a bound. No timer, so nothing waits when the ledger is idle.

use ledger_api::{
    AdviceAnswer, AdviceOutcome, AuthorizeAnswer, Mark, Problem, ReleaseAnswer, ReleaseOutcome,
    Retry,
};
use process::clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::posting::{Command, Outcome};
use crate::store::{Store, StoreError};

/// How many commands go into one transaction, unless one request alone has more.
const BATCH_COMMANDS_MAX: usize = 512;
/// How many requests may wait. More are refused at once, which is cheap.
const QUEUE_JOBS_MAX: usize = 1024;

/// Where requests bring their commands. Clones share one queue.
#[derive(Debug, Clone)]
pub struct Batcher {
    queue: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    commands: Vec<Command>,
    reply: oneshot::Sender<Result<Vec<Outcome>, StoreError>>,
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
    /// Starts the task that does the batches. It ends when the last clone is gone and all that
    /// waits is done.
    pub fn start(store: Store, metrics: Metrics) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
        tokio::spawn(work(store, metrics, jobs));
        Self { queue }
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Does a request's commands, in order and in one transaction, together with whatever else
    /// waits. They are done even if the caller goes away.
    ///
    /// # Errors
    /// When the queue is full, or the store did not do the batch.
    pub async fn submit(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, BatchError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Job { commands, reply })
            .map_err(|_| BatchError::Full)?;
        let lost = || StoreError::Unknown("the batch was lost".to_owned());
        Ok(answer.await.unwrap_or_else(|_| Err(lost()))?)
    }
}

async fn work(store: Store, metrics: Metrics, mut jobs: mpsc::Receiver<Job>) {
    let mut carried = None;
    loop {
        let first = match carried.take() {
            Some(job) => job,
            None => match jobs.recv().await {
                Some(job) => job,
                None => return,
            },
        };
        let batch = gather(first, &mut jobs, &mut carried);
        run(&store, &metrics, batch).await;
    }
}

/// Takes what waits, up to the bound; the first job that does not fit is carried to the next batch.
fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>, carried: &mut Option<Job>) -> Vec<Job> {
    let mut size = first.commands.len();
    let mut batch = vec![first];
    while let Ok(job) = jobs.try_recv() {
        size += job.commands.len();
        if size > BATCH_COMMANDS_MAX {
            *carried = Some(job);
            break;
        }
        batch.push(job);
    }
    batch
}

async fn run(store: &Store, metrics: &Metrics, batch: Vec<Job>) {
    let commands = batch
        .iter()
        .flat_map(|job| job.commands.iter().cloned())
        .collect();
    match transact(store, metrics, commands).await {
        Ok(outcomes) => {
            outcomes.iter().for_each(|outcome| metrics.outcome(outcome));
            let mut outcomes = outcomes.into_iter();
            for job in batch {
                let own = outcomes.by_ref().take(job.commands.len()).collect();
                // The caller may have gone away; the books have it all the same.
                let _gone = job.reply.send(Ok(own));
            }
        }
        Err(StoreError::Refused(cause)) => {
            tracing::error!(cause, "the store refuses a batch; looking for the item");
            for job in batch {
                let outcomes = one_by_one(store, metrics, job.commands).await;
                let told = outcomes.iter().flatten();
                told.for_each(|outcome| metrics.outcome(outcome));
                let _gone = job.reply.send(outcomes);
            }
        }
        Err(error) => {
            for job in batch {
                let _gone = job.reply.send(Err(error.clone()));
            }
        }
    }
}

async fn transact(
    store: &Store,
    metrics: &Metrics,
    commands: Vec<Command>,
) -> Result<Vec<Outcome>, StoreError> {
    let (count, began) = (commands.len(), Instant::now());
    let now = store.moment(clock::wall_seconds());
    let ended = store.transact(commands, now).await;
    metrics.committed(count, began.elapsed(), &ended);
    ended
}

/// A command that the store refuses must not take others with it (I13): each is done alone.
async fn one_by_one(
    store: &Store,
    metrics: &Metrics,
    commands: Vec<Command>,
) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        match transact(store, metrics, vec![command.clone()]).await {
            Ok(done) => outcomes.extend(done),
            Err(StoreError::Refused(cause)) => {
                tracing::error!(cause, "the store refuses an item");
                outcomes.push(refused(&command));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(outcomes)
}

fn refused(command: &Command) -> Outcome {
    let detail = "the store refuses this item; its log says why";
    let problem = Problem::new("refused_by_store", 500, Retry::SameKeyOnly, detail);
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

#[cfg(test)]
mod tests {
    use ledger_api::JournalHead;

    use super::*;

    fn job(commands: usize) -> Job {
        let head = JournalHead {
            epoch: 1,
            seq: 1,
            hash: 1,
        };
        let command = Command::NoteHead {
            gateway: "gw1".parse().unwrap(),
            head,
            undrained: 0,
        };
        Job {
            commands: vec![command; commands],
            reply: oneshot::channel().0,
        }
    }

    #[tokio::test]
    async fn what_waits_goes_together_up_to_the_bound_and_nothing_is_lost() {
        let (queue, mut jobs) = mpsc::channel(8);
        for size in [100, 400, 20, 1024, 1] {
            queue.try_send(job(size)).unwrap();
        }
        let mut carried = None;
        let mut batches = Vec::new();
        while let Some(first) = carried.take().or_else(|| jobs.try_recv().ok()) {
            let batch = gather(first, &mut jobs, &mut carried);
            batches.push(
                batch
                    .iter()
                    .map(|job| job.commands.len())
                    .collect::<Vec<_>>(),
            );
        }
        assert_eq!(batches, [vec![100, 400], vec![20], vec![1024], vec![1]]);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let (queue, _jobs) = mpsc::channel(1);
        let batcher = Batcher { queue };
        batcher.queue.try_send(job(1)).unwrap();
        assert!(matches!(
            batcher.submit(Vec::new()).await,
            Err(BatchError::Full)
        ));
    }
}
