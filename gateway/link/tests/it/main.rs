//! A link from outside, against a peer that does on a real socket what a test tells it.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where it stopped"
)]

mod answers;
mod deadlines;
mod ends;
mod framings;
mod management;
mod peer;
mod pools;
#[cfg(feature = "tls")]
mod tls;
