//! What a reviewer would otherwise have to look at again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// No file holds more than one noun for long.
const LINES_MAX: usize = 600;

#[test]
fn no_source_file_is_longer_than_600_lines() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "split these by their nouns: {long:?}");
}

#[test]
fn exceptions_from_lints_carry_a_reason_and_nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let bans = [
        (["#[", "allow("].concat(), "write #[expect(…, reason = …)]"),
        (
            ["#![", "allow("].concat(),
            "write #![expect(…, reason = …)]",
        ),
        (["TO", "DO"].concat(), "do it, or open an issue"),
        (["FIX", "ME"].concat(), "fix it, or open an issue"),
    ];
    let mut found = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for (ban, cure) in bans.iter().filter(|(ban, _)| line.contains(ban.as_str())) {
                found.push(format!(
                    "{}:{}: `{ban}`: {cure}",
                    path.display(),
                    number + 1
                ));
            }
        }
        if path.ends_with("mod.rs") {
            found.push(format!("{}: foo.rs and foo/ instead", path.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn crates_know_only_whom_they_may_know() {
    // crate → what it must not reach, however indirectly, without dev-dependencies
    let walls = [
        ("gateway", "ledger migrations sqlx tests loadtest"),
        ("ledger", "gateway fallback iso8583 tests loadtest"),
        ("fallback", "hyper reqwest axum sqlx process gateway ledger"),
        (
            "iso8583",
            "tokio bytes serde_json gateway ledger-api fallback",
        ),
        (
            "iso8583-link",
            "gateway ledger ledger-api fallback process serde_json hyper",
        ),
        ("ledger-api", "tokio axum reqwest process ledger gateway"),
    ];
    let graph = dependencies();
    let mut found = Vec::new();
    for (name, forbidden) in walls {
        let reached = reachable(&graph, name);
        let crossed = forbidden
            .split(' ')
            .filter(|other| reached.contains(*other));
        found.extend(crossed.map(|other| format!("{name} → {other}")));
    }
    assert!(found.is_empty(), "arrows that must not be: {found:?}");
}

#[test]
fn stand_in_reads_no_clock_and_opens_no_connection() {
    let bans = [
        "tokio::net",
        "tokio::time",
        "std::net",
        "std::time::Instant",
        "SystemTime",
    ];
    let is_production =
        |path: &Path| path.starts_with("fallback/src") && !path.to_string_lossy().contains("tests");
    let mut found = Vec::new();
    for (path, text) in sources() {
        let spoken = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in spoken.filter(|_| is_production(&path)) {
            let said = bans.iter().filter(|ban| line.contains(**ban));
            found.extend(said.map(|ban| format!("{}: {ban}", path.display())));
        }
    }
    assert!(
        found.is_empty(),
        "it is told `now` and handed what it needs: {found:?}"
    );
}

#[test]
fn architecture_names_files_that_exist() {
    let path = root().join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let named: BTreeSet<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| !word.contains([' ', '*', '{', '<', '…', '$']))
        .filter(|word| {
            [".rs", ".toml", ".sql", ".md", ".py", ".yaml"]
                .iter()
                .any(|end| word.ends_with(end))
        })
        .collect();
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !root().join(name).exists())
        .collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md names what is not there: {missing:?}"
    );
    assert!(
        named.len() >= 8,
        "the main path can be followed in the files it names: {named:?}"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Every Rust source of ours, with its path from the root.
fn sources() -> Vec<(PathBuf, String)> {
    let root = root();
    let rooms = [
        "fallback",
        "gateway",
        "ledger",
        "loadtest",
        "migrations",
        "tests",
    ];
    let mut directories: Vec<_> = rooms.iter().map(|room| root.join(room)).collect();
    let mut sources = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(sources.len() > 20, "found only {} sources", sources.len());
    sources
}

/// Package name → names of its normal and build dependencies, as resolved.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    // Only this platform's packages have been downloaded.
    let host = said(Command::new("rustc").arg("-vV"));
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap()
        .to_owned();
    let output = said(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked", "--offline"])
            .args(["--filter-platform", &host])
            .current_dir(root()),
    );
    let metadata: Value = serde_json::from_str(&output).unwrap();
    let names: BTreeMap<_, _> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            (
                package["id"].as_str().unwrap(),
                package["name"].as_str().unwrap(),
            )
        })
        .collect();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap().iter();
    nodes
        .map(|node| {
            let normal = node["deps"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| {
                    let kinds = dependency["dep_kinds"].as_array().unwrap();
                    kinds.iter().any(|kind| kind["kind"] != "dev")
                });
            let targets = normal.map(|it| names[it["pkg"].as_str().unwrap()].to_owned());
            (
                names[node["id"].as_str().unwrap()].to_owned(),
                targets.collect(),
            )
        })
        .collect()
}

fn reachable(graph: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(name) = next.pop() {
        for target in graph.get(&name).into_iter().flatten() {
            if reached.insert(target.clone()) {
                next.push(target.clone());
            }
        }
    }
    reached
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
