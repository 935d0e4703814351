//! A transaction's way to its turn.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::turns::{Turn, Turns};
use super::tx::TxError;

/// How long a turn is waited for. Less than the server lets a transaction be idle.
const TURN_MAX: Duration = Duration::from_millis(700);

/// Where a transaction takes its turn and waits for it. The turn ends with the gate, or when the
/// transaction leaves it to be done again.
#[derive(Debug)]
pub(super) struct Gate {
    turns: Arc<Turns>,
    taken: StdMutex<Option<Turn>>,
    come: Mutex<Option<Turn>>,
}

impl Gate {
    pub(super) fn new(turns: &Arc<Turns>) -> Arc<Self> {
        Arc::new(Self {
            turns: Arc::clone(turns),
            taken: StdMutex::default(),
            come: Mutex::default(),
        })
    }

    /// Keeps a turn that is to be waited for.
    pub(super) fn keep(&self, turn: Turn) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
    }

    /// Waits for the turn that was kept, or takes one and waits for it, for a bounded time.
    pub(super) async fn pass(&self) -> Result<(), TxError> {
        let mut come = self.come.lock().await;
        if come.is_none() {
            let taken = {
                let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.take()
            };
            let mut turn = taken.unwrap_or_else(|| self.turns.take());
            let came = timeout(TURN_MAX, turn.come()).await;
            came.map_err(|_| TxError::Raced)?;
            *come = Some(turn);
        }
        Ok(())
    }

    /// What was decided in this turn did not come to be.
    pub(super) async fn is_unknown(&self) {
        if let Some(turn) = self.come.lock().await.as_ref() {
            turn.is_unknown();
        }
    }

    /// Lets the others go on: who waits for a lock again does not do that in its turn.
    pub(super) async fn leave(&self) {
        *self.come.lock().await = None;
    }
}
