use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::Mutex;

use super::machinery::{Doing, Ended, Machinery, Node, Process};
use crate::postgres::Postgres;
use crate::process::Child;

const POLITE_WITHIN: Duration = Duration::from_secs(10);

/// A stack of child processes, and of a private PostgreSQL where there is one.
#[derive(Debug)]
pub struct Processes {
    // Dropped in this order: who calls before who is called.
    pub(super) gateways: Vec<Mutex<Child>>,
    pub(super) proxy: Mutex<Child>,
    pub(super) ledger: Mutex<Child>,
    pub(super) postgres: Option<Postgres>,
}

impl Processes {
    /// The private PostgreSQL, where there is one.
    pub fn postgres(&self) -> Option<&Postgres> {
        self.postgres.as_ref()
    }

    /// Starts the ledger again with these arguments after its own, for this once.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn restart_ledger_with(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.ledger.lock().await.restart_with(arguments).await
    }

    fn child(&self, node: Node) -> anyhow::Result<&Mutex<Child>> {
        match node {
            Node::Ledger(0) => Ok(&self.ledger),
            Node::Proxy => Ok(&self.proxy),
            Node::Gateway(index) => self.gateways.get(index).context("no such gateway"),
            Node::Ledger(_) | Node::Database => bail!("{node:?} is no process of this stack"),
        }
    }

    fn database(&self) -> anyhow::Result<&Postgres> {
        self.postgres
            .as_ref()
            .context("there is no PostgreSQL: the books are on the embedded store")
    }
}

impl Machinery for Processes {
    fn backend(&self) -> &'static str {
        "processes"
    }

    fn nodes(&self) -> Vec<Node> {
        let database = self.postgres.iter().map(|_| Node::Database);
        let gateways = (0..self.gateways.len()).map(Node::Gateway);
        database
            .chain([Node::Ledger(0), Node::Proxy])
            .chain(gateways)
            .collect()
    }

    fn name(&self, node: Node) -> String {
        match node {
            Node::Ledger(_) => "ledger".into(),
            Node::Proxy => "faultproxy".into(),
            Node::Gateway(index) => format!("gw{}", index + 1),
            Node::Database => "postgres".into(),
        }
    }

    fn kill(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            if node == Node::Database {
                let postgres = self.database()?;
                if postgres.is_running() {
                    postgres.stop_immediate().await?;
                }
            } else {
                self.child(node)?.lock().await.kill9().await;
            }
            Ok(())
        })
    }

    fn terminate(&self, node: Node, within: Duration) -> Doing<'_, Ended> {
        Box::pin(async move {
            let child = self.child(node)?;
            Ok(child.lock().await.terminate(within).await?.into())
        })
    }

    fn start(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            if node != Node::Database {
                return self.child(node)?.lock().await.restart().await;
            }
            self.kill(node).await?;
            self.database()?.start_again().await
        })
    }

    fn pause(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            if node == Node::Database {
                return self.database()?.pause();
            }
            self.child(node)?.lock().await.sigstop();
            Ok(())
        })
    }

    fn resume(&self, node: Node) -> Doing<'_, ()> {
        Box::pin(async move {
            if node == Node::Database {
                self.database()?.resume();
            } else {
                self.child(node)?.lock().await.sigcont();
            }
            Ok(())
        })
    }

    fn is_running(&self, node: Node) -> Doing<'_, bool> {
        Box::pin(async move {
            if node == Node::Database {
                return Ok(self.database()?.is_running());
            }
            Ok(self.child(node)?.lock().await.is_running())
        })
    }

    fn list(&self) -> Doing<'_, Vec<Process>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for node in self.nodes() {
                all.push(match &self.postgres {
                    Some(postgres) if node == Node::Database => Process {
                        node,
                        name: self.name(node),
                        pid: postgres.pid().and_then(|pid| i32::try_from(pid).ok()),
                        container: None,
                        command_line: postgres.command_line(),
                        ended: postgres.ended().map(Ended::from),
                    },
                    _ => seen(node, &mut *self.child(node)?.lock().await),
                });
            }
            Ok(all)
        })
    }

    fn stop(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            let gateways = self.gateways.iter();
            for child in gateways.chain([&self.ledger, &self.proxy]) {
                child.lock().await.terminate(POLITE_WITHIN).await?;
            }
            Ok(())
        })
    }

    fn processes(&self) -> Option<&Processes> {
        Some(self)
    }
}

fn seen(node: Node, process: &mut Child) -> Process {
    Process {
        node,
        name: process.name().to_owned(),
        ended: process.ended().map(Ended::from),
        pid: process.pid(),
        container: None,
        command_line: process.command_line(),
    }
}
