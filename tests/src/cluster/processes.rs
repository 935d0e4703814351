use std::process::ExitStatus;

use super::Stack;
use crate::process::Child;

/// A process of the stack, as an operator sees it.
#[derive(Debug, Clone)]
pub struct Process {
    /// `postgres`, `ledger`, `faultproxy`, `gw1`, …
    pub name: String,
    /// Its process id; absent while it is down because somebody here stopped it.
    pub pid: Option<i32>,
    /// Starts it by hand, with the same arguments.
    pub command_line: String,
    /// How it ended, where nobody here stopped it.
    pub ended: Option<ExitStatus>,
}

impl Stack {
    /// PostgreSQL, where there is one, ledger, fault proxy and gateways as they are now.
    pub async fn processes(&self) -> Vec<Process> {
        let gateways = self.gateway_processes.iter();
        let postgres = self.postgres().map(|postgres| Process {
            name: "postgres".into(),
            pid: postgres.pid().and_then(|pid| i32::try_from(pid).ok()),
            command_line: postgres.command_line(),
            ended: postgres.ended(),
        });
        let mut processes: Vec<_> = postgres.into_iter().collect();
        for process in [&self.ledger_process, &self.proxy]
            .into_iter()
            .chain(gateways)
        {
            processes.push(seen(&mut *process.lock().await));
        }
        processes
    }

    /// Starts the fault proxy again on the same ports; it passes then.
    ///
    /// # Errors
    /// Where it does not come up.
    pub async fn restart_proxy(&self) -> anyhow::Result<()> {
        self.proxy.lock().await.restart().await
    }
}

fn seen(process: &mut Child) -> Process {
    Process {
        name: process.name().to_owned(),
        ended: process.ended(),
        pid: process.pid(),
        command_line: process.command_line(),
    }
}
