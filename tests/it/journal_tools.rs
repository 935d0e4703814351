//! `gateway journal`: what a gateway's directory says beside what the gateway says.

use std::path::PathBuf;
use std::process::Output;

use anyhow::Context;
use serde_json::Value;
use tests::notebook::By;
use tokio::process::Command;

use crate::support::{Running, stack};

/// `gateway journal …`, to its end: exit code, standard output, standard error.
async fn journal(arguments: &[&str]) -> anyhow::Result<(i32, String, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
    command
        .args(["gateway", "journal"])
        .args(arguments)
        .env_clear();
    let Output {
        status,
        stdout,
        stderr,
    } = command.kill_on_drop(true).output().await?;
    let code = status.code().context("it was killed")?;
    Ok((code, String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

async fn inspect(directory: &str) -> anyhow::Result<Value> {
    let (code, stdout, stderr) = journal(&["inspect", directory, "--json"]).await?;
    assert_eq!(code, 0, "{stderr}");
    Ok(serde_json::from_str(&stdout)?)
}

fn place(stack: &Running) -> String {
    let place: PathBuf = stack.directory().join("gw1").join("journal");
    place.display().to_string()
}

#[tokio::test]
async fn a_journal_in_use_says_what_its_gateway_says_i1_i4() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    for amount in [20_00, 30_00, 60_00] {
        let answer = stack.pay(0, &stack.payment(&card, amount)).await?;
        assert_eq!(answer.decided_by, Some(By::StandIn));
    }
    let (status, said) = (stack.status(0).await?, inspect(&place(&stack)).await?);
    assert_eq!(said["in_use"], true);
    assert_eq!(said["exposure"]["minor"]["EUR"], status.exposure_minor);
    assert_eq!(said["exposure"]["minor"]["EUR"], 50_00);
    assert_eq!(said["waiting"], status.backlog);
    assert_eq!(said["waiting"], 3, "declines are told too");

    stack.heal().await?;
    stack.settled().await?;
    let said = inspect(&place(&stack)).await?;
    assert_eq!((&said["waiting"], &said["parked"]), (&0.into(), &0.into()));
    let (code, lines, _) = journal(&["export", &place(&stack)]).await?;
    assert_eq!(code, 0);
    let approved = lines.lines().filter(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["kind"] == "answer" && line["by"] == "stand_in" && line["approved"] == true
    });
    assert_eq!(approved.count(), 2);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn damage_is_found_and_named_before_a_start_finds_it_i14() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    assert!(stack.pay(0, &stack.payment(&card, 10_00)).await?.approved);
    stack.kill_gateway(0).await;
    let copy = tempfile::tempdir()?;
    let segment = copy.path().join("00000001.journal");
    let mut bytes = std::fs::read(PathBuf::from(place(&stack)).join("00000001.journal"))?;
    std::fs::write(&segment, &bytes)?;
    let copied = copy.path().display().to_string();
    let (code, said, _) = journal(&["verify", &copied, "--of", "gw1"]).await?;
    assert!(code == 0 && said.starts_with("sound: "), "{said}");
    let (code, _, why) = journal(&["verify", &copied, "--of", "gw2"]).await?;
    assert!(code == 1 && why.contains("not of gw2"), "{why}");

    bytes[150] ^= 1;
    std::fs::write(&segment, &bytes)?;
    let (code, said, why) = journal(&["verify", &copied]).await?;
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(
        why.contains("00000001.journal, byte 128: record 1 is damaged"),
        "{why}"
    );
    assert_eq!(std::fs::read(&segment)?, bytes, "it is only looked at");
    let (code, _, why) = journal(&["inspect", "/nowhere"]).await?;
    assert!(code == 1 && why.contains("/nowhere"), "{why}");
    stack.restart_gateway(0).await?;
    stack.finish().await?;
    Ok(())
}
