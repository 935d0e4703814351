//! What the measurements of the ledger on PostgreSQL have in common.
//!
//! | part | what it knows |
//! |---|---|
//! | [`cluster`] | the database server, its settings, what it has written |
//! | [`pgbench`] | the yardstick: one transaction per payment |
//! | [`books`] | accounts and cards, and one authorization to ask for |
//! | [`crowd`] | which account is next |
//! | [`callers`] | closed loops, and what they saw |
//! | [`doors`] | the batcher in this process, and a ledger process behind the gateway's client |
//! | [`sampling`] | how often and how long is measured |
//! | [`rig`] | one sample: checkpoint, load, counters |
//! | [`locked`] | one account that somebody else holds |
//! | [`cpu`] | processor time of processes |
//! | [`table`] | columns for people |

pub(crate) mod books;
pub(crate) mod callers;
pub(crate) mod cluster;
pub(crate) mod cpu;
pub(crate) mod crowd;
pub(crate) mod doors;
pub(crate) mod locked;
pub(crate) mod pgbench;
pub(crate) mod rig;
pub(crate) mod sampling;
pub(crate) mod table;
