//! What an option costs: two stacks on this machine, one with it and one without, loaded in turn.
//!
//! The load is a closed loop: a fixed number of clients, each with its next payment as soon as the last
//! one is answered. Both sides are up all the time; in every round each is loaded alone, and who goes
//! first alternates, so that what drifts on the machine meets both. The clients run on the same cores
//! and are part of what is measured.

mod load;
mod report;

use ::tests::cluster::{Stack, StackConfig};
use ::tests::payment::NewCard;
use ::tests::process::Program;
use anyhow::ensure;

use crate::cli::Output;
use crate::live::say;
use crate::machine;
use load::Load;
use report::{Comparison, Side};

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  loadtest compare --b \"--log debug\"
  loadtest compare --b \"--otlp-endpoint http://127.0.0.1:9 --sample-ratio 0.01\" --rounds 6 --seconds 5
  loadtest compare --a \"--rate-per-s 30000\" --b \"--rate-per-s 20000\" --gateways-only --output json")]
pub(crate) struct CompareArguments {
    /// More arguments for gateways and ledger of side A, separated by blanks.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub a: String,
    /// The same for side B.
    #[arg(long, allow_hyphen_values = true)]
    pub b: String,
    /// The arguments are for the gateways only.
    #[arg(long)]
    pub gateways_only: bool,
    /// How often each side is loaded.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
    /// For how long each time.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Clients, each with one request in flight; half use HTTP, half ISO 8583.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=1_024))]
    pub concurrency: u32,
    /// What standard output gets.
    #[arg(long, env = "HOLDFAST_LOADTEST_OUTPUT", default_value = "text")]
    pub output: Output,
}

/// Enough that no card is in anybody's way, with money for every payment.
const CARDS: u64 = 2_000;
const OPENING_MINOR: i64 = 1_000_000_000;

/// Measures both sides and prints what came out.
///
/// # Errors
/// Where a stack does not come up with the arguments, or does not answer.
pub(crate) async fn compare(arguments: &CompareArguments) -> anyhow::Result<()> {
    ensure!(
        arguments.seconds > 0.0 && arguments.seconds <= 3_600.0,
        "--seconds must be above 0 and at most 3600"
    );
    let stacks = [
        start(arguments, &arguments.a).await?,
        start(arguments, &arguments.b).await?,
    ];
    let mut loads = Vec::new();
    for stack in &stacks {
        let cards: Vec<NewCard> = (1..=CARDS)
            .map(|number| NewCard::nth(number, OPENING_MINOR))
            .collect();
        loads.push(Load::new(
            stack,
            stack.seed(&cards).await?,
            arguments.concurrency,
        ));
    }
    say("  warming up");
    for load in &loads {
        load.run(arguments.seconds.min(2.0)).await?;
    }
    let mut sides = [Side::new(&arguments.a), Side::new(&arguments.b)];
    for round in 0..arguments.rounds {
        for index in order(round) {
            let measured = loads[index].run(arguments.seconds).await?;
            let name = ["A", "B"][index];
            say(&format!(
                "  round {:>2} of {}  {name}  {:>8.0} /s",
                round + 1,
                arguments.rounds,
                measured.per_s
            ));
            sides[index].rounds.push(measured);
        }
    }
    let comparison = Comparison::of(
        sides,
        arguments.seconds,
        arguments.concurrency,
        machine::commit(),
        machine::describe(),
    );
    match arguments.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&comparison)?),
        Output::Text => println!("{}", comparison.text()),
    }
    Ok(())
}

/// Who goes first changes from round to round.
fn order(round: u32) -> [usize; 2] {
    if round.is_multiple_of(2) {
        [0, 1]
    } else {
        [1, 0]
    }
}

async fn start(arguments: &CompareArguments, more: &str) -> anyhow::Result<Stack> {
    say(&format!("  starting a stack with `{more}`"));
    let (log, words) = words(more);
    let ledger_args = if arguments.gateways_only {
        Vec::new()
    } else {
        words.clone()
    };
    let config = StackConfig {
        gateway_args: words,
        ledger_args,
        log,
        ..StackConfig::new(Program::current()?)
    };
    Stack::start(config).await
}

/// The log filter, which a stack has anyway, and all other arguments.
fn words(more: &str) -> (String, Vec<String>) {
    let (mut log, mut others) = ("warn".to_owned(), Vec::new());
    let mut words = more.split_whitespace();
    while let Some(word) = words.next() {
        match word.strip_prefix("--log") {
            Some("") => log = words.next().unwrap_or_default().to_owned(),
            Some(filter) if filter.starts_with('=') => filter[1..].clone_into(&mut log),
            _ => others.push(word.to_owned()),
        }
    }
    (log, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_filter_is_taken_from_the_arguments() {
        let of = |more| {
            let (log, others) = words(more);
            format!("{log} | {}", others.join(" "))
        };
        assert_eq!(of(""), "warn | ");
        assert_eq!(of("--log debug --rate-per-s 5"), "debug | --rate-per-s 5");
        assert_eq!(of("--rate-per-s 5 --log=info"), "info | --rate-per-s 5");
        assert_eq!(of("--log-format json"), "warn | --log-format json");
    }

    #[test]
    fn both_sides_go_first_equally_often() {
        let first = (0..6).filter(|round| order(*round)[0] == 0).count();
        assert_eq!(first, 3);
    }
}
