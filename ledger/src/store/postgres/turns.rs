//! In which order the transactions of this process come to the head row. The database would order them
//! as well; but who knows its place before its turn can prepare everything but the last step.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    ended: Option<oneshot::Receiver<Infallible>>,
    alive: Weak<()>,
    known: bool,
}

/// A place in the queue, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<Infallible>>,
    _alive: Arc<()>,
    _ended: oneshot::Sender<Infallible>,
}

impl Turns {
    /// The next place. What it will have written is not known before its end.
    pub(super) fn take(&self) -> Turn {
        self.lock().push(false)
    }

    /// The next place of somebody who says now what it will have written; `None` where that depends on
    /// somebody in front who does not.
    pub(super) fn take_known(&self) -> Option<Turn> {
        let mut last = self.lock();
        let free = last.known || last.alive.strong_count() == 0;
        free.then(|| last.push(true))
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    fn push(&mut self, known: bool) -> Turn {
        let (ended, waiting) = oneshot::channel();
        let alive = Arc::new(());
        let before = std::mem::replace(
            self,
            Self {
                ended: Some(waiting),
                alive: Arc::downgrade(&alive),
                known,
            },
        );
        Turn {
            before: before.ended,
            _alive: alive,
            _ended: ended,
        }
    }
}

impl Turn {
    /// Waits until everybody in front is done.
    pub(super) async fn come(&mut self) {
        if let Some(before) = &mut self.before {
            // Nothing is ever sent: it ends when the one in front is dropped.
            let _ended = before.await;
            self.before = None;
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
    fn what_one_will_write_is_known_only_behind_others_of_whom_it_is() {
        let turns = Turns::default();
        let first = turns.take_known().unwrap();
        let second = turns.take_known().unwrap();
        let unknown = turns.take();
        assert!(turns.take_known().is_none());
        drop((first, second, unknown));
        assert!(turns.take_known().is_some());
    }
}
