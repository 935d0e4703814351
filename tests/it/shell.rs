//! The commands of the README at a shell, as they stand there.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use iso8583::profile::BCD;
use iso8583::{MessageBuilder, Mti};
use tests::iso_client::management_message;
use tokio::process::Command;

use crate::support::stack;

/// What the commands find there: a `gateway`, and the files that they name.
fn furnish(directory: &Path) -> anyhow::Result<()> {
    let script = format!(
        "#!/bin/sh\nexec '{}' gateway \"$@\"\n",
        env!("CARGO_BIN_EXE_node")
    );
    let gateway = directory.join("gateway");
    std::fs::write(&gateway, script)?;
    std::fs::set_permissions(&gateway, std::fs::Permissions::from_mode(0o755))?;
    std::fs::write(directory.join("message.bin"), management_message("301")?)?;
    let mut message = MessageBuilder::new(&BCD, Mti::M0800);
    for (number, text) in [(7, "1122083400"), (11, "000042"), (70, "301")] {
        message.set(number, text)?;
    }
    let message = message.encode();
    let length = u16::try_from(message.len())?.to_be_bytes();
    let stream = [&length, &*message].concat().repeat(2);
    std::fs::write(directory.join("stream.bin"), stream)?;
    Ok(())
}

#[tokio::test]
async fn the_iso_8583_commands_of_the_readme_work_as_they_stand() -> anyhow::Result<()> {
    let stack = stack().await?;
    let directory = tempfile::tempdir()?;
    furnish(directory.path())?;
    let path = std::env::var("PATH")?;
    let path = format!("{}:{path}", directory.path().display());

    let readme = include_str!("../../README.md");
    let (_, section) = readme
        .split_once("## ISO 8583 at a shell")
        .context("the section")?;
    let block = section.split("```").nth(1).context("its commands")?;
    let expected = ["0800", "{\"", "F0F8F0F0", "0810"];
    let lines: Vec<_> = block.lines().skip(1).collect();
    assert_eq!(lines.len(), expected.len());
    for (line, begins) in lines.into_iter().zip(expected) {
        let here = line.replace("127.0.0.1:7411", &stack.gateway(0).iso.to_string());
        let said = Command::new("sh")
            .args(["-c", &here])
            .current_dir(directory.path())
            .env("PATH", &path)
            .output()
            .await?;
        let (out, err) = (
            String::from_utf8(said.stdout)?,
            String::from_utf8(said.stderr)?,
        );
        assert!(said.status.success() && err.is_empty(), "{line}: {err}");
        assert!(out.starts_with(begins), "{line}: {out}");
    }
    stack.finish().await?;
    Ok(())
}
