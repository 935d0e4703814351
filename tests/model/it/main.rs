//! The protocol searched, and the search itself put to the test.

mod canaries;
mod command;
mod mutants;
mod page;
mod protocol;
