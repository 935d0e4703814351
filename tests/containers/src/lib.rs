//! The house in containers: our image against PostgreSQL, on a network of its own.
//!
//! ```text
//! 127.0.0.1:… ──► gw1 ─┐               ┌─► ledger-1 ─┐
//! 127.0.0.1:… ──► gw2 ─┴─► faultproxy ─┴─► ledger-2 ─┴─► ledger-db
//! ```
//!
//! [`house::house`] starts it and hands out the same [`tests::cluster::Stack`] that real processes
//! have, so that a test reads the same here and there; [`payer::Payer`] pays all the while.
//! [`machinery::Containers`] kills, freezes and cuts off. Every container, volume and network carries
//! the label of its run and is removed with it, however the run ends.

mod engine;
pub mod house;
pub mod machinery;
mod parts;
pub mod payer;
mod run;
mod save;

pub use engine::{Engine, engine, has_compose, image};
pub use run::Watchdog;
