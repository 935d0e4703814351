use std::collections::HashMap;
use std::ffi::OsString;

use clap::CommandFactory;
use process::settings::{Given, Loaded, Origin, template};

use super::arguments::{Arguments, Books, understand};
use super::config::{Config, SERVICE};

/// Loads from flags, variables, and the text of a file.
fn load(flags: &[(&'static str, &str)], variables: &[(&str, &str)], file: &str) -> Loaded<Config> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.toml");
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
        include_str!("../../ledger.toml"),
        template::<Config>(),
        "generate it again: cargo run -p ledger -- config default > ledger/ledger.toml"
    );
}

#[test]
fn the_generated_file_gives_the_defaults_as_it_is_and_with_every_default_written_out() {
    let given = [];
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
    assert!(written.len() >= 5, "{written:?}");
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

#[test]
fn the_password_in_the_file_is_the_connections() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, " secret \r\n").unwrap();
    let file = path.to_str().unwrap();
    let url = "postgres://holdfast:other@h/b";
    let flags = [
        ("database-url", url),
        ("database-password-file", file),
        ("migrate", "never"),
    ];
    let (settings, report) = understand(load(&flags, &[], ""));
    let Some(Books::Database(database)) = settings.map(|settings| settings.books) else {
        panic!("{:?}", report.problems());
    };
    assert_eq!(database.password.as_deref(), Some(" secret "));
    assert!(!database.migrate);
    assert!(!format!("{report:?}").contains("secret"));
    assert!(!format!("{report:?}").contains("other"));
}

#[test]
fn what_cannot_work_is_refused_and_says_why_without_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    let url = ("database-url", "postgres://holdfast@h/b");
    for (flags, why) in [
        (
            vec![("database-url", "mysql://a:secret@h/b")],
            "the database URL does not parse",
        ),
        (
            vec![("database-url", "postgres://a:secret")],
            "the database URL does not parse",
        ),
        (
            vec![("database-password-file", empty)],
            "a password without a database",
        ),
        (vec![url, ("database-password-file", empty)], "is empty"),
        (
            vec![url, ("database-password-file", "/nowhere")],
            "/nowhere cannot be read",
        ),
        (
            vec![url, ("migrate", "later")],
            "expected `at-start` or `never`",
        ),
        (vec![("listen", "here")], "listen (flag --listen): `here`"),
    ] {
        let (settings, report) = understand(load(&flags, &[], ""));
        let problems: Vec<_> = report.problems().iter().map(ToString::to_string).collect();
        assert!(
            settings.is_none() && problems.len() == 1,
            "{flags:?}: {problems:?}"
        );
        assert!(problems[0].contains(why), "{flags:?}: {problems:?}");
        assert!(!problems[0].contains("secret"), "{flags:?}: {problems:?}");
    }
}

#[test]
fn an_empty_database_url_means_the_embedded_store_wherever_it_is_from() {
    let file = "[store]\ndatabase_url = ''\n";
    for (flags, variables, file) in [
        (&[("database-url", "")][..], &[][..], ""),
        (&[], &[("DATABASE_URL", "")], ""),
        (&[], &[], file),
    ] {
        let (settings, report) = understand(load(flags, variables, file));
        let books = settings.map(|settings| settings.books);
        assert!(
            matches!(books, Some(Books::Folder(_))),
            "{:?}",
            report.problems()
        );
    }
}
