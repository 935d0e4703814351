//! A bound on what is in flight. The permit is taken inside `call`, never held while idle.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower::Service;

use super::around::Around;
use super::{Answering, Ask, AskError};

/// Answers [`AskError::Full`] at once when the bound is reached. Clones share it.
#[derive(Debug, Clone)]
pub struct Bulkhead {
    permits: Arc<Semaphore>,
}

impl Bulkhead {
    /// At most `in_flight_max` calls at once.
    pub fn new(in_flight_max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(in_flight_max)),
        }
    }
}

impl Around for Bulkhead {
    fn around<S>(&self, inner: &mut S, ask: Ask) -> Answering<S::Response>
    where
        S: Service<Ask, Error = AskError>,
        S::Future: Send + 'static,
        S::Response: 'static,
    {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return Box::pin(async { Err(AskError::Full) });
        };
        let answer = inner.call(ask);
        Box::pin(async move {
            let answer = answer.await;
            drop(permit);
            answer
        })
    }
}
