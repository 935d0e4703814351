//! The ledger's throughput against `pgbench -N` on the same server, in rounds.
//!
//! A round begins with fresh copies of both databases: accounts and cards, and no authorization yet.
//! pgbench comes first and last in it, and what is compared with it is in between; who follows whom
//! changes from round to round. Ratios are taken inside a round, and the median over the rounds counts.

mod report;
mod scaling;
mod shapes;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::bench::books::Books;
use crate::bench::cluster::{Cluster, Size, line};
use crate::bench::crowd::{Crowd, Spread};
use crate::bench::doors::{InProcess, LedgerProcess};
use crate::bench::pgbench;
use crate::bench::rig::{Processes, Rig, Sample};
use crate::bench::sampling::Sampling;
use crate::live::say;
use crate::machine;
use crate::report::Verdict;
use report::{Facts, Round, Throughput};
use shapes::{Door, Load, SHAPES, Shape};

/// Arguments of `throughput`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is measured: authorizations that are approved, each with a fresh id, in closed loops. Everything
that the ledger writes for one is in the transaction that the answer waits for: the authorization, two
entries, the totals of both accounts, the feed. pgbench's transaction is an update, a select and an insert.

Both sides: the same server, fsync on, its settings as they are (they are printed), one database each.
pgbench has as many rows as there are accounts. Each round begins with fresh copies of both databases;
each sample begins with a CHECKPOINT and a warm-up, so that none pays for the one before it;
autovacuum runs as the server has it. pgbench runs first and last in each round, for whole seconds, and
logs each transaction. Load, ledger and server share the machine.

Afterwards the books of every round must balance and have every approval that was acknowledged. A
decline or an error makes a run inconclusive: not all of it was the work that is compared.

Examples:
  loadtest throughput
  loadtest throughput --runs 1 --seconds 3 --only uniform-512 --only http-512
  loadtest throughput --database-url postgres://postgres@db:5432/postgres --json

A server of your own needs a role that may create databases and make checkpoints; give its password in
PGPASSWORD. The databases holdfast_bench_* are made, and removed at the end.

Exit codes: 0 all targets met, 10 one missed, 11 the books are wrong, 12 inconclusive, 13 no PostgreSQL.")]
pub(crate) struct ThroughputArguments {
    /// How it is measured.
    #[command(flatten)]
    pub sampling: Sampling,
    /// How many accounts, each with a card.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(2..=100_000_000))]
    pub accounts: u64,
    /// Only this shape; may be repeated. The verdict is then inconclusive at best.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(SHAPES.map(|it| it.name)))]
    pub only: Vec<String>,
}

const PGBENCH: &str = "holdfast_bench_pgbench";
const PGBENCH_SEED: &str = "holdfast_bench_pgbench_seed";
const LEDGER: &str = "holdfast_bench_ledger";
const LEDGER_SEED: &str = "holdfast_bench_ledger_seed";

/// Measures and prints.
///
/// # Errors
/// Where PostgreSQL is missing or does not answer.
pub(crate) async fn throughput(arguments: &ThroughputArguments) -> anyhow::Result<Verdict> {
    arguments.sampling.check()?;
    let cluster = Cluster::start(arguments.sampling.database_url.as_deref()).await?;
    let measured = measure(&cluster, arguments).await;
    for database in [PGBENCH, PGBENCH_SEED, LEDGER, LEDGER_SEED] {
        cluster.remove(database).await?;
    }
    let report = measured?;
    arguments.sampling.print(&report, &report.text())?;
    Ok(report.verdict)
}

async fn measure(cluster: &Cluster, arguments: &ThroughputArguments) -> anyhow::Result<Throughput> {
    say(&format!("  {}", line(cluster.settings())));
    let seed = arguments.sampling.seed.unwrap_or_else(rand::random);
    let crowd = Crowd::new(arguments.accounts, seed)?;
    let scale = pgbench::scale(arguments.accounts);
    say(&format!(
        "  opening {} accounts with cards, and as many rows for pgbench (scale {scale}); seed {seed}",
        arguments.accounts
    ));
    cluster.create(PGBENCH_SEED).await?;
    pgbench::fill(cluster, PGBENCH_SEED, scale).await?;
    cluster.create(LEDGER_SEED).await?;
    let books = Books::open(&cluster.url_of(LEDGER_SEED)).await?;
    books.seed(arguments.accounts).await?;
    drop(books);
    cluster.vacuum(LEDGER_SEED).await?;
    let rig = Rig::new(
        cluster,
        arguments.sampling.warm_up_s,
        arguments.sampling.seconds,
    );
    let chosen: Vec<&Shape> = (SHAPES.iter())
        .filter(|shape| {
            arguments.only.is_empty() || arguments.only.iter().any(|name| name == shape.name)
        })
        .collect();
    let mut rounds = Vec::new();
    for number in 0..arguments.sampling.runs {
        say(&format!(
            "  round {} of {}",
            number + 1,
            arguments.sampling.runs
        ));
        cluster.remove(PGBENCH).await?;
        cluster.remove(LEDGER).await?;
        cluster.copy(PGBENCH_SEED, PGBENCH).await?;
        cluster.copy(LEDGER_SEED, LEDGER).await?;
        let mut order = chosen.clone();
        order.rotate_left(number as usize * 3 % chosen.len().max(1));
        rounds.push(round(&rig, &crowd, &order).await?);
    }
    let facts = Facts {
        commit: machine::commit(),
        machine: machine::describe(),
        settings: cluster.settings().to_vec(),
        accounts: arguments.accounts,
        pgbench_scale: scale,
        seconds: arguments.sampling.seconds,
        warm_up_s: arguments.sampling.warm_up_s,
        seed,
    };
    Ok(Throughput::of(facts, rounds))
}

