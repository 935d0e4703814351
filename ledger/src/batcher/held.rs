//! Commands whose account somebody else has locked (rule 19): each such account has a lane of its
//! own, in which they wait for it. Everybody else goes on.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Answer, Limits, busy, failed, lost, now, one_by_one, partly};
use crate::metrics::Metrics;
use crate::posting::{Command, Outcome};
use crate::store::{HeldRow, Store, StoreError};

/// How many accounts are waited for on the database at once: as many as there are connections for it.
const AT_ONCE: usize = 4;

/// The lanes of all accounts that are waited for. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct HeldLanes {
    store: Store,
    limits: Limits,
    lanes: Arc<Mutex<HashMap<HeldRow, HeldLane>>>,
    permits: Arc<Semaphore>,
}

/// What waits for one row.
#[derive(Debug)]
struct HeldLane {
    /// Since when nothing has got through.
    since: Instant,
    waiting: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    command: Command,
    reply: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// An outcome that is still to come, in its place.
struct Coming {
    place: usize,
    command: Command,
    outcome: Option<oneshot::Receiver<Result<Outcome, StoreError>>>,
}

impl HeldLanes {
    pub(super) fn new(store: Store, limits: Limits) -> Self {
        Self {
            store,
            limits,
            lanes: Arc::default(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn remembered(&self) -> u64 {
        self.store.remembered()
    }

    /// Has what was left out of a request done, and answers it as a whole: after a bounded time, with
    /// `account_busy` for what has not been done by then. A command that came alone may wait longer than
    /// one that keeps others waiting, and one that would keep others waiting for an account that has not
    /// moved for as long already does not wait at all.
    pub(super) fn answer(
        &self,
        reply: oneshot::Sender<Answer>,
        mut outcomes: Vec<Option<Outcome>>,
        left_out: Vec<(usize, HeldRow, Command)>,
        alone: bool,
        metrics: &Metrics,
    ) {
        let patience = if alone {
            self.limits.held_alone
        } else {
            self.limits.held_together
        };
        let until = Instant::now() + patience;
        let coming: Vec<Coming> = (left_out.into_iter())
            .map(|(place, row, command)| Coming {
                place,
                outcome: self.wait(row, &command, alone),
                command,
            })
            .collect();
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let begun = |outcomes: &[Option<Outcome>]| outcomes.iter().any(Option::is_some);
            for part in coming {
                let outcome = match part.outcome {
                    Some(outcome) => timeout_at(until, outcome).await,
                    None => Ok(Ok(Ok(failed(&part.command, busy())))),
                };
                let outcome = match outcome {
                    Ok(Ok(Ok(outcome))) => outcome,
                    Ok(Ok(Err(error))) if begun(&outcomes) => {
                        return drop(reply.send(Err(partly(error))));
                    }
                    Ok(Ok(Err(error))) => return drop(reply.send(Err(error))),
                    Ok(Err(_)) => return drop(reply.send(Err(lost()))),
                    // It may be done all the same: whoever asks again is told.
                    Err(_) => failed(&part.command, busy()),
                };
                metrics.outcome(&outcome);
                outcomes[part.place] = Some(outcome);
            }
            let _gone = reply.send(Ok(outcomes.into_iter().flatten().collect()));
        });
    }

    /// Puts a command into the lane of a row; `None` where that has no room, or waiting would keep
    /// others waiting in vain.
    fn wait(
        &self,
        row: HeldRow,
        command: &Command,
        alone: bool,
    ) -> Option<oneshot::Receiver<Result<Outcome, StoreError>>> {
        let (reply, outcome) = oneshot::channel();
        let part = Part {
            command: command.clone(),
            reply,
        };
        let mut lanes = self.lock();
        let rows = lanes.len();
        match lanes.entry(row) {
            Entry::Occupied(mut lane) => {
                let lane = lane.get_mut();
                let in_vain = !alone && lane.since.elapsed() > self.limits.held_together;
                if in_vain || lane.waiting.len() >= self.limits.held_commands {
                    return None;
                }
                lane.waiting.push(part);
            }
            Entry::Vacant(_) if rows >= self.limits.held_rows => return None,
            Entry::Vacant(lane) => {
                lane.insert(HeldLane {
                    since: Instant::now(),
                    waiting: vec![part],
                });
                tokio::spawn(self.clone().serve(row));
            }
        }
        Some(outcome)
    }

    /// Does what waits for a row, as often as there is something.
    async fn serve(self, row: HeldRow) {
        loop {
            let permit = self.permits.acquire().await;
            let Some(parts) = self.take(row) else { return };
            let commands: Vec<Command> = parts.iter().map(|part| part.command.clone()).collect();
            let done = match self
                .store
                .transact(commands.clone(), now(&self.store))
                .await
            {
                Err(StoreError::Refused(_)) => one_by_one(&self.store, &commands).await,
                other => other,
            };
            drop(permit);
            match done {
                Ok(outcomes) => {
                    self.moved(row);
                    for (part, outcome) in parts.into_iter().zip(outcomes) {
                        let _gone = part.reply.send(Ok(outcome));
                    }
                }
                // Still locked: whoever still waits for it waits on.
                Err(StoreError::Busy(_)) => self.put_back(row, parts),
                Err(error) => {
                    for part in parts {
                        let _gone = part.reply.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    /// What waits for a row, and for which somebody still waits; the lane is gone where there is nothing.
    fn take(&self, row: HeldRow) -> Option<Vec<Part>> {
        let mut lanes = self.lock();
        let lane = lanes.get_mut(&row)?;
        lane.waiting.retain(|part| !part.reply.is_closed());
        if lane.waiting.is_empty() {
            lanes.remove(&row);
            return None;
        }
        let count = lane.waiting.len().min(self.limits.batch_commands);
        Some(lane.waiting.drain(..count).collect())
    }

    fn put_back(&self, row: HeldRow, mut parts: Vec<Part>) {
        if let Some(lane) = self.lock().get_mut(&row) {
            parts.append(&mut lane.waiting);
            lane.waiting = parts;
        }
    }

    fn moved(&self, row: HeldRow) {
        if let Some(lane) = self.lock().get_mut(&row) {
            lane.since = Instant::now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HeldRow, HeldLane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
