//! Processes of ours: started, waited for, frozen, killed, started again. Only what was started
//! here is ever signalled, by its process id.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::time::timeout;

use crate::node::TIED;

/// How long a process may take until it says that it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How a node is started: an executable and what comes before the node's own arguments.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub exe: PathBuf,
    /// Arguments that come first.
    pub prefix: Vec<OsString>,
}

impl Program {
    /// The running executable itself, as `<exe> node --tied …`.
    ///
    /// # Errors
    /// Where the system does not tell which executable is running.
    pub fn current() -> anyhow::Result<Self> {
        let exe = std::env::current_exe().context("cannot find the running executable")?;
        Ok(Self {
            exe,
            prefix: vec!["node".into(), TIED.into()],
        })
    }

    /// The `node` binary at `exe`.
    pub fn node(exe: impl Into<PathBuf>) -> Self {
        Self {
            exe: exe.into(),
            prefix: vec![TIED.into()],
        }
    }
}

/// A process that said that it is ready. Killed when dropped; its standard error is in
/// `<directory>/<name>.log`, its standard output in `<directory>/<name>.stdout`.
#[derive(Debug)]
pub struct Child {
    program: Program,
    name: String,
    args: Vec<OsString>,
    directory: PathBuf,
    ready_line: String,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: tokio::process::Child,
    pid: Pid,
    /// A tied node lives as long as this is open.
    _stdin: Option<ChildStdin>,
}

impl Child {
    /// Starts `program … args` and waits for its first line on standard output.
    ///
    /// # Errors
    /// Where it cannot be started, ends, or is not ready within 20 s; with the end of its log.
    pub async fn start(
        program: &Program,
        name: &str,
        args: Vec<OsString>,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let mut child = Self {
            program: program.clone(),
            name: name.to_owned(),
            args,
            directory: directory.to_owned(),
            ready_line: String::new(),
            running: None,
        };
        child.restart().await?;
        Ok(child)
    }

    /// Starts it again with the same arguments, after the running one, if any, was killed.
    ///
    /// # Errors
    /// As for [`Child::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.restart_with(&[]).await
    }

    /// Starts it again with the same arguments and these after them, for this once.
    ///
    /// # Errors
    /// As for [`Child::start`].
    pub async fn restart_with(&mut self, more: &[&str]) -> anyhow::Result<()> {
        self.kill9().await;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .with_context(|| format!("cannot write {}", self.log_path().display()))?;
        let mut command = Command::new(&self.program.exe);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_configuration(name)) {
            command.env_remove(name);
        }
        let mut process = command
            .args(&self.program.prefix)
            .args(&self.args)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.exe.display()))?;
        let pid = process
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            .ok_or_else(|| anyhow!("{} has no process id", self.name))?;
        let stdout = process
            .stdout
            .take()
            .ok_or_else(|| anyhow!("standard output is not piped"))?;
        let stdin = process.stdin.take();
        self.running = Some(Running {
            process,
            pid,
            _stdin: stdin,
        });
        let mut lines = BufReader::new(stdout).lines();
        match timeout(READY_WITHIN, lines.next_line()).await {
            Ok(Ok(Some(line))) => self.ready_line = line,
            Ok(_) => bail!("{} ended before it was ready{}", self.name, self.log_tail()),
            Err(_) => bail!("{} is not ready after 20 s{}", self.name, self.log_tail()),
        }
        // Whatever else it prints must not fill the pipe and block it.
        let mut printed = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.join(format!("{}.stdout", self.name)))?;
        writeln!(printed, "{}", self.ready_line)?;
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                // A full disk must not keep the process from being read.
                let _ = writeln!(printed, "{line}");
            }
        });
        Ok(())
    }

    /// The line with which it said that it is ready.
    pub fn ready_line(&self) -> &str {
        &self.ready_line
    }

    /// The value of `key=value` in the ready line.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.ready_line
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A line for any shell that starts it by hand: the same program with the same arguments, not
    /// tied to this process.
    pub fn command_line(&self) -> String {
        let inherited = std::env::vars_os().filter(|(name, _)| is_configuration(name));
        let cleared = inherited.flat_map(|(name, _)| [OsString::from("-u"), name]);
        let mut words: Vec<OsString> = cleared.collect();
        if !words.is_empty() {
            words.insert(0, "env".into());
        }
        words.push(self.program.exe.clone().into());
        let untied = self.program.prefix.iter().filter(|word| *word != TIED);
        words.extend(untied.chain(&self.args).cloned());
        shell_line(&words)
    }

    /// How it ended, where nobody here stopped it.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.running.as_mut()?.process.try_wait().ok().flatten()
    }

    /// Its process id; absent while it is down.
    pub fn pid(&self) -> Option<i32> {
        self.running
            .as_ref()
            .map(|running| running.pid.as_raw_nonzero().get())
    }

    /// True until it has ended or was killed.
    pub fn is_running(&mut self) -> bool {
        self.running
            .as_mut()
            .is_some_and(|running| matches!(running.process.try_wait(), Ok(None)))
    }

    /// SIGKILL, and waits until it is gone. Nothing happens where it is down already.
    pub async fn kill9(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It can only fail where the process has ended by itself.
            let _ = running.process.kill().await;
        }
    }

    /// SIGSTOP: frozen, with its connections open.
    pub fn sigstop(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: thawed.
    pub fn sigcont(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM, and waits for a polite end.
    ///
    /// # Errors
    /// Where it is down already, or still running after `within`; it is killed then.
    pub async fn terminate(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM);
        let mut running = self
            .running
            .take()
            .ok_or_else(|| anyhow!("{} is not running", self.name))?;
        match timeout(within, running.process.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} did not stop within {within:?}", self.name),
        }
    }

    /// Where its standard error goes.
    pub fn log_path(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.name))
    }

    fn signal(&self, signal: Signal) {
        // One that was seen to have ended is reaped, and its id may be somebody else's by now.
        if let Some(running) = (self.running.as_ref()).filter(|it| it.process.id().is_some()) {
            // Not reaped yet, so the id is still ours; a failure means that it ended by itself.
            let _ = kill_process(running.pid, signal);
        }
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(12).collect();
        tail.into_iter()
            .rev()
            .fold(String::from(":"), |all, line| all + "\n    " + line)
    }
}

/// What is configured in the environment of whoever runs the harness is not meant for its nodes.
fn is_configuration(name: &OsStr) -> bool {
    let begins = |with: &[u8]| name.as_encoded_bytes().starts_with(with);
    name == "DATABASE_URL" || begins(b"HOLDFAST_") || begins(b"OTEL_")
}

/// Words as any shell reads them.
pub(crate) fn shell_line(words: &[OsString]) -> String {
    let quoted = words.iter().map(|word| quoted(&word.to_string_lossy()));
    quoted.collect::<Vec<_>>().join(" ")
}

/// A word as any shell reads it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word_in_a_shell() {
        for word in ["plain-1.2/x:y=z", "", "two words", "it's $HOME `x` \\"] {
            let echoed = std::process::Command::new("sh")
                .arg("-c")
                .arg(format!("printf %s {}", quoted(word)))
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(echoed.stdout).unwrap(), word);
        }
    }
}
