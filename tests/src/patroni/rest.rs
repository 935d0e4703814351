//! Patroni's own door.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

/// A frozen node answers nobody: it must not hold up the question to the others.
const ASK_WITHIN: Duration = Duration::from_millis(700);
/// A switchover is answered when it is done.
const ORDER_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Rest {
    client: reqwest::Client,
    nodes: Vec<String>,
}

/// What Patroni says of the cluster.
#[derive(Debug, Clone, Deserialize)]
pub struct Members {
    /// All that it knows of.
    pub members: Vec<Member>,
}

/// What Patroni says of one node.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    /// `pg1`, …
    pub name: String,
    /// `leader`, `sync_standby`, `replica`, …
    pub role: String,
    /// `running`, `streaming`, `stopped`, …
    pub state: String,
}

impl Members {
    /// True where a standby confirms every commit.
    pub fn has_standby(&self) -> bool {
        (self.members.iter()).any(|it| it.role == "sync_standby" && it.state == "streaming")
    }

    /// True where all are there, one leads, and one of the others confirms every commit.
    pub fn is_whole(&self, nodes: usize) -> bool {
        let leads = |it: &Member| it.role == "leader" && it.state == "running";
        let follows = |it: &Member| it.role != "leader" && it.state == "streaming";
        let members = &self.members;
        members.iter().filter(|it| leads(it)).count() == 1
            && members.iter().filter(|it| follows(it)).count() == nodes - 1
            && self.has_standby()
    }
}

impl Rest {
    pub(super) fn new(addresses: &[Ipv4Addr], port: u16) -> anyhow::Result<Self> {
        let nodes = addresses.iter().map(|it| format!("http://{it}:{port}"));
        Ok(Self {
            client: reqwest::Client::builder().no_proxy().build()?,
            nodes: nodes.collect(),
        })
    }

    /// True where the node says that this is its role.
    pub(super) async fn is(&self, node: usize, role: &str) -> bool {
        let url = format!("{}/{role}", self.nodes[node]);
        let answer = self.client.get(url).timeout(ASK_WITHIN).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    pub(super) async fn members(&self, node: usize) -> anyhow::Result<Members> {
        let url = format!("{}/cluster", self.nodes[node]);
        let answer = self.client.get(url).timeout(ASK_WITHIN).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    pub(super) async fn post(&self, node: usize, path: &str, body: &Value) -> anyhow::Result<()> {
        self.order(Method::POST, node, path, body).await
    }

    pub(super) async fn patch(&self, node: usize, path: &str, body: &Value) -> anyhow::Result<()> {
        self.order(Method::PATCH, node, path, body).await
    }

    async fn order(
        &self,
        method: Method,
        node: usize,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<()> {
        let url = format!("{}/{path}", self.nodes[node]);
        let order = self.client.request(method, &url).json(body);
        let answer = order.timeout(ORDER_WITHIN).send().await;
        let answer = answer.with_context(|| format!("{url} did not answer"))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        bail!(
            "{url}: {status}: {}",
            answer.text().await.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(of: &[(&str, &str)]) -> Members {
        let member = |(role, state): &(&str, &str)| Member {
            name: "pg".into(),
            role: (*role).into(),
            state: (*state).into(),
        };
        Members {
            members: of.iter().map(member).collect(),
        }
    }

    #[test]
    fn a_cluster_is_whole_with_one_leader_and_two_that_stream_one_of_them_synchronously() {
        let leader = ("leader", "running");
        let (sync, replica) = (("sync_standby", "streaming"), ("replica", "streaming"));
        assert!(members(&[leader, sync, replica]).is_whole(3));
        for not in [
            vec![leader, replica, replica],
            vec![leader, sync],
            vec![leader, sync, ("replica", "starting")],
            vec![sync, replica, replica],
        ] {
            assert!(!members(&not).is_whole(3), "{not:?}");
        }
        assert!(!members(&[leader, replica]).has_standby());
    }
}
