//! The ledger's executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    ledger::cli::run(std::env::args_os())
}
