//! In which order the transactions of this process come to the head row. The database would order them
//! as well; but who knows its place before its turn can prepare everything but the last step.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    ended: Option<oneshot::Receiver<Infallible>>,
    known: Weak<AtomicBool>,
}

/// A place in the queue, until it is dropped. Who drops it before it has come lets nobody past those in
/// front.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<Infallible>>,
    /// Nothing is ever sent: it tells its end.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    /// False where nobody can tell yet what will have been written at its end.
    known: Arc<AtomicBool>,
    _ended: oneshot::Sender<Infallible>,
}

impl Turns {
    /// The next place. What will have been written at its end is not known before.
    pub(super) fn take(&self) -> Turn {
        self.lock().push(false)
    }

    /// The next place of somebody who can decide now, because it is known what those in front will have
    /// written; `None` where it is not. `known`: whether it is of this one, too.
    pub(super) fn take_behind_known(&self, known: bool) -> Option<Turn> {
        let mut last = self.lock();
        let in_front = last.known.upgrade();
        let free = in_front.is_none_or(|known| known.load(Ordering::Acquire));
        free.then(|| last.push(known))
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    fn push(&mut self, known: bool) -> Turn {
        let (ended, waiting) = oneshot::channel();
        let known = Arc::new(AtomicBool::new(known));
        let before = std::mem::replace(
            self,
            Self {
                ended: Some(waiting),
                known: Arc::downgrade(&known),
            },
        );
        Turn {
            before: before.ended,
            place: Some(Place {
                known,
                _ended: ended,
            }),
        }
    }
}

impl Turn {
    /// Waits until everybody in front is done.
    pub(super) async fn come(&mut self) {
        if let Some(before) = &mut self.before {
            let _ended = before.await;
            self.before = None;
        }
    }

    /// What was to be written is not: nobody can tell any more what will be.
    pub(super) fn is_unknown(&self) {
        if let Some(place) = &self.place {
            place.known.store(false, Ordering::Release);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.is_unknown();
        let (before, place) = (self.before.take(), self.place.take());
        if let (Some(before), Ok(runtime)) = (before, Handle::try_current()) {
            runtime.spawn(async move {
                let _ended = before.await;
                drop(place);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn comes(turn: &mut Turn) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(turn.come()).poll(&mut context).is_ready()
    }

    #[tokio::test]
    async fn who_leaves_lets_nobody_past_those_in_front() {
        let turns = Turns::default();
        let (first, second, mut third) = (turns.take(), turns.take(), turns.take());
        drop(second);
        tokio::task::yield_now().await;
        assert!(!comes(&mut third));
        drop(first);
        third.come().await;
    }

    #[test]
    fn everybody_waits_for_the_one_in_front() {
        let turns = Turns::default();
        let (mut first, mut second, mut third) = (turns.take(), turns.take(), turns.take());
        assert!(comes(&mut first));
        assert!(!comes(&mut second) && !comes(&mut third));
        drop(first);
        assert!(comes(&mut second) && !comes(&mut third));
        drop(second);
        assert!(comes(&mut third));
    }

    #[test]
    fn one_can_decide_early_only_behind_those_of_whom_it_is_known_what_they_write() {
        let turns = Turns::default();
        let first = turns.take_behind_known(true).unwrap();
        let second = turns.take_behind_known(true).unwrap();
        second.is_unknown();
        assert!(turns.take_behind_known(true).is_none(), "it has failed");
        drop((first, second));
        let third = turns.take_behind_known(false).unwrap();
        assert!(turns.take_behind_known(true).is_none(), "a part is open");
        drop(third);
        assert!(turns.take_behind_known(true).is_some());
    }
}
