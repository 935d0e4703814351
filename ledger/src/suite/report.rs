//! What the suite has seen, as text and as JSON.

use serde::Serialize;

use super::ground::Broken;

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "broken")]
pub enum Result {
    /// Everything was as the contract says.
    Passed,
    /// Something was not.
    Failed(Broken),
}

/// One case and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The case's name.
    pub name: &'static str,
    /// What the contract says.
    pub says: &'static str,
    /// How much was checked.
    pub checks: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What came of it.
    #[serde(flatten)]
    pub result: Result,
}

impl Finding {
    /// True where everything was as the contract says.
    pub fn passed(&self) -> bool {
        self.result == Result::Passed
    }

    /// A line, and for a failure four.
    pub fn text(&self) -> String {
        let (checks, took) = (self.checks, self.took_ms);
        match &self.result {
            Result::Passed => format!("ok    {} ({checks} checks, {took} ms)\n", self.name),
            Result::Failed(broken) => format!(
                "FAIL  {} ({checks} checks, {took} ms)\n      the contract: {}\n      at: {}\n      \
                 expected: {}\n      seen: {}\n",
                self.name, self.says, broken.at, broken.expected, broken.seen
            ),
        }
    }
}

/// Everything that was played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Who was asked.
    pub url: String,
    /// What everything was drawn from.
    pub seed: u64,
    /// In the order in which they were played.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(url: &str, seed: u64) -> Self {
        Self {
            url: url.to_owned(),
            seed,
            findings: Vec::new(),
        }
    }

    /// How many cases passed.
    pub fn passed(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.passed())
            .count()
    }

    /// How many did not.
    pub fn failed(&self) -> usize {
        self.findings.len() - self.passed()
    }

    /// The last line.
    pub fn summary(&self) -> String {
        let checks: u64 = self.findings.iter().map(|finding| finding.checks).sum();
        let (passed, failed) = (self.passed(), self.failed());
        format!(
            "{passed} passed, {failed} failed, {checks} checks; url={} seed={}\n",
            self.url, self.seed
        )
    }

    /// The report for programs.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "url": self.url,
            "seed": self.seed,
            "passed": self.passed(),
            "failed": self.failed(),
            "findings": self.findings,
        })
    }
}
