//! A backup, and a cluster made again from it under the same addresses.

use std::time::Duration;

use anyhow::Context;

use super::configuration::Files;
use super::start::done;
use super::{Cluster, NODES};

/// Until the restored node leads and a standby has been copied from it.
const RESTORED_WITHIN: Duration = Duration::from_secs(120);

impl Cluster {
    /// A base backup of the primary, with the log that it needs, while it works.
    ///
    /// # Errors
    /// Where there is no primary or the copy fails.
    pub async fn back_up(&self) -> anyhow::Result<()> {
        let primary = self.primary().await.context("there is no primary")?;
        let mut command = self.as_user(self.installed.postgres.join("pg_basebackup"));
        command
            .envs(self.ports.replicator(primary))
            .args(["--checkpoint=fast", "--wal-method=stream", "--pgdata"])
            .arg(self.directory.path().join("backup"));
        done("pg_basebackup", command).await.map(drop)
    }

    /// Loses the cluster, and makes it again from the backup: no node keeps anything, Patroni's keys
    /// are removed, the first node starts from the backup and the others copy it.
    ///
    /// # Errors
    /// Where it does not come up again.
    pub async fn restore(&mut self) -> anyhow::Result<()> {
        for node in 0..NODES {
            self.nodes[node].kill_all().await;
            let data = self.data(node);
            std::fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
        }
        self.etcdctl(&["del", "--prefix", "/holdfast/"]).await?;
        let config = self.nodes[0].directory.join("config");
        Files::Restoring.write(&config)?;
        self.nodes[0].start().await?;
        let leads = || async { self.rest.is(0, "primary").await };
        let what = "the restored node leads";
        crate::waiting::wait_until(what, RESTORED_WITHIN, leads)
            .await
            .with_context(|| format!("{} says why", self.nodes[0].log.display()))?;
        // What it reads when it starts again.
        Files::Node.write(&config)?;
        for node in 1..NODES {
            self.nodes[node].start().await?;
        }
        self.writable(None, RESTORED_WITHIN).await?;
        Ok(())
    }
}
