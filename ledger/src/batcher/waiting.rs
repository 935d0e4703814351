//! Which of what waits goes into the next batch.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::Job;

/// So many commands are not worth two batches.
const SHARED_FROM: usize = 32;

/// The commands of a lane that wait, and those that are on their way.
#[derive(Debug, Default)]
pub(super) struct Flights {
    waiting: AtomicUsize,
    commands: AtomicUsize,
    ended: Notify,
    /// What was left out of one and is to be tried once more.
    again: Mutex<Vec<Job>>,
}

impl Flights {
    pub(super) fn wait(&self, commands: usize) {
        self.waiting.fetch_add(commands, Ordering::AcqRel);
    }

    pub(super) fn begin(self: &Arc<Self>, commands: usize) -> Flight {
        self.commands.fetch_add(commands, Ordering::AcqRel);
        Flight {
            flights: Arc::clone(self),
            commands,
        }
    }

    fn took(&self, job: Job) -> Job {
        self.waiting.fetch_sub(job.commands.len(), Ordering::AcqRel);
        job
    }

    fn again(&self) -> MutexGuard<'_, Vec<Job>> {
        self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commands(&self) -> usize {
        self.commands.load(Ordering::Acquire)
    }
}

/// A batch on its way, until it is dropped.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Arc<Flights>,
    commands: usize,
}

impl Flight {
    /// Ends it, and has what was left out of it tried once more.
    pub(super) fn end(self, again: Vec<Job>) {
        self.flights.again().extend(again);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let commands = &self.flights.commands;
        commands.fetch_sub(self.commands, Ordering::AcqRel);
        self.flights.ended.notify_one();
    }
}

/// What waits in a lane.
#[derive(Debug)]
pub(super) struct Waiting {
    jobs: mpsc::Receiver<Job>,
    /// A job that did not fit into the last batch.
    carried: Option<Job>,
    max: usize,
    /// How many batches may be on their way at once.
    at_once: usize,
}

impl Waiting {
    pub(super) fn new(jobs: mpsc::Receiver<Job>, max: usize, at_once: usize) -> Self {
        Self {
            jobs,
            carried: None,
            max,
            at_once,
        }
    }

    /// The next batch; `None` when nobody will ever come again. While another batch is on its way it
    /// waits until there is as much as that: two halves that take turns are done sooner than a crowd
    /// and a straggler.
    pub(super) async fn gather(&mut self, flights: &Flights) -> Option<Vec<Job>> {
        let mut batch = Vec::new();
        loop {
            // What was left out goes first, because it has waited longest.
            batch.splice(0..0, flights.again().drain(..));
            if let Some(job) = self.carried.take() {
                self.add(&mut batch, job);
            }
            let under_way = flights.commands();
            let share = self.share(flights, size(&batch));
            self.take_up_to(&mut batch, share, flights);
            let full = self.carried.is_some() || size(&batch) >= under_way.min(self.max);
            if !batch.is_empty() && full {
                return Some(batch);
            }
            tokio::select! {
                job = self.jobs.recv() => match job {
                    Some(job) => self.add(&mut batch, flights.took(job)),
                    None if batch.is_empty() => return None,
                    None => return Some(batch),
                },
                () = flights.ended.notified() => {}
            }
        }
    }

    /// How many commands the next batch takes of what is there: a half, where another may go beside it.
    fn share(&self, flights: &Flights, gathered: usize) -> usize {
        if self.at_once == 1 {
            return self.max;
        }
        let all = flights.commands() + gathered + flights.waiting.load(Ordering::Acquire);
        all.div_ceil(self.at_once).max(SHARED_FROM).min(self.max)
    }

    /// Takes what waits, up to a bound.
    fn take_up_to(&mut self, batch: &mut Vec<Job>, max: usize, flights: &Flights) {
        let mut size = size(batch);
        while size < max
            && self.carried.is_none()
            && let Ok(job) = self.jobs.try_recv()
        {
            size += job.commands.len();
            let job = flights.took(job);
            if batch.is_empty() || size <= self.max {
                batch.push(job);
            } else {
                self.carried = Some(job);
            }
        }
    }

    /// A job that does not fit is carried to the next batch, and goes alone where it fits into none.
    fn add(&mut self, batch: &mut Vec<Job>, job: Job) {
        if batch.is_empty() || size(batch) + job.commands.len() <= self.max {
            batch.push(job);
        } else {
            self.carried = Some(job);
        }
    }
}

/// How many commands these jobs have.
pub(super) fn size(batch: &[Job]) -> usize {
    batch.iter().map(|job| job.commands.len()).sum()
}
