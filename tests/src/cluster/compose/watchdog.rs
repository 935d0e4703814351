use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use super::cli::Docker;

/// Takes the project down, with its data, when this process ends, however it does: a shell that waits
/// for the end of its standard input. Logs are written before.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    stdin: Option<ChildStdin>,
}

/// Polite services are gone long before.
const GONE_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// `$1` is the log of everybody, `$2` that of the end; the others are the command.
const SCRIPT: &str = "trap '' INT TERM HUP; read -r _; log=$1; end=$2; shift 2; \
    \"$@\" --ansi never logs --no-color --timestamps >\"$log\" 2>&1; \
    \"$@\" --ansi never down --volumes --remove-orphans --timeout 10 >\"$end\" 2>&1";

impl Watchdog {
    pub(super) fn start(docker: &Docker, directory: &Path) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new("/bin/sh");
        for name in ["COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"] {
            command.env_remove(name);
        }
        let mut shell = command
            .args(["-c", SCRIPT, "sh"])
            .arg(directory.join("compose.log"))
            .arg(directory.join("compose-down.log"))
            .args(["docker", "compose", "-p", &docker.project, "-f"])
            .arg(&docker.file)
            .envs(docker.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C on the terminal is for us; the shell follows.
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        let stdin = shell.stdin.take();
        Ok(Self { shell, stdin })
    }

    /// Takes everything down and waits until it is gone.
    pub(super) fn end(&mut self) {
        self.stdin = None;
        let looks = GONE_WITHIN.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            if !matches!(self.shell.try_wait(), Ok(None)) {
                break;
            }
            #[expect(clippy::disallowed_methods, reason = "drop cannot await")]
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end();
    }
}
