//! One run: start everything, seed it, play the outage, audit, tell.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tests::books::{AuditOptions, audit};
use ::tests::cluster::{Stack, StackConfig};
use ::tests::process::Program;
use anyhow::Context;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::audit::{Case, DRAIN_PATIENCE, answers, stood_in};
use crate::board::Board;
use crate::cli::{Output, RunArguments, StoreName};
use crate::driver::{Drive, Driver, Link};
use crate::html::Page;
use crate::live::{self, say};
use crate::report::Report;
use crate::sampler::{self, Sample, Samples};
use crate::scenario::{DEFAULT, GATEWAYS, Scenario};
use crate::schedule::{Schedule, stream};
use crate::text::{Paint, verdict};
use crate::twin::Twin;
use crate::{deaths, requests, timeline, workload};

/// Between everything being ready and the first request.
const LEAD: Duration = Duration::from_millis(300);
/// How often it is waited for a process that dies again and again.
const SETTLE_ROUNDS: usize = 3;

/// Plays the scenario and prints what came out.
///
/// # Errors
/// Where the run could not be brought to its end; whatever came out of it is in the report.
pub(crate) async fn run(arguments: &RunArguments) -> anyhow::Result<Report> {
    let mut scenario = load(arguments.file.as_deref())?;
    if matches!(arguments.store, StoreName::Embedded) {
        scenario.leave_out_database();
    }
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let directory = run_directory(&arguments.directory, &scenario.name)?;
    let stack = Arc::new(start(arguments, seed, &directory).await?);

    let yymm = process::clock::yymm(process::clock::wall_seconds());
    let issued = workload::cards(&scenario.workload, yymm, &mut stream(seed, 0));
    say(&format!("  seeding {} cards and accounts", issued.len()));
    let cards = stack
        .seed(&issued)
        .await
        .context("the cards could not be seeded")?;
    let keys = Arc::clone(stack.keys());
    let mut twin = Twin::new(&issued, cards, keys, yymm, scenario.workload.currency)?;
    let load = &scenario.workload;
    let schedule = Schedule::draw(load, &scenario.client, scenario.length(), seed, &mut twin)?;
    say(&format!(
        "  {} requests in {:.0} s drawn from seed {seed}; the twin approves {} of {} payments",
        schedule.requests.len(),
        scenario.length().as_secs_f64(),
        twin.approves.iter().filter(|approved| **approved).count(),
        twin.approves.len()
    ));

    let (drive, played, samples) = play(&scenario, &schedule, &twin, &stack).await?;
    say("  asking ledger and gateways for what they hold");
    let options = AuditOptions {
        budget: None,
        ..AuditOptions::default()
    };
    let evidence = stack.evidence(&options).await?;
    let audit = audit(&evidence, &options);
    let answers = answers(&twin, &drive, &evidence);
    let stood_in = stood_in(&answers);
    let report = Case {
        scenario: &scenario,
        seed,
        store: stack.store_line(),
        schedule: &schedule,
        twin: &twin,
        drive: &drive,
        timeline: &played,
        samples: &samples,
        evidence: &evidence,
        audit: &audit,
        answers: &answers,
        stood_in: &stood_in,
    }
    .report();

    requests::write(&directory, &twin, &drive, &answers)?;
    let next_steps = next_steps(arguments, seed, &directory);
    let page = Page {
        report: &report,
        scenario: &scenario,
        played: &drive.played,
        samples: &samples,
        stood_in: &|payment| stood_in.contains(&payment),
        next_steps: &next_steps,
    };
    publish(arguments, &scenario, &report, &page, &directory)?;
    if let Some(stack) = Arc::into_inner(stack)
        && let Err(error) = stack.stop().await
    {
        say(&format!("  stopping: {error:#}"));
    }
    Ok(report)
}

fn load(file: Option<&Path>) -> anyhow::Result<Scenario> {
    let read = || match file {
        None => Scenario::parse(DEFAULT),
        Some(path) => std::fs::read_to_string(path)
            .map_err(anyhow::Error::from)
            .and_then(|text| Scenario::parse(&text))
            .with_context(|| path.display().to_string()),
    };
    read().map_err(|error| error.context(Usage))
}

/// What the caller gave is at fault: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("this scenario cannot be played; `loadtest scenario` prints one that can")]
pub(crate) struct Usage;

fn run_directory(base: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let directory = base.join(format!("{name}-{}", process::clock::wall_seconds()));
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory.canonicalize()?)
}

async fn start(arguments: &RunArguments, seed: u64, directory: &Path) -> anyhow::Result<Stack> {
    say("holdfast: ledger, fault proxy and two gateways start as processes of their own");
    let config = StackConfig {
        store: arguments.store.into(),
        directory: Some(directory.join("processes")),
        seed,
        gateways: GATEWAYS,
        log: arguments.log.clone(),
        ..StackConfig::new(Program::current()?)
    };
    let stack = Stack::start(config).await?;
    say(&format!(
        "  ledger   {}  {}",
        stack.ledger_url(),
        stack.store_line()
    ));
    for gateway in stack.gateways() {
        say(&format!(
            "  {}      {}  iso8583 {}",
            gateway.name, gateway.http, gateway.iso
        ));
    }
    Ok(stack)
}

