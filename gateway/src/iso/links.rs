//! The links file: which links there are, and what was agreed with the peers of each.
//!
//! `gateway/links.toml` is a file with every key, its meaning and its default.

mod check;
mod file;

use std::fmt;
use std::net::SocketAddr;

pub use check::LINKS_MAX;

use super::terms::Terms;
use file::LinksFile;

/// A file with every key, its meaning and its default.
pub const EXAMPLE: &str = include_str!("../../links.toml");

/// Something that is wrong in a links file, and how to make it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The link and the key, as far as they are known.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// How to make it right; empty where `what` says it.
    pub cure: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.what)
    }
}

/// Reads a links file and the files that it names. A link that does not say where it listens does so
/// at `iso`; `http` is taken.
///
/// # Errors
/// With everything that is wrong.
pub fn parse(text: &str, iso: SocketAddr, http: SocketAddr) -> Result<Vec<Terms>, Vec<Fault>> {
    let file: LinksFile = toml::from_str(text).map_err(|error| {
        vec![Fault {
            place: String::new(),
            what: error.to_string().trim_end().to_owned(),
            cure: "gateway/links.toml has every key, its meaning and its default".into(),
        }]
    })?;
    check::checked(file, iso, http)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISO: &str = "127.0.0.1:7411";
    const HTTP: &str = "127.0.0.1:7401";

    fn read(text: &str) -> Result<Vec<Terms>, Vec<Fault>> {
        parse(text, ISO.parse().unwrap(), HTTP.parse().unwrap())
    }

    /// The example with every default written out.
    fn written_out() -> String {
        let is_default = |line: &&str| {
            let key = line
                .strip_prefix('#')
                .and_then(|line| line.split_once(" = "));
            key.is_some_and(|(key, _)| !key.contains(' ')) && !line.contains("# no default")
        };
        let lines: Vec<&str> = EXAMPLE
            .lines()
            .map(|line| {
                if is_default(&line) || line == "#[link.codes]" {
                    &line[1..]
                } else {
                    line
                }
            })
            .collect();
        lines.join("\n")
    }

    #[test]
    fn the_example_gives_the_defaults_as_it_is_and_with_every_default_written_out() {
        let expected = format!("{:?}", [Terms::new("iso", ISO.parse().unwrap())]);
        for text in [
            EXAMPLE.to_owned(),
            written_out(),
            "[[link]]\nname = 'iso'".to_owned(),
        ] {
            let terms = read(&text).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
            assert_eq!(format!("{terms:?}"), expected);
        }
        let written = written_out();
        let values = written
            .lines()
            .filter(|line| !line.starts_with('#') && line.contains(" = "));
        assert_eq!(values.count(), file::DEFAULTS, "{written}");
    }

    #[test]
    fn every_key_of_a_file_is_in_the_example() {
        for key in file::KEYS {
            let is_key = |line: &str| {
                let line = line.strip_prefix('#').unwrap_or(line);
                line.split_once(" = ").is_some_and(|(name, _)| name == *key)
            };
            assert!(EXAMPLE.lines().any(is_key), "{key}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_place_and_a_cure() {
        let link = |rest: &str| format!("[[link]]\nname = 'visa'\n{rest}");
        let twice = format!("{}{}", link(""), link("listen = '127.0.0.1:9'\n"));
        let same = format!("{}[[link]]\nname = 'other'\n", link(""));
        let many: String = (0..17)
            .map(|n| {
                format!(
                    "[[link]]\nname = 'l{n}'\nlisten = '127.0.0.1:{}'\n",
                    9_000 + n
                )
            })
            .collect();
        let cases = [
            ("", "there is no [[link]]"),
            (&many, "17 links"),
            (&twice, "two links have this name"),
            (&same, "link `other`: listen: 127.0.0.1:7411 is taken"),
            (
                &link("listen = '127.0.0.1:7401'"),
                "127.0.0.1:7401 is taken",
            ),
            (&link("framnig = 'vap'"), "unknown field `framnig`"),
            (&link("framing = 'vip'"), "link `visa`: framing: "),
            (
                &link("profile = 'visa'"),
                "link `visa`: profile: no profile `visa`",
            ),
            (&link("profile = '/nowhere/host.toml'"), "cannot be read"),
            (&link("profile = 'ascii-hex-1993'"), "is of another edition"),
            (
                &link("message_max_bytes = 0"),
                "message_max_bytes: 0 is not from 1 to",
            ),
            (
                &link("framing = 'vap'\nmessage_max_bytes = 4096"),
                "1 to 2048",
            ),
            (&link("frame_ms = 0"), "frame_ms: 0 is not from 1 to"),
            (
                &link("idle_ms = 86400001"),
                "idle_ms: 86400001 is not from 1 to",
            ),
            (
                &link("echo_ms = 290000"),
                "echo_ms: the peer would be cut off",
            ),
            (
                &link("in_flight_max = 0"),
                "in_flight_max: 0 is not from 1 to",
            ),
            (
                &link("connections_max = 0"),
                "connections_max: 0 is not from 1 to",
            ),
            (
                &link("verification_field = 52"),
                "verification_field: 52 is no private field",
            ),
            (&link("network = ''"), "network: it must be 1 to 16"),
            (
                &link("[link.codes]\necho = []"),
                "codes.echo: there is none",
            ),
            (
                &link("[link.codes]\necho = ['30']"),
                "codes.echo: `30` is not three digits",
            ),
            (
                &link("[link.codes]\necho = ['001']"),
                "001 has two meanings",
            ),
            (
                "[[link]]\nname = 'http'",
                "name: `http` is the other door's",
            ),
            ("[[link]]\nname = 'Visa A'", "name: it must be 1 to 16"),
        ];
        for (text, expected) in cases {
            let faults = match read(text) {
                Ok(terms) => panic!("{text} was taken: {terms:?}"),
                Err(faults) => faults,
            };
            let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert!(
                shown.iter().any(|fault| fault.contains(expected)),
                "{text}: {shown:?}"
            );
        }
    }

    #[test]
    fn a_profile_of_ones_own_must_be_able_to_say_what_the_gateway_says() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("host.toml");
        let link = format!("[[link]]\nname = 'host'\nprofile = '{}'\n", path.display());
        for (rest, fault) in [
            ("", None),
            (
                "[fields]\n11 = { fixed = 12 }",
                Some("it cannot say a sign-on"),
            ),
            ("without = [90, 95]", Some("lacks the fields 90, 95")),
            (
                "[fields]\n38 = { content = \"n\", coding = \"ascii\", fixed = 6 }",
                Some("it cannot say an answer: field 38"),
            ),
            (
                "[fields]\n39 = { fixed = 3 }",
                Some("it cannot say an answer: field 39"),
            ),
            (
                "[fields]\n4 = { fixed = 10 }",
                Some("it cannot say an answer: field 4"),
            ),
            (
                "[fields]\n44 = { fixed = 2 }",
                Some("it cannot say an answer: field 44"),
            ),
        ] {
            std::fs::write(&path, format!("name = 'host'\nbased_on = 'bcd'\n{rest}\n")).unwrap();
            let read = read(&link).map(|terms| terms[0].profile.name().to_owned());
            match (fault, read) {
                (None, read) => assert_eq!(read.as_deref(), Ok("host")),
                (Some(fault), Err(faults)) => {
                    assert!(faults[0].what.contains(fault), "{faults:?}");
                }
                (Some(fault), Ok(_)) => panic!("taken in spite of: {fault}"),
            }
        }
    }

    #[test]
    fn faults_of_several_links_are_reported_together() {
        let faults = read(
            "[[link]]\nname = 'a'\nframing = 'x'\nidle_ms = 0\n[[link]]\nname = 'b'\n\
             listen = '127.0.0.1:1'\nprofile = 'x'\n",
        );
        let faults = faults.map(|_| ()).unwrap_err();
        let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
        assert_eq!(
            places,
            [
                "link `a`: framing: ",
                "link `a`: idle_ms: ",
                "link `b`: profile: "
            ]
        );
        assert!(faults.iter().all(|fault| !fault.cure.is_empty()));
    }
}
