//! Card data goes in through both doors in every way that we could think of, good and damaged, and
//! nothing of it may be found in anything that a process has written (I15).
//!
//! One thing is not looked for, because nobody can tell: a card number in a field that holds just so
//! many digits, such as twelve in an amount or a retrieval reference number, or sixteen in the id of a
//! caller's span.
//!
//! `cargo run --release -p tests --bin node -- card-data --help` soaks longer than the tests do.

mod campaign;
pub mod cards;
mod http;
mod iso;
pub mod needles;
mod soak;

pub use campaign::run;
pub use soak::{Leak, Seen, Soak, verbose};
