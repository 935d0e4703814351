//! What a connection costs that says nothing: the gateway's memory before and after.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::rig::Rig;
use super::template::Template;
use crate::live::say;

const PATIENCE: Duration = Duration::from_secs(10);

/// Resident memory of the gateway.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Idle {
    pub(super) connections: u32,
    pub(super) before_kib: u64,
    pub(super) after_kib: u64,
    /// Per connection.
    pub(super) kib_each: f64,
}

/// Opens so many, has each answered once, and leaves them idle. Memory of the kernel's sockets is not
/// the process's and not in it.
pub(super) async fn measure(rig: &Rig, connections: u32) -> anyhow::Result<Idle> {
    say(&format!("  {connections} idle connections"));
    process::limits::raise_open_files();
    let template = Template::echo_test()?;
    let before_kib = resident_kib(rig.gateway_pid())?;
    let mut open = Vec::new();
    for n in 0..connections {
        let mut stream = TcpStream::connect(rig.door())
            .await
            .with_context(|| format!("connection {n}"))?;
        let mut message = Vec::new();
        template.write(n.into(), &mut message);
        stream.write_all(&message).await?;
        let mut answer = [0; 512];
        let read = timeout(PATIENCE, stream.read(&mut answer)).await;
        let read = read.with_context(|| {
            format!("connection {n} is not served: is it more than half of `ulimit -n`?")
        })??;
        ensure!(read > 0, "connection {n} was closed");
        open.push(stream);
    }
    let after_kib = resident_kib(rig.gateway_pid())?;
    Ok(Idle {
        connections,
        before_kib,
        after_kib,
        kib_each: after_kib.saturating_sub(before_kib) as f64 / f64::from(connections.max(1)),
    })
}

fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.context("no VmRSS")
}
