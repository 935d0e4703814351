//! A PostgreSQL that outlives its primary: three nodes under Patroni, three of etcd, HAProxy in front.
//!
//! ```text
//! ledger ──► HAProxy ──► whichever of pg1, pg2, pg3 Patroni calls the primary
//!                          └── leader key in etcd e1, e2, e3
//! ```
//!
//! The configuration is that of `deploy/ha`. Each node has a loopback address of its own, so that all
//! nodes have the same ports, as on machines of their own. Everything runs below one private
//! directory, and a process is ours exactly when it works in there.

mod configuration;
mod installed;
mod parts;
mod proc;
mod rest;
mod restore;
mod start;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::waiting::wait_until;

pub use configuration::{Files, HAPROXY, Ports};
pub use installed::{Installed, Missing, haproxy, python};
use parts::{Part, Watchdog};
use rest::Rest;
pub use rest::{Member, Members};

/// How many PostgreSQL nodes, and how many of etcd.
pub const NODES: usize = 3;

/// How long a cluster may take until it has a primary and a synchronous standby.
const HEALTHY_WITHIN: Duration = Duration::from_secs(120);

/// A running cluster. Everything that it started ends when it is dropped; logs stay.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: who would start others before who is started.
    nodes: Vec<Part>,
    haproxy: Part,
    etcds: Vec<Part>,
    watchdog: Watchdog,
    rest: Rest,
    ports: Ports,
    installed: Installed,
    version: String,
    /// Private: data, configuration, and the working directories of all processes.
    directory: tempfile::TempDir,
    logs: PathBuf,
}

impl Cluster {
    /// What a ledger connects to: the primary, through HAProxy.
    pub fn url(&self) -> String {
        let (port, password) = (self.ports.haproxy, configuration::LEDGER_PASSWORD);
        format!("postgres://holdfast:{password}@127.0.0.1:{port}/holdfast")
    }

    /// PostgreSQL, Patroni, etcd and HAProxy with their versions.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where the logs of all parts are.
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// `pg1`, `pg2` or `pg3`.
    pub fn name(&self, node: usize) -> String {
        format!("pg{}", node + 1)
    }

    /// The node that says that it is the primary and holds the leader key, as HAProxy asks.
    pub async fn primary(&self) -> Option<usize> {
        for node in 0..NODES {
            if self.rest.is(node, "primary").await {
                return Some(node);
            }
        }
        None
    }

    /// What Patroni says of everybody; asked of whoever answers.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn members(&self) -> anyhow::Result<Members> {
        for node in 0..NODES {
            if let Ok(members) = self.rest.members(node).await {
                return Ok(members);
            }
        }
        bail!("no Patroni answers")
    }

    /// Waits until there is a primary other than `not`, with a synchronous standby: until writes go on.
    ///
    /// # Errors
    /// Where that takes longer than `within`.
    pub async fn writable(&self, not: Option<usize>, within: Duration) -> anyhow::Result<usize> {
        let leads = || async {
            let leader = self.primary().await;
            leader.is_some() && leader != not && self.has_standby().await
        };
        wait_until("another primary has a standby", within, leads).await?;
        self.primary().await.context("the primary has gone again")
    }

    /// Waits until all three nodes are there again, one of them the synchronous standby.
    ///
    /// # Errors
    /// Where that takes longer than `within`.
    pub async fn whole(&self, within: Duration) -> anyhow::Result<Duration> {
        let whole = || async { self.members().await.is_ok_and(|it| it.is_whole(NODES)) };
        wait_until("all three nodes stream", within, whole).await
    }

    async fn has_standby(&self) -> bool {
        self.members().await.is_ok_and(|it| it.has_standby())
    }

    /// SIGKILL for a whole node: Patroni and PostgreSQL with all its processes.
    pub async fn kill_node(&mut self, node: usize) {
        self.nodes[node].kill_all().await;
    }

    /// SIGKILL for PostgreSQL's first process only; Patroni lives.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill_postmaster(&self, node: usize) -> anyhow::Result<()> {
        let data = self.data(node);
        let file = data.join("postmaster.pid");
        let text = std::fs::read_to_string(&file).context("PostgreSQL does not run")?;
        let first = text.lines().next().and_then(|line| line.parse().ok());
        let pid = first.and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{} names no process", file.display()))?;
        anyhow::ensure!(
            proc::working_below(&data).contains(&pid),
            "{pid:?} is not ours"
        );
        proc::signal(pid, Signal::KILL);
        Ok(())
    }

    /// SIGSTOP for a whole node, its connections open.
    pub fn freeze_node(&self, node: usize) {
        self.nodes[node].signal_all(Signal::STOP);
    }

    /// SIGCONT for a whole node.
    pub fn thaw_node(&self, node: usize) {
        self.nodes[node].signal_all(Signal::CONT);
    }

    /// Starts a node again on the data that it has.
    ///
    /// # Errors
    /// Where Patroni cannot be started.
    pub async fn start_node(&mut self, node: usize) -> anyhow::Result<()> {
        self.nodes[node].start().await
    }

    /// SIGKILL for a node of etcd.
    pub async fn kill_etcd(&mut self, node: usize) {
        self.etcds[node].kill_all().await;
    }

    /// Starts a node of etcd again on the data that it has.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub async fn start_etcd(&mut self, node: usize) -> anyhow::Result<()> {
        self.etcds[node].start().await
    }

    /// Hands the leader key over as planned, to the synchronous standby.
    ///
    /// # Errors
    /// Where Patroni refuses.
    pub async fn switchover(&self, leader: usize) -> anyhow::Result<()> {
        let order = serde_json::json!({"leader": self.name(leader)});
        self.rest.post(leader, "switchover", &order).await
    }

    /// Changes a setting of the cluster, as `patronictl edit-config` does.
    ///
    /// # Errors
    /// Where Patroni refuses.
    pub async fn configure(&self, change: &Value) -> anyhow::Result<()> {
        let leader = self.primary().await.context("there is no primary")?;
        self.rest.patch(leader, "config", change).await
    }

    /// Where a node has its books.
    fn data(&self, node: usize) -> PathBuf {
        self.directory.path().join(self.name(node)).join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // All at once: a node that outlives another begins to take over from it.
        proc::kill_below(self.directory.path());
        self.watchdog.dismiss();
    }
}
