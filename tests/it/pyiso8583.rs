//! A peer with a codec that is not ours: `pyiso8583` from PyPI plays the card network.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{Running, stack};

const PACKAGE: &str = "pyiso8583==4.0.1";

#[tokio::test]
async fn a_foreign_codec_sees_an_outage_only_in_who_decided_i2_i3_i4() -> anyhow::Result<()> {
    let Some(packages) = installed().await? else {
        return Ok(());
    };
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    let address = stack.gateway(0).iso;

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
    while let Some(line) = timeout(Duration::from_secs(60), lines.next_line()).await?? {
        if let Some(order) = line.strip_prefix("please ") {
            obey(&stack, order).await?;
            orders.write_all(b"done\n").await?;
        }
    }
    if !python.wait().await?.success() {
        let mut complaint = String::new();
        python
            .stderr
            .take()
            .context("errors are piped")?
            .read_to_string(&mut complaint)
            .await?;
        bail!("the script failed: {complaint}");
    }

    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        80_00,
        "as if the ledger had never been down"
    );
    stack.finish().await?;
    Ok(())
}

async fn obey(stack: &Running, order: &str) -> anyhow::Result<()> {
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

/// Where the package is, installed once below the target directory.
async fn installed() -> anyhow::Result<Option<PathBuf>> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pyiso8583-4.0.1");
    if directory.join("iso8583").is_dir() {
        return Ok(Some(directory));
    }
    let fresh = directory.with_extension("part");
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
        .arg(&fresh)
        .arg(PACKAGE)
        .stdin(Stdio::null())
        .output()
        .await;
    let complaint = match output {
        Ok(output) if output.status.success() => {
            std::fs::rename(&fresh, &directory)?;
            return Ok(Some(directory));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    if tests::in_ci() {
        bail!("cannot install {PACKAGE}: {complaint}");
    }
    eprintln!("SKIPPED: pyiso8583, because python3 with pip cannot install it: {complaint}");
    Ok(None)
}
