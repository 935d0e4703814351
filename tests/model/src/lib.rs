//! The protocol of leases, journal and advices as a model, and a machine that visits every state of it.
//!
//! `docs/protocol.md` tells the protocol in words. Here it is small enough to be searched exhaustively:
//! one account, a few payments of a few minor units, one or two gateways, and every order in which
//! messages, crashes, lost journals, cuts, expiries and moves of the home can fall.
//!
//! | part | what it is | stands for |
//! |---|---|---|
//! | [`ledger`] | balance, leases, records by id, home | `ledger/src/posting.rs`; leases have no code yet |
//! | [`gateway`] | what may be spent, taken and closed | `fallback/src/stand_in.rs`, `fallback/src/exposure.rs`, `fallback/src/copy.rs` |
//! | [`journal`] | durable records, the tail behind them | `fallback/src/journal.rs` |
//! | [`state`] | all of it, and the messages under way | the network, `gateway/src/replay.rs`, `gateway/src/feed.rs` |
//! | [`actions`], [`step`] | what can happen, when, and what it does | – |
//! | [`drain`] | the way to the end once nothing goes wrong | the phase after the fault of a load test |
//! | [`properties`] | what must hold always, and what must happen sometimes | I1, I2, I4, I5, rules 4, 11, 12, 15 |
//! | [`mutants`], [`hunt`] | one thing done wrong at a time, and the way to what it breaks | – |
//! | [`config`], [`search`] | worlds, and searching them with stateright | – |
//!
//! **Messages** are never taken back: what was sent once may arrive never, once or many times, at any later
//! time, in any order. That is loss, duplication, delay and reordering in one, and more than a network
//! does. A gateway that is gone is one that takes no step.
//!
//! **What is left out.**
//!
//! - Several accounts: leases are per account, and nothing passes from one to another. Amounts are one
//!   or two units; counts of faults are bounded by the world.
//! - What a payment that was answered gets when it is repeated (I3), and one id at two gateways (rules 2
//!   and 3): a payment stays with the gateway it came to, and is repeated only while it has no answer
//!   and its record was not durable. What is lost with a journal is not repeated.
//! - Reversals, completions, refunds (rules 9, 17, 18), a restored ledger (rules 13, 22), a failed sync
//!   (rule 10; a crash that keeps any part of the tail leaves the same states), holds that expire, limits
//!   other than the money, the age of knowledge, the balance that stand-in without a lease looks at. A
//!   floor is a plain number here.
//! - How a lost or rolled-back journal is noticed. The model assumes that it is: the local copy or the
//!   ledger knows of a later record. A machine whose journal *and* local copy go back together, to where
//!   the ledger saw them last, would spend a lease twice, and nothing in the model shows that.
//! - What a person does with money in suspense. A certificate for a lease in suspense gives nothing back.
//! - That the end is reached: [`drain`] shows that it can be, from every state.
//!
//! The search remembers states by 64 bits of a hash; that two of ten million share one, and one of them
//! is not visited, has a probability of some three in a million.

pub mod actions;
pub mod config;
pub mod drain;
pub mod gateway;
pub mod hunt;
pub mod journal;
pub mod ledger;
pub mod mutants;
pub mod properties;
pub mod protocol;
pub mod search;
pub mod state;
pub mod step;
pub mod words;
