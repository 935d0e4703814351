//! `compose.yaml` and the payment in `deploy/README.md`, as somebody new would try them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, anyhow, bail, ensure};
use containers::house::{DRAINED_WITHIN, place};
use containers::{Watchdog, engine, has_compose};
use iso8583::profile::ASCII_HEX;
use ledger_api::GatewayId;
use serde_json::Value;
use tests::gateway_node::GatewayNode;
use tests::ports;
use tests::waiting::wait_until;
use tokio::process::Command;

const HEADING: &str = "## A payment by hand";
/// What a file says, and which variable of `compose.yaml` changes it.
const PORTS: [(&str, &str); 7] = [
    ("7401", "HOLDFAST_GW1_HTTP_PORT"),
    ("7411", "HOLDFAST_GW1_ISO_PORT"),
    ("7402", "HOLDFAST_GW2_HTTP_PORT"),
    ("7412", "HOLDFAST_GW2_ISO_PORT"),
    ("7421", "HOLDFAST_LEDGER1_PORT"),
    ("7422", "HOLDFAST_LEDGER2_PORT"),
    ("7406", "HOLDFAST_CONTROL_PORT"),
];

#[tokio::test(flavor = "multi_thread")]
async fn compose_is_healthy_without_ledgers_and_with_them_and_a_payment_by_hand_works()
-> anyhow::Result<()> {
    if engine().await?.is_none() || !has_compose().await? {
        return Ok(());
    }
    let _place = place().await?;
    let project = Project::new()?;

    project.up(&["gateway-1", "gateway-2"]).await?;
    let healthy = |names: &[&str]| -> BTreeMap<String, String> {
        let pairs = names.iter().map(|name| (*name, "healthy"));
        pairs
            .map(|(name, health)| (name.into(), health.into()))
            .collect()
    };
    let alone = project.services().await?;
    assert_eq!(alone, healthy(&["faultproxy", "gateway-1", "gateway-2"]));

    project.up(&[]).await?;
    let mut all = healthy(&[
        "faultproxy",
        "gateway-1",
        "gateway-2",
        "ledger-1",
        "ledger-2",
        "ledger-db",
    ]);
    all.insert("migrate".into(), "exited with 0".into());
    assert_eq!(project.services().await?, all);

    project.pay_by_hand().await?;
    project.down().await
}

/// A project of Compose with a name and ports of its own.
struct Project {
    name: String,
    root: PathBuf,
    ports: BTreeMap<&'static str, u16>,
    watchdog: Watchdog,
}

impl Project {
    fn new() -> anyhow::Result<Self> {
        let name = format!("holdfast-tests-compose-{}", std::process::id());
        let ports = PORTS.map(|(inside, _)| Ok((inside, ports::free()?.port())));
        Ok(Self {
            watchdog: Watchdog::over(&format!("com.docker.compose.project={name}")),
            name,
            root: Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."),
            ports: ports.into_iter().collect::<anyhow::Result<_>>()?,
        })
    }

    fn port(&self, inside: &str) -> u16 {
        self.ports[inside]
    }

    fn compose(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .args(["compose", "--file", "compose.yaml"])
            .args(["--project-name", &self.name])
            .args(arguments)
            .current_dir(&self.root)
            .env_remove("COMPOSE_PROFILES")
            // What ends shall stay where it is, and be seen.
            .env("HOLDFAST_RESTART", "no")
            .stdin(Stdio::null());
        for (inside, variable) in PORTS {
            command.env(variable, self.port(inside).to_string());
        }
        command
    }

    async fn up(&self, services: &[&str]) -> anyhow::Result<()> {
        let mut command = self.compose(&["up", "--detach", "--no-build", "--wait"]);
        command.args(["--wait-timeout", "120"]).args(services);
        let up = said(&mut command).await;
        if up.is_err() {
            let logs = said(&mut self.compose(&["logs", "--no-color", "--tail=30"])).await;
            eprintln!("{}", logs.unwrap_or_default());
        }
        up.map(drop)
    }

    /// Every container there is, and how it is.
    async fn services(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let listed = said(&mut self.compose(&["ps", "--all", "--format", "json"])).await?;
        let mut services = BTreeMap::new();
        for line in listed.lines() {
            let container: Value = serde_json::from_str(line)?;
            let text = |key: &str| container[key].as_str().unwrap_or_default().to_owned();
            let how = match text("State").as_str() {
                "exited" => format!("exited with {}", container["ExitCode"]),
                _ => text("Health"),
            };
            services.insert(text("Service"), how);
        }
        Ok(services)
    }

