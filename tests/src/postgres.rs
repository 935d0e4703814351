//! A private PostgreSQL from the binaries that the machine has: nobody else's database is touched.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::Command;

use crate::ports;
use crate::process::shell_line;
use crate::waiting::wait_until;

const READY_WITHIN: Duration = Duration::from_secs(20);
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// PostgreSQL's server binaries are not on this machine.
#[derive(Debug, thiserror::Error)]
#[error(
    "no PostgreSQL server binaries (initdb, postgres) in /usr/lib/postgresql/*/bin or PATH; install \
     a PostgreSQL from 15 to 18, or use the embedded store"
)]
pub struct Missing;

/// A PostgreSQL server of our own, on 127.0.0.1 with fsync on. Stopped and removed when dropped.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    port: u16,
    version: String,
    user: Option<(u32, u32)>,
    server: Mutex<Option<Server>>,
    directory: TempDir,
}

/// The postmaster, and a shell that stops it when this process ends without doing so.
#[derive(Debug)]
struct Server {
    postmaster: tokio::process::Child,
    watchdog: tokio::process::Child,
}

impl Postgres {
    /// Makes and starts one. `None`, and a loud line on standard error, where the machine has no
    /// PostgreSQL.
    ///
    /// # Errors
    /// Where it does not come up; and where there is none but `CI=true` is set: a pipeline must not
    /// pass because it skipped.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        match Self::start_or_missing().await {
            Ok(postgres) => Ok(Some(postgres)),
            Err(error) if error.is::<Missing>() => {
                skipped()?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes and starts one.
    ///
    /// # Errors
    /// [`Missing`] where the machine has no PostgreSQL; others where it does not come up.
    pub async fn start_or_missing() -> anyhow::Result<Self> {
        let bin = binaries().ok_or(Missing)?;
        let directory = tempfile::Builder::new().prefix("holdfast-pg-").tempdir()?;
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(directory.path(), Some(uid), Some(gid))?;
        }
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700))?;
        let mut postgres = Self {
            bin,
            port: ports::free()?.port(),
            version: String::new(),
            user,
            server: Mutex::new(None),
            directory,
        };
        postgres.init().await?;
        postgres.start_again().await?;
        postgres.version = postgres.query("SHOW server_version").await?;
        postgres
            .version
            .truncate(postgres.version.find(' ').unwrap_or(postgres.version.len()));
        Ok(postgres)
    }

    /// What a client connects to.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A line for any shell that starts it by hand, on the same data and port.
    pub fn command_line(&self) -> String {
        let mut words: Vec<OsString> = Vec::new();
        if let Some((uid, gid)) = self.user {
            words.push("setpriv".into());
            words.extend([
                format!("--reuid={uid}").into(),
                format!("--regid={gid}").into(),
            ]);
            words.push("--clear-groups".into());
        }
        words.push(self.bin.join("postgres").into());
        words.extend(self.server_arguments());
        shell_line(&words)
    }

    /// Makes an empty database of its own for one more user of this server, and tells its URL.
    ///
    /// # Errors
    /// Where the name is taken or the server is down.
    pub async fn database(&self, name: &str) -> anyhow::Result<String> {
        self.query(&format!("CREATE DATABASE {name}")).await?;
        Ok(format!(
            "postgres://postgres@127.0.0.1:{}/{name}",
            self.port
        ))
    }

    /// True until it has ended or was stopped.
    pub fn is_running(&self) -> bool {
        let mut server = self.server.lock().ok();
        let server = server.as_mut().and_then(|server| server.as_mut());
        server.is_some_and(|server| matches!(server.postmaster.try_wait(), Ok(None)))
    }

    /// How it ended, where nobody here stopped it.
    pub fn ended(&self) -> Option<ExitStatus> {
        let mut server = self.server.lock().ok()?;
        server.as_mut()?.postmaster.try_wait().ok().flatten()
    }

    /// The postmaster's process id; absent while it is down.
    pub fn pid(&self) -> Option<u32> {
        let server = self.server.lock().ok()?;
        server.as_ref()?.postmaster.id()
    }

    /// Stops it as `pg_ctl stop -m immediate` does: no checkpoint, connections dropped, recovery at
    /// the next start.
    ///
    /// # Errors
    /// Where it is down already or does not end within 10 s.
    pub async fn stop_immediate(&self) -> anyhow::Result<()> {
        let mut server = self
            .take()
            .ok_or_else(|| anyhow!("PostgreSQL is not running"))?;
        // First, so that it signals nobody who has the postmaster's id later.
        let _ = server.watchdog.kill().await;
        signal_all(&server.postmaster, Signal::CONT);
        signal(&server.postmaster, Signal::QUIT);
        tokio::time::timeout(STOPPED_WITHIN, server.postmaster.wait())
            .await
            .context("PostgreSQL did not stop within 10 s")??;
        Ok(())
    }

    /// Starts it again on the same data and port, and waits until it answers a query.
    ///
    /// # Errors
    /// Where it does not answer within 20 s.
    pub async fn start_again(&self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.path().join("server.log"))?;
        let postmaster = self
            .command("postgres")
            .args(self.server_arguments())
            .stderr(log)
            .spawn()
            .context("cannot start postgres")?;
        let watchdog = self.watch(&postmaster)?;
        if let Ok(mut place) = self.server.lock() {
            *place = Some(Server {
                postmaster,
                watchdog,
            });
        }
        let answers = || async { self.query("SELECT 1").await.is_ok() };
        wait_until("PostgreSQL answers a query", READY_WITHIN, answers).await?;
        Ok(())
    }

    /// Freezes the server with all its backends: connections stay open and nothing moves.
    ///
    /// # Errors
    /// Where it is down.
    pub fn pause(&self) -> anyhow::Result<()> {
        if !self.is_running() {
            bail!("PostgreSQL is not running");
        }
        self.signal_all(Signal::STOP);
        Ok(())
    }

    /// Thaws the server. Nothing happens where it is down.
    pub fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        if let Ok(server) = self.server.lock()
            && let Some(server) = server.as_ref()
        {
            signal_all(&server.postmaster, signal);
        }
    }

    /// Runs one statement with psql and returns what it prints, trimmed.
    ///
    /// # Errors
    /// Where the server is down or refuses the statement; with what psql said.
    pub async fn query(&self, sql: &str) -> anyhow::Result<String> {
        let output = self
            .command("psql")
            .args([
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--quiet",
                "--command",
                sql,
            ])
            .arg(self.url())
            .env("PGCONNECT_TIMEOUT", "2")
            .stdout(Stdio::piped())
            .output()
            .await
            .context("cannot run psql")?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs `sql` with psql in the background, until it ends or is dropped.
    ///
    /// # Errors
    /// Where psql cannot be started.
    pub fn in_background(&self, sql: &str) -> anyhow::Result<tokio::process::Child> {
        let mut psql = self.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--command", sql]);
        psql.arg(self.url()).stdout(Stdio::null());
        psql.kill_on_drop(true).spawn().context("cannot run psql")
    }

    fn server_arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["-D".into(), self.data().into(), "-k".into()];
        arguments.push(self.directory.path().into());
        arguments.extend(["-h", "127.0.0.1", "-p"].map(OsString::from));
        arguments.push(self.port.to_string().into());
        let settings = [
            "fsync=on",
            "max_connections=200",
            "log_min_messages=warning",
        ];
        arguments.extend(
            settings
                .iter()
                .flat_map(|it| ["-c".into(), OsString::from(it)]),
        );
        arguments
    }

    /// Waits for the end of its standard input, which ends when this process does, however it does.
    fn watch(&self, postmaster: &tokio::process::Child) -> anyhow::Result<tokio::process::Child> {
        let pid = postmaster.id().context("postgres ended at once")?;
        self.shell(&format!(
            "trap '' INT TERM HUP; read -r _; kill -CONT {pid}; kill -QUIT {pid}"
        ))
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start sh")
    }

    async fn init(&self) -> anyhow::Result<()> {
        // -N: an empty cluster that is lost in a crash of the machine is made again.
        let output = self
            .command("initdb")
            .args([
                "-N",
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
            ])
            .arg("-D")
            .arg(self.data())
            .output()
            .await
            .context("cannot run initdb")?;
        let succeeded: ExitStatus = output.status;
        if !succeeded.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, binary: &str) -> Command {
        self.as_user(Command::new(self.bin.join(binary)))
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        self.as_user(command)
    }

    fn as_user(&self, mut command: Command) -> Command {
        command
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn take(&self) -> Option<Server> {
        self.server.lock().ok()?.take()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.take() {
            let _ = server.watchdog.start_kill();
            signal_all(&server.postmaster, Signal::CONT);
            signal(&server.postmaster, Signal::QUIT);
            // Gone before its directory is; bounded, because the data does not matter any more.
            for _ in 0..200 {
                if !matches!(server.postmaster.try_wait(), Ok(None)) {
                    break;
                }
                #[expect(clippy::disallowed_methods, reason = "drop cannot await")]
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn signal(server: &tokio::process::Child, signal: Signal) {
    let pid = server
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        // Not reaped yet, so the id is still ours; a failure means that it ended by itself.
        let _ = kill_process(pid, signal);
    }
}

/// The postmaster first, so that it forks nobody meanwhile, and then its children: each has a session
/// of its own, so that no signal reaches all of them.
fn signal_all(server: &tokio::process::Child, to_all: Signal) {
    signal(server, to_all);
    let children = server.id().map(children_of).unwrap_or_default();
    for child in children {
        // A child of a process that is ours and not reaped; a failure means that it has ended.
        let _ = kill_process(child, to_all);
    }
}

fn children_of(parent: u32) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_child = |stat: &str| {
        // After the name, which may contain anything: state and parent.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        Some(fields.nth(1)?.parse::<u32>().ok()? == parent)
    };
    processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
            is_child(&stat)?.then(|| Pid::from_raw(pid))?
        })
        .collect()
}

