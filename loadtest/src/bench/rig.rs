//! One sample: a checkpoint, a warm-up, the load, and what it cost.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;
use tokio::time::{Instant, sleep_until, timeout};

use super::callers::{Asked, Callers, Said, Seen, Window};
use super::cluster::Cluster;
use super::cpu;
use super::crowd::{Crowd, Spread};
use super::locked::Locked;
use crate::stats::{millis, percentile};

/// How many callers want the account that is locked.
const PESTS: u32 = 8;
/// How long they may wait for it in vain, and how long until it serves again.
const LOCKED_WAIT_MAX: Duration = Duration::from_secs(10);

/// What one sample showed.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Sample {
    /// Approvals per second.
    pub per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// All approvals that were acknowledged, in the warm-up too.
    pub acknowledged: u64,
    pub declined: u64,
    pub failed: u64,
    pub first_failure: Option<String>,
    /// Processor time of the process with the ledger in it, per approval.
    pub ledger_cpu_us: Option<f64>,
    /// Of the process with the callers, where that is another one.
    pub client_cpu_us: Option<f64>,
    /// Of all processes of the server.
    pub postgres_cpu_us: Option<f64>,
    /// Bytes of write-ahead log per approval.
    pub wal_bytes: f64,
    /// How often the account that was locked from outside was refused, and how often it was approved
    /// all the same.
    pub locked: Option<LockedSample>,
}

/// What the callers of the locked account saw.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LockedSample {
    pub refused: u64,
    pub approved: u64,
}

/// Whose processor time counts for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processes {
    /// The process with the ledger in it.
    pub ledger: u32,
    /// True where the callers are in that process too.
    pub together: bool,
}

impl Processes {
    /// Everything in this process.
    pub(crate) fn one() -> Self {
        Self {
            ledger: std::process::id(),
            together: true,
        }
    }

    /// The ledger in another process.
    pub(crate) fn ledger(pid: u32) -> Self {
        Self {
            ledger: pid,
            together: false,
        }
    }
}

/// What all samples of a run share.
#[derive(Debug)]
pub(crate) struct Rig<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) warm_up_s: f64,
    pub(crate) seconds: f64,
    samples: AtomicU32,
}

/// Where the counters stand.
struct Reading {
    ledger: Option<Duration>,
    client: Option<Duration>,
    postgres: Option<Duration>,
    wal: i64,
}

impl<'a> Rig<'a> {
    pub(crate) fn new(cluster: &'a Cluster, warm_up_s: f64, seconds: f64) -> Self {
        Self {
            cluster,
            warm_up_s,
            seconds,
            samples: AtomicU32::new(1),
        }
    }

    /// So many callers for the window.
    ///
    /// # Errors
    /// Where the server does not answer, or a caller panicked.
    pub(crate) async fn sample<A: Asked>(
        &self,
        asked: &A,
        crowd: &Crowd,
        (callers, spread): (u32, Spread),
        processes: Processes,
    ) -> anyhow::Result<Sample> {
        self.cluster.checkpoint().await?;
        let (number, window) = (self.number(), self.window());
        let callers = Callers::start(asked, crowd, spread, (number, 0..callers), window);
        self.watch(callers, window, processes).await
    }

    /// The same while one account is locked from outside, which a few more callers keep asking for.
    /// They are not counted: it is the others that must not notice.
    ///
    /// # Errors
    /// As [`Rig::sample`]; also where the lock did not hold, or the account is dead afterwards.
    pub(crate) async fn sample_beside_lock<A: Asked>(
        &self,
        asked: &A,
        crowd: &Crowd,
        (callers, database, account): (u32, &str, u64),
        processes: Processes,
    ) -> anyhow::Result<Sample> {
        self.cluster.checkpoint().await?;
        let lock = Locked::hold(self.cluster, database, account).await?;
        let (number, window) = (self.number(), self.window());
        let (others, one) = (Spread::AllBut(account), Spread::One(account));
        let pests = callers..callers + PESTS;
        let callers = Callers::start(asked, crowd, others, (number, 0..callers), window);
        let pests = Callers::start(asked, crowd, one, (number, pests), window);
        let mut sample = self.watch(callers, window, processes).await?;
        let in_vain = timeout(LOCKED_WAIT_MAX, pests.ended()).await;
        lock.release().await?;
        let pests =
            in_vain.map_err(|_| anyhow::anyhow!("whoever wants a locked account waits"))??;
        sample.acknowledged += pests.approved + served_again(asked, crowd, account, number).await?;
        sample.locked = Some(LockedSample {
            refused: pests.failed,
            approved: pests.approved,
        });
        Ok(sample)
    }

    fn number(&self) -> u32 {
        self.samples.fetch_add(1, Ordering::Relaxed)
    }

    fn window(&self) -> Window {
        Window::after(self.warm_up_s, self.seconds)
    }

    async fn watch(
        &self,
        callers: Callers,
        window: Window,
        processes: Processes,
    ) -> anyhow::Result<Sample> {
        sleep_until(window.from).await;
        let before = self.read(processes).await?;
        sleep_until(window.to).await;
        let after = self.read(processes).await?;
        Ok(self.sampled(callers.ended().await?, &before, &after))
    }

    async fn read(&self, processes: Processes) -> anyhow::Result<Reading> {
        Ok(Reading {
            ledger: cpu::of(processes.ledger),
            client: (!processes.together).then(cpu::own).flatten(),
            postgres: self.cluster.cpu(),
            wal: self.cluster.wal_bytes().await?,
        })
    }

    fn sampled(&self, seen: Seen, before: &Reading, after: &Reading) -> Sample {
        let mut latencies = seen.latencies;
        latencies.sort_unstable();
        let count = (latencies.len() as f64).max(1.0);
        let micros = |from: Option<Duration>, to: Option<Duration>| {
            let (from, to) = from.zip(to)?;
            Some(to.saturating_sub(from).as_secs_f64() * 1e6 / count)
        };
        Sample {
            per_s: latencies.len() as f64 / self.seconds,
            p50_ms: millis(percentile(&latencies, 0.5)),
            p99_ms: millis(percentile(&latencies, 0.99)),
            acknowledged: seen.approved,
            declined: seen.declined,
            failed: seen.failed,
            first_failure: seen.first_failure,
            ledger_cpu_us: micros(before.ledger, after.ledger),
            client_cpu_us: micros(before.client, after.client),
            postgres_cpu_us: micros(before.postgres, after.postgres),
            wal_bytes: (after.wal - before.wal) as f64 / count,
            locked: None,
        }
    }
}

/// Waits until the account that was locked is served again, and tells how many approvals that took: one.
async fn served_again<A: Asked>(
    asked: &A,
    crowd: &Crowd,
    account: u64,
    sample: u32,
) -> anyhow::Result<u64> {
    let mut draws = crowd.draws(Spread::One(account), sample, u32::MAX);
    let until = Instant::now() + LOCKED_WAIT_MAX;
    loop {
        match asked.ask(draws.next()).await {
            Said::Approved => return Ok(1),
            said => ensure!(
                Instant::now() < until,
                "the account that was locked is not served again: {said:?}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
