use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::proc;

/// One process that we start, with whatever it starts itself, in a directory of its own.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(String, OsString)>,
    /// Where it works.
    pub(super) directory: PathBuf,
    pub(super) log: PathBuf,
    pub(super) user: Option<(u32, u32)>,
    pub(super) running: Option<Child>,
}

impl Part {
    /// Starts it; nothing of it may run.
    pub(super) async fn start(&mut self) -> anyhow::Result<()> {
        self.kill_all().await;
        self.remove_sockets();
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot write {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .envs(self.environment.iter().cloned())
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for us: we end it in our order.
            .process_group(0)
            .kill_on_drop(true);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        let started = command.spawn();
        let started =
            started.with_context(|| format!("cannot start {}", self.program.display()))?;
        self.running = Some(started);
        Ok(())
    }

    /// Whoever was killed has left its sockets and their lock files, with an id that may be somebody
    /// else's by now.
    fn remove_sockets(&self) {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten();
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".s.PGSQL.") {
                // Where it stays, PostgreSQL says so in the log.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// SIGKILL for it and all that it has started.
    pub(super) async fn kill_all(&mut self) {
        let killed = proc::kill_below(&self.directory);
        if let Some(mut running) = self.running.take() {
            // It can only fail where it has ended by itself.
            let _ = running.kill().await;
        }
        proc::gone(&killed).await;
    }

    /// A signal for it and all that it has started.
    pub(super) fn signal_all(&self, signal: Signal) {
        proc::signal_below(&self.directory, signal);
    }

    /// How it ended, where nobody here stopped it.
    pub(super) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.running.as_mut()?.try_wait().ok().flatten()
    }

    /// The end of its log.
    pub(super) fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut tail: Vec<&str> = log.lines().rev().take(12).collect();
        tail.reverse();
        tail.join("\n    ")
    }
}

/// A shell that ends everything when this process is gone without having done so.
#[derive(Debug)]
pub(super) struct Watchdog(Child);

/// Waits for the end of its standard input, which ends when this process does, however it does.
const WATCH: &str = r#"trap '' INT TERM HUP; read -r _
for round in 1 2 3; do
  for process in /proc/[0-9]*; do
    case "$(readlink "$process/cwd")" in "$1"/*) kill -KILL "${process#/proc/}" ;; esac
  done 2>/dev/null
done
rm -rf "$1""#;

impl Watchdog {
    pub(super) fn start(directory: &Path) -> anyhow::Result<Self> {
        let watchdog = Command::new("/bin/sh")
            .args(["-c", WATCH, "watchdog"])
            .arg(directory)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        Ok(Self(watchdog.context("cannot start sh")?))
    }

    /// Nothing is left to end.
    pub(super) fn dismiss(&mut self) {
        // A failure means that it has ended by itself.
        let _ = self.0.start_kill();
    }
}
