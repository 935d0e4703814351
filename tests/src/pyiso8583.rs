//! A peer with a codec that is not ours: `pyiso8583` from PyPI plays the card network.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::cluster::Stack;
use crate::packages;
use crate::payment::Card;

const PACKAGE: &str = "pyiso8583==4.0.1";
/// What the script asks for takes a moment: a ledger that starts, a feed that catches up.
const LINE_WITHIN: Duration = Duration::from_secs(60);

/// Plays the script's conversation with a gateway, and carries out its orders on the stack. The card
/// has 100.00 in the beginning and 80.00 in the end.
///
/// # Errors
/// Where an answer is not what the script expects, with its words.
pub async fn play(
    stack: &Stack,
    gateway: usize,
    card: &Card,
    packages: &Path,
) -> anyhow::Result<()> {
    let address = stack.gateway(gateway).iso;
    let mut python = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("it/pyiso8583_client.py"))
        .args([
            address.ip().to_string(),
            address.port().to_string(),
            card.number.clone(),
        ])
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut orders = python.stdin.take().context("standard input is piped")?;
    let mut lines = BufReader::new(python.stdout.take().context("output is piped")?).lines();
    while let Some(line) = timeout(LINE_WITHIN, lines.next_line()).await?? {
        if let Some(order) = line.strip_prefix("please ") {
            obey(stack, order).await?;
            orders.write_all(b"done\n").await?;
        }
    }
    if !python.wait().await?.success() {
        let mut complaint = String::new();
        let mut errors = python.stderr.take().context("errors are piped")?;
        errors.read_to_string(&mut complaint).await?;
        bail!("the script failed: {complaint}");
    }
    Ok(())
}

async fn obey(stack: &Stack, order: &str) -> anyhow::Result<()> {
    match order {
        "kill the ledger" => {
            stack.known(Duration::from_secs(10)).await?;
            stack.kill_ledger().await;
            Ok(())
        }
        "restart the ledger" => stack.restart_ledger().await,
        other => bail!("the script asks for `{other}`"),
    }
}

/// Where the package is, installed once below `target`; `None` where it cannot be, which is said.
///
/// # Errors
/// Where it cannot be installed in CI.
pub async fn installed(target: &Path) -> anyhow::Result<Option<PathBuf>> {
    packages::python(target, PACKAGE).await
}
