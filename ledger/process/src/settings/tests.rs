use std::collections::HashMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use confique::Config;
use serde::Deserialize;

use super::*;

/// A service.
#[derive(Debug, PartialEq, Config)]
struct House {
    /// What it is called.
    #[config(env = "HOUSE_NAME", default = "home")]
    name: String,
    /// Where one comes in.
    #[config(nested)]
    doors: Doors,
    /// Where things are.
    #[config(nested)]
    store: Rooms,
}

#[derive(Debug, PartialEq, Config)]
struct Doors {
    /// The front door.
    ///
    /// Not the back door.
    #[config(env = "HOUSE_FRONT", default = "127.0.0.1:1")]
    front: SocketAddr,
    /// How many at once.
    #[config(env = "HOUSE_GUESTS", default = 3)]
    guests: NonZeroU32,
    /// How many of them sing.
    #[config(env = "HOUSE_SHARE", default = 0.5)]
    share: f64,
}

#[derive(Debug, PartialEq, Config)]
struct Rooms {
    /// The key.
    #[config(env = "HOUSE_KEY")]
    key: PathBuf,
    /// The cellar.
    #[config(env = "HOUSE_URL")]
    url: Option<String>,
    /// Who cleans.
    #[config(env = "HOUSE_CLEANS", default = "nobody")]
    cleans: Cleans,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Cleans {
    Nobody,
    OnSundays,
}

const HOUSE: Service = Service {
    name: "house",
    file_env: "HOUSE_CONFIG",
    flags: &[
        Flag::new("name", "name", "NAME"),
        Flag::new("doors.front", "front", "ADDRESS"),
        Flag::new("doors.guests", "guests", "COUNT"),
        Flag::new("doors.share", "share", "RATIO"),
        Flag::new("store.key", "key", "FILE").example("house.key"),
        Flag::new("store.url", "url", "URL").example("postgres://a@h/b"),
        Flag::new("store.cleans", "cleans", "WHO"),
    ],
};

/// Loads from a command line, variables, and the text of a file.
fn load(line: &str, variables: &[(&str, &str)], file: Option<&str>) -> Loaded<House> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("house.toml");
    let mut line: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    line.insert(0, "house".into());
    if let Some(file) = file {
        std::fs::write(&path, file).unwrap();
        line.extend(["--config".into(), path.clone().into()]);
    }
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let command = HOUSE.command::<House>(clap::Command::new("house"));
    command.clone().debug_assert();
    let matches = command.try_get_matches_from(line).unwrap();
    HOUSE.load_from(&matches, &|name| variables.get(name).map(OsString::from))
}

fn complete(loaded: Loaded<House>) -> House {
    let Loaded { layer, mut report } = loaded;
    let house = report.complete(layer);
    assert_eq!(report.problems(), []);
    house.unwrap()
}

/// What is wrong, without the directory of the file.
fn wrong(loaded: &Loaded<House>) -> Vec<String> {
    let directory = loaded.report.file().and_then(Path::parent);
    let directory = directory.map(|path| format!("{}/", path.display()));
    let directory = directory.unwrap_or_else(|| "\0".to_owned());
    let problems = loaded.report.problems().iter();
    problems
        .map(|problem| problem.to_string().replace(&directory, ""))
        .collect()
}

#[test]
fn flags_count_before_the_environment_before_the_file_before_defaults() {
    let file = "[doors]\nguests = 6\n";
    let env = [("HOUSE_GUESTS", "5")];
    let empty = [("HOUSE_GUESTS", "")];
    for (line, variables, file, guests, origin) in [
        ("--guests 4", &env[..], Some(file), 4, "flag --guests"),
        ("", &env[..], Some(file), 5, "env HOUSE_GUESTS"),
        ("", &empty[..], Some(file), 6, "house.toml:2"),
        ("", &[], Some(file), 6, "house.toml:2"),
        ("", &empty[..], None, 3, "default"),
        ("", &[], None, 3, "default"),
    ] {
        let loaded = load(&format!("--key k {line}"), variables, file);
        let found = loaded.report.origin("doors.guests").unwrap().to_string();
        assert!(found.ends_with(origin), "{found} is not {origin}");
        assert_eq!(complete(loaded).doors.guests.get(), guests, "{origin}");
    }
}

