//! What we do when the books do not answer; a library inside the gateway process.
//!
//! The promise of stand-in: **decided within signed limits, durable before answered, told to the
//! ledger until it acknowledges.** No network, no clock, no database server: it is told `now`, it is
//! handed a disk.
//!
//! | module | what |
//! |---|---|
//! | [`stand_in`] | the engine: decide, reserve, write down, answer; replay; all that a gateway calls |
//! | [`decide`] | the rules, as a table |
//! | [`policy`], [`homes`] | the signed limits; which gateway may use them for which card |
//! | [`simulate`] | a recorded day under another policy |
//! | [`copy`] | what the ledger has told: cards, balances, and how old that is |
//! | [`journal`], [`disk`] | what was answered, so that it is never forgotten |
//! | [`circumstances`] | what an authorization is for, and where and how it was made |
//! | [`verification`] | what came of checking CVV2, PIN and cryptogram |
//! | [`words`] | the words that all of them share |

pub mod circumstances;
pub mod copy;
pub mod decide;
pub mod disk;
mod exposure;
pub mod homes;
pub mod journal;
mod maps;
pub mod policy;
#[cfg(test)]
mod sample;
pub mod simulate;
pub mod stand_in;
mod syntax;
mod velocity;
pub mod verification;
mod windows;
pub mod words;

pub use circumstances::{Circumstances, Entry, Kind};
pub use copy::LocalCopy;
pub use decide::Reasons;
pub use homes::Homes;
pub use policy::Policy;
pub use stand_in::{Given, Look, OpenError, Setup, StandIn, Status};
pub use verification::{Check, Verification};
pub use words::*;
