//! Containers that can be killed, frozen, cut off and started again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecResults};
use testcontainers::bollard::models::{
    ContainerState, ContainerSummary, ContainerSummaryStateEnum, NetworkConnectRequest,
    NetworkDisconnectRequest,
};
use testcontainers::bollard::query_parameters::{
    KillContainerOptionsBuilder, ListContainersOptionsBuilder,
};
use testcontainers::bollard::{Docker, errors};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, Image};
use tests::cluster::{Doing, Ended, Machinery, Node, Process};
use tests::waiting::wait_until;

use crate::engine::Engine;
use crate::parts::{self, Ports};
use crate::run::Run;
use crate::save;

/// Long after anything healthy has answered.
const READY_WITHIN: Duration = Duration::from_secs(40);
/// From a SIGKILL to the end.
const GONE_WITHIN: Duration = Duration::from_secs(10);
const POLITE_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The containers of one run. Nothing runs until it is started; all of it is removed when this is
/// dropped.
pub struct Containers {
    parts: Mutex<HashMap<Node, Part>>,
    run: Run,
    ports: Ports,
    client: reqwest::Client,
    directory: PathBuf,
}

/// A container that was made.
struct Part {
    id: String,
    /// It is down because somebody here said so.
    ordered: bool,
    cut_off: bool,
}

impl Containers {
    /// A network, volumes and ports, and nothing in them yet. Logs and volumes are saved to
    /// `directory`.
    ///
    /// # Errors
    /// Where the engine does not obey.
    pub async fn prepare(engine: &Engine, directory: PathBuf) -> anyhow::Result<Self> {
        let run = Run::begin(engine).await?;
        for gateway in (0..parts::GATEWAYS).map(Node::Gateway) {
            run.volume(&run.called(&parts::name(gateway))).await?;
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .build()?;
        Ok(Self {
            parts: Mutex::default(),
            run,
            ports: Ports::choose()?,
            client,
            directory,
        })
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    fn docker(&self) -> &Docker {
        self.run.docker()
    }

    fn parts(&self) -> MutexGuard<'_, HashMap<Node, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The container, where it has been made.
    fn id(&self, node: Node) -> Option<String> {
        self.parts().get(&node).map(|part| part.id.clone())
    }

    fn made(&self, node: Node) -> anyhow::Result<String> {
        let never = || format!("{} has never been started", self.name(node));
        self.id(node).with_context(never)
    }

    /// Changes what is known of a part, where it has been made.
    fn note(&self, node: Node, change: impl FnOnce(&mut Part)) {
        if let Some(part) = self.parts().get_mut(&node) {
            change(part);
        }
    }

    async fn state(&self, id: &str) -> anyhow::Result<ContainerState> {
        let inspected = self.docker().inspect_container(id, None).await?;
        inspected.state.context("a container without a state")
    }

    async fn signal(&self, id: &str, signal: &str) -> anyhow::Result<()> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        already(self.docker().kill_container(id, Some(options)).await)
    }

    async fn gone(&self, node: Node, id: &str, within: Duration) -> anyhow::Result<()> {
        let down = || async {
            let state = self.state(id).await;
            state.is_ok_and(|state| state.running == Some(false))
        };
        wait_until(&format!("{} has ended", self.name(node)), within, down).await?;
        Ok(())
    }

    async fn launch(&self, node: Node) -> anyhow::Result<()> {
        let part = if node == Node::Database {
            launched(parts::database(&self.run)).await
        } else {
            launched(parts::ours(&self.run, &self.ports, node)?).await
        };
        let part = part.with_context(|| format!("cannot start {}", self.name(node)))?;
        self.parts().insert(node, part);
        Ok(())
    }

    async fn ready(&self, node: Node) -> anyhow::Result<()> {
        let id = self.made(node)?;
        let answers = || async {
            match node {
                Node::Database => self.database_answers(&id).await.unwrap_or(false),
                Node::Proxy => self.answers(node, "mode").await.unwrap_or(false),
                Node::Ledger(_) | Node::Gateway(_) => {
                    self.answers(node, "readyz").await.unwrap_or(false)
                }
            }
        };
        let what = format!("{} is ready", self.name(node));
        let ready = wait_until(&what, READY_WITHIN, answers).await;
        if ready.is_err() {
            let log = save::log(self.docker(), &id).await.unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(12).collect();
            let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n    ");
            ready.with_context(|| format!("its log ends with\n    {tail}"))?;
        }
        Ok(())
    }

    async fn answers(&self, node: Node, path: &str) -> anyhow::Result<bool> {
        let url = format!("{}/{path}", self.ports.http(node)?);
        Ok(self.client.get(url).send().await?.status().is_success())
    }

    /// Over TCP: the server that sets the database up answers on its socket only.
    async fn database_answers(&self, id: &str) -> anyhow::Result<bool> {
        let ask = "pg_isready -q -h 127.0.0.1 -U holdfast -d holdfast";
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            cmd: Some(ask.split(' ').collect()),
            ..CreateExecOptions::default()
        };
        let exec = self.docker().create_exec(id, options).await?.id;
        if let StartExecResults::Attached { mut output, .. } =
            self.docker().start_exec(&exec, None).await?
        {
            while output.next().await.is_some() {}
        }
        Ok(self.docker().inspect_exec(&exec).await?.exit_code == Some(0))
    }

    async fn seen(
        &self,
        node: Node,
        summary: Option<&ContainerSummary>,
    ) -> anyhow::Result<Process> {
        let container = self.run.called(&parts::name(node));
        let ordered = self.parts().get(&node).is_none_or(|part| part.ordered);
        let ended = match summary {
            Some(summary) if !ordered && has_ended(summary) => {
                let state = self.state(&container).await?;
                Some(end_of(&state))
            }
            _ => None,
        };
        Ok(Process {
            node,
            name: self.name(node),
            pid: None,
            command_line: format!("docker start {container}"),
            container: Some(container),
            ended,
        })
    }
}