async fn round(rig: &Rig<'_>, crowd: &Crowd, order: &[&Shape]) -> anyhow::Result<Round> {
    let cluster = rig.cluster;
    let before = yardstick(rig).await?;
    let books = Books::open(&cluster.url_of(LEDGER)).await?;
    let sizes = cluster.sizes(LEDGER).await?;
    let acknowledged = AtomicU64::new(0);
    let mut samples = Vec::new();
    for shape in order {
        let sample = shaped(rig, crowd, shape, &books).await?;
        say(&format!(
            "    {:<12} {:>8.0} /s  p99 {:>7.2} ms{}",
            shape.name,
            sample.per_s,
            sample.p99_ms,
            told(&sample)
        ));
        acknowledged.fetch_add(sample.acknowledged, Ordering::Relaxed);
        samples.push((shape.name, sample));
    }
    let after = yardstick(rig).await?;
    let acknowledged = acknowledged.into_inner();
    say("    reading the books");
    let recorded = cluster.recorded(LEDGER).await?;
    let balanced = books.balanced().await?;
    let grown = grown(&sizes, &cluster.sizes(LEDGER).await?);
    Ok(Round {
        pgbench: [before, after],
        samples,
        acknowledged,
        recorded,
        balanced,
        grown,
    })
}

fn told(sample: &Sample) -> String {
    if sample.declined + sample.failed == 0 {
        return String::new();
    }
    format!(
        "  {} declined, {} failed: {}",
        sample.declined,
        sample.failed,
        sample.first_failure.as_deref().unwrap_or("–")
    )
}

async fn yardstick(rig: &Rig<'_>) -> anyhow::Result<pgbench::Yardstick> {
    let sample = pgbench::sample(rig.cluster, PGBENCH, rig.warm_up_s, rig.seconds).await?;
    say(&format!(
        "    {:<12} {:>8.0} /s  p99 {:>7.2} ms",
        "pgbench", sample.per_s, sample.p99_ms
    ));
    Ok(sample)
}

async fn shaped(
    rig: &Rig<'_>,
    crowd: &Crowd,
    shape: &Shape,
    books: &Books,
) -> anyhow::Result<Sample> {
    if shape.door == Door::Http {
        let process = LedgerProcess::start(&rig.cluster.url_of(LEDGER)).await?;
        let processes = Processes::ledger(process.pid()?);
        let load = (shape.callers, Spread::Uniform);
        return rig.sample(&process.client()?, crowd, load, processes).await;
    }
    let asked = InProcess::new(books)?;
    let processes = Processes::one();
    let spread = match shape.load {
        Load::Uniform => Spread::Uniform,
        Load::Zipf => Spread::Zipf,
        Load::Hot => Spread::One(1),
        Load::Locked => {
            let load = (shape.callers, LEDGER, 2);
            return rig.sample_beside_lock(&asked, crowd, load, processes).await;
        }
    };
    rig.sample(&asked, crowd, (shape.callers, spread), processes)
        .await
}

/// What tables have grown by, those that have.
fn grown(before: &[Size], after: &[Size]) -> Vec<Size> {
    let grown = after.iter().map(|now| {
        let then = before.iter().find(|then| then.table == now.table);
        Size {
            table: now.table.clone(),
            heap: now.heap - then.map_or(0, |then| then.heap),
            indexes: now.indexes - then.map_or(0, |then| then.indexes),
        }
    });
    grown.filter(|size| size.heap + size.indexes > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tables_that_have_grown_are_told() {
        let size = |table: &str, heap, indexes| Size {
            table: table.to_owned(),
            heap,
            indexes,
        };
        let before = [size("card", 8, 8), size("entry", 8, 8)];
        let after = [size("card", 8, 8), size("entry", 24, 9), size("feed", 1, 0)];
        let expected = [size("entry", 16, 1), size("feed", 1, 0)];
        assert_eq!(grown(&before, &after), expected);
    }
}
