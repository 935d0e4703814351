//! How often and how long is measured, where, and what standard output gets.

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::cli::Output;

/// What every measurement takes.
#[derive(Debug, Args)]
pub(crate) struct Sampling {
    /// How many rounds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// How long each sample is.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// What is not counted before each sample.
    #[arg(long, default_value_t = 2.0)]
    pub warm_up_s: f64,
    /// A server that is there; a private one with fsync on without it.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// The seed of ids, amounts and choices; a drawn one, which is printed, without it.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The same as `--output json`.
    #[arg(long)]
    pub json: bool,
    /// What standard output gets.
    #[arg(long, env = "HOLDFAST_LOADTEST_OUTPUT", default_value = "text")]
    pub output: Output,
}

impl Sampling {
    /// Refuses lengths that measure nothing or never end.
    ///
    /// # Errors
    /// With the bounds.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (0.1..=3_600.0).contains(&self.seconds) && (0.0..=3_600.0).contains(&self.warm_up_s),
            "--seconds must be from 0.1 to 3600, --warm-up-s from 0 to 3600"
        );
        Ok(())
    }

    /// Prints a report as it was asked for.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub(crate) fn print(&self, report: &impl Serialize, text: &str) -> anyhow::Result<()> {
        if self.json || self.output == Output::Json {
            println!("{}", serde_json::to_string_pretty(report)?);
        } else {
            println!("{text}");
        }
        Ok(())
    }
}
