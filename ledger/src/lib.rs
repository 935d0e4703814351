//! The books: double entry, holds, advices, and the feed that tells gateways what they must know.
//!
//! | module | what it knows |
//! |---|---|
//! | [`posting`] | the rules; pure: no I/O, no clock, one implementation for every store |
//! | [`memory`] | books without a disk: the reference that the real stores are compared with |
//! | [`store`] | books on a disk: embedded, or PostgreSQL; load, let the rules decide, write |
//! | [`conformance`] | what every store must prove |
//! | [`batcher`] | what gathers while one transaction is in flight goes into the next |
//! | [`holds`] | the clock by which holds expire |
//! | [`suite`] | what everybody behind the wire contract must do, asked over HTTP |
//! | [`reconcile`] | a gateway's journal beside the books |
//! | [`ask`] | asking a ledger or a gateway from outside |
//! | [`http`] | the wire contract of [`ledger_api`] |
//! | [`metrics`] | what it tells about itself |
//! | [`cli`] | the process |
//!
//! A request goes `http` → `batcher` → `store` → `posting` and back.

pub mod ask;
pub mod batcher;
pub mod cli;
pub mod conformance;
pub mod holds;
pub mod http;
pub mod memory;
pub mod metrics;
pub mod posting;
pub mod reconcile;
pub mod store;
pub mod suite;
