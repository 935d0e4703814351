//! The command line against real processes: what it prints, and what it exits with.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where it stopped"
)]

use std::process::{Command, Output};

use serde_json::Value;
use tests::cluster::{Stack, StackConfig};
use tests::process::Program;

fn loadtest(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HOLDFAST_")) {
        command.env_remove(name);
    }
    command.args(args).output().unwrap()
}

fn report(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

#[test]
fn a_comparison_loads_both_sides_once() {
    let output = loadtest(&[
        "compare",
        "--b",
        "--rate-per-s 15000",
        "--gateways-only",
        "--rounds",
        "1",
        "--seconds",
        "0.2",
        "--concurrency",
        "4",
        "--output",
        "json",
    ]);
    let report = report(&output);
    assert!(output.status.success());
    assert_eq!(report["b"]["arguments"], "--rate-per-s 15000");
    for side in ["a", "b"] {
        assert_eq!(report[side]["rounds"].as_array().unwrap().len(), 1);
        assert!(report[side]["per_s_median"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(report["ratios"].as_array().unwrap().len(), 1);
}

#[test]
fn a_scenario_that_containers_cannot_play_is_a_mistake_of_the_caller() {
    let output = loadtest(&["run", "--backend", "compose", "--store", "embedded"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("leave out `--store embedded`"), "{told}");
}

#[test]
fn without_docker_a_run_on_containers_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "--backend", "compose"])
        .env("PATH", "/nonexistent")
        .env(
            "HOLDFAST_LOADTEST_DIRECTORY",
            std::env::temp_dir().join("holdfast-cli"),
        )
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(13), "{told}");
    assert!(told.contains("no Docker Engine with Compose v2"), "{told}");
}

#[test]
fn without_patroni_the_drill_says_what_is_missing_and_what_installs_it() {
    let output = loadtest(&["high-availability", "--patroni", "/nonexistent"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(13), "{told}");
    assert!(told.contains("Patroni in /nonexistent"), "{told}");
    assert!(told.contains("deploy/ha/prepare"), "{told}");
    for wrong in [["--only", "earthquake"], ["--rate-per-s", "0"]] {
        let output = loadtest(&["high-availability", wrong[0], wrong[1]]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn load_for_a_running_stack_may_be_sent_again_on_the_same_books() -> anyhow::Result<()> {
    let program = Program {
        exe: env!("CARGO_BIN_EXE_loadtest").into(),
        prefix: vec!["node".into(), "--tied".into()],
    };
    let stack = Stack::start(StackConfig::new(program)).await?;
    let mut args: Vec<String> = vec!["drive".into()];
    for gateway in stack.gateways() {
        let doors = format!("{}={},iso={}", gateway.name, gateway.http, gateway.iso);
        args.extend(["--gateway".into(), doors]);
    }
    args.extend(["--ledger".into(), stack.ledger_url().into()]);
    args.extend(["--keys".into(), stack.keys_file().display().to_string()]);
    let homes = stack.directory().join("homes.toml");
    args.extend(["--homes".into(), homes.display().to_string()]);
    let more = "--rate-per-s 40 --seconds 1.5 --cards 50 --seed 7 --output json";
    args.extend(more.split(' ').map(str::to_owned));
    for times in 1..=2 {
        let args = args.clone();
        let output = tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            loadtest(&args)
        })
        .await?;
        let report = report(&output);
        assert_eq!(report["verdict"], "pass", "{times}: {}", report["because"]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(report["backend"], "attached");
        assert!(report["totals"]["sent"].as_u64().unwrap() > 20);
        let accounts = stack.ledger().accounts().await?;
        let cards = accounts
            .iter()
            .filter(|it| !it.account.is_internal())
            .count();
        assert_eq!(cards, times * 50, "cards of its own every time");
    }
    stack.finish().await?;
    Ok(())
}
