//! The front door: takes an authorization, always answers.
//!
//! The life of one authorization, as [`authorize`] plays it:
//!
//! | step | what | durable after it | if it fails |
//! |---|---|---|---|
//! | parse | bytes → [`fallback::Request`]; the card number becomes a token at the door ([`identity`]) | – | 30 / 400, nothing recorded |
//! | join | the same id in flight or answered → its answer ([`lanes`]) | – | other content → 94 / 422 |
//! | shadow | what stand-in would say, on every request | – | counted |
//! | orders | what operators have ordered ([`orders`]): nobody is asked, or nobody stands in | – | – |
//! | ask | the ledger, within the cut-off, through the client stack ([`stack`]) | the ledger's books | stand in |
//! | stand in | decide, reserve, append, fsync ([`fallback::StandIn`]) | the journal | decline; after a failed fsync no answer |
//! | answer | the ledger's answers are in the journal too, written before they are sent | – | – |
//! | tell | every stand-in answer, reversal and network advice goes to the ledger ([`replay`]) | the ledger's books | retried for ever |
//!
//! Where the breaker refuses everybody, the first steps are one ([`at_once`]).
//!
//! Budgets nest: network window > gateway budget > ledger cut-off + the stand-in's own slice. A
//! configuration that does not nest is refused.

pub mod accept;
pub mod approval;
pub mod at_once;
pub mod authorize;
pub mod cli;
pub mod door;
pub mod drain;
pub mod feed;
pub mod http;
pub mod identity;
pub mod iso;
pub mod keys_in_flight;
pub mod lanes;
pub mod ledger_client;
pub mod metrics;
pub mod operator;
pub mod orders;
pub mod policy_file;
pub mod replay;
pub mod shadow;
pub mod stack;
pub mod stand_in_on;
pub mod told;
pub mod traces;
pub mod verification;
