//! The command line.

use std::path::PathBuf;

use ::tests::cluster::Store;
use clap::{Parser, Subcommand, ValueEnum};

/// Plays an outage on real processes and audits the books afterwards.
#[derive(Debug, Parser)]
#[command(
    name = "loadtest",
    version,
    after_help = "Examples:
  cargo run --release                                            the default outage, about 75 s
  cargo run --release -- up                                      an environment to play with
  cargo run --release -- run --store postgres                    the same outage on PostgreSQL
  cargo run --release -- run my.toml --seed 7 --output json      another scenario, for scripts
  cargo run --release -- scenario                                the default scenario, to change

Exit codes:
  0 pass   2 usage   10 objective missed   11 safety invariant broken   12 inconclusive
  13 environment missing   130 interrupted   1 anything else"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do; the default is `run` without a file.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plays a scenario and audits it.
    Run(RunArguments),
    /// Starts ledger, gateways and fault proxy, and keeps them until Ctrl-C.
    Up(UpArguments),
    /// Prints the default scenario, annotated, as TOML.
    Scenario,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArguments {
    /// A scenario file; the default outage without one.
    pub file: Option<PathBuf>,
    /// Where the ledger keeps its books.
    #[arg(long, env = "HOLDFAST_LOADTEST_STORE", default_value = "embedded")]
    pub store: StoreName,
    /// The seed for cards, payments and times; the scenario's own without it.
    #[arg(long, env = "HOLDFAST_LOADTEST_SEED")]
    pub seed: Option<u64>,
    /// What standard output gets.
    #[arg(long, env = "HOLDFAST_LOADTEST_OUTPUT", default_value = "text")]
    pub output: Output,
    /// Where the report and the logs of the processes go.
    #[arg(long, env = "HOLDFAST_LOADTEST_DIRECTORY", default_value = "var/runs")]
    pub directory: PathBuf,
    /// The processes' log filter.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info")]
    pub log: String,
}

impl Default for RunArguments {
    fn default() -> Self {
        Self {
            file: None,
            store: StoreName::Embedded,
            seed: None,
            output: Output::Text,
            directory: "var/runs".into(),
            log: "info".into(),
        }
    }
}

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
pub(crate) struct UpArguments {
    /// Where the ledger keeps its books.
    #[arg(long, env = "HOLDFAST_LOADTEST_STORE", default_value = "embedded")]
    pub store: StoreName,
    /// The processes' log filter.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info")]
    pub log: String,
}

/// What standard output gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A verdict for people.
    Text,
    /// The report for scripts; nothing else.
    Json,
}

/// Where the ledger keeps its books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreName {
    /// In a file of its own; nothing needs to be installed.
    Embedded,
    /// In a private PostgreSQL from the binaries found on this machine.
    Postgres,
}

impl From<StoreName> for Store {
    fn from(name: StoreName) -> Self {
        match name {
            StoreName::Embedded => Self::Embedded,
            StoreName::Postgres => Self::Postgres,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_arguments_are_the_defaults_of_run() {
        let parsed = Arguments::try_parse_from(["loadtest", "run"]).unwrap();
        let Some(Command::Run(run)) = parsed.command else {
            panic!("not run")
        };
        let default = RunArguments::default();
        assert_eq!(format!("{run:?}"), format!("{default:?}"));
    }
}
