//! One run: start everything, play the outage on it, stop it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::tests::cluster::{ComposeConfig, Stack, StackConfig, Store};
use ::tests::process::Program;
use anyhow::Context;

use crate::cli::{Backend, RunArguments};
use crate::conduct::Conduct;
use crate::live::say;
use crate::report::Report;
use crate::scenario::{Action, DEFAULT, GATEWAYS, Scenario};

/// Plays the scenario and prints what came out.
///
/// # Errors
/// Where the run could not be brought to its end; whatever came out of it is in the report.
pub(crate) async fn run(arguments: &RunArguments) -> anyhow::Result<Report> {
    let store = arguments.store().map_err(Usage)?;
    let mut scenario = load(arguments.file.as_deref())?;
    let left_out = scenario.leave_out(|action| cannot(arguments.backend, store, action));
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let directory = run_directory(&arguments.directory, &scenario.name)?;
    let stack = Arc::new(start(arguments, store, seed, &directory).await?);
    if !left_out.is_empty() {
        say(&format!(
            "  left out, these nodes cannot: {}",
            left_out.join("; ")
        ));
    }
    let conduct = Conduct {
        scenario: &scenario,
        left_out,
        seed,
        first_card: 1,
        first_payment: 1,
        search: true,
        output: arguments.output,
        directory: Some(&directory),
        next_steps: next_steps(arguments, store, seed, &directory),
    };
    let report = conduct.play(&stack).await?;
    if let Some(stack) = Arc::into_inner(stack)
        && let Err(error) = stack.stop().await
    {
        say(&format!("  stopping: {error:#}"));
    }
    Ok(report)
}

/// True for what these nodes have no means for.
fn cannot(backend: Backend, store: Store, action: &Action) -> bool {
    let no_database = backend == Backend::Processes && store == Store::Embedded;
    let no_containers = backend == Backend::Processes;
    (action.needs_database() && no_database) || (action.needs_containers() && no_containers)
}

pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Scenario> {
    let read = || match file {
        None => Scenario::parse(DEFAULT),
        Some(path) => std::fs::read_to_string(path)
            .map_err(anyhow::Error::from)
            .and_then(|text| Scenario::parse(&text))
            .with_context(|| path.display().to_string()),
    };
    let hint = "this scenario cannot be played; `loadtest scenario` prints one that can";
    read().map_err(|error| error.context(Usage(hint.into())))
}

/// What the caller gave is at fault: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub String);

fn run_directory(base: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let directory = base.join(format!("{name}-{}", process::clock::wall_seconds()));
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory.canonicalize()?)
}

async fn start(
    arguments: &RunArguments,
    store: Store,
    seed: u64,
    directory: &Path,
) -> anyhow::Result<Stack> {
    let nodes = Some(directory.join("processes"));
    let stack = match arguments.backend {
        Backend::Processes => {
            say("holdfast: ledger, fault proxy and two gateways start as processes of their own");
            let config = StackConfig {
                store,
                directory: nodes,
                seed,
                gateways: GATEWAYS,
                log: arguments.log.clone(),
                ..StackConfig::new(Program::current()?)
            };
            Stack::start(config).await?
        }
        Backend::Compose => {
            say("holdfast: database, ledgers, fault proxy and gateways start as containers");
            let config = ComposeConfig {
                file: arguments.compose_file.clone(),
                directory: nodes,
                build: arguments.build,
                log: arguments.log.clone(),
            };
            Stack::compose(config).await?
        }
    };
    for url in stack.ledger_urls() {
        say(&format!("  ledger   {url}  {}", stack.store_line()));
    }
    for gateway in stack.gateways() {
        say(&format!(
            "  {}      {}  iso8583 {}",
            gateway.name, gateway.http, gateway.iso
        ));
    }
    Ok(stack)
}

fn next_steps(arguments: &RunArguments, store: Store, seed: u64, directory: &Path) -> Vec<String> {
    let (backend, other) = match (arguments.backend, store) {
        (Backend::Compose, _) => (
            " --backend compose",
            "run       # the same outage on processes",
        ),
        (_, Store::Embedded) => (
            "",
            "run --store postgres      # the same outage on the other store",
        ),
        (_, Store::Postgres) => ("", "run      # the same outage on the other store"),
    };
    let mut steps = vec![
        "cargo run --release -- up                      # play with it: curl, ISO 8583, kill -9"
            .into(),
        format!("cargo run --release -- {other}"),
        format!(
            "cargo run --release -- run{backend} --seed {}            # other cards, payments and times; logs are in {}",
            seed.wrapping_add(1),
            directory.join("processes").display()
        ),
    ];
    if arguments.backend == Backend::Compose {
        steps.push(
            "cargo run --release -- run loadtest/scenarios/containers.toml --backend compose      # pause, network disconnect"
                .into(),
        );
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_can_do_everything_and_an_embedded_store_has_no_server() {
        use Action::*;
        let cases = [
            (Backend::Compose, Store::Postgres, DisconnectDatabase, false),
            (Backend::Compose, Store::Postgres, KillDatabase, false),
            (
                Backend::Processes,
                Store::Postgres,
                DisconnectDatabase,
                true,
            ),
            (Backend::Processes, Store::Postgres, PauseDatabase, false),
            (Backend::Processes, Store::Embedded, PauseDatabase, true),
            (Backend::Processes, Store::Embedded, PauseLedger, false),
        ];
        for (backend, store, action, expected) in cases {
            assert_eq!(cannot(backend, store, &action), expected, "{action:?}");
        }
    }
}
