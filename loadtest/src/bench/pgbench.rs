//! The yardstick: `pgbench -N`, one transaction per payment, as everybody can run it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::cluster::{Cluster, run};
use crate::stats::{millis, percentile};

/// How many rows pgbench has per unit of its scale.
const ROWS_PER_SCALE: u64 = 100_000;
const CLIENTS: &str = "32";
const THREADS: &str = "2";

/// What it did in one sample.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Yardstick {
    pub per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Of all processes of the server, per transaction.
    pub postgres_cpu_us: Option<f64>,
    /// Bytes of write-ahead log per transaction.
    pub wal_bytes: f64,
    #[serde(skip)]
    latencies: Vec<Duration>,
}

/// The scale with as many rows as there are accounts, so that both sides change tables of one size: a
/// larger one would have it write more full pages after a checkpoint. `-N` never touches the few rows
/// of branches and tellers, so that a small scale does not make its clients wait for each other.
pub(crate) fn scale(accounts: u64) -> u64 {
    accounts.div_ceil(ROWS_PER_SCALE).max(1)
}

/// Fills a database.
///
/// # Errors
/// Where pgbench fails.
pub(crate) async fn fill(cluster: &Cluster, database: &str, scale: u64) -> anyhow::Result<()> {
    let (url, scale) = (cluster.url_of(database), scale.to_string());
    run("pgbench", &["-i", "-q", "-s", &scale, &url]).await?;
    Ok(())
}

/// Runs it for whole seconds, at least one, after a warm-up.
///
/// # Errors
/// Where pgbench fails, or one of its transactions.
pub(crate) async fn sample(
    cluster: &Cluster,
    database: &str,
    warm_up_s: f64,
    seconds: f64,
) -> anyhow::Result<Yardstick> {
    cluster.checkpoint().await?;
    let logs = tempfile::Builder::new()
        .prefix("holdfast-pgbench-")
        .tempdir()?;
    play(cluster, database, warm_up_s, None).await?;
    let (cpu, wal) = (cluster.cpu(), cluster.wal_bytes().await?);
    let printed = play(cluster, database, seconds, Some(logs.path())).await?;
    let (cpu_then, wal_then) = (cluster.cpu(), cluster.wal_bytes().await?);
    let mut latencies = latencies(logs.path())?;
    ensure!(!latencies.is_empty(), "pgbench did no transaction");
    latencies.sort_unstable();
    let count = latencies.len() as f64;
    let micros = |from: Duration, to: Duration| (to - from).as_secs_f64() * 1e6 / count;
    Ok(Yardstick {
        per_s: tps(&printed).context("pgbench did not print its rate")?,
        p50_ms: millis(percentile(&latencies, 0.5)),
        p99_ms: millis(percentile(&latencies, 0.99)),
        postgres_cpu_us: cpu.zip(cpu_then).map(|(from, to)| micros(from, to)),
        wal_bytes: (wal_then - wal) as f64 / count,
        latencies,
    })
}

/// What was measured before and after something else, as one.
pub(crate) fn both(before: &Yardstick, after: &Yardstick) -> Yardstick {
    let mut latencies = [before.latencies.as_slice(), &after.latencies].concat();
    latencies.sort_unstable();
    let cpu = before.postgres_cpu_us.zip(after.postgres_cpu_us);
    Yardstick {
        per_s: f64::midpoint(before.per_s, after.per_s),
        p50_ms: millis(percentile(&latencies, 0.5)),
        p99_ms: millis(percentile(&latencies, 0.99)),
        postgres_cpu_us: cpu.map(|(before, after)| f64::midpoint(before, after)),
        wal_bytes: f64::midpoint(before.wal_bytes, after.wal_bytes),
        latencies: Vec::new(),
    }
}

async fn play(
    cluster: &Cluster,
    database: &str,
    seconds: f64,
    logs: Option<&Path>,
) -> anyhow::Result<String> {
    let url = cluster.url_of(database);
    let whole = format!("{:.0}", seconds.ceil().max(1.0));
    let prefix = logs.map(|logs| format!("--log-prefix={}", logs.join("log").display()));
    let mut arguments = vec!["-n", "-N", "-M", "prepared"];
    arguments.extend(["-c", CLIENTS, "-j", THREADS, "-T", &whole]);
    if let Some(prefix) = &prefix {
        arguments.extend(["-l", prefix]);
    }
    arguments.push(&url);
    run("pgbench", &arguments).await
}

fn tps(printed: &str) -> Option<f64> {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

fn latencies(logs: &Path) -> anyhow::Result<Vec<Duration>> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(logs)? {
        let text = std::fs::read_to_string(file?.path())?;
        for line in text.lines() {
            all.push(latency(line).with_context(|| format!("pgbench logged `{line}`"))?);
        }
    }
    Ok(all)
}

/// `client transaction latency_us script epoch_s epoch_us`; a failed transaction has a word instead.
fn latency(line: &str) -> Option<Duration> {
    let micros = line.split_whitespace().nth(2)?.parse().ok()?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
impl Yardstick {
    /// One with two latencies of so many milliseconds.
    pub(crate) fn of(per_s: f64, ms: u64) -> Self {
        Self {
            per_s,
            p50_ms: ms as f64,
            p99_ms: ms as f64,
            postgres_cpu_us: None,
            wal_bytes: 300.0,
            latencies: vec![Duration::from_millis(ms); 2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_rate_and_its_log_are_read() {
        let printed =
            "latency average = 7.1 ms\ntps = 4503.250000 (without initial connection time)\n";
        assert_eq!(tps(printed), Some(4503.25));
        assert_eq!(tps("no rate"), None);
        let line = "3 177 6415 0 1700000000 525033";
        assert_eq!(latency(line), Some(Duration::from_micros(6_415)));
        assert_eq!(latency("3 177 failed 0 1700000000 525033"), None);
    }

    #[test]
    fn it_has_as_many_rows_as_there_are_accounts() {
        assert_eq!(scale(200), 1);
        assert_eq!(scale(100_000), 1);
        assert_eq!(scale(1_000_000), 10);
    }

    #[test]
    fn two_samples_are_one_with_the_latencies_of_both() {
        let one = both(&Yardstick::of(100.0, 2), &Yardstick::of(300.0, 4));
        assert!((one.per_s - 200.0).abs() < 1e-9);
        assert!((one.p50_ms - 2.0).abs() < 1e-9 && (one.p99_ms - 4.0).abs() < 1e-9);
    }
}
