//! What is known of a link: who is connected, and what has happened. For status and metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use process::metrics::Label;

use crate::metrics::labels::link::{End, Purpose, SignedOn};

/// Connections and counts of one link.
#[derive(Debug, Default)]
pub struct Known {
    connections: Mutex<Connections>,
    ended: [AtomicU64; End::COUNT],
    sent: [AtomicU64; Purpose::COUNT],
    unanswered: [AtomicU64; Purpose::COUNT],
    malformed: AtomicU64,
    polls: AtomicU64,
    unmatched: AtomicU64,
    unwritten: AtomicU64,
}

#[derive(Debug, Default)]
struct Connections {
    open: BTreeMap<u64, Arc<Connection>>,
    accepted: u64,
}

/// One connection, as others see it.
#[derive(Debug)]
pub struct Connection {
    /// Where it comes from.
    pub peer: SocketAddr,
    /// The name in its certificate, where the link asks for one.
    pub identity: Option<Arc<str>>,
    signed_on: AtomicUsize,
    in_flight: AtomicUsize,
}

impl Connection {
    /// What the peer said last about being signed on.
    pub fn signed_on(&self) -> SignedOn {
        SignedOn::nth(self.signed_on.load(Ordering::Relaxed)).unwrap_or(SignedOn::Unsaid)
    }

    /// Its requests that have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes note of a sign-on or a sign-off.
    pub(super) fn said(&self, purpose: Purpose) {
        let signed_on = match purpose {
            Purpose::SignOn => SignedOn::On,
            Purpose::SignOff => SignedOn::Off,
            Purpose::Echo => return,
        };
        self.signed_on.store(signed_on.index(), Ordering::Relaxed);
    }

    pub(super) fn set_in_flight(&self, count: usize) {
        self.in_flight.store(count, Ordering::Relaxed);
    }
}

/// A connection's place among the others, until it goes.
#[derive(Debug)]
pub(super) struct Place {
    known: Arc<Known>,
    number: u64,
    pub(super) connection: Arc<Connection>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.known.connections().open.remove(&self.number);
    }
}

impl Known {
    /// Adds a connection.
    pub(super) fn enter(self: &Arc<Self>, peer: SocketAddr, identity: Option<Arc<str>>) -> Place {
        let connection = Arc::new(Connection {
            peer,
            identity,
            signed_on: AtomicUsize::new(SignedOn::Unsaid.index()),
            in_flight: AtomicUsize::new(0),
        });
        let mut connections = self.connections();
        connections.accepted += 1;
        let number = connections.accepted;
        connections.open.insert(number, Arc::clone(&connection));
        Place {
            known: Arc::clone(self),
            number,
            connection,
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        // Whoever panicked with it left a map that is whole.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest open connections, at most `max`, and how many there are.
    pub fn open(&self, max: usize) -> (Vec<Arc<Connection>>, usize) {
        let connections = self.connections();
        let first = connections.open.values().take(max).cloned().collect();
        (first, connections.open.len())
    }

    /// How many of the open connections said what about being signed on, in the order of the label.
    pub fn by_signed_on(&self) -> [u32; SignedOn::COUNT] {
        let mut counts = [0; SignedOn::COUNT];
        for connection in self.connections().open.values() {
            if let Some(count) = counts.get_mut(connection.signed_on().index()) {
                *count += 1;
            }
        }
        counts
    }

    pub(super) fn count_end(&self, cause: End) {
        add(self.ended.get(cause.index()));
    }

    pub(super) fn count_sent(&self, purpose: Purpose) {
        add(self.sent.get(purpose.index()));
    }

    pub(super) fn count_unanswered(&self, purpose: Purpose) {
        add(self.unanswered.get(purpose.index()));
    }

    pub(super) fn count_malformed(&self) {
        add(Some(&self.malformed));
    }

    pub(super) fn count_poll(&self) {
        add(Some(&self.polls));
    }

    pub(super) fn count_unmatched(&self) {
        add(Some(&self.unmatched));
    }

    pub(super) fn count_unwritten(&self) {
        add(Some(&self.unwritten));
    }

    /// Connections that ended for this cause.
    pub fn ended(&self, cause: End) -> u64 {
        read(self.ended.get(cause.index()))
    }

    /// Requests of our own.
    pub fn sent(&self, purpose: Purpose) -> u64 {
        read(self.sent.get(purpose.index()))
    }

    /// Those of them that never got an answer.
    pub fn unanswered(&self, purpose: Purpose) -> u64 {
        read(self.unanswered.get(purpose.index()))
    }

    /// Messages that were answered with a format error.
    pub fn malformed(&self) -> u64 {
        read(Some(&self.malformed))
    }

    /// Frames without a message.
    pub fn polls(&self) -> u64 {
        read(Some(&self.polls))
    }

    /// Answers to nothing that we asked.
    pub fn unmatched(&self) -> u64 {
        read(Some(&self.unmatched))
    }

    /// Answers of ours that could not be written.
    pub fn unwritten(&self) -> u64 {
        read(Some(&self.unwritten))
    }
}

fn add(counter: Option<&AtomicU64>) {
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(counter: Option<&AtomicU64>) -> u64 {
    counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
}
