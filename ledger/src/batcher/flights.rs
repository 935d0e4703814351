//! The batches of a lane that are on their way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Job;

/// The commands of a lane that wait, and those that are on their way.
#[derive(Debug, Default)]
pub(super) struct Flights {
    waiting: AtomicUsize,
    commands: AtomicUsize,
    one_ended: Notify,
    /// What was left out of one and is to be tried once more.
    again: Mutex<VecDeque<Job>>,
}

impl Flights {
    /// So many come to wait.
    pub(super) fn wait(&self, commands: usize) {
        self.waiting.fetch_add(commands, Ordering::AcqRel);
    }

    /// So many are on their way from now on.
    pub(super) fn begin(self: &Arc<Self>, commands: usize) -> Flight {
        self.commands.fetch_add(commands, Ordering::AcqRel);
        Flight {
            flights: Arc::clone(self),
            commands,
        }
    }

    /// It does not wait any more.
    pub(super) fn took(&self, job: Job) -> Job {
        self.waiting.fetch_sub(job.commands.len(), Ordering::AcqRel);
        job
    }

    /// What was left out; whoever takes it has it done.
    pub(super) fn again(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many commands wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Until a batch ends, or has since somebody last asked.
    pub(super) async fn ended(&self) {
        self.one_ended.notified().await;
    }

    /// How many commands are on their way.
    pub(super) fn under_way(&self) -> usize {
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
        self.flights.one_ended.notify_one();
    }
}