#[test]
fn every_type_is_read_from_text_and_from_the_file() {
    let expected = House {
        name: "42".into(),
        doors: Doors {
            front: "[::1]:80".parse().unwrap(),
            guests: NonZeroU32::new(7).unwrap(),
            share: 1.0,
        },
        store: Rooms {
            key: "k".into(),
            url: Some("postgres://a@h/b".into()),
            cleans: Cleans::OnSundays,
        },
    };
    let line = "--name 42 --front [::1]:80 --guests 7 --share 1 --key k --url postgres://a@h/b \
                --cleans on-sundays";
    assert_eq!(complete(load(line, &[], None)), expected);
    let variables = [
        ("HOUSE_NAME", "42"),
        ("HOUSE_FRONT", "[::1]:80"),
        ("HOUSE_GUESTS", " 7 "),
        ("HOUSE_SHARE", "1.0"),
        ("HOUSE_KEY", "k"),
        ("HOUSE_URL", "postgres://a@h/b"),
        ("HOUSE_CLEANS", "on-sundays"),
    ];
    assert_eq!(complete(load("", &variables, None)), expected);
    let file = "name = '42'\n[doors]\nfront = '[::1]:80'\nguests = 7\nshare = 1.0\n\
                [store]\nkey = 'k'\nurl = 'postgres://a@h/b'\ncleans = 'on-sundays'\n";
    assert_eq!(complete(load("", &[], Some(file))), expected);
    let file = [("HOUSE_CONFIG", "/nowhere/house.toml")];
    assert!(wrong(&load("", &file, None))[0].contains("house.toml cannot be read"));
    assert!(wrong(&load("--key k", &[("HOUSE_CONFIG", "")], None)).is_empty());
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place_and_its_cure() {
    let file = "nam = 'x'\nstore.keys = 'k'\nfront = 1\n[doors]\nfront = 5\nguests = '2'\nwhat = 1\n\
                [hallway]\n[store.url]\n";
    let variables = [("HOUSE_SHARE", "much"), ("HOUSE_CLEANS", "never")];
    let loaded = load("--guests 0", &variables, Some(file));
    let expected = [
        "nam (file house.toml:1): there is no such key; did you mean `name`?",
        "store.keys (file house.toml:2): there is no such key; did you mean `store.key`?",
        "front (file house.toml:3): there is no such key; did you mean `doors.front`?",
        "doors.what (file house.toml:7): there is no such key; [doors] has front, guests, share",
        "hallway (file house.toml:8): there is no such key; `config default` shows every key",
        "doors.front (file house.toml:5): `5` cannot be used: expected socket address; \
         write it as in `front = \"127.0.0.1:1\"`",
        "doors.guests (file house.toml:6): `\"2\"` cannot be used: expected a whole number greater \
         than zero; write it as in `guests = 3`",
        "doors.guests (flag --guests): `0` cannot be used: expected a whole number greater than \
         zero; write it as in `--guests 3`",
        "doors.share (env HOUSE_SHARE): `much` cannot be used: expected a number; \
         write it as in `HOUSE_SHARE=0.5`",
        "store.key: it is required and has no value; set --key or HOUSE_KEY or `key` in [store]",
        "store.url (file house.toml:9): `{…}` cannot be used: expected a string; \
         write it as in `url = \"postgres://a@h/b\"`",
        "store.cleans (env HOUSE_CLEANS): `never` cannot be used: unknown variant `never`, expected \
         `nobody` or `on-sundays`; write it as in `HOUSE_CLEANS=nobody`",
    ];
    assert_eq!(wrong(&loaded), expected);
    // A broken value is nobody's value: no check after this one sees a default in its place.
    assert_eq!(loaded.layer.doors.share, None);
    assert_eq!(loaded.layer.name.as_deref(), Some("home"));
}

#[test]
fn a_section_with_a_value_and_a_file_that_is_no_toml_are_refused() {
    let loaded = load("--key k", &[], Some("doors = 5\n"));
    let expected = "doors (file house.toml:1): this is a section and has no value; \
                    write [doors], and its keys below";
    assert_eq!(wrong(&loaded), [expected]);
    // Nobody knows what such a file says: nothing is reported as missing, and nothing is a default.
    let loaded = load("--guests 0", &[], Some("name = 'x'\nstore = = 1\n\nkey\n"));
    let problems = wrong(&loaded);
    let places: Vec<_> = problems
        .iter()
        .filter_map(|it| it.split(": ").next())
        .collect();
    let expected = [
        "file house.toml:2",
        "file house.toml:4",
        "doors.guests (flag --guests)",
    ];
    assert_eq!(places, expected, "{problems:?}");
    assert_eq!(loaded.layer.name, None);
}

#[test]
fn passwords_are_neither_shown_nor_in_errors() {
    let url = "postgres://a:secret@h/b";
    let in_file = format!("[store]\nkey = 'k'\nurl = '{url}'\n");
    let loaded = load("", &[("HOUSE_URL", url)], Some(&in_file));
    let shown = loaded.report.text() + &loaded.report.json().to_string();
    assert!(
        shown.contains("postgres://a:***@h/b") && !shown.contains("secret"),
        "{shown}"
    );
    assert_eq!(complete(loaded).store.url.as_deref(), Some(url));

    let unquoted = format!("[store]\nurl = {url}\n");
    let misplaced = format!("name = [\"{url}\"]\n[doors]\nfront = \"{url}\"\nguests = \"{url}\"\n");
    for file in [unquoted, misplaced] {
        let loaded = load("--key k", &[("HOUSE_CLEANS", url)], Some(&file));
        let said = wrong(&loaded).join("\n") + &format!("{:?}", loaded.report);
        assert!(
            !loaded.report.problems().is_empty() && !said.contains("secret"),
            "{said}"
        );
    }
}

#[test]
fn what_is_shown_says_every_value_and_its_origin_and_can_be_used_as_a_file() {
    let loaded = load(
        "--key k --share 1",
        &[("HOUSE_NAME", "h")],
        Some("doors.guests = 9\n"),
    );
    let text = loaded.report.text();
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let expected: Vec<Vec<_>> = [
        "name = \"h\" # env HOUSE_NAME",
        "doors.front = \"127.0.0.1:1\" # default",
        "doors.guests = 9 # file FILE:1",
        "doors.share = 1 # flag --share",
        "store.key = \"k\" # flag --key",
        "#store.url = # default",
        "store.cleans = \"nobody\" # default",
    ]
    .iter()
    .map(|line| line.split(' ').collect())
    .collect();
    for (line, expected) in lines.iter().zip(&expected) {
        let line: &Vec<&str> = line;
        if expected.contains(&"FILE:1") {
            assert!(line.last().unwrap().ends_with("house.toml:1"), "{line:?}");
        } else {
            assert_eq!(line, expected);
        }
    }
    assert_eq!(lines.len(), expected.len());
    let json = loaded.report.json();
    let name = serde_json::json!(
        {"key": "name", "value": "h", "origin": {"from": "env", "name": "HOUSE_NAME"}}
    );
    assert_eq!(json["values"][0], name);
    assert_eq!(json["values"][2]["origin"]["line"], 1);
    assert_eq!(json["values"][5]["value"], serde_json::Value::Null);
    assert_eq!(complete(load("", &[], Some(&text))), complete(loaded));
}

#[test]
fn help_says_variable_and_default_of_every_flag_and_flags_go_before_and_after_subcommands() {
    let command = clap::Command::new("house").subcommand(clap::Command::new("look"));
    let mut command = HOUSE.command::<House>(command);
    let help = command.render_long_help().to_string();
    for part in [
        "--front <ADDRESS>",
        "The front door [env: HOUSE_FRONT] [default: 127.0.0.1:1]",
        "The key [env: HOUSE_KEY] [required]",
        "How many of them sing [env: HOUSE_SHARE] [default: 0.5]",
        "[env: HOUSE_CONFIG]",
    ] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
    for line in ["house --guests 8 look", "house look --guests 8"] {
        let matches = command.clone().get_matches_from(line.split(' '));
        let loaded: Loaded<House> = HOUSE.load_from(&matches, &|_| None);
        assert_eq!(loaded.layer.doors.guests, NonZeroU32::new(8), "{line}");
    }
}