    /// Runs what the README says, command by command, and reads the answers.
    async fn pay_by_hand(&self) -> anyhow::Result<()> {
        let gw1: GatewayId = "gw1".parse()?;
        let http = format!("http://127.0.0.1:{}", self.port("7401"));
        let iso = format!("127.0.0.1:{}", self.port("7411")).parse()?;
        let gateway = GatewayNode::new(gw1, http, iso)?;
        let listed = || async {
            let status = gateway.status().await;
            status.is_ok_and(|status| status.knowledge.age_ms.is_some())
        };
        wait_until("gw1 has heard the ledger", DRAINED_WITHIN, listed).await?;

        let readme = std::fs::read_to_string(self.root.join("deploy/README.md"))?;
        let commands = commands_below(&readme, HEADING)?;
        let [open_account, issue_card, pay, pay_iso] = commands.as_slice() else {
            bail!("four commands are expected below {HEADING}: {commands:#?}");
        };
        self.bash(open_account).await?;
        self.bash(issue_card).await?;
        let answer: Value = serde_json::from_slice(&self.bash(pay).await?)?;
        assert_eq!(answer["decision"], "approved", "{answer}");
        assert_eq!(answer["approved_minor"], 1250, "{answer}");
        assert_eq!(answer["decided_by"], "ledger", "{answer}");

        let answer = self.bash(pay_iso).await?;
        let message = iso8583::decode(&ASCII_HEX, &answer);
        let message = message.map_err(|error| anyhow!("{error:?}: {answer:?}"))?;
        assert_eq!(message.mti().to_string(), "0110");
        assert!(message.field(39).is_some_and(|code| code == "00"));
        Ok(())
    }

    async fn bash(&self, command: &str) -> anyhow::Result<Vec<u8>> {
        let mut mine = command.to_owned();
        for (inside, ours) in &self.ports {
            for host in ["127.0.0.1:", "127.0.0.1/"] {
                mine = mine.replace(&format!("{host}{inside}"), &format!("{host}{ours}"));
            }
        }
        ensure!(mine != command, "none of our ports is in {command}");
        let output = Command::new("bash").args(["-c", &mine]).output().await?;
        ensure!(
            output.status.success(),
            "{mine}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output.stdout)
    }

    /// Takes it down with its data; nothing is left.
    async fn down(mut self) -> anyhow::Result<()> {
        said(&mut self.compose(&["down", "--volumes"])).await?;
        for kind in ["container", "volume", "network"] {
            let mut left = Command::new("docker");
            left.args([kind, "ls", "--quiet"]);
            if kind == "container" {
                left.arg("--all");
            }
            let label = format!("label=com.docker.compose.project={}", self.name);
            let left = said(left.args(["--filter", &label])).await?;
            assert_eq!(left, "", "{kind}s are left");
        }
        self.watchdog.dismiss();
        Ok(())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // Nothing to do where it was taken down; otherwise a test has failed, and it may take a while.
        let mut down = self.compose(&["down", "--volumes", "--timeout", "1"]);
        let down = down.as_std_mut().stderr(Stdio::null()).status();
        if down.is_ok_and(|status| status.success()) {
            self.watchdog.dismiss();
        }
    }
}

/// What it said, where it succeeded.
async fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().await?;
    ensure!(
        output.status.success(),
        "{:?}: {}: {}",
        command.as_std(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The commands of the first shell block below a heading: a line that is not indented begins one.
fn commands_below(text: &str, heading: &str) -> anyhow::Result<Vec<String>> {
    let (_, below) = text.split_once(heading).context("the heading is gone")?;
    let (_, block) = below.split_once("```sh\n").context("no shell block")?;
    let (block, _) = block.split_once("```").context("it does not end")?;
    let mut commands: Vec<String> = Vec::new();
    for line in block.lines() {
        match commands.last_mut() {
            Some(command) if line.starts_with(' ') => {
                command.push('\n');
                command.push_str(line);
            }
            _ => commands.push(line.to_owned()),
        }
    }
    Ok(commands)
}