impl Machinery for Containers {
    fn backend(&self) -> &'static str {
        "containers"
    }

    fn nodes(&self) -> Vec<Node> {
        parts::nodes()
    }

    fn name(&self, node: Node) -> String {
        parts::name(node)
    }

    fn kill(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            let Some(id) = self.id(node) else {
                return Ok(());
            };
            self.note(node, |part| part.ordered = true);
            // One that is frozen thaws to die.
            self.signal(&id, "SIGKILL").await?;
            self.gone(node, &id, GONE_WITHIN).await
        })
    }

    fn terminate(&self, node: Node, within: Duration) -> Doing<'_, Ended> {
        Box::pin(async move {
            let id = self.made(node)?;
            ensure!(
                self.is_running(node).await?,
                "{} is not running",
                self.name(node)
            );
            self.note(node, |part| part.ordered = true);
            // To SIGTERM, PostgreSQL waits for its clients to leave.
            let signal = match node {
                Node::Database => "SIGINT",
                _ => "SIGTERM",
            };
            self.signal(&id, signal).await?;
            if let Err(late) = self.gone(node, &id, within).await {
                self.kill(node).await?;
                return Err(late);
            }
            Ok(end_of(&self.state(&id).await?))
        })
    }

    fn start(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            self.kill(node).await?;
            match self.id(node) {
                None => self.launch(node).await?,
                Some(id) => self.docker().start_container(&id, None).await?,
            }
            self.note(node, |part| part.ordered = false);
            self.ready(node).await
        })
    }

    fn pause(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move { Ok(self.docker().pause_container(&self.made(node)?).await?) })
    }

    fn resume(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            let Some(id) = self.id(node) else {
                return Ok(());
            };
            if self.state(&id).await?.paused == Some(true) {
                already(self.docker().unpause_container(&id).await)?;
            }
            Ok(())
        })
    }

    fn disconnect(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            let request = NetworkDisconnectRequest {
                container: self.made(node)?,
                force: None,
            };
            self.docker()
                .disconnect_network(self.run.network(), request)
                .await?;
            self.note(node, |part| part.cut_off = true);
            Ok(())
        })
    }

    fn connect(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            let cut_off = self.parts().get(&node).is_some_and(|part| part.cut_off);
            if cut_off {
                let request = NetworkConnectRequest {
                    container: self.made(node)?,
                    // Its name is what the others look up, and comes back by itself.
                    endpoint_config: None,
                };
                self.docker()
                    .connect_network(self.run.network(), request)
                    .await?;
                self.note(node, |part| part.cut_off = false);
            }
            Ok(())
        })
    }

    fn can_disconnect(&self) -> bool {
        true
    }

    fn is_running(&self, node: Node) -> Doing<'_, bool> {
        Box::pin(async move {
            let Some(id) = self.id(node) else {
                return Ok(false);
            };
            Ok(self.state(&id).await?.running == Some(true))
        })
    }

    fn list(&self) -> Doing<'_, Vec<Process>> {
        Box::pin(async move {
            let options = ListContainersOptionsBuilder::new()
                .all(true)
                .filters(&self.run.filter())
                .build();
            let there = self.docker().list_containers(Some(options)).await?;
            let mut all = Vec::new();
            for node in self.nodes() {
                let id = self.id(node);
                let summary = there.iter().find(|it| id.is_some() && it.id == id);
                all.push(self.seen(node, summary).await?);
            }
            Ok(all)
        })
    }

    fn save(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            for node in self.nodes() {
                let Some(id) = self.id(node) else {
                    continue;
                };
                let path = self.directory.join(self.name(node));
                let log = save::log(self.docker(), &id).await?;
                tokio::fs::write(path.with_extension("log"), log).await?;
                if matches!(node, Node::Gateway(_)) {
                    save::folder(self.docker(), &id, parts::DATA, &path).await?;
                }
            }
            Ok(())
        })
    }

    fn stop(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            let calling: Vec<_> = self.nodes().into_iter().rev().collect();
            let (callers, database) = calling.split_at(calling.len() - 1);
            let all = callers
                .iter()
                .map(|node| self.terminate(*node, POLITE_WITHIN));
            for ended in try_join_all(all).await? {
                if !ended.success() {
                    bail!("a container ended with {ended}");
                }
            }
            self.terminate(database[0], POLITE_WITHIN).await.map(drop)
        })
    }
}

async fn launched<I: Image + 'static>(request: ContainerRequest<I>) -> anyhow::Result<Part> {
    let container = request.start().await?;
    let id = container.id().to_owned();
    // Not removed by itself, one after the other, but by its run, all at once.
    std::mem::forget(container);
    Ok(Part {
        id,
        ordered: false,
        cut_off: false,
    })
}

/// That something is already as it should be is no failure.
fn already(outcome: Result<(), Error>) -> anyhow::Result<()> {
    match outcome {
        Err(errors::Error::DockerResponseServerError {
            status_code: 304 | 409,
            ..
        }) => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn has_ended(summary: &ContainerSummary) -> bool {
    use ContainerSummaryStateEnum::{DEAD, EXITED};
    matches!(summary.state, Some(EXITED | DEAD))
}

fn end_of(state: &ContainerState) -> Ended {
    let code = state.exit_code.unwrap_or_default();
    let why = match state.oom_killed {
        Some(true) => " (out of memory)",
        _ => "",
    };
    // By a shell's convention, 128 and the signal's number.
    let by_itself = i32::try_from(code).ok().filter(|code| *code < 128);
    Ended::new(by_itself, format!("exit code {code}{why}"))
}
