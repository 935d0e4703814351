//! Both services as an operator configures them: on the command line, in the environment, in a file.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::ports;
use tests::postgres::Postgres;
use tests::process::{Child, Program};
use tests::waiting::wait_until;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::stack;

const SOON: Duration = Duration::from_secs(30);
const CONFIGURATION: i32 = 64;
const PASSWORD: &str = "p@ss:word/?";

/// `node …` in an empty environment.
fn node(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
    command.args(line.split_whitespace()).env_clear();
    command.kill_on_drop(true);
    command
}

async fn run(command: &mut Command) -> anyhow::Result<(i32, String, String)> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await?;
    let code = status.code().context("it was killed")?;
    Ok((code, String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

fn write(directory: &Path, name: &str, text: &str) -> anyhow::Result<String> {
    let path = directory.join(name);
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

#[tokio::test]
async fn config_show_says_the_value_and_the_origin_of_every_key() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let digits = "1".repeat(64);
    let keys = write(
        directory.path(),
        "keys",
        &format!("card {digits}\nid {digits}\n"),
    )?;
    let homes = write(
        directory.path(),
        "homes.toml",
        "version = 1\n[[gateways]]\nname = \"gw7\"\n",
    )?;
    let file = format!("name = 'gw7'\n[files]\nkeys = '{keys}'\nhomes = '{homes}'\n");
    let file = write(directory.path(), "gateway.toml", &file)?;
    let mut show = node("gateway --iso 127.0.0.1:1 config show --output json");
    show.env("HOLDFAST_GATEWAY_CONFIG", &file)
        .env("HOLDFAST_GATEWAY_HTTP", "127.0.0.1:2")
        .env("HOLDFAST_LEDGER_URL", "");
    let (code, stdout, stderr) = run(&mut show).await?;
    assert_eq!((code, stderr.as_str()), (0, ""));
    let shown: Value = serde_json::from_str(&stdout)?;
    for (key, value, origin) in [
        (
            "name",
            "gw7",
            json!({"from": "file", "name": file, "line": 1}),
        ),
        (
            "doors.http",
            "127.0.0.1:2",
            json!({"from": "env", "name": "HOLDFAST_GATEWAY_HTTP"}),
        ),
        (
            "doors.iso",
            "127.0.0.1:1",
            json!({"from": "flag", "name": "--iso"}),
        ),
        (
            "ledger.url",
            "http://127.0.0.1:7400",
            json!({"from": "default"}),
        ),
    ] {
        let all = shown["values"].as_array().context("no values")?;
        let one = all.iter().find(|one| one["key"] == key);
        let expected = json!({"key": key, "value": value, "origin": origin});
        assert_eq!(one, Some(&expected));
    }
    let (code, stdout, _) =
        run(&mut node(&format!("gateway config check --config {file}"))).await?;
    assert_eq!((code, stdout), (0, format!("{file} is good\n")));

    let mut show = node("ledger config show");
    show.env("DATABASE_URL", "postgres://a:secret@h/b");
    let (code, stdout, _) = run(&mut show).await?;
    assert_eq!(code, 0);
    assert!(
        stdout.contains("\"postgres://a:***@h/b\"") && !stdout.contains("secret"),
        "{stdout}"
    );
    Ok(())
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_ends_with_64_and_every_error() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let file = write(
        directory.path(),
        "bad.toml",
        "lisen = 1\n[log]\nfilter = 2\n",
    )?;
    for (line, errors) in [
        ("gateway", &["files.keys", "files.homes"][..]),
        ("gateway config show", &["files.keys", "files.homes"]),
        (
            "gateway config check --http x",
            &["doors.http", "files.keys", "files.homes"],
        ),
        (
            "ledger --listen x --migrate y",
            &["lisen", "log.filter", "listen", "store.migrate"],
        ),
        ("ledger config show", &["lisen", "log.filter"]),
        ("ledger migrate --config /nowhere", &["/nowhere"]),
    ] {
        let mut command = node(line);
        if line.starts_with("ledger") {
            command.env("HOLDFAST_LEDGER_CONFIG", &file);
        }
        let (code, stdout, stderr) = run(&mut command).await?;
        assert_eq!(
            (code, stdout.as_str()),
            (CONFIGURATION, ""),
            "{line}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), errors.len(), "{line}: {stderr}");
        for error in errors {
            assert!(stderr.contains(error), "{line}: no {error} in {stderr}");
        }
    }
    // Nothing to migrate in an embedded store.
    let (code, _, stderr) = run(&mut node("ledger migrate")).await?;
    assert_eq!(code, CONFIGURATION);
    assert!(stderr.contains("store.database_url"), "{stderr}");
    // What is no configuration at all ends as command lines do.
    assert_eq!(run(&mut node("gateway --bogus")).await?.0, CONFIGURATION);
    assert_eq!(run(&mut node("ledger --bogus")).await?.0, 2);
    Ok(())
}

#[tokio::test]
async fn a_health_check_says_whether_the_service_is_ready() -> anyhow::Result<()> {
    let stack = stack().await?;
    let ledger = stack.ledger_url().to_owned();
    let address = stack.gateway(0).http.replace("http://", "");
    let by_url = format!("ledger healthcheck --url {ledger}/readyz --timeout-ms 30000");
    let by_address = format!("gateway --http {address} healthcheck --timeout-ms 30000");
    for line in [&by_url, &by_address] {
        let (code, _, stderr) = run(&mut node(line)).await?;
        assert_eq!(code, 0, "{line}: {stderr}");
    }
    stack.kill_ledger().await;
    let (code, _, stderr) = run(&mut node(&by_url)).await?;
    assert_eq!((code, stderr.lines().count()), (1, 1), "{stderr}");
    assert!(
        stderr.starts_with(&format!("ledger: not healthy: {ledger}/readyz: ")),
        "{stderr}"
    );
    // A gateway is ready without its ledger.
    assert_eq!(run(&mut node(&by_address)).await?.0, 0);
    stack.restart_ledger().await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_ledger_that_never_migrates_waits_for_ledger_migrate() -> anyhow::Result<()> {
    let Some(postgres) = Postgres::start().await? else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    let url = asks_for_a_password(&postgres).await?;
    let right = write(directory.path(), "right", &format!("{PASSWORD}\n"))?;
    let wrong = write(directory.path(), "wrong", "something else\n")?;
    let migrate = |password: &str, more: &str| {
        node(&format!(
            "ledger migrate --database-url {url} --database-password-file {password} {more}"
        ))
    };

    let (code, stdout, stderr) = run(&mut migrate(&wrong, "--wait-s 600")).await?;
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(
        stderr.contains("password authentication failed"),
        "{stderr}"
    );
    assert!(!stderr.contains("something else"), "{stderr}");

    // The ledger is up, and not ready.
    let address = ports::free()?;
    let args = format!(
        "ledger --listen {address} --migrate never --database-url {url} \
         --database-password-file {right}"
    );
    let args = args.split_whitespace().map(Into::into).collect();
    let program = Program::node(env!("CARGO_BIN_EXE_node"));
    let ledger = Child::start(&program, "ledger", args, directory.path());
    let migrated = async {
        let log = directory.path().join("ledger.log");
        let says = async || {
            std::fs::read_to_string(&log).is_ok_and(|log| log.contains("does not migrate"))
        };
        wait_until("the ledger waits for the schema", SOON, says).await?;
        let check = format!("ledger --listen {address} healthcheck");
        let (code, _, stderr) = run(&mut node(&check)).await?;
        assert_eq!(code, 1);
        assert!(stderr.contains("503"), "{stderr}");

        // A database that is down is waited for.
        postgres.stop_immediate().await?;
        let progress = directory.path().join("migrate.log");
        let mut waiting = migrate(&right, "--wait-s 60");
        let waiting = waiting
            .stderr(std::fs::File::create(&progress)?)
            .stdout(Stdio::piped());
        let waiting = waiting.spawn()?;
        let says = async || {
            let progress = std::fs::read_to_string(&progress);
            progress.is_ok_and(|progress| progress.contains("waiting for the database"))
        };
        wait_until("`migrate` says that it waits", SOON, says).await?;
        postgres.start_again().await?;
        let output = waiting.wait_with_output().await?;
        assert_eq!(output.status.code(), Some(0));
        let stdout = String::from_utf8(output.stdout)?;
        assert!(
            stdout.starts_with("the schema is up to date store=postgres 1"),
            "{stdout}"
        );
        anyhow::Ok(())
    };
    let (ledger, migrated) = tokio::join!(ledger, migrated);
    migrated?;
    let ledger = ledger?;
    assert!(
        ledger.ready_line().contains("store=postgres"),
        "{}",
        ledger.ready_line()
    );
    // Again is nothing to do.
    assert_eq!(run(&mut migrate(&right, "")).await?.0, 0);
    Ok(())
}

#[tokio::test]
async fn asked_to_stop_before_there_is_anything_to_stop_a_service_ends() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let database = format!("postgres://nobody@{}/nothing", ports::free()?);
    let migrate = format!("ledger migrate --database-url {database} --wait-s 3600");
    let log = directory.path().join("migrate.log");
    let mut migrate = node(&migrate)
        .stderr(std::fs::File::create(&log)?)
        .spawn()?;
    let waits = async || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("waiting for the database"))
    };
    wait_until("`migrate` says that it waits", SOON, waits).await?;
    terminate(&migrate)?;
    let status = timeout(SOON, migrate.wait()).await??;
    assert_eq!(status.code(), Some(1), "{status}");
    let log = std::fs::read_to_string(&log)?;
    assert!(log.contains("stopped by SIGTERM"), "{log}");

    // Recovery reads this file, which nobody finishes writing.
    let pipe = directory.path().join("keys.fingerprint");
    let made = Command::new("mkfifo").arg(&pipe).status().await?;
    assert!(made.success());
    let digits = "1".repeat(64);
    let keys = format!("card {digits}\nid {digits}\n");
    let keys = write(directory.path(), "keys", &keys)?;
    let homes = "version = 1\n[[gateways]]\nname = \"gw1\"\n";
    let homes = write(directory.path(), "homes.toml", homes)?;
    let gateway = format!(
        "gateway --name gw1 --http 127.0.0.1:0 --iso 127.0.0.1:0 --keys {keys} --homes {homes} \
         --data {}",
        directory.path().display()
    );
    let mut gateway = node(&gateway).stdout(Stdio::piped()).spawn()?;
    // Nobody waits for this thread where nobody reads.
    let (opened, open) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || opened.send(std::fs::OpenOptions::new().write(true).open(pipe)));
    let _unfinished = timeout(SOON, open).await???;
    terminate(&gateway)?;
    let status = timeout(SOON, gateway.wait()).await??;
    assert_eq!(status.code(), Some(0), "{status}");
    let said = gateway.wait_with_output().await?.stdout;
    assert_eq!(String::from_utf8(said)?, "", "it was never ready");
    Ok(())
}

/// SIGTERM.
fn terminate(process: &tokio::process::Child) -> anyhow::Result<()> {
    let pid = process.id().and_then(|id| i32::try_from(id).ok());
    let pid = pid.and_then(Pid::from_raw).context("it has ended")?;
    Ok(kill_process(pid, Signal::TERM)?)
}

/// A database whose owner must show the password; its URL has none.
async fn asks_for_a_password(postgres: &Postgres) -> anyhow::Result<String> {
    let user = format!("CREATE ROLE teller LOGIN PASSWORD '{PASSWORD}'");
    postgres.query(&user).await?;
    postgres.query("CREATE DATABASE till OWNER teller").await?;
    let rules = postgres.query("SHOW hba_file").await?;
    let write = format!(
        "COPY (VALUES ('host all teller 127.0.0.1/32 scram-sha-256'), \
         ('host all all 127.0.0.1/32 trust')) TO '{rules}'"
    );
    postgres.query(&write).await?;
    postgres.stop_immediate().await?;
    postgres.start_again().await?;
    let server = postgres.url();
    let server = server
        .trim_start_matches("postgres://postgres@")
        .trim_end_matches("/postgres");
    Ok(format!("postgres://teller@{server}/till"))
}
