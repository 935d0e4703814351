//! Requests that wait for answers, and those that waited in vain.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::key::{Key, Parties};
use crate::{LinkError, Reply, RequestId};

/// See the module. Knows requests by their keys.
#[derive(Debug)]
pub(crate) struct Table {
    entries: HashMap<Key, Vec<Entry>>,
    in_flight: usize,
    in_flight_max: usize,
    /// Those that waited in vain, the oldest first.
    given_up: VecDeque<(Key, RequestId)>,
    given_up_max: usize,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    id: RequestId,
    parties: Parties,
    since: Instant,
    /// None where nobody waits any more.
    waiter: Option<oneshot::Sender<Reply>>,
}

/// Whose answer it is.
#[derive(Debug)]
pub(crate) enum Owner {
    /// Somebody waits.
    Waits(RequestId, Instant, oneshot::Sender<Reply>),
    /// Somebody waited.
    GaveUp(RequestId, Instant),
    /// Nobody, or nobody knows who of several.
    Unknown,
}

impl Table {
    pub(crate) fn new(in_flight_max: usize, given_up_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            in_flight: 0,
            in_flight_max,
            given_up: VecDeque::new(),
            given_up_max,
            closed: false,
        }
    }

    /// How many wait.
    pub(crate) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Takes a request in that is about to be sent. One whose answers could not be told from those of
    /// another that waits is refused; after one that waited in vain it gets the late answer.
    pub(crate) fn enter(
        &mut self,
        key: Key,
        parties: Parties,
        waiter: oneshot::Sender<Reply>,
        bounded: bool,
    ) -> Result<RequestId, Refused> {
        if self.closed {
            return Err(Refused::Closed);
        }
        if bounded && self.in_flight >= self.in_flight_max {
            return Err(Refused::Why(LinkError::Busy {
                in_flight: self.in_flight,
            }));
        }
        let same = self.entries.entry(key).or_default();
        let mut agreeing = same.iter().filter(|entry| entry.parties.agree(&parties));
        if agreeing.any(|entry| entry.waiter.is_some()) {
            return Err(Refused::Why(LinkError::Duplicate));
        }
        same.retain(|entry| !entry.parties.agree(&parties));
        let id = RequestId::next();
        same.push(Entry {
            id,
            parties,
            since: Instant::now(),
            waiter: Some(waiter),
        });
        self.in_flight += 1;
        Ok(id)
    }

    /// The request was not sent: it is forgotten. False where its answer is already on its way.
    pub(crate) fn forget(&mut self, key: &Key, id: RequestId) -> bool {
        let waited = self.stop_waiting(key, id);
        self.remove(key, |entry| entry.id == id);
        waited
    }

    /// Nobody waits any more, but an answer may come. False where it is already on its way.
    pub(crate) fn give_up(&mut self, key: &Key, id: RequestId) -> bool {
        if !self.stop_waiting(key, id) {
            return false;
        }
        self.given_up.push_back((*key, id));
        while self.given_up.len() > self.given_up_max {
            if let Some((key, oldest)) = self.given_up.pop_front() {
                self.remove(&key, |entry| entry.id == oldest);
            }
        }
        true
    }

    /// Finds whose answer this is, and forgets the request.
    pub(crate) fn answer(&mut self, key: &Key, parties: &Parties) -> Owner {
        let same = self.entries.get(key).map(Vec::as_slice).unwrap_or_default();
        let mut agreeing = same.iter().filter(|entry| entry.parties.agree(parties));
        let (Some(one), None) = (agreeing.next(), agreeing.next()) else {
            return Owner::Unknown;
        };
        let (id, since) = (one.id, one.since);
        let waiter = self
            .remove(key, |entry| entry.id == id)
            .and_then(|entry| entry.waiter);
        match waiter {
            Some(waiter) => {
                self.in_flight -= 1;
                Owner::Waits(id, since, waiter)
            }
            None => Owner::GaveUp(id, since),
        }
    }

    /// Tells all that wait that nothing comes any more, and takes nobody in from here on.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.in_flight = 0;
        self.entries.clear();
        self.given_up.clear();
    }

    fn stop_waiting(&mut self, key: &Key, id: RequestId) -> bool {
        let mut same = self.entries.get_mut(key).into_iter().flatten();
        let waiter = same
            .find(|entry| entry.id == id)
            .and_then(|entry| entry.waiter.take());
        if waiter.is_some() {
            self.in_flight -= 1;
        }
        waiter.is_some()
    }

    fn remove(&mut self, key: &Key, is_it: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let same = self.entries.get_mut(key)?;
        let at = same.iter().position(is_it);
        let entry = at.map(|at| same.swap_remove(at));
        if same.is_empty() {
            self.entries.remove(key);
        }
        entry
    }
}

/// Why a request was not taken in.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The link has ended.
    Closed,
    /// Something else.
    Why(LinkError),
}
