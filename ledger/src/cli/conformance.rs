//! `ledger conformance`.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::outside::{self, say, unasked};
use super::{FAILED, fail};
use crate::suite::{CASES, Finding, NotPlayed, Options, play};

/// What to play, and on whom.
#[derive(Debug, Clone, Args)]
pub(super) struct ConformanceCommand {
    /// The ledger to ask, such as http://127.0.0.1:7400.
    #[arg(long, required_unless_present = "list")]
    url: Option<String>,
    /// Only cases with this in their name; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// What accounts, cards, ids and gateways are drawn from: the same on other books plays the same
    /// requests. A new one where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Say the findings as JSON, at the end; the progress goes to stderr.
    #[arg(long)]
    json: bool,
    /// Say the cases' names and what the contract says, and ask nobody.
    #[arg(long)]
    list: bool,
}

impl ConformanceCommand {
    /// Exit code 0 where every case passed, 1 where one did not.
    pub(super) fn run(self) -> ExitCode {
        let options = Options {
            // Small enough for every reader of JSON.
            seed: self.seed.unwrap_or_else(|| rand::random_range(0..1 << 53)),
            only: self.only.clone(),
        };
        match &self.url {
            Some(url) if !self.list => outside::run(self.play(url, &options)),
            _ => self.list(&options),
        }
    }

    fn list(&self, options: &Options) -> ExitCode {
        let mut text = String::new();
        let cases = options.cases();
        if self.json {
            let all = cases
                .iter()
                .map(|case| serde_json::json!({"name": case.name, "says": case.says}));
            let all: Vec<_> = all.collect();
            let _fits = writeln!(text, "{:#}", serde_json::Value::from(all));
        } else {
            for case in cases {
                let _fits = writeln!(text, "{}\n      {}", case.name, case.says);
            }
            let _fits = writeln!(text, "{} of {} cases", options.cases().len(), CASES.len());
        }
        say(&text);
        ExitCode::SUCCESS
    }

    async fn play(&self, url: &str, options: &Options) -> ExitCode {
        let count = options.cases().len();
        let mut nth = 0;
        let mut told = |finding: &Finding| {
            nth += 1;
            let line = format!("[{nth}/{count}] {}", finding.text());
            if self.json {
                let _unread = std::io::stderr().write_all(line.as_bytes());
            } else {
                say(&line);
            }
        };
        if !self.json {
            say(&format!("conformance of {url}, seed {}\n", options.seed));
        }
        let report = match play(url, options, &mut told).await {
            Ok(report) => report,
            Err(NotPlayed::Ask(error)) => return unasked(&error),
            Err(error) => return fail(FAILED, &error),
        };
        if self.json {
            say(&format!("{:#}\n", report.json()));
        } else {
            say(&report.summary());
        }
        match report.failed() {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(FAILED),
        }
    }
}
