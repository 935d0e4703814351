//! Traces that a ledger refuses: a span must not hold up a payment or an advice (I13).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger_api::{AdviceBatch, AuthorizeBatch, Problem, Retry};
use serde::Serialize;
use tracing::warn;

/// Items for the ledger, each of which may carry a span.
pub(super) trait Batch: Serialize {
    /// True where any item carries one.
    fn is_traced(&self) -> bool;

    /// The same items without.
    fn untraced(&self) -> Self;
}

impl Batch for AuthorizeBatch {
    fn is_traced(&self) -> bool {
        self.items.iter().any(|item| item.traceparent.is_some())
    }

    fn untraced(&self) -> Self {
        let mut batch = self.clone();
        for item in &mut batch.items {
            item.traceparent = None;
        }
        batch
    }
}

impl Batch for AdviceBatch {
    fn is_traced(&self) -> bool {
        self.items.iter().any(|item| item.traceparent().is_some())
    }

    fn untraced(&self) -> Self {
        let mut batch = self.clone();
        for item in &mut batch.items {
            *item.traceparent_mut() = None;
        }
        batch
    }
}

/// Whether the ledger refuses items that carry a span. Clones share it; it lasts as long as the
/// process.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal(Arc<AtomicBool>);

impl Refusal {
    pub(super) fn are_refused(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// It took without spans what it had refused with them. Says so once.
    pub(super) fn learn(&self, refused: &Problem) {
        if !self.0.swap(true, Ordering::AcqRel) {
            warn!(
                %refused,
                "the ledger refuses `traceparent`, so its spans will be missing; upgrade ledgers \
                 before gateways, then start this gateway again"
            );
        }
    }
}

/// The ledger did nothing, because of what is in the batch: not because of the moment.
pub(super) fn refuses_content(problem: &Problem) -> bool {
    matches!(problem.status, 400 | 422) && problem.retry != Retry::Safe
}

#[cfg(test)]
mod tests;
