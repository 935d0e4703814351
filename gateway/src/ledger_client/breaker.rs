//! Whether the ledger is worth waiting for: *passing*, *tripped* or *probing*.
//!
//! ```text
//!            5 in a row failed, or success < 80 %, or half of the calls slow
//!   passing ───────────────────────────────────────────────────────────────► tripped
//!      ▲                                                                    │   ▲
//!      │ three good probes; then the calls in flight ramp up                │   │ a probe failed:
//!      │                                                    the wait is over│   │ wait twice as long
//!      └───────────────────────────── probing ◄─────────────────────────────┘───┘
//! ```
//!
//! The core is pure and is told the time; [`Breaker`] reads it. A decline is a success: the
//! ledger worked. Calls that started before a change of state cannot decide about it: each permit
//! carries the generation that gave it out.

mod core;
mod layer;

pub use self::core::{Config, Outcome, Permit, State, Tripped};
pub use layer::Breaker;

#[cfg(test)]
mod tests;
