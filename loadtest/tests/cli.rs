//! The command line against real processes: what it prints, and what it exits with.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where it stopped"
)]

use std::process::{Command, Output};

fn loadtest(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HOLDFAST_")) {
        command.env_remove(name);
    }
    command.args(args).output().unwrap()
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
