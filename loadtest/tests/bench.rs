//! The measurements against a real PostgreSQL, as small as they can be: what they print, never how fast.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where it stopped"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn loadtest(args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HOLDFAST_")) {
        command.env_remove(name);
    }
    command.args(args.split_whitespace()).output().unwrap()
}

fn report(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// A verdict about times or the books' size, which a test machine may miss; never about money.
fn is_about_times(output: &Output) -> bool {
    matches!(output.status.code(), Some(0 | 10 | 12))
}

#[test]
fn throughput_measures_every_shape_beside_pgbench_and_the_books_balance() {
    if !tests::postgres::is_installed().unwrap() {
        return;
    }
    let tiny = "throughput --runs 1 --seconds 0.3 --warm-up-s 0.1 --accounts 200 --seed 7 --json";
    let output = loadtest(tiny);
    let report = report(&output);
    assert!(is_about_times(&output), "{report}");
    assert_eq!(report["balanced"], true);
    let count = |name: &str| report[name].as_u64().unwrap();
    assert!(count("recorded") >= count("acknowledged"), "{report}");
    assert!(count("acknowledged") > 0);
    let shapes = report["shapes"].as_array().unwrap();
    assert_eq!(shapes.len(), 8);
    for shape in shapes {
        assert_eq!(shape["rounds"].as_array().unwrap().len(), 1, "{shape}");
        assert_eq!(shape["rounds"][0]["declined"], 0, "{shape}");
    }
    for yardstick in report["pgbench"][0].as_array().unwrap() {
        assert!(yardstick["per_s"].as_f64().unwrap() > 0.0);
    }
    let tables = report["storage"].as_array().unwrap();
    assert!(
        tables
            .iter()
            .any(|it| it["table"] == "authorization_record")
    );
}

#[test]
fn a_shape_that_is_not_known_is_a_mistake_of_the_caller() {
    let output = loadtest("throughput --only uniform-513");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("uniform-512"),
        "the possible ones are named: {told}"
    );
}

#[test]
fn growth_measures_every_step_and_fills_books_that_balance() {
    if !tests::postgres::is_installed().unwrap() {
        return;
    }
    let tiny =
        "growth --accounts 100,300 --entries 50000 --runs 1 --seconds 0.2 --warm-up-s 0.1 --json";
    let output = loadtest(tiny);
    let report = report(&output);
    assert!(is_about_times(&output), "{report}");
    let steps = report["steps"].as_array().unwrap();
    let accounts: Vec<_> = steps
        .iter()
        .map(|it| it["accounts"].as_u64().unwrap())
        .collect();
    assert_eq!(accounts, [100, 300, 300]);
    assert!(steps[2]["entries"].as_u64().unwrap() >= 50_000);
    for step in steps {
        assert_eq!(step["balanced"], true, "{step}");
        assert!(
            step["recorded"].as_u64() >= step["acknowledged"].as_u64(),
            "{step}"
        );
        assert!(step["acknowledged"].as_u64().unwrap() > 0, "{step}");
    }
}
