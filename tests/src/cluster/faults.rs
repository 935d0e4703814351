use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::timeout;

use super::Stack;
use super::machinery::{Cannot, Ended, Node, together};
use crate::faultproxy::Mode;

/// A gateway that is to be killed may be past answering.
const ASKED_WITHIN: Duration = Duration::from_millis(100);
const POLITE_WITHIN: Duration = Duration::from_secs(10);

impl Stack {
    /// Makes the wire between gateways and ledger behave like this.
    ///
    /// # Errors
    /// Where the fault proxy does not obey.
    pub async fn fault(&self, mode: Mode) -> anyhow::Result<()> {
        if self.control_url.is_empty() {
            return Err(self.cannot("give orders to a fault proxy".into()));
        }
        let answer = self
            .control
            .put(format!("{}/mode", self.control_url))
            .json(&mode)
            .send()
            .await?;
        answer
            .error_for_status()
            .context("the fault proxy refused")?;
        Ok(())
    }

    /// No connection between gateways and ledger.
    ///
    /// # Errors
    /// As for [`Stack::fault`].
    pub async fn cut(&self) -> anyhow::Result<()> {
        self.fault(Mode::Cut).await
    }

    /// Connections that carry nothing.
    ///
    /// # Errors
    /// As for [`Stack::fault`].
    pub async fn stall(&self) -> anyhow::Result<()> {
        self.fault(Mode::Stall).await
    }

    /// A faultless wire again.
    ///
    /// # Errors
    /// As for [`Stack::fault`].
    pub async fn heal(&self) -> anyhow::Result<()> {
        self.fault(Mode::Pass).await
    }

    /// SIGKILL for a node. A gateway's exposure peak is asked for just before, because it counts from
    /// the start of the process.
    ///
    /// # Errors
    /// Where the backend cannot.
    pub async fn kill(&self, node: Node) -> anyhow::Result<()> {
        self.remember_peak(node).await;
        self.machinery.kill(node).await
    }

    /// SIGTERM for a node, and waits for its polite end.
    ///
    /// # Errors
    /// Where it is down already or takes more than ten seconds.
    pub async fn terminate(&self, node: Node) -> anyhow::Result<Ended> {
        self.remember_peak(node).await;
        self.machinery.terminate(node, POLITE_WITHIN).await
    }

    /// SIGKILL for the ledger: for all of them where there are several.
    pub async fn kill_ledger(&self) {
        let all = self.ledgers().map(|node| self.machinery.kill(node));
        told(together(all.collect()).await);
    }

    /// Starts the ledger again on the same data and port; kills it before, where it runs. All of them
    /// where there are several.
    ///
    /// # Errors
    /// Where one does not come up.
    pub async fn restart_ledger(&self) -> anyhow::Result<()> {
        let all = self.ledgers().map(|node| self.machinery.start(node));
        together(all.collect()).await.map(drop)
    }

    /// Like [`Stack::restart_ledger`], with these arguments for this once.
    ///
    /// # Errors
    /// Where it does not come up, or is no process of ours.
    pub async fn restart_ledger_with(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let Some(processes) = self.machinery.processes() else {
            let what = "start a ledger with other arguments".into();
            return Err(self.cannot(what));
        };
        processes.restart_ledger_with(arguments).await
    }

    /// SIGTERM for the ledger, and waits for its polite end.
    ///
    /// # Errors
    /// Where it is down already or takes more than ten seconds.
    pub async fn terminate_ledger(&self) -> anyhow::Result<()> {
        let all = self
            .ledgers()
            .map(|node| self.machinery.terminate(node, POLITE_WITHIN));
        together(all.collect()).await.map(drop)
    }

    /// SIGSTOP for the ledger: its connections stay open and nothing moves.
    pub async fn pause_ledger(&self) {
        let all = self.ledgers().map(|node| self.machinery.pause(node));
        told(together(all.collect()).await);
    }

    /// SIGCONT for the ledger.
    pub async fn resume_ledger(&self) {
        let all = self.ledgers().map(|node| self.machinery.resume(node));
        told(together(all.collect()).await);
    }

    /// SIGKILL for a gateway.
    pub async fn kill_gateway(&self, gateway: usize) {
        told(self.kill(Node::Gateway(gateway)).await);
    }

    /// SIGTERM for a gateway, and waits for its polite end.
    ///
    /// # Errors
    /// Where it is down already, takes more than ten seconds, or ends with a failure.
    pub async fn terminate_gateway(&self, gateway: usize) -> anyhow::Result<()> {
        let ended = self.terminate(Node::Gateway(gateway)).await?;
        if !ended.success() {
            bail!("gateway {gateway} ended with {ended}");
        }
        Ok(())
    }

    /// Starts a gateway again on the same data and ports; kills it before, where it runs.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn restart_gateway(&self, gateway: usize) -> anyhow::Result<()> {
        self.machinery.start(Node::Gateway(gateway)).await
    }

    /// Starts the fault proxy again on the same ports; it passes then.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn restart_proxy(&self) -> anyhow::Result<()> {
        self.machinery.start(Node::Proxy).await
    }

    /// Makes sure that a gateway's local copy is on disk, by a polite restart: the file may lag what
    /// its status tells by some hundred milliseconds.
    ///
    /// # Errors
    /// Where it does not end politely, or does not come up.
    pub async fn saved(&self, gateway: usize) -> anyhow::Result<()> {
        self.terminate_gateway(gateway).await?;
        self.restart_gateway(gateway).await
    }

    /// Ends every fault: the wire passes, who was frozen thaws, who was cut off is back in the
    /// network, who is down comes up. Tells who was down. Does nothing where nothing may be touched.
    ///
    /// # Errors
    /// Where something does not come up.
    pub async fn repair(&self) -> anyhow::Result<Vec<String>> {
        let (machinery, nodes) = (&self.machinery, self.machinery.nodes());
        let mut repaired = Vec::new();
        if nodes.contains(&Node::Proxy) {
            if !machinery.is_running(Node::Proxy).await? {
                bail!("the fault proxy ended by itself");
            }
            self.heal().await?;
        }
        for node in nodes.into_iter().filter(|node| *node != Node::Proxy) {
            machinery.resume(node).await?;
            machinery.connect(node).await?;
            if !machinery.is_running(node).await? {
                machinery.start(node).await?;
                repaired.push(machinery.name(node));
            }
        }
        Ok(repaired)
    }

    /// Stops everything politely, without an audit.
    ///
    /// # Errors
    /// Where something was down already or does not stop in time.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.machinery.stop().await
    }

    fn ledgers(&self) -> impl Iterator<Item = Node> {
        let nodes = self.machinery.nodes().into_iter();
        nodes.filter(|node| matches!(node, Node::Ledger(_)))
    }

    fn cannot(&self, what: String) -> anyhow::Error {
        let backend = self.machinery.backend();
        Cannot { backend, what }.into()
    }

    async fn remember_peak(&self, node: Node) {
        if let Node::Gateway(gateway) = node
            && let Some(peak) = self.peaks.get(gateway)
            && let Ok(Ok(status)) = timeout(ASKED_WITHIN, self.status(gateway)).await
        {
            peak.fetch_max(status.exposure_peak_minor, Ordering::Relaxed);
        }
    }
}

/// Says loudly what an order without a result came to. The caller sees whether it had its effect.
fn told<T>(outcome: anyhow::Result<T>) {
    if let Err(error) = outcome {
        eprintln!("{error:#}");
    }
}
