//! The house seen from the street: real processes, real faults, and the books afterwards.
//!
//! [`cluster::Stack`] starts everything; [`http_client`] and [`iso_client`] are the network;
//! [`faultproxy`] is the wire; [`books`] holds the invariants that every test ends with. The load
//! test uses the same parts.

pub mod books;
pub mod card_data;
pub mod cluster;
pub mod collector;
pub mod docker;
pub mod faultproxy;
pub mod gateway_node;
pub mod histories;
pub mod http_client;
pub mod iso_client;
pub mod ledger_client;
pub mod node;
pub mod notebook;
pub mod open_metrics;
pub mod packages;
pub mod patroni;
pub mod payment;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod pyiso8583;
mod skip;
pub mod waiting;

pub use skip::skipped;

/// True in a pipeline, where a test that cannot run has failed.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}
