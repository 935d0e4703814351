//! How long the ledger takes, and how asking it ends.

use std::task::{Context, Poll};

use tokio::time::Instant;
use tower::{Layer, Service};

use super::{Answering, Ask, AskError};
use crate::metrics::{Asks, asked};

/// Makes [`Measured`]s that count into the same series.
#[derive(Debug, Clone)]
pub struct MeasuredLayer {
    asks: Asks,
}

impl MeasuredLayer {
    /// Counts into these.
    pub fn new(asks: Asks) -> Self {
        Self { asks }
    }
}

impl<S> Layer<S> for MeasuredLayer {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Measured<S> {
        Measured {
            inner,
            asks: self.asks.clone(),
        }
    }
}

/// Observes every ask once, whatever becomes of it; changes nothing.
#[derive(Debug, Clone)]
pub struct Measured<S> {
    inner: S,
    asks: Asks,
}

impl<S> Service<Ask> for Measured<S>
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
        let running = Running {
            asks: self.asks.clone(),
            began: Instant::now(),
            ended: false,
        };
        let answer = self.inner.call(ask);
        Box::pin(async move {
            let answer = answer.await;
            running.ended(&answer);
            answer
        })
    }
}

/// An ask that is under way. The deadline above drops it at the cut-off: that is a time-out.
struct Running {
    asks: Asks,
    began: Instant,
    ended: bool,
}

impl Running {
    fn ended<T>(mut self, answer: &Result<T, AskError>) {
        self.ended = true;
        asked(&self.asks, self.began, answer);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            asked::<()>(&self.asks, self.began, &Err(AskError::Timeout));
        }
    }
}
