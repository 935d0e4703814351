//! One executable that can be any of the processes, so that tests and the load test start real
//! processes without having to find other binaries.

use std::ffi::OsString;
use std::io::Read;
use std::process::ExitCode;

/// The first argument that ties a node to whoever started it: it exits when its standard input
/// ends, so that no node outlives a harness that was killed.
pub const TIED: &str = "--tied";

/// Runs `[--tied] ledger|gateway|faultproxy|collector|histories|card-data …`; `args` begin with the program's name. Builds its own
/// runtime: call it from a plain `main`.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter().skip(1).peekable();
    if args.next_if(|first| first == TIED).is_some() {
        exit_with_parent();
    }
    let role = args.next().unwrap_or_default();
    let args = std::iter::once(role.clone()).chain(args);
    match role.to_str() {
        Some("ledger") => ledger::cli::run(args),
        Some("gateway") => gateway::cli::run(args),
        Some("faultproxy") => crate::faultproxy::run(args),
        Some("collector") => crate::collector::run(args),
        Some("histories") => crate::histories::run(args),
        Some("card-data") => crate::card_data::run(args),
        _ => {
            eprintln!(
                "usage: node [{TIED}] ledger|gateway|faultproxy|collector|histories|card-data [OPTIONS]"
            );
            ExitCode::from(2)
        }
    }
}

fn exit_with_parent() {
    std::thread::spawn(|| {
        let mut sink = [0; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(read) if read > 0) {}
        // Whoever started this process is gone: nobody is left to be polite to.
        std::process::exit(0);
    });
}
