//! The command line: configuration, log, runtime, exit codes. The recipe itself is in `serve`.

mod arguments;
mod build;
pub mod config;
mod doors;
mod iso;
mod journal;
mod orders;
mod policy;
mod serve;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches};
use process::settings::{self, EXIT_CONFIGURATION};

use arguments::{Arguments, Command, Settings, understand};
use config::{Config, SERVICE};
use serve::Ended;

/// It could not start.
const EXIT_NOT_STARTED: u8 = 1;
/// Work was left after the time for draining.
const EXIT_NOT_DRAINED: u8 = 2;

/// How long what is left of work may take to end after the drain.
const RUNTIME_MAX: Duration = Duration::from_secs(2);

/// Runs the gateway until it is asked to stop, or does what the command line asks for.
/// `arguments` begins with the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = SERVICE.command::<Config>(Arguments::command());
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| {
        let arguments = Arguments::from_arg_matches(&matches)?;
        Ok((matches, arguments.command))
    });
    let (matches, command) = match parsed {
        Ok(parsed) => parsed,
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
    // Tools at a shell have no configuration.
    if let Some(Command::Iso(words)) = command {
        return guarded(|| words.run());
    }
    if let Some(Command::Journal(command)) = command {
        return command.run();
    }
    if let Some(Command::Policy(words)) = command {
        return words.run();
    }
    if let Some(Command::Orders(command)) = command {
        return command.run();
    }
    let loaded = SERVICE.load_from::<Config>(&matches, &settings::environment);
    // A gateway with other faults in its configuration can be asked too.
    if let Some(Command::Healthcheck(check)) = command {
        return check.run(SERVICE.name, loaded.layer.doors.http);
    }
    let (settings, report) = understand(loaded);
    match (command, settings) {
        (Some(Command::Config(command)), _) => command.run::<Config>(&SERVICE, &report),
        (_, Some(settings)) => guarded(|| start(settings)),
        (_, None) => SERVICE.refuse(&report),
    }
}

/// Does something with card data in memory, where no crash can put that on a disk.
fn guarded(work: impl FnOnce() -> ExitCode) -> ExitCode {
    if let Err(error) = process::limits::forbid_core_dumps() {
        eprintln!("gateway: core dumps cannot be ruled out ({error}); allow prctl and setrlimit");
        return ExitCode::from(EXIT_NOT_STARTED);
    }
    work()
}

fn start(settings: Settings) -> ExitCode {
    if let Err(error) = process::log::start(&settings.log) {
        eprintln!("gateway: {error}");
        return ExitCode::from(EXIT_CONFIGURATION);
    }
    let ended = to_the_end(serve::serve(settings))
        .context("the runtime could not start")
        .and_then(|ended| ended);
    match ended {
        Ok(Ended { drained, gateway }) => {
            // The last of its clones goes here, where nothing cuts it off. What is dropped writes
            // itself: the journal syncs, the local copy is saved.
            drop(gateway);
            if drained {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(EXIT_NOT_DRAINED)
            }
        }
        Err(error) => {
            eprintln!("gateway: {error:#}");
            ExitCode::from(EXIT_NOT_STARTED)
        }
    }
}

/// Does the work on a runtime of its own, and ends what the work has left on it. What hangs on a thread
/// where nobody can end it, such as a question to a name server, must not keep the process.
fn to_the_end<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(RUNTIME_MAX);
    Ok(done)
}
