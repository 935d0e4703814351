//! One log, on stderr: text on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts the log. `filter` is in the syntax of `RUST_LOG`, such as `info,gateway=debug`; a filter
/// that does not parse is an error and not silence.
pub fn start(filter: &str) -> Result<(), LogError> {
    let filter = parse(filter)?;
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
    parse(filter).map(drop)
}

/// A single word is a level: as the name of a target, which it could be too, a misspelt level would
/// silence everything.
fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    let words = filter.split(',').map(str::trim);
    for word in words.filter(|word| !word.is_empty() && !word.contains(['=', '['])) {
        if word.parse::<LevelFilter>().is_err() {
            return Err(LogError(format!("`{word}` is no level")));
        }
    }
    EnvFilter::try_new(filter).map_err(|source| LogError(source.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_refused_and_does_not_silence_the_log() {
        for (filter, good) in [
            ("info", true),
            ("WARN", true),
            ("info,gateway=debug", true),
            ("off,decision=debug", true),
            ("inof", false),
            ("info,gateway", false),
            ("gateway=loud", false),
        ] {
            assert_eq!(check(filter).is_ok(), good, "{filter}");
        }
    }
}
