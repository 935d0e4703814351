//! Searches the protocol from a shell.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use model::config::Config;
use model::hunt;
use model::mutants::Mutant;
use model::properties;
use model::protocol::Protocol;
use model::search;
use model::words::{GATEWAYS, LEASES, PAYMENTS};

mod print;

use print::Checked;

/// Searches the protocol of leases, journal and advices for a way to lose money.
#[derive(Debug, Parser)]
#[command(after_help = "Exit codes: 0 everything is as it must be, 1 it is not, 2 usage.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How to say it.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Visit every state of a world, and check every property in each.
    Check {
        /// The world, or several; `worlds` lists them. Without any: all but `large`.
        #[arg(long, value_parser = config)]
        config: Vec<Config>,
        /// Do this one thing wrong; `mutants` lists them.
        #[arg(long, value_parser = mutant)]
        mutant: Option<Mutant>,
        /// How many threads search. With one the states are visited nearest first.
        #[arg(long, default_value_t = 2)]
        threads: usize,
        #[command(flatten)]
        sizes: Sizes,
    },
    /// Do one thing wrong at a time, and show the shortest way to what it breaks.
    Mutants,
    /// The shortest way to where a property is broken, or, if it must sometimes hold, holds.
    Way {
        /// The property, or a part of its name that no other has.
        property: String,
        /// The world.
        #[arg(long, default_value = "home-moves", value_parser = config)]
        config: Config,
        /// Do this one thing wrong.
        #[arg(long, value_parser = mutant)]
        mutant: Option<Mutant>,
    },
    /// The worlds, and what is in each.
    Worlds,
}

/// What is other than in the named world.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Sizes {
    /// How many payments come.
    #[arg(long, value_parser = clap::value_parser!(u8).range(..=PAYMENTS as i64))]
    payments: Option<u8>,
    /// How many leases the ledger may grant.
    #[arg(long, value_parser = clap::value_parser!(u8).range(..=LEASES as i64))]
    leases: Option<u8>,
    /// How many gateways there are.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=GATEWAYS as i64))]
    gateways: Option<u8>,
    /// How many crashes there are.
    #[arg(long)]
    crashes: Option<u8>,
    /// How many journals are lost.
    #[arg(long)]
    losses: Option<u8>,
    /// How often a gateway is cut off.
    #[arg(long)]
    cuts: Option<u8>,
    /// How often the home moves.
    #[arg(long)]
    moves: Option<u8>,
    /// How many leases are declared lost.
    #[arg(long)]
    declared: Option<u8>,
    /// Whether the ledger is asked first.
    #[arg(long)]
    asks: Option<bool>,
}

impl Sizes {
    fn of(self, mut config: Config) -> Config {
        let counts = [
            (&mut config.payments, self.payments),
            (&mut config.leases, self.leases),
            (&mut config.gateways, self.gateways),
            (&mut config.faults.crashes, self.crashes),
            (&mut config.faults.losses, self.losses),
            (&mut config.faults.cuts, self.cuts),
            (&mut config.faults.moves, self.moves),
            (&mut config.faults.declared, self.declared),
        ];
        for (count, wanted) in counts {
            *count = wanted.unwrap_or(*count);
        }
        config.asks = self.asks.unwrap_or(config.asks);
        config
    }
}

fn config(name: &str) -> Result<Config, String> {
    let names: Vec<_> = Config::all().iter().map(|config| config.name).collect();
    Config::named(name).ok_or_else(|| format!("the worlds are {}", names.join(", ")))
}

fn mutant(name: &str) -> Result<Mutant, String> {
    let names = Mutant::ALL.map(Mutant::name).join(", ");
    Mutant::named(name).ok_or_else(|| format!("the mutants are {names}"))
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever reads has gone: nobody is left to tell.
        Err(_) => ExitCode::from(2),
    }
}

/// Says whether everything is as it must be.
fn run(cli: Cli, to: &mut impl Write) -> io::Result<bool> {
    let is_json = cli.output == Output::Json;
    match cli.command {
        Command::Check {
            config,
            mutant,
            threads,
            sizes,
        } => {
            let worlds = if config.is_empty() {
                Config::searched_by_default()
            } else {
                config
            };
            let worlds = worlds
                .into_iter()
                .map(|world| sizes.of(wrong(world, mutant)));
            let all: Vec<_> = worlds.map(|world| checked(world, threads)).collect();
            print::checked(to, &all, is_json)?;
            Ok(all.iter().all(|it| it.found.holds()))
        }
        Command::Mutants => {
            let hunted: Vec<_> = Mutant::ALL.into_iter().map(hunt::hunt).collect();
            print::hunted(to, &hunted, is_json)?;
            Ok(hunted.iter().all(|it| it.survives().is_empty()))
        }
        Command::Way {
            property,
            config,
            mutant,
        } => {
            let config = wrong(config, mutant);
            let names = named(&config, &property);
            let [name] = names.as_slice() else {
                print::names(to, &property, &names)?;
                return Ok(false);
            };
            let way = search::shortest(config, name);
            print::way(to, name, way.as_deref(), is_json)?;
            Ok(way.is_some())
        }
        Command::Worlds => {
            print::worlds(to, &Config::all())?;
            Ok(true)
        }
    }
}

fn checked(world: Config, threads: usize) -> Checked {
    let found = search::all_states(world.clone(), threads, &mut io::stderr());
    let broken = found.verdicts.iter().find(|verdict| verdict.is_broken());
    let way = broken.and_then(|broken| {
        let actions = search::shortest(world, broken.property)?;
        Some((broken.property, print::words(&actions)))
    });
    Checked { found, way }
}

fn wrong(config: Config, mutant: Option<Mutant>) -> Config {
    match mutant {
        Some(mutant) => config.with(mutant),
        None => config,
    }
}

/// The properties that may be meant; all, if none.
fn named(config: &Config, part: &str) -> Vec<&'static str> {
    let all = properties::of(&Protocol::new(config.clone()));
    let all: Vec<_> = all.iter().map(|property| property.name).collect();
    if let Some(exactly) = all.iter().find(|name| **name == part) {
        return vec![exactly];
    }
    let meant: Vec<_> = all
        .iter()
        .copied()
        .filter(|name| name.contains(part))
        .collect();
    if meant.is_empty() { all } else { meant }
}
