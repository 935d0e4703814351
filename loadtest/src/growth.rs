//! What more accounts and more entries cost the ledger: rate and p99 at every step, in rounds.
//!
//! All books are there at once, each in a database of its own; a round measures them one after the
//! other, pgbench before each, so that what drifts on the machine meets all of them. A step is compared
//! with the first one inside a round, and the median over the rounds counts.

mod report;

use crate::bench::books::Books;
use crate::bench::cluster::{Cluster, line};
use crate::bench::crowd::{Crowd, Spread};
use crate::bench::doors::InProcess;
use crate::bench::pgbench;
use crate::bench::rig::{Processes, Rig, Sample};
use crate::bench::sampling::Sampling;
use crate::bench::table::whole;
use crate::live::say;
use crate::machine;
use crate::report::Verdict;
use report::{Facts, Growth, Measured, Step};

/// Arguments of `growth`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One set of books for each number of accounts, without authorizations at first, and one more with as many
accounts as the last of them and so many entries: filled by the ledger itself, so that they are what it
writes (an authorization has two). Each is vacuumed and analysed once, then measured in every round with
512 and with 64 callers, in closed loops, uniform over its accounts, through the batcher; each sample
begins with a CHECKPOINT and a warm-up. pgbench runs before each step, on the same rows all the time: how
far it differs from itself is what the machine does.

The default takes about half an hour and 10 GB. Quicker:
  loadtest growth --accounts 10000,100000 --entries 1000000 --runs 1

A step is worse where its rate is below 75 % of the first step's, or its p99 above 125 %.

Exit codes: 0 no step is worse, 10 one is, 11 the books are wrong, 12 inconclusive, 13 no PostgreSQL.")]
pub(crate) struct GrowthArguments {
    /// How many accounts, by step.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "10000,100000,1000000",
        value_parser = clap::value_parser!(u64).range(2..=100_000_000)
    )]
    pub accounts: Vec<u64>,
    /// How many entries the books of the last step have; no such step with 0.
    #[arg(long, default_value_t = 10_000_000)]
    pub entries: u64,
    /// How it is measured.
    #[command(flatten)]
    pub sampling: Sampling,
}

const PGBENCH: &str = "holdfast_bench_pgbench";
/// Rows for pgbench: the same at every step.
const PGBENCH_SCALE: u64 = 1;
/// Callers of the two samples of a step.
const CALLERS: [u32; 2] = [512, 64];

/// Books to measure.
#[derive(Debug)]
struct Place {
    database: String,
    accounts: u64,
    crowd: Crowd,
    /// Authorizations that filling was told are approved.
    filled: u64,
}

/// Measures and prints.
///
/// # Errors
/// Where PostgreSQL is missing or does not answer, or the disk is full.
pub(crate) async fn growth(arguments: &GrowthArguments) -> anyhow::Result<Verdict> {
    arguments.sampling.check()?;
    let cluster = Cluster::start(arguments.sampling.database_url.as_deref()).await?;
    let measured = measure(&cluster, arguments).await;
    cluster.remove(PGBENCH).await?;
    for step in 0..=arguments.accounts.len() {
        cluster.remove(&database(step)).await?;
    }
    let report = measured?;
    arguments.sampling.print(&report, &report.text())?;
    Ok(report.verdict)
}

fn database(step: usize) -> String {
    format!("holdfast_bench_step{step}")
}

