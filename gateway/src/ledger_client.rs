//! The way to the ledger: what is asked, what can go wrong, and the layers in between.

pub mod around;
pub mod batches;
pub mod breaker;
pub mod bulkhead;
pub mod deadline;
pub mod measured;
pub mod wire;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger_api::{AuthorizeRequest, Cause};
use tokio::time::Instant;

/// One authorization on its way to the ledger.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What is asked.
    pub request: AuthorizeRequest,
    /// When the answer is of no use any more.
    pub deadline: Instant,
    /// True where the ledger gets a fair time. A call that a caller's short budget cut says nothing
    /// about the ledger when it times out: otherwise whoever sends short budgets decides that stand-in
    /// answers everybody. When it is answered, it says that the ledger works.
    pub judged: bool,
    /// Set when the request may have left this process.
    pub sent: Sent,
}

/// Whether a request may have reached the ledger: if not, it cannot have had an effect there.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<AtomicBool>);

impl Sent {
    /// It may have, from now on.
    pub fn mark(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// It turned out that it cannot have: no connection was made.
    pub fn unmark(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether it may have.
    pub fn maybe(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What every layer answers with, in the end.
pub type Answering<T> = Pin<Box<dyn Future<Output = Result<T, AskError>> + Send>>;

/// Why the ledger gave no decision. Except for [`AskError::Conflict`] the outcome is unknown to us
/// if the request was sent: never "no".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No answer within the cut-off.
    #[error("the ledger did not answer within the cut-off")]
    Timeout,
    /// No connection, or it broke.
    #[error("the ledger cannot be reached: {0}")]
    Unreachable(String),
    /// An answer that is not a decision.
    #[error("the ledger answered with an error: {0}")]
    Failed(String),
    /// The breaker is tripped: not asked.
    #[error("the breaker is tripped: the ledger was not asked")]
    Tripped,
    /// The bulkhead is full: not asked.
    #[error("too many calls to the ledger in flight: it was not asked")]
    Full,
    /// The ledger knows this id with other content.
    #[error("the ledger knows this id with other content")]
    Conflict,
}

impl AskError {
    /// Why stand-in decides instead.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Timeout => Cause::LedgerTimeout,
            Self::Unreachable(_) => Cause::LedgerUnreachable,
            Self::Failed(_) | Self::Conflict => Cause::LedgerError,
            Self::Tripped => Cause::BreakerTripped,
            Self::Full => Cause::Bulkhead,
        }
    }
}
