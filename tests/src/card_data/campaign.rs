//! The command that soaks longer than the tests do.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use super::soak::{Seen, Soak, verbose};
use crate::cluster::{Stack, StackConfig};
use crate::collector::{Collector, Manner};
use crate::process::Program;

/// Sends cards through both doors, good and damaged, with the ledger up, away and back, and searches
/// everything that was written for them.
#[derive(Debug, Parser)]
#[command(name = "card-data")]
struct Arguments {
    /// How many cards a round has.
    #[arg(long, default_value_t = 5_000)]
    cards: usize,
    /// How many rounds, each in a house of its own.
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// What the cards of the first round follow from; the next rounds' from the numbers after it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs `card-data …`; `args` begin with that word. Exits with 0 only where nothing was found.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _unwritable = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let soaked = tokio::runtime::Runtime::new()
        .context("no runtime")
        .and_then(|runtime| runtime.block_on(rounds(&arguments)));
    match soaked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("card-data: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn rounds(arguments: &Arguments) -> anyhow::Result<()> {
    for seed in (arguments.seed..).take(usize::try_from(arguments.rounds)?) {
        let seen = round(arguments, seed)
            .await
            .with_context(|| format!("--seed {seed}"))?;
        let Seen {
            codes,
            statuses,
            searched,
            ..
        } = &seen;
        let megabytes = searched >> 20;
        println!("seed {seed}: nothing in {megabytes} MB; DE39 {codes:?}, status {statuses:?}");
    }
    Ok(())
}

async fn round(arguments: &Arguments, seed: u64) -> anyhow::Result<Seen> {
    let exe = std::env::current_exe().context("cannot find the running executable")?;
    let mut config = StackConfig::new(Program::node(exe));
    let collector = Collector::start(Manner::Answer).await?;
    verbose(&mut config, &collector);
    let stack = Stack::start(config).await?;
    let soak = Soak::issue(&stack, seed, arguments.cards).await?;
    soak.run(&stack, &collector).await?;
    let seen = soak.report();
    if let Err(error) = seen.clean() {
        stack.keep();
        return Err(error);
    }
    Ok(seen)
}
