use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::timeout;

use super::watch::ended;
use super::{Compose, Node, service_of};
use crate::cluster::{Cannot, Doing, Ended, Machinery, Process};
use crate::waiting::wait_until;

/// How long a container may take until it is ready, or gone.
const READY_WITHIN: Duration = Duration::from_secs(60);
const GONE_WITHIN: Duration = Duration::from_secs(20);
const ASKED_WITHIN: Duration = Duration::from_secs(2);

impl Machinery for Compose {
    fn backend(&self) -> &'static str {
        "compose"
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn nodes(&self) -> Vec<Node> {
        let mut nodes: Vec<Node> = self.parts.all().into_keys().collect();
        // Who is asked before who asks.
        nodes.sort_by_key(|node| match node {
            Node::Database => (0, 0),
            Node::Ledger(index) => (1, *index),
            Node::Proxy => (2, 0),
            Node::Gateway(index) => (3, *index),
        });
        nodes
    }

    fn name(&self, node: Node) -> String {
        match node {
            Node::Gateway(index) => format!("gw{}", index + 1),
            other => service_of(other),
        }
    }

    fn kill(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            if !self.is_running(node).await? {
                return Ok(());
            }
            let part = self.ordered(node)?;
            let args = ["kill", "--signal", "KILL", &part.container];
            self.docker.run(&args).await?;
            self.gone(node, part.ends).await
        })
    }

    fn terminate(&self, node: Node, within: Duration) -> Doing<'_, Ended> {
        Box::pin(async move {
            if !self.is_running(node).await? {
                bail!("{} is not running", self.name(node));
            }
            let part = self.ordered(node)?;
            // One second more, so that Docker's SIGKILL does not pass for a polite end.
            let patience = (within.as_secs() + 1).to_string();
            let args = ["stop", "-t", &patience, &part.container];
            let stopped = timeout(within, self.docker.run(&args)).await;
            let Ok(stopped) = stopped else {
                self.docker.run(&["kill", &part.container]).await?;
                bail!("{} did not stop within {within:?}", self.name(node));
            };
            stopped?;
            self.gone(node, part.ends).await?;
            Ok(ended(Some(self.state(node).await?.1)))
        })
    }

    fn start(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            self.kill(node).await?;
            let container = self.parts.container(node)?;
            self.parts.note(node, |part| {
                (part.ordered, part.ended, part.frozen) = (false, None, false);
            });
            self.docker.run(&["start", &container]).await?;
            self.ready(node, &container).await
        })
    }

    fn pause(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            let container = self.parts.container(node)?;
            self.docker.run(&["pause", &container]).await?;
            self.parts.note(node, |part| part.frozen = true);
            Ok(())
        })
    }

    fn resume(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            let part = self.parts.part(node)?;
            if part.frozen {
                self.docker.run(&["unpause", &part.container]).await?;
                self.parts.note(node, |part| part.frozen = false);
            }
            Ok(())
        })
    }

    /// Only what publishes no port: published ones do not come back with the network.
    fn disconnect(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            if node != Node::Database {
                let what = format!(
                    "take {} from the network: it has published ports",
                    self.name(node)
                );
                let backend = self.backend();
                return Err(Cannot { backend, what }.into());
            }
            let container = self.parts.container(node)?;
            for network in self.networks(&container).await? {
                let args = ["network", "disconnect", &network, &container];
                self.docker.run(&args).await?;
                self.parts.note(node, |part| part.cut_from.push(network));
            }
            Ok(())
        })
    }

    fn connect(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            let part = self.parts.part(node)?;
            for network in &part.cut_from {
                // With its name again: that is how it is found.
                let alias = ["network", "connect", "--alias", &part.service];
                let args = [&alias[..], &[network, &part.container]].concat();
                self.docker.run(&args).await?;
            }
            self.parts.note(node, |part| part.cut_from.clear());
            Ok(())
        })
    }

    fn can_disconnect(&self) -> bool {
        true
    }

    fn is_running(&self, node: Node) -> Doing<'_, bool> {
        Box::pin(async move {
            let (running, code) = self.state(node).await?;
            self.parts.note(node, |part| {
                // An end that the events did not tell.
                if !running && !part.ordered && part.ended.is_none() {
                    part.ended = Some(ended(Some(code)));
                }
            });
            Ok(running)
        })
    }

    fn list(&self) -> Doing<'_, Vec<Process>> {
        Box::pin(async move {
            let mut parts = self.parts.all();
            let listed = self.nodes().into_iter().filter_map(|node| {
                let part = parts.remove(&node)?;
                Some(Process {
                    node,
                    name: self.name(node),
                    pid: None,
                    container: Some(part.container.chars().take(12).collect()),
                    command_line: self.docker.command_line("start", &part.service),
                    ended: part.ended,
                })
            });
            Ok(listed.collect())
        })
    }

    fn save(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            for (node, part) in self.parts.all() {
                let path = self.directory.join(self.name(node)).with_extension("log");
                self.save_log(&part.container, &path).await?;
                if let Node::Gateway(_) = node {
                    let copy = self.directory.join(self.name(node));
                    self.save_data(&part.container, &copy).await?;
                }
            }
            Ok(())
        })
    }

    fn stop(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            for node in self.nodes() {
                self.ordered(node)?;
            }
            // The watchdog does the rest.
            let stopped = self.docker.compose(&["stop"]).await;
            stopped.map(drop)
        })
    }
}

