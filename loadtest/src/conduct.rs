//! From a stack that runs to a report: seed it, play, wait until all is told, audit, tell.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tests::books::{AuditOptions, audit};
use ::tests::cluster::Stack;
use anyhow::Context;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::audit::{Case, DRAIN_PATIENCE, answers, stood_in};
use crate::board::Board;
use crate::cli::Output;
use crate::driver::{Drive, Driver, Link};
use crate::html::Page;
use crate::live::{self, say};
use crate::report::Report;
use crate::sampler::{self, Sample, Samples};
use crate::scenario::Scenario;
use crate::schedule::{Schedule, stream};
use crate::text::{Paint, verdict};
use crate::twin::Twin;
use crate::{deaths, requests, timeline, workload};

/// Between everything being ready and the first request.
const LEAD: Duration = Duration::from_millis(300);
/// How often it is waited for a process that dies again and again.
const SETTLE_ROUNDS: usize = 3;

/// What is played, and where the result goes.
pub(crate) struct Conduct<'a> {
    pub scenario: &'a Scenario,
    /// What the scenario asks for and the stack cannot do.
    pub left_out: Vec<String>,
    pub seed: u64,
    /// The number of the first card, and of its account.
    pub first_card: u64,
    /// The number of the first payment.
    pub first_payment: u64,
    /// True where all files of the stack are here and may be searched for card numbers.
    pub search: bool,
    pub output: Output,
    /// Where report and requests are written; nowhere where `None`.
    pub directory: Option<&'a Path>,
    /// What a person may want to do next.
    pub next_steps: Vec<String>,
}

impl Conduct<'_> {
    /// Plays and prints what came out.
    ///
    /// # Errors
    /// Where it could not be brought to its end.
    pub(crate) async fn play(&self, stack: &Arc<Stack>) -> anyhow::Result<Report> {
        let (scenario, seed) = (self.scenario, self.seed);
        let yymm = process::clock::yymm(process::clock::wall_seconds());
        let load = &scenario.workload;
        let issued = workload::cards(load, self.first_card, yymm, &mut stream(seed, 0));
        say(&format!("  seeding {} cards and accounts", issued.len()));
        let cards = stack
            .seed(&issued)
            .await
            .context("the cards could not be seeded")?;
        let keys = Arc::clone(stack.keys());
        let numbers = (yymm, self.first_payment);
        let mut twin = Twin::new(&issued, cards, keys, numbers, load.currency)?;
        let length = scenario.length();
        let schedule = Schedule::draw(load, &scenario.client, length, seed, &mut twin)?;
        say(&format!(
            "  {} requests in {:.0} s drawn from seed {seed}; the twin approves {} of {} payments",
            schedule.requests.len(),
            length.as_secs_f64(),
            twin.approves.iter().filter(|approved| **approved).count(),
            twin.approves.len()
        ));
        let (drive, played, samples) = play(scenario, &schedule, &twin, stack).await?;
        say("  asking ledger and gateways for what they hold");
        let options = AuditOptions {
            budget: None,
            search_card_numbers: self.search,
            ..AuditOptions::default()
        };
        let evidence = stack.evidence(&options).await?;
        let audit = audit(&evidence, &options);
        let answers = answers(&twin, &drive, &evidence);
        let stood_in = stood_in(&answers);
        let report = Case {
            scenario,
            seed,
            backend: stack.machinery().backend(),
            on: stack.machinery().describe(),
            left_out: self.left_out.clone(),
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
        if let Some(directory) = self.directory {
            requests::write(directory, &twin, &drive, &answers)?;
        }
        self.publish(&Page {
            report: &report,
            scenario,
            played: &drive.played,
            samples: &samples,
            stood_in: &|payment| stood_in.contains(&payment),
            next_steps: &self.next_steps,
        })?;
        Ok(report)
    }

    fn publish(&self, page: &Page<'_>) -> anyhow::Result<()> {
        let report = page.report;
        let json = serde_json::to_string_pretty(report)?;
        let mut files = Vec::new();
        if let Some(directory) = self.directory {
            for (name, text) in [("report.html", page.html()), ("report.json", json.clone())] {
                let file = directory.join(name);
                std::fs::write(&file, text).context("the report could not be written")?;
                files.push(file.display().to_string());
            }
        }
        match self.output {
            Output::Json => {
                println!("{json}");
                say(&format!("{} on {}", report.verdict.words(), report.store));
                report
                    .because
                    .iter()
                    .for_each(|reason| say(&format!("  ! {reason}")));
                files
                    .iter()
                    .take(1)
                    .for_each(|it| say(&format!("report  {it}")));
            }
            Output::Text => {
                println!("{}", verdict(report, self.scenario, paint_stdout()));
                if !files.is_empty() {
                    println!("Report  {}", files.join("\n        "));
                }
                if !self.next_steps.is_empty() {
                    println!("\nTry next");
                    self.next_steps.iter().for_each(|step| println!("  {step}"));
                }
            }
        }
        Ok(())
    }
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

fn paint_stdout() -> Paint {
    use std::io::IsTerminal;
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Paint(std::io::stdout().is_terminal() && !no_colour)
}
