//! One log, on stderr: text on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts the log. `filter` is in the syntax of `RUST_LOG`, such as `info,gateway=debug`; a filter
/// that does not parse is an error and not silence.
pub fn start(filter: &str) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter).map_err(|source| LogError(source.to_string()))?;
    // Our features compile the SDK's own log out. Where another crate's bring it back, it must not have
    // a line for every call that a dead collector does not answer.
    let quiet = "opentelemetry=off".parse();
    let filter = match quiet {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let registry = tracing_subscriber::registry().with(filter);
    if std::io::stderr().is_terminal() {
        registry
            .with(fmt::layer().with_writer(std::io::stderr))
            .init();
    } else {
        let json = fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr);
        registry.with(json).init();
    }
    Ok(())
}

/// A log filter that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("the log filter does not parse ({0}); write it as `info` or `info,gateway=debug`")]
pub struct LogError(String);

/// Checks a log filter without starting the log.
///
/// # Errors
/// When it does not parse.
pub fn check(filter: &str) -> Result<(), LogError> {
    let parsed = EnvFilter::try_new(filter);
    parsed
        .map(drop)
        .map_err(|source| LogError(source.to_string()))
}
