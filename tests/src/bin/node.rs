//! Ledger, gateway and fault proxy in one executable, for tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::node::run(std::env::args_os())
}
