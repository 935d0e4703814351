//! Connections, apart by what they are for, and what the server is told about each.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::posting::Lane;

/// How long a connection may take to be had.
const ACQUIRE_MAX: Duration = Duration::from_millis(500);
/// How long a connection is used.
const LIFETIME_MAX: Duration = Duration::from_secs(300);

/// What a connection is used for. Each role has connections of its own, so that none can take those
/// of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Batches of authorizations that rely on what is remembered.
    Direct,
    /// Batches of authorizations that do not.
    Live,
    /// Batches of advices and of the desk.
    Advices,
    /// What waits for an account that somebody else has locked.
    Held,
    /// Questions.
    Reads,
}

/// The server ends what a dead or stalled ledger has left behind, and what takes longer than anybody
/// waits for it.
macro_rules! session {
    ($statement_ms:literal, $lock_ms:literal, $idle_ms:literal) => {
        [
            ("statement_timeout", $statement_ms),
            ("lock_timeout", $lock_ms),
            ("idle_in_transaction_session_timeout", $idle_ms),
            ("client_connection_check_interval", "500"),
        ]
    };
}

/// Below the gateways' cut-off, 800 ms: what takes longer is not waited for any more.
/// Where something is locked, the same is done again under locks, which passes by what is.
const DIRECT: [(&str, &str); 4] = session!("750", "100", "1000");
const LIVE: [(&str, &str); 4] = session!("750", "500", "1000");
const ADVICES: [(&str, &str); 4] = session!("2000", "1000", "2000");
const HELD: [(&str, &str); 4] = session!("750", "500", "1000");
const READS: [(&str, &str); 4] = session!("2000", "1000", "2000");

/// Statements of a batch find a bounded number of rows by key, whatever the tables hold. They are
/// planned once, and not by what the server believes of tables that were empty when it looked.
const BY_KEY: [(&str, &str); 6] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

#[derive(Debug)]
pub(super) struct Pools {
    direct: PgPool,
    live: PgPool,
    advices: PgPool,
    held: PgPool,
    reads: PgPool,
}

impl Pools {
    /// Connects when somebody needs it.
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        let by_key = || options.clone().options(BY_KEY);
        Self {
            direct: pool(3, by_key().options(DIRECT)),
            live: pool(4, by_key().options(LIVE)),
            advices: pool(4, by_key().options(ADVICES)),
            held: pool(4, by_key().options(HELD)),
            reads: pool(6, options.clone().options(READS)),
        }
    }

    pub(super) fn of(&self, role: Role) -> &PgPool {
        match role {
            Role::Direct => &self.direct,
            Role::Live => &self.live,
            Role::Advices => &self.advices,
            Role::Held => &self.held,
            Role::Reads => &self.reads,
        }
    }
}

fn pool(connections: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_MAX)
        .test_before_acquire(false)
        .max_lifetime(LIFETIME_MAX)
        .connect_lazy_with(options)
}

impl From<Lane> for Role {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Live => Self::Live,
            Lane::Advices | Lane::Desk => Self::Advices,
        }
    }
}
