//! A bound on what is in flight. The permit is taken inside `call`, never held while idle.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;
use tower::{Layer, Service};

use super::{Answering, Ask, AskError};

/// Makes [`Bulkhead`]s that share one bound.
#[derive(Debug, Clone)]
pub struct BulkheadLayer {
    permits: Arc<Semaphore>,
}

impl BulkheadLayer {
    /// At most `in_flight_max` calls at once.
    pub fn new(in_flight_max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(in_flight_max)),
        }
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = Bulkhead<S>;

    fn layer(&self, inner: S) -> Bulkhead<S> {
        Bulkhead {
            inner,
            permits: Arc::clone(&self.permits),
        }
    }
}

/// Answers [`AskError::Full`] at once when the bound is reached.
#[derive(Debug, Clone)]
pub struct Bulkhead<S> {
    inner: S,
    permits: Arc<Semaphore>,
}

impl<S> Service<Ask> for Bulkhead<S>
where
    S: Service<Ask, Error = AskError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = AskError;
    type Future = Answering<S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), AskError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return Box::pin(async { Err(AskError::Full) });
        };
        let answer = self.inner.call(ask);
        Box::pin(async move {
            let answer = answer.await;
            drop(permit);
            answer
        })
    }
}
