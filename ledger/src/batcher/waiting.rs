//! Which of what waits goes into the next batch.

use tokio::sync::mpsc;

use super::Job;
use super::flights::Flights;

/// So many commands are not worth two batches.
const SHARED_FROM: usize = 32;

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

/// What goes together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) jobs: Vec<Job>,
    /// How many commands they have.
    pub(super) commands: usize,
}

impl Batch {
    /// Takes a job that fits, and any where there is none yet: what is larger than a batch goes alone.
    fn add(&mut self, job: Job, max: usize) -> Result<(), Job> {
        let commands = self.commands + job.commands.len();
        if commands > max && !self.jobs.is_empty() {
            return Err(job);
        }
        self.commands = commands;
        self.jobs.push(job);
        Ok(())
    }
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
    pub(super) async fn gather(&mut self, flights: &Flights) -> Option<Batch> {
        let mut batch = Batch::default();
        loop {
            if !self.take_again(&mut batch, flights) {
                return Some(batch);
            }
            let under_way = flights.under_way();
            let share = self.share(flights, &batch);
            while batch.commands < share
                && self.carried.is_none()
                && let Ok(job) = self.jobs.try_recv()
            {
                self.carried = batch.add(flights.took(job), self.max).err();
            }
            let full = self.carried.is_some() || batch.commands >= under_way.min(self.max);
            if !batch.jobs.is_empty() && full {
                return Some(batch);
            }
            tokio::select! {
                job = self.jobs.recv() => match job {
                    Some(job) => self.carried = batch.add(flights.took(job), self.max).err(),
                    None if batch.jobs.is_empty() => return None,
                    None => return Some(batch),
                },
                () = flights.ended() => {}
            }
        }
    }

    /// What was left out goes first, because it has waited longest; then what did not fit. False where not
    /// all of it fits.
    fn take_again(&mut self, batch: &mut Batch, flights: &Flights) -> bool {
        let mut again = flights.again();
        while let Some(job) = again.pop_front() {
            if let Err(job) = batch.add(job, self.max) {
                again.push_front(job);
                return false;
            }
        }
        drop(again);
        if let Some(job) = self.carried.take() {
            self.carried = batch.add(job, self.max).err();
        }
        self.carried.is_none()
    }

    /// How many commands the next batch takes of what is there: a half, where another may go beside it.
    fn share(&self, flights: &Flights, batch: &Batch) -> usize {
        if self.at_once == 1 {
            return self.max;
        }
        let all = flights.under_way() + batch.commands + flights.waiting();
        all.div_ceil(self.at_once).max(SHARED_FROM).min(self.max)
    }
}
