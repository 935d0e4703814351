//! The command line: configuration, log, runtime, exit codes. The recipe itself is in `serve`.

mod arguments;
mod build;
mod serve;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use arguments::Arguments;

/// Configuration that cannot be used.
const EXIT_CONFIGURATION: u8 = 64;
/// It could not start.
const EXIT_NOT_STARTED: u8 = 1;
/// Work was left after the time for draining.
const EXIT_NOT_DRAINED: u8 = 2;

/// Runs the gateway until it is asked to stop. `arguments` begins with the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to stdout.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                EXIT_CONFIGURATION
            } else {
                0
            });
        }
    };
    let settings = match arguments.parse() {
        Ok(settings) => settings,
        Err(errors) => {
            for error in errors {
                eprintln!("gateway: {error}");
            }
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if let Err(error) = process::log::start(&settings.log) {
        eprintln!("gateway: {error}");
        return ExitCode::from(EXIT_CONFIGURATION);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = runtime
        .context("the runtime could not start")
        .and_then(|runtime| runtime.block_on(serve::serve(settings)));
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_NOT_DRAINED),
        Err(error) => {
            eprintln!("gateway: {error:#}");
            ExitCode::from(EXIT_NOT_STARTED)
        }
    }
}
