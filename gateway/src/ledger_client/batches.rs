//! Natural batches: what gathers while requests are in flight goes out together as one call; alone,
//! a request goes at once. No timer.

use std::sync::Arc;
use std::task::{Context, Poll};

use ledger_api::{AuthorizeAnswer, AuthorizeBatch, GatewayId, LedgerDecision};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tower::Service;

use super::wire::{Wire, WireError};
use super::{Answering, Ask, AskError};

/// How many calls may be in flight at once. More than one, so that a call that hangs does not hold
/// up what comes after it; few, so that batches form under load.
const CALLS_IN_FLIGHT: usize = 8;
/// How many authorizations go into one call.
const ITEMS_MAX: usize = 256;
/// How many may wait; the bulkhead above lets in fewer.
const QUEUE_MAX: usize = 4_096;

/// The innermost service: hands an [`Ask`] to the task that makes the calls.
#[derive(Debug, Clone)]
pub struct Batches {
    queue: mpsc::Sender<Waiting>,
}

struct Waiting {
    ask: Ask,
    answer: oneshot::Sender<Result<LedgerDecision, AskError>>,
}

impl Batches {
    /// Starts the task; it ends when the last copy of this service goes.
    pub fn start(gateway: GatewayId, wire: Wire) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(gather(gateway, wire, waiting));
        Self { queue }
    }
}

impl Service<Ask> for Batches {
    type Response = LedgerDecision;
    type Error = AskError;
    type Future = Answering<LedgerDecision>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AskError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let (answer, answered) = oneshot::channel();
        let queued = self.queue.try_send(Waiting { ask, answer });
        Box::pin(async move {
            if queued.is_err() {
                return Err(AskError::Full);
            }
            let gone = AskError::Failed("the client was stopped".to_owned());
            answered.await.unwrap_or(Err(gone))
        })
    }
}

async fn gather(gateway: GatewayId, wire: Wire, mut queue: mpsc::Receiver<Waiting>) {
    let calls = Arc::new(Semaphore::new(CALLS_IN_FLIGHT));
    let mut batch = Vec::new();
    while let Ok(call) = Arc::clone(&calls).acquire_owned().await {
        if queue.recv_many(&mut batch, ITEMS_MAX).await == 0 {
            return;
        }
        let now = Instant::now();
        // Whoever has stopped waiting was not asked for.
        batch.retain(|waiting: &Waiting| !waiting.answer.is_closed() && waiting.ask.deadline > now);
        if batch.is_empty() {
            continue;
        }
        let (gateway, wire, batch) = (gateway.clone(), wire.clone(), std::mem::take(&mut batch));
        tokio::spawn(async move {
            send(gateway, &wire, batch, now).await;
            drop(call);
        });
    }
}

async fn send(gateway: GatewayId, wire: &Wire, batch: Vec<Waiting>, now: Instant) {
    let last = batch
        .iter()
        .map(|waiting| waiting.ask.deadline)
        .max()
        .unwrap_or(now);
    let items = batch
        .iter()
        .map(|waiting| waiting.ask.request.clone())
        .collect();
    for waiting in &batch {
        waiting.ask.sent.mark();
    }
    let answers = wire
        .authorize(&AuthorizeBatch { gateway, items }, last - now)
        .await;
    match answers {
        Ok(answers) if answers.items.len() == batch.len() => {
            for (waiting, answer) in batch.into_iter().zip(answers.items) {
                // Nobody may be waiting any more; then the answer was told without the ledger, and
                // an advice says so.
                let _ = waiting.answer.send(judge(answer));
            }
        }
        Ok(answers) => {
            let text = format!(
                "{} answers to {} questions",
                answers.items.len(),
                batch.len()
            );
            fail(batch, &AskError::Failed(text), true);
        }
        Err(WireError::NoConnection(text)) => fail(batch, &AskError::Unreachable(text), false),
        Err(WireError::TimedOut) => fail(batch, &AskError::Timeout, true),
        Err(WireError::NoAnswer(text)) => fail(batch, &AskError::Unreachable(text), true),
        Err(WireError::Problem(problem)) => {
            fail(batch, &AskError::Failed(problem.to_string()), true);
        }
    }
}

fn judge(answer: AuthorizeAnswer) -> Result<LedgerDecision, AskError> {
    match answer {
        AuthorizeAnswer::Decided(decision) => Ok(decision),
        AuthorizeAnswer::Conflict => Err(AskError::Conflict),
        AuthorizeAnswer::Failed(problem) => Err(AskError::Failed(problem.to_string())),
    }
}

fn fail(batch: Vec<Waiting>, error: &AskError, sent: bool) {
    for waiting in batch {
        if !sent {
            waiting.ask.sent.unmark();
        }
        let _ = waiting.answer.send(Err(error.clone()));
    }
}
