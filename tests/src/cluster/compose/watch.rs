use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Context;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::cli::{Docker, InGroup, bare};
use super::{Node, service_of};
use crate::cluster::Ended;

/// What is known of the containers: as `docker events` tells, without asking.
#[derive(Debug)]
pub(super) struct Parts {
    all: Mutex<BTreeMap<Node, Part>>,
    /// How many ends were seen.
    ends: watch::Sender<u64>,
    /// Who listens to the events.
    listener: OnceLock<AbortHandle>,
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get() {
            listener.abort();
        }
    }
}

/// One container.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) service: String,
    pub(super) container: String,
    /// Somebody here stopped it, or is about to.
    pub(super) ordered: bool,
    /// How it ended, where nobody here stopped it.
    pub(super) ended: Option<Ended>,
    /// How often it ended.
    pub(super) ends: u64,
    pub(super) frozen: bool,
    /// The networks that it was taken from.
    pub(super) cut_from: Vec<String>,
}

impl Part {
    pub(super) fn new(service: String, container: String) -> Self {
        Self {
            service,
            container,
            ordered: false,
            ended: None,
            ends: 0,
            frozen: false,
            cut_from: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    actor: Actor,
}

#[derive(Debug, Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: BTreeMap<String, String>,
}

impl Parts {
    /// Follows the project's events until it is dropped.
    pub(super) fn watch(docker: &Docker, parts: BTreeMap<Node, Part>) -> anyhow::Result<Arc<Self>> {
        let label = docker.label();
        let mut command = bare();
        command
            .args(["events", "--filter", "type=container", "--filter", &label])
            .args(["--filter", "event=die", "--format", "{{json .}}"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut events = InGroup::spawn(&mut command)?;
        let stdout = events.child()?.stdout.take();
        let stdout = stdout.context("standard output is not piped")?;
        let parts = Arc::new(Self {
            all: Mutex::new(parts),
            ends: watch::Sender::new(0),
            listener: OnceLock::new(),
        });
        let weak = Arc::downgrade(&parts);
        let listener = tokio::spawn(async move {
            // Ends with this task.
            let _events = events;
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Some(parts) = weak.upgrade() else { return };
                if let Ok(event) = serde_json::from_str::<Event>(&line) {
                    parts.heard(&event);
                }
            }
        });
        let _ = parts.listener.set(listener.abort_handle());
        Ok(parts)
    }

    fn heard(&self, event: &Event) {
        if event.action != "die" {
            return;
        }
        let code = event.actor.attributes.get("exitCode");
        let code = code.and_then(|code| code.parse().ok());
        let mut all = self.lock();
        let part = all
            .values_mut()
            .find(|part| part.container == event.actor.id);
        if let Some(part) = part {
            part.ends += 1;
            part.frozen = false;
            if !part.ordered {
                part.ended = Some(ended(code));
            }
        }
        drop(all);
        self.ends.send_modify(|ends| *ends += 1);
    }

    /// The container of a node.
    pub(super) fn container(&self, node: Node) -> anyhow::Result<String> {
        self.part(node).map(|part| part.container)
    }

    /// What is known of it.
    pub(super) fn part(&self, node: Node) -> anyhow::Result<Part> {
        let part = self.lock().get(&node).cloned();
        part.with_context(|| format!("there is no container of {}", service_of(node)))
    }

    /// Notes something about it.
    pub(super) fn note(&self, node: Node, change: impl FnOnce(&mut Part)) {
        if let Some(part) = self.lock().get_mut(&node) {
            change(part);
        }
    }

    /// All of them, by node.
    pub(super) fn all(&self) -> BTreeMap<Node, Part> {
        self.lock().clone()
    }

    /// Waits until more than `before` ends of it were seen: the end that was ordered must not be
    /// taken for another one later.
    pub(super) async fn ended_after(&self, node: Node, before: u64) {
        let mut ends = self.ends.subscribe();
        while self.part(node).is_ok_and(|part| part.ends <= before) {
            if ends.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Node, Part>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An exit code as Docker tells it: above 128 it stands for a signal.
pub(super) fn ended(code: Option<i32>) -> Ended {
    match code {
        Some(code @ 129..=192) => Ended::new(None, format!("signal: {}", code - 128)),
        Some(code) => Ended::new(Some(code), format!("exit status: {code}")),
        None => Ended::new(None, "it is not known how"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        let part = Part::new("gateway-1".into(), "c1".into());
        Parts {
            all: Mutex::new(BTreeMap::from([(Node::Gateway(0), part)])),
            ends: watch::Sender::new(0),
            listener: OnceLock::new(),
        }
    }

    /// As Docker Engine 20.10 writes it.
    fn died(container: &str, code: i32) -> Event {
        let line = format!(
            r#"{{"status":"die","id":"{container}","from":"holdfast:dev","Type":"container","Action":"die","Actor":{{"ID":"{container}","Attributes":{{"com.docker.compose.service":"gateway-1","exitCode":"{code}"}}}},"scope":"local","time":1763822000,"timeNano":1763822000000000000}}"#
        );
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn an_end_that_nobody_ordered_is_told_and_one_that_was_is_not() {
        let parts = parts();
        let node = Node::Gateway(0);
        parts.heard(&died("another", 1));
        assert_eq!(parts.part(node).unwrap().ends, 0);
        parts.heard(&died("c1", 139));
        let ended = parts.part(node).unwrap().ended.unwrap();
        assert_eq!((ended.code, ended.to_string()), (None, "signal: 11".into()));
        parts.note(node, |part| (part.ended, part.ordered) = (None, true));
        parts.heard(&died("c1", 137));
        let part = parts.part(node).unwrap();
        assert_eq!((part.ended, part.ends), (None, 2));
    }

    #[tokio::test]
    async fn whoever_waits_for_an_end_sees_it() {
        let parts = Arc::new(parts());
        let seen = tokio::spawn({
            let parts = Arc::clone(&parts);
            async move { parts.ended_after(Node::Gateway(0), 0).await }
        });
        parts.heard(&died("c1", 0));
        seen.await.unwrap();
    }
}
