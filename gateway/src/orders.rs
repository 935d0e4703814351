//! Operators' orders: who decides, for which authorizations, and until when.
//!
//! An order says one of three things of the authorizations in its scope: stand-in decides, the ledger alone
//! decides, or nothing is approved. There is no switch: every authorization is held against the orders
//! that are in force at that moment ([`InForce::ruling`]), once, and a repeat gets the answer that was
//! given.
//!
//! | several apply | counts |
//! |---|---|
//! | one of them declines | the decline |
//! | otherwise | the newest |
//!
//! Every order ends by itself. Its time runs on the clock of the machine, which steps of the wall clock do
//! not move (I17), and is in the audit file ([`audit`]) before the order counts:
//!
//! | what happens | an order of stand-in | an order that declines, or of the ledger alone |
//! |---|---|---|
//! | the process ends and starts again | goes on, until the same moment | the same |
//! | the machine starts again | is over: nobody knows for how long it was off, and stand-in must not be forced for longer than was asked for | goes on with what was certainly left: it risks no money, and must not vanish unseen |
//! | the audit file is damaged | is over | goes on where it stands before the damage, and is not otherwise over |
//!
//! What was certainly left is counted from the last line of the audit file, less the minute that may pass
//! between two lines, so that what is left only ever shrinks.

use std::sync::OnceLock;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::authorize::Gateway;

pub mod audit;
mod desk;
mod history;
mod in_force;
mod order;
mod scope;

pub use desk::{Desk, Overview, Refusal, Shown, Terms};
pub use history::{Carried, Event, History};
pub use in_force::InForce;
pub use order::{Draft, DraftError, Order, What};
pub use scope::{BinRange, Scope, ScopeError, Share};

/// How often the orders look at the clock.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Writes down what the time brings to orders, until it is cancelled.
pub async fn run(gateway: Gateway, cancelled: CancellationToken) {
    loop {
        tokio::select! {
            () = cancelled.cancelled() => return,
            () = tokio::time::sleep(LOOKS_EVERY) => {}
        }
        let gateway = gateway.clone();
        let look = move || gateway.parts().orders.look_at_the_clock(Moment::now());
        // A look that ended in a defect is said by the runtime; the next one is in a second.
        let _ = tokio::task::spawn_blocking(look).await;
    }
}

/// The time, as orders are told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Which start of which machine this is; zero where nobody knows, which equals no other.
    pub boot: u128,
    /// Milliseconds since then.
    pub boot_ms: u64,
    /// Seconds since 1970 in UTC: for people who read the audit file, and for nothing else.
    pub wall_s: u64,
}

impl Moment {
    /// Reads the clocks.
    pub fn now() -> Self {
        // It is a file, and the same for as long as the process runs.
        static BOOT: OnceLock<u128> = OnceLock::new();
        Self {
            boot: *BOOT.get_or_init(process::clock::boot_id),
            boot_ms: process::clock::boot_now().0,
            wall_s: process::clock::wall_seconds(),
        }
    }
}
