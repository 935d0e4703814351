//! What the tools say, and how they end.

use super::*;

const HOMES: &str = "version = 1\ngateways = [{ name = \"gw1\" }, { name = \"gw2\" }]\n";

/// A directory with the default policy, one with a higher cap, and two gateways.
fn furnished() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    let default = Policy::default_text();
    write("policy.toml", default);
    write(
        "higher.toml",
        &default.replace(
            "gateway_max_minor = 10_000_000",
            "gateway_max_minor = 11_000_000",
        ),
    );
    write(
        "lower.toml",
        &default.replace("cash_max_minor = 20_000", "cash_max_minor = 10_000"),
    );
    write(
        "bad.toml",
        &default.replace("cash_max_minor = 20_000", "cash_max_minor = 99_999"),
    );
    write(
        "large.toml",
        &default.replace(
            "gateway_max_minor = 10_000_000",
            "gateway_max_minor = 30_000_000",
        ),
    );
    write("homes.toml", HOMES);
    directory
}

/// `gateway policy` with these words, in that directory.
fn policy(directory: &tempfile::TempDir, words: &[&str]) -> Done {
    let path = |word: &&str| match word.ends_with(".toml") || *word == "journal" {
        true => directory.path().join(word).into_os_string(),
        false => word.into(),
    };
    let line = std::iter::once("policy".into()).chain(words.iter().map(path));
    Arguments::try_parse_from(line).unwrap().tool.done()
}

#[test]
fn check_prints_the_worst_case_with_its_formula_and_every_limit() {
    let directory = furnished();
    let (text, code) = policy(
        &directory,
        &["check", "policy.toml", "--homes", "homes.toml"],
    )
    .unwrap();
    assert_eq!(code, 0);
    for says in [
        "policy.toml is good: policy ",
        "worst loss of an outage: 200000.00 EUR = 2 gateways × 100000.00 EUR",
        "Σ over the gateways of exposure.gateway_max_minor",
        "transaction.cash_max_minor         200.00 EUR",
    ] {
        assert!(text.contains(says), "{text}");
    }
    let words = [
        "check",
        "policy.toml",
        "--homes",
        "homes.toml",
        "--output",
        "json",
    ];
    let (json, _) = policy(&directory, &words).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["bound_minor"], 20_000_000);
    assert_eq!(json["gateways"], 2);
    assert_eq!(json["limits"]["transaction.cash_max_minor"], "200.00 EUR");
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_its_name() {
    let directory = furnished();
    for (words, says) in [
        (
            &["check", "bad.toml"][..],
            "bad.toml: the policy contradicts itself",
        ),
        (&["check", "none.toml"], "none.toml cannot be read"),
        (
            &["check", "homes.toml"],
            "homes.toml: the policy has version 1",
        ),
        (
            &["check", "large.toml", "--homes", "homes.toml"],
            "2 gateways with",
        ),
        (
            &["diff", "policy.toml", "bad.toml"],
            "bad.toml: the policy contradicts",
        ),
        (
            &[
                "simulate",
                "--journal",
                "journal",
                "--policy",
                "policy.toml",
            ],
            "journal",
        ),
    ] {
        let refused = policy(&directory, words).unwrap_err();
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn simulate_decides_a_journal_again_and_leaves_it_as_it_is() {
    let directory = furnished();
    let journal = directory.path().join("journal");
    let disk = fallback::disk::RealDisk::open(&journal).unwrap();
    let gateway = "gw1".parse().unwrap();
    let open = fallback::journal::Journal::open(std::sync::Arc::new(disk), &gateway, 1).unwrap();
    let words = ["simulate", "--journal", "journal", "--policy", "lower.toml"];
    let (text, code) = policy(&directory, &words).unwrap();
    assert!(
        text.starts_with("0 decisions of stand-in under policy "),
        "{text}"
    );
    assert!(text.contains("approved then, declined here"), "{text}");
    assert_eq!(code, 0);
    let placed = [
        "--homes",
        "homes.toml",
        "--gateway",
        "gw1",
        "--output",
        "json",
    ];
    let (json, _) = policy(&directory, &[&words[..], &placed].concat()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["lost"], serde_json::json!({"count": 0, "minor": 0}));
    drop(open);
}

#[test]
fn diff_says_what_a_change_adds_and_ends_with_1_where_it_raises_the_worst_case() {
    let directory = furnished();
    for (after, code, says) in [
        (
            "higher.toml",
            1,
            "adds 20000.00 EUR to it: 200000.00 EUR before; it needs a second approval\n\n\
             exposure.gateway_max_minor: 100000.00 EUR → 110000.00 EUR\n",
        ),
        (
            "lower.toml",
            0,
            "adds nothing to it: 200000.00 EUR before\n\n\
             transaction.cash_max_minor: 200.00 EUR → 100.00 EUR\n",
        ),
        ("policy.toml", 0, "both say the same"),
    ] {
        let words = ["diff", "policy.toml", after, "--homes", "homes.toml"];
        let (text, ended) = policy(&directory, &words).unwrap();
        assert!(text.contains(says), "{text}");
        assert_eq!(ended, code, "{after}");
    }
    let words = [
        "diff",
        "higher.toml",
        "policy.toml",
        "--homes",
        "homes.toml",
        "--output",
        "json",
    ];
    let (json, code) = policy(&directory, &words).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["added_minor"].as_i64(), code), (Some(-2_000_000), 0));
    assert_eq!(json["changes"][0]["key"], "exposure.gateway_max_minor");
}
