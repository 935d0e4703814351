use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::process::Command;

use super::configuration::{
    Files, HAPROXY, LEDGER_PASSWORD, Ports, node_address, write_restore_script,
};
use super::parts::{Part, Watchdog};
use super::rest::Rest;
use super::{Cluster, HEALTHY_WITHIN, Installed, NODES};
use crate::waiting::wait_until;

const ETCD_WITHIN: Duration = Duration::from_secs(30);
const TOOL_WITHIN: Duration = Duration::from_secs(60);

impl Cluster {
    /// Starts everything, and returns when there is a primary, both others stream, and the database
    /// for the ledger is there. Logs go to `logs`.
    ///
    /// # Errors
    /// Where something does not come up, with the end of its log.
    pub async fn start(installed: Installed, logs: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(logs).with_context(|| logs.display().to_string())?;
        let logs = logs.canonicalize()?;
        // Its name as the kernel tells it: processes are found by it.
        let temporary = std::env::temp_dir().canonicalize()?;
        let directory = tempfile::Builder::new()
            .prefix("holdfast-ha-")
            .tempdir_in(temporary)?;
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700))?;
        own(&installed, directory.path())?;
        let ports = Ports::choose()?;
        let builder = Builder {
            installed: &installed,
            ports,
            directory: directory.path(),
            logs: &logs,
        };
        let addresses: Vec<_> = (0..NODES).map(node_address).collect();
        let mut cluster = Self {
            nodes: (0..NODES)
                .map(|node| builder.patroni(node))
                .collect::<Result<_, _>>()?,
            haproxy: builder.haproxy()?,
            etcds: (0..NODES)
                .map(|node| builder.etcd(node))
                .collect::<Result<_, _>>()?,
            watchdog: Watchdog::start(directory.path())?,
            rest: Rest::new(&addresses, ports.patroni)?,
            ports,
            version: String::new(),
            installed,
            directory,
            logs,
        };
        cluster.come_up().await?;
        cluster.version = cluster.versions().await?;
        Ok(cluster)
    }

    async fn come_up(&mut self) -> anyhow::Result<()> {
        for etcd in &mut self.etcds {
            etcd.start().await?;
        }
        wait_until("etcd has a quorum", ETCD_WITHIN, || self.etcd_answers())
            .await
            .with_context(|| format!("{} says why", self.etcds[0].log.display()))?;
        for node in &mut self.nodes {
            node.start().await?;
        }
        self.haproxy.start().await?;
        if let Err(error) = self.whole(HEALTHY_WITHIN).await {
            let ended = self.nodes.iter_mut().filter_map(Part::ended).count();
            let tail = self.nodes[0].log_tail();
            bail!("{error:#}; {ended} Patronis have ended; pg1:\n    {tail}");
        }
        let primary = self.primary().await.context("there is no primary")?;
        let role = format!("CREATE ROLE holdfast LOGIN PASSWORD '{LEDGER_PASSWORD}'");
        self.query(primary, &role).await?;
        self.query(primary, "CREATE DATABASE holdfast OWNER holdfast")
            .await?;
        Ok(())
    }

    async fn etcd_answers(&self) -> bool {
        self.etcdctl(&["get", "/none"]).await.is_ok()
    }

    /// Runs etcd's own client.
    pub(super) async fn etcdctl(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(&self.installed.etcdctl);
        command
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.ports.etcds()])
            .args(["--command-timeout", "2s"])
            .args(arguments);
        done("etcdctl", command).await.map(drop)
    }

    /// Runs one statement on a node as its superuser, and returns what psql prints.
    ///
    /// # Errors
    /// Where the node is down or refuses it.
    pub async fn query(&self, node: usize, sql: &str) -> anyhow::Result<String> {
        let mut command = Command::new(self.installed.postgres.join("psql"));
        command
            .envs(self.ports.superuser(node))
            .args([
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--quiet",
                "--command",
            ])
            .arg(sql);
        let output = done("psql", command).await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A command with the rights of whoever runs PostgreSQL.
    pub(super) fn as_user(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path());
        if let Some((uid, gid)) = self.installed.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    async fn versions(&self) -> anyhow::Result<String> {
        let primary = self.primary().await.context("there is no primary")?;
        let postgres = self.query(primary, "SHOW server_version").await?;
        let mut patroni = Command::new(&self.installed.python);
        patroni
            .envs(self.installed.environment())
            .args(["-m", "patroni", "--version"]);
        let patroni =
            first_line(&done("patroni", patroni).await?).replace("__main__.py", "Patroni");
        let mut etcd = Command::new(&self.installed.etcd);
        etcd.arg("--version");
        let etcd = first_line(&done("etcd", etcd).await?).replace("etcd Version:", "etcd");
        let mut haproxy = Command::new(&self.installed.haproxy);
        haproxy.arg("-v");
        let haproxy = first_line(&done("haproxy", haproxy).await?);
        let haproxy: Vec<&str> = haproxy.split_whitespace().take(3).collect();
        let postgres = postgres.split_whitespace().next().unwrap_or("?").to_owned();
        let haproxy = haproxy.join(" ").replace("version ", "");
        Ok(format!(
            "PostgreSQL {postgres}, {patroni}, {etcd}, {haproxy}"
        ))
    }
}