async fn measure(cluster: &Cluster, arguments: &GrowthArguments) -> anyhow::Result<Growth> {
    let seed = arguments.sampling.seed.unwrap_or_else(rand::random);
    say(&format!("  {}", line(cluster.settings())));
    say(&format!("  seed {seed}"));
    cluster.create(PGBENCH).await?;
    pgbench::fill(cluster, PGBENCH, PGBENCH_SCALE).await?;
    let places = prepare(cluster, arguments, seed).await?;
    let rig = Rig::new(
        cluster,
        arguments.sampling.warm_up_s,
        arguments.sampling.seconds,
    );
    let mut steps = Vec::new();
    for place in &places {
        steps.push(Step {
            accounts: place.accounts,
            entries: cluster.entries(&place.database).await?,
            acknowledged: place.filled,
            recorded: 0,
            balanced: false,
            sizes: cluster.sizes(&place.database).await?,
            rounds: Vec::new(),
        });
    }
    for round in 0..arguments.sampling.runs {
        say(&format!(
            "  round {} of {}",
            round + 1,
            arguments.sampling.runs
        ));
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.rotate_left(round as usize % places.len().max(1));
        for index in order {
            let measured = step(&rig, &places[index]).await?;
            for sample in &measured.samples {
                steps[index].acknowledged += sample.acknowledged;
            }
            steps[index].rounds.push(measured);
        }
    }
    say("  reading the books");
    for (step, place) in steps.iter_mut().zip(&places) {
        step.recorded = cluster.recorded(&place.database).await?;
        let books = Books::open(&cluster.url_of(&place.database)).await?;
        step.balanced = books.balanced().await?;
    }
    let facts = Facts {
        commit: machine::commit(),
        machine: machine::describe(),
        settings: cluster.settings().to_vec(),
        seconds: arguments.sampling.seconds,
        warm_up_s: arguments.sampling.warm_up_s,
        seed,
    };
    Ok(Growth::of(facts, steps))
}

/// Makes all books.
async fn prepare(
    cluster: &Cluster,
    arguments: &GrowthArguments,
    seed: u64,
) -> anyhow::Result<Vec<Place>> {
    let mut places = Vec::new();
    for (step, accounts) in arguments.accounts.iter().copied().enumerate() {
        let place = Place {
            database: database(step),
            accounts,
            crowd: Crowd::new(accounts, seed)?,
            filled: 0,
        };
        say(&format!("  opening {} accounts", whole(accounts as f64)));
        cluster.create(&place.database).await?;
        let books = Books::open(&cluster.url_of(&place.database)).await?;
        books.seed(accounts).await?;
        places.push(place);
    }
    if let Some(last) = places.last().filter(|_| arguments.entries > 0) {
        let (crowd, accounts) = (last.crowd.clone(), last.accounts);
        let mut place = Place {
            database: database(places.len()),
            accounts,
            crowd,
            filled: 0,
        };
        cluster.copy(&last.database, &place.database).await?;
        place.filled = fill(cluster, &place, arguments.entries).await?;
        places.push(place);
    }
    for place in &places {
        cluster.vacuum(&place.database).await?;
    }
    Ok(places)
}

async fn fill(cluster: &Cluster, place: &Place, entries: u64) -> anyhow::Result<u64> {
    let books = Books::open(&cluster.url_of(&place.database)).await?;
    let told = std::sync::atomic::AtomicU64::new(0);
    let done = || async {
        let now = cluster.entries(&place.database).await?;
        let share = now * 10 / entries.max(1);
        if told.fetch_max(share, std::sync::atomic::Ordering::Relaxed) < share {
            let (now, entries) = (whole(now as f64), whole(entries as f64));
            say(&format!("  {now} of {entries} entries"));
        }
        Ok(now >= entries)
    };
    books.fill(&place.crowd, done).await
}

async fn step(rig: &Rig<'_>, place: &Place) -> anyhow::Result<Measured> {
    let pgbench = pgbench::sample(rig.cluster, PGBENCH, rig.warm_up_s, rig.seconds).await?;
    let books = Books::open(&rig.cluster.url_of(&place.database)).await?;
    let asked = InProcess::new(&books)?;
    let mut samples: [Sample; 2] = Default::default();
    for (sample, callers) in samples.iter_mut().zip(CALLERS) {
        let load = (callers, Spread::Uniform);
        *sample = rig
            .sample(&asked, &place.crowd, load, Processes::one())
            .await?;
    }
    say(&format!(
        "    {:>9} accounts{}  {:>7.0} /s at 512, {:>7.0} /s at 64, pgbench {:>6.0} /s",
        whole(place.accounts as f64),
        if place.filled > 0 {
            ", filled"
        } else {
            "        "
        },
        samples[0].per_s,
        samples[1].per_s,
        pgbench.per_s
    ));
    Ok(Measured { pgbench, samples })
}
