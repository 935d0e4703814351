//! One lane per id: what concerns the same authorization happens one after the other.
//!
//! The first caller works, the others wait and then find its answer (I3). A reversal takes the
//! lane too, so it waits for an original in flight (rule 9).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use ledger_api::AuthorizationId;
use tokio::sync::watch;

/// The lanes in use. Bounded by what the doors let in.
#[derive(Clone, Default)]
pub struct Lanes {
    busy: Arc<Mutex<Busy>>,
}

/// Its keys are keyed hashes of ours: nobody outside can look for ones that collide.
type Busy = HashMap<AuthorizationId, Option<watch::Sender<()>>, RandomState>;

/// What somebody finds at the entrance.
pub enum Entrance {
    /// The lane was free; it is taken until the guard goes.
    Entered(Guard),
    /// Somebody is in it; wait, then look for the answer.
    Busy(Waiting),
}

impl Lanes {
    /// Enters the lane of `id`, or says that somebody is in it.
    pub fn enter(&self, id: AuthorizationId) -> Entrance {
        match lock(&self.busy).entry(id) {
            Entry::Occupied(mut busy) => {
                let done = busy.get_mut().get_or_insert_with(|| watch::Sender::new(()));
                Entrance::Busy(Waiting(done.subscribe()))
            }
            Entry::Vacant(free) => {
                // Hardly anybody is waited for: who waits first makes what is waited on.
                free.insert(None);
                Entrance::Entered(Guard {
                    lanes: self.clone(),
                    id,
                })
            }
        }
    }

    /// Enters the lane of `id`, waiting for whoever is in it.
    pub async fn wait_and_enter(&self, id: AuthorizationId) -> Guard {
        loop {
            match self.enter(id) {
                Entrance::Entered(guard) => return guard,
                Entrance::Busy(waiting) => waiting.left().await,
            }
        }
    }

    /// Everybody who is in a lane now.
    pub fn busy(&self) -> Vec<Waiting> {
        let mut busy = lock(&self.busy);
        let done = busy
            .values_mut()
            .map(|done| done.get_or_insert_with(|| watch::Sender::new(())));
        done.map(|done| Waiting(done.subscribe())).collect()
    }

    /// How many lanes are in use.
    pub fn in_use(&self) -> usize {
        lock(&self.busy).len()
    }
}

/// Somebody else is in the lane.
pub struct Waiting(watch::Receiver<()>);

impl Waiting {
    /// Resolves when they have left it.
    pub async fn left(mut self) {
        // The sender never sends: the change is that it goes.
        while self.0.changed().await.is_ok() {}
    }
}

/// The lane is ours until this goes, however it goes.
pub struct Guard {
    lanes: Lanes,
    id: AuthorizationId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&self.lanes.busy).remove(&self.id);
    }
}

/// The map is consistent between statements, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first_even_if_it_vanishes() {
        let lanes = Lanes::default();
        let id = AuthorizationId([1; 16]);
        let Entrance::Entered(first) = lanes.enter(id) else {
            panic!("the lane was free")
        };
        let Entrance::Busy(second) = lanes.enter(id) else {
            panic!("the lane was taken")
        };
        let worker = tokio::spawn(async move {
            tokio::task::yield_now().await;
            drop(first);
        });
        second.left().await;
        worker.await.unwrap();
        assert_eq!(lanes.in_use(), 0);
        assert!(matches!(lanes.enter(id), Entrance::Entered(_)));
    }
}
