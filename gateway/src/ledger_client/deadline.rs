//! Nothing below may outlive the cut-off.

use tower::Service;

use super::around::Around;
use super::{Answering, Ask, AskError};

/// Answers [`AskError::Timeout`] when an [`Ask`]'s deadline passes, dropping what is below.
#[derive(Debug, Clone, Copy)]
pub struct Deadline;

impl Around for Deadline {
    fn around<S>(&self, inner: &mut S, ask: Ask) -> Answering<S::Response>
    where
        S: Service<Ask, Error = AskError>,
        S::Future: Send + 'static,
        S::Response: 'static,
    {
        let deadline = ask.deadline;
        let answer = inner.call(ask);
        Box::pin(async move {
            tokio::time::timeout_at(deadline, answer)
                .await
                .unwrap_or(Err(AskError::Timeout))
        })
    }
}
