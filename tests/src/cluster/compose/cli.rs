use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::Missing;

/// The `docker` command, for one project.
#[derive(Debug, Clone)]
pub(super) struct Docker {
    pub(super) project: String,
    pub(super) file: PathBuf,
    environment: Vec<(String, String)>,
}

impl Docker {
    pub(super) fn new(project: String, file: PathBuf, environment: Vec<(String, String)>) -> Self {
        Self {
            project,
            file,
            environment,
        }
    }

    /// Engine and Compose in one line.
    pub(super) async fn versions() -> Result<String, Missing> {
        let asked = |args: &'static [&'static str]| async move {
            let output = output(bare().args(args)).await;
            let output = output.map_err(|error| Missing(format!("{error:#}")))?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
            if !output.status.success() {
                return Err(Missing(format!(
                    "docker {}: {}",
                    args.join(" "),
                    text(&output.stderr)
                )));
            }
            Ok(text(&output.stdout))
        };
        let engine = asked(&["version", "--format", "{{.Server.Version}}"]).await?;
        let compose = asked(&["compose", "version", "--short"]).await?;
        if compose.trim_start_matches('v').starts_with("1.") {
            return Err(Missing(format!("Compose is {compose}")));
        }
        Ok(format!("docker {engine}, compose {compose}"))
    }

    pub(super) async fn has_image(image: &str) -> bool {
        let found = output(bare().args(["image", "inspect", image])).await;
        found.is_ok_and(|output| output.status.success())
    }

    /// Builds an image; what Docker says about it goes to standard error.
    pub(super) async fn build(image: &str, root: &Path) -> anyhow::Result<()> {
        let mut command = bare();
        command
            .args(["build", "--progress", "plain", "--tag", image, "."])
            .current_dir(root)
            .env("DOCKER_BUILDKIT", "1")
            // Standard output belongs to the report.
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        let status = InGroup::spawn(&mut command)?.wait().await?;
        if !status.success() {
            bail!("docker build: {status}");
        }
        Ok(())
    }

    /// Runs `docker …` and returns its standard output.
    pub(super) async fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = output(bare().args(args).envs(self.environment())).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("docker {}: {}", args.join(" "), tail(&said));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs `docker …` and returns all that it says, standard error after standard output.
    pub(super) async fn said(&self, args: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut output = output(bare().args(args)).await?;
        output.stdout.append(&mut output.stderr);
        Ok(output.stdout)
    }

    /// Runs `docker compose …` in the project.
    pub(super) async fn compose(&self, args: &[&str]) -> anyhow::Result<String> {
        let file = self.file.to_string_lossy();
        let mut all = vec![
            "compose",
            "--ansi",
            "never",
            "-p",
            &self.project,
            "-f",
            &file,
        ];
        all.extend(args);
        self.run(&all).await
    }

    /// The project's containers, stopped ones too, as service and id.
    pub(super) async fn containers(&self) -> anyhow::Result<Vec<(String, String)>> {
        let label = self.label();
        let format = "{{.Label \"com.docker.compose.service\"}} {{.ID}}";
        let args = [
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            &label,
            "--format",
            format,
        ];
        let listed = self.run(&args).await?;
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(lines
            .map(|(service, id)| (service.to_owned(), id.to_owned()))
            .collect())
    }

    /// Selects what belongs to the project.
    pub(super) fn label(&self) -> String {
        format!("label=com.docker.compose.project={}", self.project)
    }

    /// What the compose file is told.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let pairs = self.environment.iter();
        pairs.map(|(name, value)| (OsStr::new(name), OsStr::new(value)))
    }

    /// A line for any shell about one service.
    pub(super) fn command_line(&self, what: &str, service: &str) -> String {
        let file = self.file.display();
        format!(
            "docker compose -p {} -f {file} {what} {service}",
            self.project
        )
    }
}

/// `docker`, with nothing in its environment that selects another project.
pub(super) fn bare() -> Command {
    let mut command = Command::new("docker");
    for name in ["COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

async fn output(command: &mut Command) -> anyhow::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    InGroup::spawn(command)?.output().await
}

/// A command in a process group of its own: Ctrl-C on the terminal does not reach it, and when it is
/// dropped all that it has started ends too. Compose is a process that `docker` starts.
pub(super) struct InGroup {
    child: Option<Child>,
}

impl InGroup {
    pub(super) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn();
        let child = child.context("cannot run docker")?;
        Ok(Self { child: Some(child) })
    }

    pub(super) fn child(&mut self) -> anyhow::Result<&mut Child> {
        self.child.as_mut().context("docker has ended")
    }

    async fn wait(mut self) -> anyhow::Result<std::process::ExitStatus> {
        Ok(self.child()?.wait().await?)
    }

    async fn output(mut self) -> anyhow::Result<Output> {
        use tokio::io::AsyncReadExt;
        let child = self.child()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (mut out, mut err) = (
            out.context("standard output is not piped")?,
            err.context("standard error is not piped")?,
        );
        let read = tokio::try_join!(out.read_to_end(&mut stdout), err.read_to_end(&mut stderr));
        read.context("docker's output")?;
        Ok(Output {
            status: child.wait().await?,
            stdout,
            stderr,
        })
    }
}

impl Drop for InGroup {
    fn drop(&mut self) {
        let id = self.child.as_ref().and_then(Child::id);
        if let Some(group) = id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            // Not reaped yet, so the group is still ours.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The end of what was said: the cause is there.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(12)..].join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_dropped_command_has_started_ends_with_it() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "sleep 300 & echo $!; wait"])
            .stdout(Stdio::piped());
        let mut shell = InGroup::spawn(&mut command).unwrap();
        let stdout = shell.child().unwrap().stdout.take().unwrap();
        use tokio::io::{AsyncBufReadExt, BufReader};
        let line = BufReader::new(stdout).lines().next_line().await.unwrap();
        let stat = format!("/proc/{}/stat", line.unwrap());
        drop(shell);
        // Ended: gone, or a zombie that nobody has waited for.
        let ended = || async {
            let stat = std::fs::read_to_string(&stat).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        let deadline = std::time::Duration::from_secs(10);
        crate::waiting::wait_until("the sleep has ended", deadline, ended)
            .await
            .unwrap();
    }

    #[test]
    fn of_a_long_complaint_the_end_is_told() {
        let long: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let tail = tail(&long.join("\n"));
        assert!(tail.starts_with("28") && tail.ends_with("39"), "{tail}");
    }
}
