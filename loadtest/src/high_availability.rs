//! The ledger's database loses its primary, its standbys, etcd, and once everything since a backup: what
//! the ledger sees of it, who answers meanwhile, and whether the books hold what was told.
//!
//! | step | where |
//! |---|---|
//! | etcd, PostgreSQL under Patroni, HAProxy | the crate `tests`, `patroni` |
//! | what happens | [`event`] |
//! | payments, and questions to the ledger itself, meanwhile | [`load`], [`probe`], [`watch`] |
//! | one event from calm to calm | [`play`] |
//! | the books afterwards | [`check`] |
//! | telling | [`report`] |

mod check;
mod event;
mod load;
mod play;
mod probe;
mod report;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::tests::cluster::{Stack, StackConfig};
use ::tests::patroni::{Cluster, Installed};
use ::tests::payment::{Card, NewCard};
use ::tests::process::Program;
use anyhow::Context;

use crate::live::say;
use crate::machine;
use crate::run::Usage;
use event::Event;
use probe::{Place, Probe};
use report::{Report, Row};

const GATEWAYS: usize = 2;
const CARDS: u64 = 500;
/// Never used up: who declines here is a gateway by its own limits.
const OPENING_MINOR: i64 = 100_000_000;
const STEADY_WITHIN: Duration = Duration::from_secs(30);

/// Arguments of `high-availability`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  deploy/ha/prepare                                              installs what it needs
  cargo run --release -- high-availability                       all of it, six to ten minutes
  cargo run --release -- high-availability --only switchover,freeze

Exit codes are those of `run`. The cluster listens on 127.0.0.11 to 127.0.0.13 and 127.0.0.21 to
127.0.0.23, on ports that are free; logs of everything are in the directory that it names.")]
pub(crate) struct HighAvailabilityArguments {
    /// Play these only, in the order of the list below.
    #[arg(long, value_delimiter = ',', value_name = "EVENT,…")]
    pub only: Vec<Event>,
    /// Payments per second, whatever becomes of them.
    #[arg(long, env = "HOLDFAST_DRILL_RATE_PER_S", default_value_t = 100.0)]
    pub rate_per_s: f64,
    /// Print the report for scripts, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
    /// Where Patroni is; `deploy/ha/prepare` puts it here.
    #[arg(long, env = "HOLDFAST_PATRONI", default_value = "target/patroni")]
    pub patroni: PathBuf,
    /// Where the report and all logs go.
    #[arg(long, env = "HOLDFAST_LOADTEST_DIRECTORY", default_value = "var/runs")]
    pub directory: PathBuf,
    /// The log filter of ledger and gateways.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info")]
    pub log: String,
}

impl HighAvailabilityArguments {
    /// Each event once, in an order in which a restored backup comes last.
    fn events(&self) -> Vec<Event> {
        let wanted = |event: &Event| self.only.is_empty() || self.only.contains(event);
        Event::ALL.into_iter().filter(wanted).collect()
    }
}

/// Everything that runs.
pub(crate) struct Drill {
    cluster: Cluster,
    stack: Arc<Stack>,
    cards: Arc<[Card]>,
    probe: Arc<Probe>,
    rate_per_s: f64,
    backed_up: Place,
}

/// Plays and prints what came out.
///
/// # Errors
/// Where something is missing or does not come up; whatever came out of the events is in the report.
pub(crate) async fn run(arguments: &HighAvailabilityArguments) -> anyhow::Result<Report> {
    let rate = arguments.rate_per_s;
    if !(1.0..=10_000.0).contains(&rate) {
        return Err(Usage("--rate-per-s takes a number from 1 to 10000".into()).into());
    }
    let installed = Installed::find(&patroni(&arguments.patroni))?;
    let name = format!("high-availability-{}", process::clock::wall_seconds());
    let directory = arguments.directory.join(name);
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let events = arguments.events();
    let mut drill = start(arguments, installed, &directory.canonicalize()?).await?;
    if events.contains(&Event::Restore) {
        drill.back_up().await?;
    }
    let mut rows: Vec<Row> = Vec::new();
    for event in events {
        let unfinished = rows.last().is_some_and(|row| row.failed.is_some());
        if unfinished {
            rows.push(Row::not_played(event));
            continue;
        }
        let row = drill.play(event).await;
        say(&format!("  {}", row.line()));
        rows.push(row);
    }
    let report = Report::of(
        rows,
        drill.cluster.version().to_owned(),
        machine::commit(),
        machine::describe(),
        rate,
    );
    publish(&report, arguments.json, &directory)?;
    if let Some(stack) = Arc::into_inner(drill.stack)
        && let Err(error) = stack.stop().await
    {
        say(&format!("  stopping: {error:#}"));
    }
    Ok(report)
}

async fn start(
    arguments: &HighAvailabilityArguments,
    installed: Installed,
    directory: &Path,
) -> anyhow::Result<Drill> {
    say("holdfast: three nodes of etcd, three of PostgreSQL under Patroni, and HAProxy start");
    let cluster = Cluster::start(installed, &directory.join("cluster")).await?;
    say(&format!("  {}", cluster.version()));
    let config = StackConfig {
        database_url: Some(cluster.url()),
        gateways: GATEWAYS,
        directory: Some(directory.join("processes")),
        log: arguments.log.clone(),
        ..StackConfig::new(Program::current()?)
    };
    let stack = Arc::new(Stack::start(config).await?);
    say(&format!("  ledger   {}", stack.ledger_url()));
    say(&format!("  logs     {}", directory.display()));
    let issued: Vec<NewCard> = (1..=CARDS)
        .map(|number| NewCard::nth(number, OPENING_MINOR))
        .collect();
    let cards = stack.seed(&issued).await.context("the cards")?;
    let probe = Arc::new(Probe::start(&stack, CARDS + 1).await?);
    stack.known(STEADY_WITHIN).await?;
    Ok(Drill {
        cluster,
        stack,
        cards: cards.into(),
        probe,
        rate_per_s: arguments.rate_per_s,
        backed_up: Place::default(),
    })
}

/// As it was given; a relative one also below the checkout.
fn patroni(given: &Path) -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(given);
    if given.exists() || !checkout.exists() {
        given.to_owned()
    } else {
        checkout
    }
}

fn publish(report: &Report, json: bool, directory: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    let file = directory.join("report.json");
    std::fs::write(&file, &text).context("the report could not be written")?;
    if json {
        println!("{text}");
        say(report.verdict.words());
    } else {
        println!("{}", report.text());
        println!("Report  {}", file.display());
    }
    Ok(())
}
