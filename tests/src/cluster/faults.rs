use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::timeout;

use super::Stack;
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

    /// SIGKILL for the ledger.
    pub async fn kill_ledger(&self) {
        self.ledger_process.lock().await.kill9().await;
    }

    /// Starts the ledger again on the same data and port; kills it before, where it runs.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn restart_ledger(&self) -> anyhow::Result<()> {
        self.ledger_process.lock().await.restart().await
    }

    /// Like [`Stack::restart_ledger`], with these arguments for this once.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn restart_ledger_with(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut ledger = self.ledger_process.lock().await;
        ledger.restart_with(arguments).await
    }

    /// SIGTERM for the ledger, and waits for its polite end.
    ///
    /// # Errors
    /// Where it is down already or takes more than ten seconds.
    pub async fn terminate_ledger(&self) -> anyhow::Result<()> {
        let mut ledger = self.ledger_process.lock().await;
        ledger.terminate(POLITE_WITHIN).await?;
        Ok(())
    }

    /// SIGSTOP for the ledger: its connections stay open and nothing moves.
    pub async fn pause_ledger(&self) {
        self.ledger_process.lock().await.sigstop();
    }

    /// SIGCONT for the ledger.
    pub async fn resume_ledger(&self) {
        self.ledger_process.lock().await.sigcont();
    }

    /// SIGKILL for a gateway. Its exposure's peak is asked for just before, because it counts from
    /// the start of the process.
    pub async fn kill_gateway(&self, gateway: usize) {
        if let (Some(peak), Ok(Ok(status))) = (
            self.peaks.get(gateway),
            timeout(ASKED_WITHIN, self.status(gateway)).await,
        ) {
            peak.fetch_max(status.exposure_peak_minor, Ordering::Relaxed);
        }
        if let Some(process) = self.gateway_processes.get(gateway) {
            process.lock().await.kill9().await;
        }
    }

    /// SIGTERM for a gateway, and waits for its polite end.
    ///
    /// # Errors
    /// Where it is down already, takes more than ten seconds, or ends with a failure.
    pub async fn terminate_gateway(&self, gateway: usize) -> anyhow::Result<()> {
        let process = self
            .gateway_processes
            .get(gateway)
            .context("no such gateway")?;
        let status = process.lock().await.terminate(POLITE_WITHIN).await?;
        if !status.success() {
            bail!("gateway {gateway} ended with {status}");
        }
        Ok(())
    }

    /// Starts a gateway again on the same data and ports; kills it before, where it runs.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn restart_gateway(&self, gateway: usize) -> anyhow::Result<()> {
        let process = self
            .gateway_processes
            .get(gateway)
            .context("no such gateway")?;
        process.lock().await.restart().await
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

    /// Ends every fault: the wire passes, who was frozen thaws, who is down comes up. Tells who was
    /// down.
    ///
    /// # Errors
    /// Where something does not come up.
    pub async fn repair(&self) -> anyhow::Result<Vec<String>> {
        let mut repaired = Vec::new();
        if !self.proxy.lock().await.is_running() {
            bail!("the fault proxy ended by itself");
        }
        self.heal().await?;
        if let Some(postgres) = self.postgres().filter(|postgres| !postgres.is_running()) {
            postgres.start_again().await?;
            repaired.push("PostgreSQL".to_owned());
        }
        let mut ledger = self.ledger_process.lock().await;
        ledger.sigcont();
        if !ledger.is_running() {
            ledger.restart().await?;
            repaired.push(ledger.name().to_owned());
        }
        drop(ledger);
        for process in &self.gateway_processes {
            let mut gateway = process.lock().await;
            gateway.sigcont();
            if !gateway.is_running() {
                gateway.restart().await?;
                repaired.push(gateway.name().to_owned());
            }
        }
        Ok(repaired)
    }

    /// Stops everything politely, without an audit.
    ///
    /// # Errors
    /// Where a process was down already or does not stop in time.
    pub async fn stop(self) -> anyhow::Result<()> {
        for process in &self.gateway_processes {
            process.lock().await.terminate(POLITE_WITHIN).await?;
        }
        self.ledger_process
            .lock()
            .await
            .terminate(POLITE_WITHIN)
            .await?;
        self.proxy.lock().await.terminate(POLITE_WITHIN).await?;
        Ok(())
    }
}