/// True where the machine has the binaries that [`Postgres::start`] needs; says so loudly where it has
/// not.
///
/// # Errors
/// As [`crate::skipped`].
pub fn is_installed() -> anyhow::Result<bool> {
    let found = binaries().is_some();
    if !found {
        skipped()?;
    }
    Ok(found)
}

/// Where a program is that comes with PostgreSQL, such as `pgbench`: beside the server's binaries, or in
/// PATH.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = binaries().into_iter().chain(std::env::split_paths(&path));
    folders
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn skipped() -> anyhow::Result<()> {
    crate::skipped("tests on PostgreSQL", format!("there are {Missing}"))
}

/// The newest PostgreSQL in Debian's place, or the one in PATH.
pub(crate) fn binaries() -> Option<PathBuf> {
    let complete = |bin: &PathBuf| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|binary| bin.join(binary).is_file())
    };
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .filter(|(_, bin)| complete(bin))
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found
        .pop()
        .map(|(_, bin)| bin)
        .or_else(|| std::env::split_paths(&path).find(complete))
}

/// PostgreSQL refuses to run as root: as root, the user `postgres` or `nobody` runs it.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(
        ids("postgres")
            .or_else(|| ids("nobody"))
            .unwrap_or((65_534, 65_534)),
    )
}
