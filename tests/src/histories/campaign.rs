//! Many histories, and the command that plays more of them than the tests do.

use std::ffi::OsString;
use std::io::Write;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use ledger::store::Store;
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::play::{Bench, InDatabase, OnDisk, Report, Run, balanced};
use super::steps::History;
use crate::postgres::Postgres;

/// How many histories share one disk: their books grow together.
const PER_DISK: u64 = 50;
/// How many play at once.
const PLAYERS: usize = 4;
/// How often progress is said.
const PROGRESS: Duration = Duration::from_secs(2);

impl Report {
    fn add(&mut self, other: Self) {
        self.histories += other.histories;
        self.commands += other.commands;
        self.interrupted += other.interrupted;
        self.unanswered += other.unanswered;
        self.approved += other.approved;
        self.moved += other.moved;
    }

    /// A run in which nothing was approved, moved or interrupted has proved nothing.
    ///
    /// # Errors
    /// Where that is so.
    pub fn conclusive(&self) -> anyhow::Result<()> {
        let seen = [self.interrupted, self.unanswered, self.approved, self.moved];
        ensure!(!seen.contains(&0), "inconclusive: {self:?}");
        Ok(())
    }
}

/// Where histories are played.
#[derive(Debug, Clone)]
enum Place {
    Disk,
    Database { url: String, disturbed: bool },
}

/// Plays histories `from..from + count` on the embedded store, whose power is cut again and again.
///
/// # Errors
/// The first difference from the model.
pub async fn on_disk(from: u64, count: u64) -> anyhow::Result<Report> {
    many(&Place::Disk, from, count, PER_DISK).await
}

/// Plays histories on PostgreSQL, several ledgers at once over one database of this `name`;
/// `disturbed`: sessions are ended at random, between a statement and its commit too.
///
/// # Errors
/// The first difference from the model.
pub async fn in_database(
    postgres: &Postgres,
    name: &str,
    from: u64,
    count: u64,
    disturbed: bool,
) -> anyhow::Result<Report> {
    let url = postgres.database(name).await?;
    Store::postgres(&url)?.prepare().await?;
    let killer = disturbed.then(|| end_sessions(postgres)).transpose()?;
    let place = Place::Database {
        url: url.clone(),
        disturbed,
    };
    let share = count.div_ceil(PLAYERS as u64).max(1);
    let report = many(&place, from, count, share).await;
    drop(killer);
    let report = report?;
    let store = Store::postgres(&url)?;
    until_prepared(&store).await?;
    balanced(&store).await?;
    Ok(report)
}

/// Plays shares of histories, a few at a time, and says how far it has come.
async fn many(place: &Place, from: u64, count: u64, share: u64) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut waiting = (from..from + count).step_by(usize::try_from(share)?);
    let mut players = JoinSet::new();
    let mut said = Instant::now();
    loop {
        while players.len() < PLAYERS {
            let Some(first) = waiting.next() else { break };
            let seeds = first..(first + share).min(from + count);
            players.spawn(play(place.clone(), seeds));
        }
        let Some(played) = players.join_next().await else {
            return Ok(report);
        };
        report.add(played??);
        if said.elapsed() > PROGRESS {
            said = Instant::now();
            let _unread = writeln!(
                std::io::stderr(),
                "{} of {count} histories",
                report.histories
            );
        }
    }
}

async fn play(place: Place, seeds: Range<u64>) -> anyhow::Result<Report> {
    let mut run = Run::default();
    match place {
        Place::Disk => {
            let mut bench = OnDisk::new(seeds.start).await?;
            for seed in seeds {
                run.play(&History::of(seed), &mut bench).await?;
            }
            balanced(bench.store()).await?;
        }
        Place::Database { url, disturbed } => {
            let store = Store::postgres(&url)?;
            until_prepared(&store).await?;
            let mut bench = InDatabase { store, disturbed };
            for seed in seeds {
                run.play(&History::of(seed), &mut bench).await?;
            }
        }
    }
    Ok(run.report)
}

/// Whoever ends sessions may end the one that looks after the schema.
async fn until_prepared(store: &Store) -> anyhow::Result<()> {
    let mut last = None;
    for _ in 0..50 {
        match store.prepare().await {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    anyhow::bail!("the database cannot be prepared: {last:?}")
}

/// Ends ledgers' busy sessions at random moments until it is dropped.
fn end_sessions(postgres: &Postgres) -> anyhow::Result<Child> {
    const LOOP: &str = "DO $$ BEGIN LOOP
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name LIKE 'holdfast-ledger%' AND state <> 'idle' AND random() < 0.3;
        PERFORM pg_stat_clear_snapshot();
        PERFORM pg_sleep(random() * 0.03);
    END LOOP; END $$";
    postgres.in_background(LOOP)
}

/// Plays random payment histories on real books and compares them with a small model.
#[derive(Debug, Parser)]
#[command(name = "histories", after_help = EXAMPLES)]
struct Arguments {
    /// Where the books are.
    #[arg(long, value_enum, default_value_t = Books::Embedded)]
    store: Books,
    /// The number of the first history.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// End the database's sessions at random meanwhile.
    #[arg(long)]
    disturbed: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Books {
    Embedded,
    Postgres,
}

const EXAMPLES: &str = "\
Examples:
  node histories --count 1000000
      on the embedded store, on a disk whose power is cut
  node histories --store postgres --count 10000 --disturbed
      on a private PostgreSQL whose sessions are ended at random
  node histories --from 4711 --count 1
      one history again

Exit codes: 0 no difference, 1 a difference, which is named, 2 unknown flag.";

/// The command.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _unwritable = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let played = tokio::runtime::Runtime::new()
        .context("no runtime")
        .and_then(|runtime| runtime.block_on(campaign(&arguments)));
    match played {
        Ok(report) => {
            println!("{report:#?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("histories: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn campaign(arguments: &Arguments) -> anyhow::Result<Report> {
    let (from, count) = (arguments.from, arguments.count);
    match arguments.store {
        Books::Embedded => on_disk(from, count).await,
        Books::Postgres => {
            let postgres = Postgres::start_or_missing().await?;
            in_database(&postgres, "histories", from, count, arguments.disturbed).await
        }
    }
}
