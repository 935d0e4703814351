//! A transaction's way to its turn.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::turns::{Turn, Turns};

/// Where a transaction takes its turn and waits for it, once, however often it is done again. The turn
/// ends with the gate.
#[derive(Debug)]
pub(super) struct Gate {
    turns: Arc<Turns>,
    taken: Mutex<Option<Turn>>,
    come: OnceCell<Turn>,
}

impl Gate {
    pub(super) fn new(turns: &Arc<Turns>) -> Arc<Self> {
        Arc::new(Self {
            turns: Arc::clone(turns),
            taken: Mutex::default(),
            come: OnceCell::new(),
        })
    }

    /// Keeps a turn that is to be waited for.
    pub(super) fn keep(&self, turn: Turn) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
    }

    /// Waits for the turn that was kept, or takes one and waits for it.
    pub(super) async fn pass(&self) {
        self.come
            .get_or_init(|| async {
                let taken = {
                    let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                    taken.take()
                };
                let mut turn = taken.unwrap_or_else(|| self.turns.take());
                turn.come().await;
                turn
            })
            .await;
    }
}