fn first_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Runs a tool to its end.
pub(super) async fn done(name: &str, mut command: Command) -> anyhow::Result<Output> {
    let run = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(TOOL_WITHIN, run)
        .await
        .with_context(|| format!("{name} has not ended after {TOOL_WITHIN:?}"))?
        .with_context(|| format!("cannot run {name}"))?;
    ensure!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output)
}

/// Whoever runs PostgreSQL owns it.
pub(super) fn own(installed: &Installed, path: &Path) -> anyhow::Result<()> {
    if let Some((uid, gid)) = installed.user {
        chown(path, Some(uid), Some(gid)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Makes the parts of a cluster, each in a directory of its own.
struct Builder<'a> {
    installed: &'a Installed,
    ports: Ports,
    directory: &'a Path,
    logs: &'a Path,
}

impl Builder<'_> {
    fn etcd(&self, node: usize) -> anyhow::Result<Part> {
        let name = format!("e{}", node + 1);
        let data = self.directory.join(&name).join("data");
        let arguments = self.ports.etcd_arguments(node, &data);
        self.part(&name, &self.installed.etcd, arguments, Vec::new())
    }

    fn patroni(&self, node: usize) -> anyhow::Result<Part> {
        let name = format!("pg{}", node + 1);
        let mut environment = self.installed.environment();
        let data = self.directory.join(&name).join("data");
        environment.extend(self.ports.patroni_environment(node, &data));
        let backup = self.directory.join("backup");
        environment.push(("HOLDFAST_BACKUP".into(), backup.into()));
        let arguments = ["-m", "patroni", "config"].map(OsString::from).to_vec();
        let part = self.part(&name, &self.installed.python, arguments, environment)?;
        Files::Node.write(&part.directory.join("config"))?;
        write_restore_script(&part.directory)?;
        Ok(part)
    }

    fn haproxy(&self) -> anyhow::Result<Part> {
        let arguments = ["-db", "-f", "haproxy.cfg"].map(OsString::from).to_vec();
        let environment = self.ports.haproxy_environment();
        let part = self.part("haproxy", &self.installed.haproxy, arguments, environment)?;
        std::fs::write(part.directory.join("haproxy.cfg"), HAPROXY)?;
        Ok(part)
    }

    fn part(
        &self,
        name: &str,
        program: &Path,
        arguments: Vec<OsString>,
        environment: Vec<(String, OsString)>,
    ) -> anyhow::Result<Part> {
        let directory = self.directory.join(name);
        std::fs::create_dir(&directory)?;
        own(self.installed, &directory)?;
        Ok(Part {
            program: program.to_owned(),
            arguments,
            environment,
            directory,
            log: self.logs.join(format!("{name}.log")),
            user: self.installed.user,
            running: None,
        })
    }
}
