//! An oracle that a script speaks for: one process for many messages, a line of JSON each.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use iso8583::Profile;
use serde_json::json;
use tokio::process::Command;

use super::{Difference, Question, Told, check, description, examples, questions, to_hex};

/// A library in another language.
pub(super) struct Oracle {
    pub(super) name: &'static str,
    /// What runs the script.
    pub(super) interpreter: &'static str,
    /// Beside this file. It reads a profile as [`description`] puts it, then messages, and answers
    /// each.
    pub(super) script: &'static str,
    /// What the script is told beside that.
    pub(super) arguments: &'static [&'static str],
    /// The variable that says where the interpreter finds the library, and where that is.
    pub(super) library: (&'static str, std::path::PathBuf),
    pub(super) differences: &'static [Difference],
}

impl Oracle {
    /// Both directions of so many messages of a profile.
    pub(super) async fn agrees(&self, profile: &Profile, count: u64) -> anyhow::Result<()> {
        let examples = examples(profile, self.differences)?;
        let questions = questions(profile, count, self.differences)?;
        let told = self.ask(profile, &[&examples, &questions]).await?;
        let both = |told: &Told| told.error.is_some() || told.wrote.is_some();
        ensure!(told.iter().all(both), "{} does not write", self.name);
        check(self.name, profile, &examples, &questions, &told)
    }

    async fn ask(&self, profile: &Profile, asked: &[&[Question]]) -> anyhow::Result<Vec<Told>> {
        let mut input = tempfile::tempfile()?;
        let mut lines = format!("{}\n", description::described(profile));
        for question in asked.iter().copied().flatten() {
            let line =
                json!({ "fields": question.said.to_json(), "bytes": to_hex(&question.bytes) });
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        input.write_all(lines.as_bytes())?;
        std::io::Seek::rewind(&mut input)?;
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/oracle");
        let output = Command::new(self.interpreter)
            .arg(directory.join(self.script))
            .args(self.arguments)
            .env(self.library.0, &self.library.1)
            .stdin(Stdio::from(input))
            .output()
            .await
            .with_context(|| format!("{} does not run", self.interpreter))?;
        ensure!(
            output.status.success(),
            "{} failed: {}",
            self.script,
            String::from_utf8_lossy(&output.stderr)
        );
        let answers = String::from_utf8(output.stdout)?;
        answers
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}
