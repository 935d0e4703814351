//! `config default`, `config show`, `config check`.

use std::io::Write;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use confique::Config;
use confique::toml::FormatOptions;
use serde_json::json;

use super::report::Effective;
use super::{EXIT_CONFIGURATION, Origin, Report, Service};

/// What can be asked about the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Print a configuration file with every key, what it means and its default.
    Default,
    /// Print the value of every key that counts, and where it is from. Passwords are masked.
    Show {
        /// How it is printed: as lines that a configuration file takes, or as JSON.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Check everything that can be checked without starting: exit code 0, or 64 and every error.
    Check,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl ConfigCommand {
    /// Does it. `report` says what was loaded and checked.
    pub fn run<C: Config>(self, service: &Service, report: &Report) -> ExitCode {
        let text = match self {
            Self::Default => template::<C>(),
            _ if !report.problems().is_empty() => return service.refuse(report),
            Self::Show {
                output: Output::Text,
            } => report.text(),
            Self::Show {
                output: Output::Json,
            } => format!("{:#}\n", report.json()),
            Self::Check => match report.file() {
                Some(file) => format!("{} is good\n", file.display()),
                None => "the configuration is good; there is no file\n".to_owned(),
            },
        };
        // Whoever does not read it needs no error.
        let _unread = std::io::stdout().lock().write_all(text.as_bytes());
        ExitCode::SUCCESS
    }
}

impl Service {
    /// Says everything that is wrong with the configuration on stderr; the exit code for it.
    pub fn refuse(&self, report: &Report) -> ExitCode {
        let mut text = String::new();
        for problem in report.problems() {
            text += &format!("{}: {problem}\n", self.name);
        }
        let _unread = std::io::stderr().lock().write_all(text.as_bytes());
        ExitCode::from(EXIT_CONFIGURATION)
    }
}

/// A configuration file with every key of `C`, what it means, and its default, all commented out.
pub fn template<C: Config>() -> String {
    confique::toml::template::<C>(FormatOptions::default())
}

impl Report {
    /// One line for every key, which a configuration file takes.
    pub(super) fn text(&self) -> String {
        let line = |one: &Effective| match &one.value {
            Some(value) => format!("{} = {value}", one.key),
            None => format!("#{} =", one.key),
        };
        let lines: Vec<_> = self.values().iter().map(line).collect();
        let width = lines.iter().map(|line| line.chars().count()).max();
        let width = width.unwrap_or_default();
        let with_origin = lines.iter().zip(self.values());
        with_origin
            .map(|(line, one)| format!("{line:width$}  # {}\n", one.origin))
            .collect()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let one = |one: &Effective| {
            let origin = match &one.origin {
                Origin::Flag(name) => json!({"from": "flag", "name": format!("--{name}")}),
                Origin::Env(name) => json!({"from": "env", "name": name}),
                Origin::File { path, line } => json!({"from": "file", "name": path, "line": line}),
                Origin::Default => json!({"from": "default"}),
            };
            json!({"key": one.key, "value": one.value, "origin": origin})
        };
        let values: Vec<_> = self.values().iter().map(one).collect();
        json!({"file": self.file(), "values": values})
    }
}
