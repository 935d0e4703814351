//! What must have happened at least once for a run to prove anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often each happened.
pub(crate) type Counts = BTreeMap<Sometimes, u64>;

/// Something that a run should have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sometimes {
    /// An approval given without the ledger.
    StandInApproved,
    /// A decline given without the ledger.
    StandInDeclined,
    /// An advice that the ledger acknowledged.
    Replayed,
    /// An advice that the ledger had already, and that had no second effect.
    DuplicatesSuppressed,
    /// A request that got the answer which had been given before.
    RepeatsAnsweredAgain,
    /// A breaker that stopped asking.
    BreakerTripped,
    /// One that passes again.
    BreakerRecovered,
    /// kill -9 of the ledger.
    LedgerKilled,
    /// Frozen ledgers.
    LedgerPaused,
    /// A database that ended at once.
    DatabaseKilled,
    /// A frozen database.
    DatabasePaused,
    /// A database without a network.
    DatabaseDisconnected,
    /// kill -9 of a gateway, and its return.
    GatewayRestarted,
    /// A request that got its answer from the second gateway.
    FailedOver,
    /// A reversal that came back for an unanswered attempt.
    TimeoutReversal,
    /// A reversal that was accepted.
    Reversed,
    /// A repeat that got the first answer again.
    RepeatAnswered,
    /// An advice that waits for a person.
    Parked,
}
