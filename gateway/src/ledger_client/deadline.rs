//! Nothing below may outlive the cut-off.

use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::{Answering, Ask, AskError};

/// Makes [`Deadline`]s.
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner }
    }
}

/// Answers [`AskError::Timeout`] when an [`Ask`]'s deadline passes, dropping what is below.
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: S,
}

impl<S> Service<Ask> for Deadline<S>
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
        let deadline = ask.deadline;
        let answer = self.inner.call(ask);
        Box::pin(async move {
            tokio::time::timeout_at(deadline, answer)
                .await
                .unwrap_or(Err(AskError::Timeout))
        })
    }
}
