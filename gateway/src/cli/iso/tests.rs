//! The tools as a shell runs them, without one.

mod canary;
mod describing;
mod encoding;
mod sending;

use std::ffi::OsString;

use clap::Parser;
use iso8583::{MessageBuilder, Mti, Profile};

use super::arguments::{self, Arguments};
use super::{Streams, run};

/// What a tool said.
#[derive(Debug)]
struct Said {
    code: u8,
    out: Vec<u8>,
    err: String,
}

impl Said {
    fn text(&self) -> &str {
        str::from_utf8(&self.out).unwrap()
    }
}

/// Runs `gateway iso` with these words, divided by spaces.
fn tool(words: &str, stdin: &[u8]) -> Said {
    let words = words.split_whitespace().map(OsString::from).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        stdin: &mut &*stdin,
        out: &mut out,
        err: &mut err,
    };
    let code = run(words, &mut streams).code();
    let err = String::from_utf8(err).unwrap();
    Said { code, out, err }
}

/// A request as this profile writes it.
fn request(profile: &Profile, fields: &[(u8, &str)]) -> Vec<u8> {
    let mut builder = MessageBuilder::new(profile, Mti::M0100);
    for (number, value) in fields {
        builder.set(*number, value).unwrap();
    }
    builder.encode()
}

/// Echo test in ASCII with bitmaps in hex.
const ECHO: &[u8] = b"0800822000000000000004000000000000001122083400000042301";

/// What `request` is usually given.
const FIELDS: [(u8, &str); 12] = [
    (2, "4111111111111111"),
    (3, "000000"),
    (4, "000000010000"),
    (7, "1122083400"),
    (11, "123456"),
    (22, "051"),
    (32, "12345678901"),
    (37, "632608123456"),
    (41, "TERM0001"),
    (42, "MERCHANT0000001"),
    (43, "ACME STORES          SPRINGFIELD  CA  US"),
    (52, "0102030405060708"),
];

/// The commands of an example, each with its input.
fn pipe(line: &str) -> Said {
    let (echo, commands) = line.split_once(" | ").unwrap();
    let said = echo.strip_prefix("echo ").unwrap().trim_matches('\'');
    let mut input = format!("{said}\n").into_bytes();
    let mut last = None;
    for command in commands.split(" | ") {
        let words = command.strip_prefix("gateway iso ").unwrap();
        let said = tool(words, &input);
        input.clone_from(&said.out);
        last = Some(said);
    }
    last.unwrap()
}

#[test]
fn the_examples_of_the_help_work() {
    let texts = [arguments::DESCRIBE, arguments::ENCODE].concat();
    let examples: Vec<&str> = texts
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    assert_eq!(examples.len(), 5);
    for line in examples {
        let said = pipe(line);
        assert_eq!((said.code, &*said.err), (0, ""), "{line}");
        assert!(!said.out.is_empty(), "{line}");
    }
}

#[test]
fn help_is_on_stdout_and_a_wrong_word_is_usage() {
    for words in ["--help", "describe --help", "encode --help", "send --help"] {
        let said = tool(words, b"");
        assert_eq!((said.code, &*said.err), (0, ""), "{words}");
        assert!(said.text().contains("gateway iso"), "{words}");
        assert!(said.text().contains("Exit codes: 0"), "{words}");
    }
    for (words, error) in [
        ("", "Usage"),
        ("explain", "explain"),
        ("describe --hex --raw", "--raw"),
        ("describe --profile cbd", "ascii-hex, "),
        ("describe no/such/file", "no/such/file cannot be read"),
        ("describe", "there is no message"),
        ("describe --hex", "no hex digits"),
        (
            "send 127.0.0.1:1 --framing none",
            "choose another --framing",
        ),
        ("send 127.0.0.1:1 --repeat 1001", "1..=1000"),
    ] {
        let said = tool(words, b"");
        assert_eq!(said.code, 2, "{words}");
        assert!(said.err.contains(error), "{words}: {}", said.err);
        assert!(said.out.is_empty(), "{words}");
    }
}

#[test]
fn the_words_behind_iso_reach_the_tools_and_not_the_settings() {
    use clap::{CommandFactory, FromArgMatches};
    let command =
        crate::cli::SERVICE.command::<crate::cli::Config>(crate::cli::Arguments::command());
    let words = [
        "gateway",
        "iso",
        "describe",
        "--hex",
        "--profile",
        "bcd",
        "-",
    ];
    let matches = command.try_get_matches_from(words).unwrap();
    let parsed = crate::cli::Arguments::from_arg_matches(&matches).unwrap();
    let Some(crate::cli::Command::Iso(passed)) = parsed.command else {
        panic!("not the tools");
    };
    assert_eq!(passed.words, words[2..]);
    let name = std::iter::once(OsString::from("gateway iso"));
    assert!(Arguments::try_parse_from(name.chain(passed.words)).is_ok());
}
