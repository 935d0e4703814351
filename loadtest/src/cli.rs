//! The command line.

use std::path::PathBuf;

use ::tests::cluster::Store;
use clap::{Parser, Subcommand, ValueEnum};

use crate::compare::CompareArguments;
use crate::drive::DriveArguments;
use crate::growth::GrowthArguments;
use crate::high_availability::HighAvailabilityArguments;
use crate::listener::{EchoArguments, ListenerArguments};
use crate::throughput::ThroughputArguments;

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
  cargo run --release -- run --backend compose                   the same outage on containers
  cargo run --release -- run loadtest/scenarios/containers.toml --backend compose
                                                                 freeze and disconnect the database too
  cargo run --release -- drive --gateway gw1=http://127.0.0.1:7401,iso=127.0.0.1:7411 \
      --ledger http://127.0.0.1:7421 --keys deploy/secrets/keys.txt --homes deploy/homes.toml
                                                                 load for what runs already
  cargo run --release -- compare --b \"--log debug\"              what an option costs
  cargo run --release -- throughput                              the ledger against pgbench
  cargo run --release -- growth                                  what it costs as the books grow
  cargo run --release -- high-availability                       PostgreSQL under Patroni fails over
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
    /// Sends a minute of payments to gateways that run already, and audits the books.
    Drive(DriveArguments),
    /// Measures what options of gateways and ledger cost: two stacks, loaded in turn.
    Compare(CompareArguments),
    /// Measures the ledger on PostgreSQL against `pgbench -N` on the same server.
    Throughput(ThroughputArguments),
    /// Measures what more accounts and more entries cost the ledger on PostgreSQL.
    Growth(GrowthArguments),
    /// Measures a gateway's ISO 8583 door beside a bare echo of the same bytes.
    Listener(ListenerArguments),
    /// The bare echo.
    #[command(hide = true)]
    ListenerEcho(EchoArguments),
    /// Takes the ledger's database its primary, its standbys and etcd, under load, and audits the books.
    HighAvailability(HighAvailabilityArguments),
    /// Starts ledger, gateways and fault proxy, and keeps them until Ctrl-C.
    Up(UpArguments),
    /// Prints a scenario, annotated, as TOML.
    Scenario {
        /// Which.
        #[arg(default_value = "outage")]
        name: ScenarioName,
    },
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArguments {
    /// A scenario file; the default outage without one.
    pub file: Option<PathBuf>,
    /// What the nodes run as.
    #[arg(long, env = "HOLDFAST_LOADTEST_BACKEND", default_value = "processes")]
    pub backend: Backend,
    /// Where the ledger keeps its books: `embedded` without it; containers always use PostgreSQL.
    #[arg(long, env = "HOLDFAST_LOADTEST_STORE")]
    pub store: Option<StoreName>,
    /// Build the image even where there is one; with `--backend compose`.
    #[arg(long)]
    pub build: bool,
    /// The compose file; that of the checkout without it.
    #[arg(long, env = "HOLDFAST_COMPOSE_FILE", value_name = "FILE")]
    pub compose_file: Option<PathBuf>,
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
            backend: Backend::Processes,
            store: None,
            build: false,
            compose_file: None,
            seed: None,
            output: Output::Text,
            directory: "var/runs".into(),
            log: "info".into(),
        }
    }
}

impl RunArguments {
    /// Where the books are.
    ///
    /// # Errors
    /// Where the backend has no such store.
    pub(crate) fn store(&self) -> Result<Store, String> {
        match (self.backend, self.store) {
            (Backend::Processes, store) => Ok(store.unwrap_or(StoreName::Embedded).into()),
            (Backend::Compose, None | Some(StoreName::Postgres)) => Ok(Store::Postgres),
            (Backend::Compose, Some(StoreName::Embedded)) => Err(
                "containers keep the books in PostgreSQL: leave out `--store embedded`, or use \
                 `--backend processes`"
                    .into(),
            ),
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

/// The scenarios that come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScenarioName {
    /// The default outage.
    Outage,
    /// The outage of containers: database frozen and disconnected.
    Containers,
}

/// What the nodes run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// Child processes; nothing needs to be installed.
    Processes,
    /// Containers of the compose file; needs Docker with Compose v2.
    Compose,
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
    fn containers_have_postgresql_and_nothing_else() {
        let store = |line: &str| {
            let words = ["loadtest", "run"]
                .into_iter()
                .chain(line.split_whitespace());
            let Some(Command::Run(run)) = Arguments::try_parse_from(words).unwrap().command else {
                panic!("not run")
            };
            run.store()
        };
        assert_eq!(store(""), Ok(Store::Embedded));
        assert_eq!(store("--store postgres"), Ok(Store::Postgres));
        assert_eq!(store("--backend compose"), Ok(Store::Postgres));
        assert_eq!(
            store("--backend compose --store postgres"),
            Ok(Store::Postgres)
        );
        let refused = store("--backend compose --store embedded").unwrap_err();
        assert!(
            refused.contains("leave out `--store embedded`"),
            "{refused}"
        );
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