/// Sends, breaks, watches and shows, all at once; then waits until all is told to the ledger.
async fn play(
    scenario: &Scenario,
    schedule: &Schedule,
    twin: &Twin,
    stack: &Arc<Stack>,
) -> anyhow::Result<(Drive, timeline::Played, Vec<Sample>)> {
    let board = Arc::new(Board::default());
    let driver = driver(scenario, twin, stack, &board).await?;
    let samples: Samples = Arc::new(Mutex::default());
    let stop = CancellationToken::new();
    let start = Instant::now() + LEAD;
    let watch = async {
        sampler::watch(stack, &board, &samples, start, stop.clone()).await;
        anyhow::Ok(())
    };
    let show = async {
        live::show(scenario, &board, start, stop.clone()).await;
        anyhow::Ok(())
    };
    let sending = tokio::spawn({
        let schedule = schedule.clone();
        async move { driver.play(&schedule, start).await }
    });
    let dead = async { anyhow::Ok(deaths::watch(stack, start, stop.clone()).await) };
    let main = async {
        let mut played = timeline::play(scenario, stack, &board, start).await?;
        let drive = sending.await.context("the generator failed")?;
        settle(&mut played, stack, start).await?;
        stop.cancel();
        anyhow::Ok((drive, played))
    };
    let ((drive, mut played), (), (), deaths) = tokio::try_join!(main, watch, show, dead)?;
    played.died(&deaths);
    let samples = samples
        .lock()
        .map(|mut all| std::mem::take(&mut *all))
        .unwrap_or_default();
    Ok((drive, played, samples))
}

/// Mends what is broken and waits until the ledger knows all; again where somebody died
/// meanwhile. The books are compared without a fault.
async fn settle(
    played: &mut timeline::Played,
    stack: &Stack,
    start: Instant,
) -> anyhow::Result<()> {
    // Before and after, so long that the watches see what there is to see.
    let look = 2 * deaths::EVERY.max(sampler::EVERY);
    tokio::time::sleep(look).await;
    played.repair(stack, start).await?;
    for _ in 0..SETTLE_ROUNDS {
        if let Err(error) = stack.drained(DRAIN_PATIENCE).await {
            say(&format!("  {error:#}"));
        }
        tokio::time::sleep(look).await;
        if !played.repair(stack, start).await? {
            break;
        }
    }
    Ok(())
}

async fn driver(
    scenario: &Scenario,
    twin: &Twin,
    stack: &Stack,
    board: &Arc<Board>,
) -> anyhow::Result<Arc<Driver>> {
    let mut links = Vec::new();
    for gateway in 0..stack.gateways().len() {
        let iso = stack.iso(gateway).await?;
        iso.sign_on()
            .await
            .context("the sign-on was not answered")?;
        links.push(Link {
            http: stack.http(gateway)?,
            iso,
        });
    }
    let homes = twin
        .payments
        .iter()
        .map(|payment| stack.home_of(&payment.token))
        .collect();
    let payments = twin.payments.clone();
    Ok(Driver::new(
        scenario.client,
        links,
        payments,
        homes,
        Arc::clone(board),
    ))
}

fn publish(
    arguments: &RunArguments,
    scenario: &Scenario,
    report: &Report,
    page: &Page<'_>,
    directory: &Path,
) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(report)?;
    let (json_file, html_file) = (directory.join("report.json"), directory.join("report.html"));
    std::fs::write(&json_file, &json).context("the report could not be written")?;
    std::fs::write(&html_file, page.html()).context("the report could not be written")?;
    match arguments.output {
        Output::Json => {
            println!("{json}");
            say(&format!("{} on {}", report.verdict.words(), report.store));
            report
                .because
                .iter()
                .for_each(|reason| say(&format!("  ! {reason}")));
            say(&format!("report  {}", html_file.display()));
        }
        Output::Text => {
            println!("{}", verdict(report, scenario, paint_stdout()));
            println!("Report  {}", html_file.display());
            println!("        {}", json_file.display());
            println!("\nTry next");
            page.next_steps.iter().for_each(|step| println!("  {step}"));
        }
    }
    Ok(())
}

fn paint_stdout() -> Paint {
    use std::io::IsTerminal;
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Paint(std::io::stdout().is_terminal() && !no_colour)
}

fn next_steps(arguments: &RunArguments, seed: u64, directory: &Path) -> Vec<String> {
    let other = match arguments.store {
        StoreName::Embedded => "cargo run --release -- run --store postgres",
        StoreName::Postgres => "cargo run --release -- run",
    };
    vec![
        "cargo run --release -- up                      # play with it: curl, ISO 8583, kill -9"
            .into(),
        format!("{other}      # the same outage on the other store"),
        format!(
            "cargo run --release -- run --seed {}            # other cards, payments and times; logs are in {}",
            seed.wrapping_add(1),
            directory.join("processes").display()
        ),
    ]
}
