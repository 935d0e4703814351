//! The list: every layer between a request and the ledger, outermost first.
//!
//! | layer | defends against | the caller sees |
//! |---|---|---|
//! | deadline | a ledger that does not answer | [`AskError::Timeout`] at the cut-off |
//! | measured | nobody knowing how the ledger is | the same, observed |
//! | bulkhead | a slow ledger holding everybody | [`AskError::Full`] at once |
//! | breaker | waiting for a ledger that is known to be away | [`AskError::Tripped`] at once |
//! | batches | one call per authorization | – |
//!
//! State lives in `Arc`s that the caller keeps: a layer that is rebuilt forgets nothing.

use std::sync::Arc;

use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

use crate::ledger_client::around::AroundLayer;
use crate::ledger_client::batches::Batches;
use crate::ledger_client::breaker::Breaker;
use crate::ledger_client::bulkhead::Bulkhead;
use crate::ledger_client::deadline::Deadline;
use crate::ledger_client::measured::Measured;
use crate::ledger_client::{Ask, AskError};
use crate::metrics::Asks;

/// The whole stack as one service.
pub type Ledger = BoxCloneSyncService<Ask, ledger_api::LedgerDecision, AskError>;

/// Stacks the ledger client.
pub fn ledger(breaker: Arc<Breaker>, in_flight_max: usize, batches: Batches, asks: Asks) -> Ledger {
    BoxCloneSyncService::new(
        ServiceBuilder::new()
            // Outermost: whatever happens below, the answer is due at the cut-off.
            .layer(AroundLayer(Deadline))
            // Directly below the deadline: it sees every ask, and a time-out as what is dropped.
            .layer(AroundLayer(Measured::new(asks)))
            // Above the breaker: what is shed here says nothing about the ledger's health.
            .layer(AroundLayer(Bulkhead::new(in_flight_max)))
            // Below the bulkhead and above the batches: it judges each authorization by itself.
            .layer(AroundLayer(breaker))
            .service(batches),
    )
}