impl Compose {
    /// Notes that it is about to end because somebody here says so.
    fn ordered(&self, node: Node) -> anyhow::Result<super::watch::Part> {
        self.parts.note(node, |part| part.ordered = true);
        self.parts.part(node)
    }

    /// Waits until its end was seen.
    async fn gone(&self, node: Node, ends: u64) -> anyhow::Result<()> {
        timeout(GONE_WITHIN, self.parts.ended_after(node, ends))
            .await
            .with_context(|| format!("Docker does not say that {} ended", self.name(node)))
    }

    /// Whether it runs, and what it exited with the last time.
    async fn state(&self, node: Node) -> anyhow::Result<(bool, i32)> {
        let container = self.parts.container(node)?;
        let format = "{{.State.Running}} {{.State.ExitCode}}";
        let args = [
            "inspect",
            "--type",
            "container",
            "--format",
            format,
            &container,
        ];
        let said = self.docker.run(&args).await?;
        let (running, code) = said.trim().split_once(' ').context("docker inspect")?;
        Ok((running == "true", code.parse()?))
    }

    async fn networks(&self, container: &str) -> anyhow::Result<Vec<String>> {
        let format = "{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}";
        let args = [
            "inspect",
            "--type",
            "container",
            "--format",
            format,
            container,
        ];
        let said = self.docker.run(&args).await?;
        let names = said.lines().map(str::trim).filter(|name| !name.is_empty());
        Ok(names.map(str::to_owned).collect())
    }

    /// Waits until it answers.
    async fn ready(&self, node: Node, container: &str) -> anyhow::Result<()> {
        let path = match node {
            Node::Ledger(_) => "/readyz",
            Node::Gateway(_) => "/v1/status",
            Node::Proxy | Node::Database => "/mode",
        };
        let url = self
            .addresses
            .get(&node)
            .map(|address| format!("{address}{path}"));
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ASKED_WITHIN)
            .build()?;
        let answers = || async {
            match &url {
                Some(url) => {
                    let answer = client.get(url).send().await;
                    answer.is_ok_and(|answer| answer.status().is_success())
                }
                None => {
                    let args = ["exec", container, "pg_isready", "-q", "-h", "127.0.0.1"];
                    self.docker.run(&args).await.is_ok()
                }
            }
        };
        let what = format!("{} is ready", self.name(node));
        wait_until(&what, READY_WITHIN, answers).await?;
        Ok(())
    }

    /// All that a container has written so far.
    async fn save_log(&self, container: &str, path: &Path) -> anyhow::Result<()> {
        let log = self.docker.said(&["logs", container]).await?;
        std::fs::write(path, log).with_context(|| format!("cannot write {}", path.display()))
    }

    /// What a container has on its volumes.
    async fn save_data(&self, container: &str, copy: &Path) -> anyhow::Result<()> {
        let format =
            "{{range .Mounts}}{{if eq .Type \"volume\"}}{{println .Destination}}{{end}}{{end}}";
        let args = [
            "inspect",
            "--type",
            "container",
            "--format",
            format,
            container,
        ];
        let mounts = self.docker.run(&args).await?;
        std::fs::create_dir_all(copy)?;
        for mount in mounts.lines().map(str::trim).filter(|it| !it.is_empty()) {
            // With a dot: what is in it, not the directory.
            let (from, to) = (format!("{container}:{mount}/."), copy.to_string_lossy());
            self.docker.run(&["cp", &from, &to]).await?;
        }
        Ok(())
    }
}
