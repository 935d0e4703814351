use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

use clap::CommandFactory;
use process::settings::{Given, Loaded, Origin, template};

use super::arguments::{Arguments, Drain, Settings, understand};
use super::config::{Config, SERVICE};
use super::to_the_end;

const KEYS: &str = "card 1111111111111111111111111111111111111111111111111111111111111111\n\
    id 2222222222222222222222222222222222222222222222222222222222222222\n";
const HOMES: &str = "version = 1\n[[gateways]]\nname = \"gw1\"\n";

/// Loads from flags, variables, and the text of a file.
fn load(flags: &[(&'static str, &str)], variables: &[(&str, &str)], file: &str) -> Loaded<Config> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, file).unwrap();
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    SERVICE.load(Given {
        file: Some(path),
        flags: flags
            .iter()
            .map(|&(name, value)| (name, value.to_owned()))
            .collect(),
        environment: &|name| variables.get(name).map(OsString::from),
    })
}

/// What every key is, of a configuration that is right.
fn values(loaded: Loaded<Config>) -> String {
    let Loaded { layer, mut report } = loaded;
    let config = report.complete::<Config>(layer);
    assert_eq!(report.problems(), []);
    format!("{:?}", config.unwrap())
}

#[test]
fn the_committed_file_is_the_generated_one() {
    assert_eq!(
        include_str!("../../gateway.toml"),
        template::<Config>(),
        "generate it again: cargo run -p gateway -- config default > gateway/gateway.toml"
    );
}

#[test]
fn the_generated_file_gives_the_defaults_as_it_is_and_with_every_default_written_out() {
    let given = [("keys", "keys.txt"), ("homes", "homes.toml")];
    let defaults = values(load(&given, &[], ""));
    assert_eq!(values(load(&given, &[], &template::<Config>())), defaults);
    let is_default = |line: &&str| {
        let value = line
            .strip_prefix('#')
            .and_then(|line| line.split_once(" ="));
        value.is_some_and(|(name, value)| !name.contains(' ') && !value.is_empty())
    };
    let file = template::<Config>();
    let written: Vec<_> = file.lines().filter(is_default).collect();
    assert!(written.len() >= 15, "{written:?}");
    let lines = file.lines().map(|line| match is_default(&line) {
        true => &line[1..],
        false => line,
    });
    let file = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(values(load(&given, &[], &file)), defaults);
}

#[test]
fn every_key_has_a_flag_that_sets_it() {
    let file = template::<Config>();
    let is_key = |line: &&str| {
        let name = line
            .strip_prefix('#')
            .and_then(|line| line.split_once(" ="));
        name.is_some_and(|(name, _)| !name.contains(' '))
    };
    assert_eq!(file.lines().filter(is_key).count(), SERVICE.flags.len());
    for flag in SERVICE.flags {
        let report = load(&[(flag.name, "?")], &[], "").report;
        let broken = report
            .problems()
            .iter()
            .find(|problem| problem.key == flag.key);
        let origin = broken.map_or(report.origin(flag.key), |problem| problem.origin.as_ref());
        assert_eq!(origin, Some(&Origin::Flag(flag.name)), "{}", flag.key);
    }
    SERVICE
        .command::<Config>(Arguments::command())
        .debug_assert();
}

/// What is wrong with a gateway that has good files and besides this.
fn understood(flags: &[(&'static str, &str)], name: &str) -> Result<Settings, Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let keys = write("keys.txt", KEYS);
    let homes = write("homes.toml", HOMES);
    // The first of a name counts.
    let mut given = flags.to_vec();
    given.extend([("keys", keys.as_str()), ("homes", &homes), ("name", name)]);
    let (settings, report) = understand(load(&given, &[], ""));
    let problems: Vec<_> = report.problems().iter().map(ToString::to_string).collect();
    assert_eq!(settings.is_some(), problems.is_empty(), "{problems:?}");
    settings.ok_or(problems)
}

#[test]
fn defaults_are_understood() {
    let settings = understood(&[], "gw1").unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(settings.budgets.total, Duration::from_millis(1_500));
    let drain = Drain {
        notice: Duration::from_secs(1),
        patience: Duration::from_secs(5),
    };
    assert_eq!(settings.drain, drain);
    assert_eq!(settings.telemetry.endpoint, None);
    assert_eq!(settings.telemetry.sample_ratio, 0.01);
}

#[test]
fn what_cannot_work_is_refused_and_says_why() {
    for (flag, value, why) in [
        (
            "budget-ms",
            "800",
            "ledger.cutoff_ms (default): budgets must nest",
        ),
        ("stand-in-ms", "0", "budgets must nest"),
        (
            "budget-ms",
            "6000",
            "drain.patience_ms (default): 5s is not longer than the budget",
        ),
        (
            "drain-patience-ms",
            "1500",
            "drain.patience_ms (flag --drain-patience-ms): 1.5s is not",
        ),
        (
            "drain-notice-ms",
            "99999999999999999",
            "longer than an hour",
        ),
        ("sample-ratio", "1.1", "from 0 to 1"),
        ("sample-ratio", "nan", "from 0 to 1"),
        (
            "otlp-endpoint",
            "https://collector:4318",
            "the exporter speaks no TLS",
        ),
        ("otlp-endpoint", "http://", "must be a URL"),
        ("otlp-endpoint", "collector:4318", "must be a URL"),
        (
            "otlp-endpoint",
            "http://collector:4318?x=1",
            "a query or a fragment",
        ),
        (
            "ledger",
            "ledger:7400",
            "ledger.url (flag --ledger): it must be a URL",
        ),
        ("log", "info,,=", "the log filter does not parse"),
        ("ledger-in-flight-max", "0", "greater than zero"),
        (
            "policy",
            "/nowhere/policy.toml",
            "/nowhere/policy.toml cannot be read",
        ),
        ("name", "GW 1", "1 to 16 characters"),
    ] {
        let refused = understood(&[(flag, value)], "gw1");
        let Err(problems) = refused else {
            panic!("--{flag} {value} was taken");
        };
        assert_eq!(problems.len(), 1, "--{flag} {value}: {problems:?}");
        assert!(problems[0].contains(why), "--{flag} {value}: {problems:?}");
    }
    let problems = understood(&[], "gw9").err().unwrap();
    assert!(
        problems[0].contains("`gw9` is not in the homes file"),
        "{problems:?}"
    );
}

#[test]
fn errors_in_values_and_between_them_are_reported_together() {
    let flags = [
        ("http", "here"),
        ("budget-ms", "100"),
        ("keys", "/nowhere/keys"),
    ];
    let variables = [("OTEL_TRACES_SAMPLER_ARG", "2")];
    let loaded = load(&flags, &variables, "nmae = 'gw2'\n");
    let (settings, report) = understand(loaded);
    let keys: Vec<_> = report.problems().iter().map(|it| it.key.as_str()).collect();
    let expected = [
        "nmae",
        "doors.http",
        "files.homes",
        "files.keys",
        "ledger.cutoff_ms",
        "telemetry.sample_ratio",
    ];
    assert_eq!(keys, expected);
    assert!(settings.is_none());
}

#[test]
fn a_name_server_that_does_not_answer_holds_no_exit() {
    let (answer, question) = std::sync::mpsc::channel::<()>();
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let work = async {
            tokio::task::spawn_blocking(move || question.recv());
            "done"
        };
        let _ = ended.send(to_the_end(work).unwrap());
    });
    assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok("done"));
    drop(answer);
}
