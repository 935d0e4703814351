//! Load for gateways that run already, wherever: nothing is started, broken or stopped.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use ::tests::cluster::{Attached, Directory, Layout, Stack};
use ::tests::gateway_node::GatewayNode;
use anyhow::{Context, ensure};

use crate::cli::Output;
use crate::conduct::Conduct;
use crate::live::say;
use crate::report::Report;
use crate::run::{Usage, load};

/// Arguments of `drive`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  loadtest drive --gateway gw1=http://127.0.0.1:7401,iso=127.0.0.1:7411 \\
      --gateway gw2=http://127.0.0.1:7402,iso=127.0.0.1:7412 \\
      --ledger http://127.0.0.1:7421 --ledger http://127.0.0.1:7422 \\
      --keys deploy/secrets/keys.txt --homes deploy/homes.toml
  docker compose run --rm loadgen

Every run issues cards of its own, so it may be repeated on the same books. Exit codes are those of `run`.")]
pub(crate) struct DriveArguments {
    /// A scenario whose workload is sent, without its faults; the default outage without one.
    pub file: Option<PathBuf>,
    /// A gateway with its two doors; for each gateway of the homes file. Several in the variable are
    /// separated by blanks.
    #[arg(
        long = "gateway",
        env = "HOLDFAST_DRIVE_GATEWAYS",
        value_name = "NAME=URL,iso=HOST:PORT",
        value_delimiter = ' ',
        required = true
    )]
    pub gateways: Vec<Doors>,
    /// A ledger; for each of those that keep the same books.
    #[arg(
        long = "ledger",
        env = "HOLDFAST_DRIVE_LEDGERS",
        value_name = "URL",
        value_delimiter = ' ',
        required = true
    )]
    pub ledgers: Vec<String>,
    /// The key file of the gateways.
    #[arg(long, env = "HOLDFAST_KEYS_FILE", value_name = "FILE")]
    pub keys: PathBuf,
    /// The homes file of the gateways.
    #[arg(long, env = "HOLDFAST_HOMES_FILE", value_name = "FILE")]
    pub homes: PathBuf,
    /// Requests per second, over both doors and all kinds.
    #[arg(long, env = "HOLDFAST_DRIVE_RATE_PER_S", default_value_t = 100.0)]
    pub rate_per_s: f64,
    /// How long.
    #[arg(long, env = "HOLDFAST_DRIVE_SECONDS", default_value_t = 60.0)]
    pub seconds: f64,
    /// How many cards are issued for it.
    #[arg(long, env = "HOLDFAST_DRIVE_CARDS", default_value_t = 1_000)]
    pub cards: usize,
    /// The seed for amounts and times; the clock without it.
    #[arg(long, env = "HOLDFAST_LOADTEST_SEED")]
    pub seed: Option<u64>,
    /// What standard output gets.
    #[arg(long, env = "HOLDFAST_LOADTEST_OUTPUT", default_value = "text")]
    pub output: Output,
    /// Where the report goes as files; nowhere without it.
    #[arg(long, env = "HOLDFAST_LOADTEST_DIRECTORY")]
    pub directory: Option<PathBuf>,
}

/// A gateway as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doors {
    name: String,
    http: String,
    iso: String,
}

impl FromStr for Doors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let (name, doors) = text.split_once('=')?;
            let (http, iso) = doors.split_once(",iso=")?;
            let whole = !name.is_empty() && iso.contains(':') && http.starts_with("http://");
            whole.then(|| Self {
                name: name.to_owned(),
                http: http.trim_end_matches('/').to_owned(),
                iso: iso.to_owned(),
            })
        };
        parts().ok_or_else(|| "write NAME=http://HOST:PORT,iso=HOST:PORT".into())
    }
}

/// Card numbers have room for so many.
const CARD_MAX: u64 = 9_999_999;

/// Sends, audits, and prints what came out.
///
/// # Errors
/// Where somebody cannot be reached, or what was given does not fit together.
pub(crate) async fn drive(arguments: &DriveArguments) -> anyhow::Result<Report> {
    let scenario = load(arguments.file.as_deref())?
        .steady(arguments.seconds, arguments.rate_per_s, arguments.cards)
        .map_err(|error| Usage(format!("{error:#}")))?;
    let now = process::clock::wall_seconds();
    let stack = Arc::new(attach(arguments).await?);
    // Cards that nobody has: after all that the books know.
    let accounts = stack.ledger().accounts().await?;
    let used = (accounts.iter()).filter(|account| !account.account.is_internal());
    let first_card = used.map(|account| account.account.0 + 1).max().unwrap_or(1);
    ensure!(
        first_card + arguments.cards as u64 <= CARD_MAX,
        "the books have {} accounts, and test cards have no more numbers",
        accounts.len()
    );
    let conduct = Conduct {
        scenario: &scenario,
        left_out: Vec::new(),
        seed: arguments.seed.unwrap_or(now),
        first_card,
        // References and idempotency keys that no earlier run has used.
        first_payment: now * 1_000_000,
        search: false,
        output: arguments.output,
        directory: arguments.directory.as_deref(),
        next_steps: Vec::new(),
    };
    conduct.play(&stack).await
}

async fn attach(arguments: &DriveArguments) -> anyhow::Result<Stack> {
    say("holdfast: load for gateways that run already");
    let mut gateways = Vec::new();
    for doors in &arguments.gateways {
        let Doors { name, http, iso } = doors.clone();
        say(&format!("  {name}      {http}  iso8583 {iso}"));
        let id = name.parse().with_context(|| name.clone())?;
        gateways.push(GatewayNode::named(id, http, iso).await?);
    }
    let ledgers: Vec<String> = (arguments.ledgers.iter())
        .map(|url| url.trim_end_matches('/').to_owned())
        .collect();
    let layout = Layout {
        gateways,
        ledgers,
        control: None,
        keys_file: arguments.keys.clone(),
        homes_file: arguments.homes.clone(),
        store_line: "a running stack".into(),
        directory: Directory::make(arguments.directory.as_deref())?,
    };
    let stack = Stack::assemble(Box::new(Attached), layout)?;
    for gateway in 0..stack.gateways().len() {
        let name = &stack.gateway(gateway).name;
        let status = stack.status(gateway).await;
        let status = status.with_context(|| format!("{name} does not answer"))?;
        ensure!(
            status.gateway == *name,
            "the gateway at the address of {name} is called {}",
            status.gateway
        );
    }
    let fleet = stack.homes().gateways().len();
    ensure!(
        stack.gateways().len() == fleet,
        "the homes file names {fleet} gateways: give all of them"
    );
    Ok(stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_a_name_and_two_doors() {
        let doors: Doors = "gw1=http://gateway-1:7401/,iso=gateway-1:7411"
            .parse()
            .unwrap();
        let expected = Doors {
            name: "gw1".into(),
            http: "http://gateway-1:7401".into(),
            iso: "gateway-1:7411".into(),
        };
        assert_eq!(doors, expected);
        for wrong in [
            "gw1",
            "gw1=http://gateway-1:7401",
            "gw1=gateway-1:7401,iso=gateway-1:7411",
            "=http://gateway-1:7401,iso=gateway-1:7411",
            "gw1=http://gateway-1:7401,iso=gateway-1",
        ] {
            assert!(wrong.parse::<Doors>().is_err(), "{wrong}");
        }
    }
}
