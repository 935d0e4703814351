//! The same from a shell.

use std::io;
use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn a_check_that_passes_says_so_and_exits_with_zero() {
    let output = model(&["check", "--config", "smallest", "--output", "json"]).unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["holds"], true);
    assert!(
        said["worlds"][0]["found"]["states"].as_u64().unwrap() > 1_000,
        "{said}"
    );
    assert!(!output.stderr.is_empty(), "progress goes to stderr");
}

#[test]
fn a_check_that_fails_shows_the_way_and_exits_with_one() {
    let output = model(&["check", "--config", "smallest", "--mutant", "no-dedup"]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("BROKEN"), "{text}");
    assert!(text.contains("FAIL"), "{text}");
    assert!(
        text.contains("the advice of payment 1 arrives at the ledger"),
        "{text}"
    );
}

#[test]
fn the_table_of_mutants_has_all_of_them_and_none_survives() {
    let output = model(&["mutants"]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for mutant in model::mutants::Mutant::ALL {
        assert!(text.contains(mutant.name()), "{mutant}: {text}");
    }
    assert!(!text.contains("SURVIVES"), "{text}");
}

#[test]
fn an_unknown_world_is_refused_with_the_names_of_those_there_are() {
    let output = model(&["check", "--config", "mars"]).unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("home-moves"), "{text}");
}

fn model(arguments: &[&str]) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_model"))
        .args(arguments)
        .output()
}
