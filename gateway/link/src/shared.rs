//! What the tasks of a link and its users share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use iso8583::frame::{Routing, encode_frame};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::counts::Counters;
use crate::key::{Key, Parties};
use crate::outgoing::Outgoing;
use crate::table::{Owner, Refused, Table};
use crate::{Ending, Late, LinkError, Reply, RequestId, Settings, State};

/// Answers of ours that may wait for a peer that does not read; a peer that asks on has to go.
pub(crate) const ANSWERS_MAX: usize = 256;
/// The highest field 11.
const STAN_MAX: u64 = 999_999;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    pub(crate) state: watch::Sender<State>,
    /// True once nothing more is to be written but what waits.
    pub(crate) finish: watch::Sender<bool>,
    /// True once nothing more is to be read.
    pub(crate) hang_up: watch::Sender<bool>,
    ending: OnceLock<Ending>,
    table: Mutex<Table>,
    /// Told when the last request in flight has its answer, or no hope.
    settled: Notify,
    requests: mpsc::Sender<Outgoing>,
    answers: mpsc::Sender<Outgoing>,
    late: Mutex<Option<mpsc::Sender<Late>>>,
    heard: Mutex<Instant>,
    /// How many fields 11 were given.
    stans: AtomicU64,
}

/// Where the tasks get what is put in.
#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) requests: mpsc::Receiver<Outgoing>,
    pub(crate) answers: mpsc::Receiver<Outgoing>,
    pub(crate) late: mpsc::Receiver<Late>,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> (Arc<Self>, Queues) {
        let late_max = settings.late_max.clamp(1, Semaphore::MAX_PERMITS);
        // As many as may be in flight, so that only a peer that does not read finds it full.
        let in_flight_max = settings.in_flight_max.clamp(1, Semaphore::MAX_PERMITS);
        let (requests, to_write) = mpsc::channel(in_flight_max);
        let (answers, to_answer) = mpsc::channel(ANSWERS_MAX);
        let (late, lates) = mpsc::channel(late_max);
        let table = Table::new(settings.in_flight_max, late_max);
        let shared = Self {
            settings,
            counters: Counters::default(),
            state: watch::Sender::new(State::Open),
            finish: watch::Sender::new(false),
            hang_up: watch::Sender::new(false),
            ending: OnceLock::new(),
            table: Mutex::new(table),
            settled: Notify::new(),
            requests,
            answers,
            late: Mutex::new(Some(late)),
            heard: Mutex::new(Instant::now()),
            stans: AtomicU64::new(0),
        };
        let queues = Queues {
            requests: to_write,
            answers: to_answer,
            late: lates,
        };
        (Arc::new(shared), queues)
    }

    /// Ends the link for new requests. The first ending counts.
    pub(crate) fn end(&self, ending: Ending) {
        self.ending.get_or_init(|| ending);
        self.state.send_replace(State::Ended);
        self.finish.send_replace(true);
    }

    /// Ends the link, for what is in flight too.
    pub(crate) fn hang_up(&self, ending: Ending) {
        self.end(ending);
        self.hang_up.send_replace(true);
    }

    /// Why it ended, or why it is about to.
    pub(crate) fn ending(&self) -> Ending {
        self.ending.get().copied().unwrap_or(Ending::Closed)
    }

    /// Nothing is read any more: tells everybody who waits.
    pub(crate) fn over(&self) {
        lock(&self.table).close();
        *lock(&self.late) = None;
        self.settled.notify_waiters();
    }

    pub(crate) fn heard_at(&self) -> Instant {
        *lock(&self.heard)
    }

    pub(crate) fn hear(&self) {
        *lock(&self.heard) = Instant::now();
    }

    /// Fields 11 for messages of the link's own, from 1 to 999999 and again: 000000 is no number of a
    /// message.
    pub(crate) fn next_stan(&self) -> u64 {
        self.stans.fetch_add(1, Ordering::Relaxed) % STAN_MAX + 1
    }

    pub(crate) fn enter(
        &self,
        key: Key,
        parties: Parties,
        waiter: oneshot::Sender<Reply>,
        bounded: bool,
    ) -> Result<RequestId, LinkError> {
        let entered = lock(&self.table).enter(key, parties, waiter, bounded);
        entered.map_err(|refused| match refused {
            Refused::Closed => LinkError::Ended(self.ending()),
            Refused::Why(error) => error,
        })
    }

    pub(crate) fn forget(&self, key: &Key, id: RequestId) -> bool {
        self.leave(|table| table.forget(key, id))
    }

    pub(crate) fn give_up(&self, key: &Key, id: RequestId) -> bool {
        self.leave(|table| table.give_up(key, id))
    }

    pub(crate) fn find(&self, key: &Key, parties: &Parties) -> Owner {
        self.leave(|table| table.answer(key, parties))
    }

    fn leave<T>(&self, how: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = lock(&self.table);
        let result = how(&mut table);
        if table.in_flight() == 0 {
            self.settled.notify_waiters();
        }
        result
    }

    /// Waits until nobody waits for an answer.
    pub(crate) async fn settled(&self) {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            settled.await;
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        lock(&self.table).in_flight()
    }

    /// Keeps a late answer for whoever fetches it.
    pub(crate) fn be_late(&self, id: RequestId, since: Instant, reply: Reply) {
        self.counters.late.add(1);
        let after = since.elapsed();
        let late = Late { id, after, reply };
        let kept = lock(&self.late)
            .as_ref()
            .is_some_and(|queue| queue.try_send(late).is_ok());
        if !kept {
            self.counters.late_dropped.add(1);
        }
    }

    /// Puts a request into the queue; false where there is no room.
    pub(crate) fn send_request(&self, outgoing: Outgoing) -> bool {
        self.requests.try_send(outgoing).is_ok()
    }

    /// Puts a message of the link's own into the queue; false where there is no room.
    pub(crate) fn send_own(&self, outgoing: Outgoing) -> bool {
        self.answers.try_send(outgoing).is_ok()
    }

    /// A message with its header in front.
    pub(crate) fn framed(
        &self,
        routing: Routing,
        message: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, LinkError> {
        let framing = self.settings.framing;
        let length = framing.header_length() + message.len();
        let mut frame = Zeroizing::new(Vec::with_capacity(length));
        encode_frame(framing, routing, message, &mut frame)?;
        Ok(frame)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_highest_field_11_comes_the_lowest_and_never_zero() {
        let (shared, _queues) = Shared::new(Settings::default());
        assert_eq!(shared.next_stan(), 1);
        shared.stans.store(999_998, Ordering::Relaxed);
        let stans = [shared.next_stan(), shared.next_stan(), shared.next_stan()];
        assert_eq!(stans, [999_999, 1, 2]);
    }
}
