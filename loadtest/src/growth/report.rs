//! What came out, step by step.

use serde::Serialize;

use crate::bench::cluster::{Setting, Size, line};
use crate::bench::pgbench::Yardstick;
use crate::bench::rig::Sample;
use crate::bench::table::{aligned, median, number, whole};
use crate::report::Verdict;

/// A step's rate may be so much of the first one's.
const RATE_MIN: f64 = 0.75;
/// Its p99 may be so much of the first one's.
const P99_MAX: f64 = 1.25;

/// What a reader has to know of a run.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub commit: String,
    pub machine: String,
    pub settings: Vec<Setting>,
    pub seconds: f64,
    pub warm_up_s: f64,
    pub seed: u64,
}

/// One step in one round.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub pgbench: Yardstick,
    /// With 512 callers, with 64.
    pub samples: [Sample; 2],
}

/// One step.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub accounts: u64,
    /// Before it was measured.
    pub entries: u64,
    pub acknowledged: u64,
    pub recorded: u64,
    pub balanced: bool,
    /// Before it was measured.
    #[serde(skip)]
    pub sizes: Vec<Size>,
    pub rounds: Vec<Measured>,
}

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Growth {
    pub(super) verdict: Verdict,
    because: Vec<String>,
    #[serde(flatten)]
    facts: Facts,
    rows: Vec<Row>,
    steps: Vec<Step>,
}

/// A step beside the first one, by median.
#[derive(Debug, Serialize)]
struct Row {
    accounts: u64,
    entries: u64,
    bytes: i64,
    pgbench_per_s: f64,
    /// Of pgbench before the first step.
    pgbench_beside_first: f64,
    /// With 512 callers, with 64.
    shapes: [Beside; 2],
    wal_bytes: f64,
    worse: bool,
}

/// One number of callers.
#[derive(Debug, Serialize)]
struct Beside {
    per_s: f64,
    /// To pgbench just before.
    ratio: f64,
    per_s_beside_first: f64,
    p99_ms: f64,
    p99_beside_first: f64,
}

impl Growth {
    pub(super) fn of(facts: Facts, steps: Vec<Step>) -> Self {
        let first = steps.first().map_or(&[][..], |step| &step.rounds);
        let rows: Vec<Row> = steps.iter().map(|step| Row::of(step, first)).collect();
        let (verdict, because) = judge(&steps, &rows);
        Self {
            verdict,
            because,
            facts,
            rows,
            steps,
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let facts = &self.facts;
        let rounds = self.steps.first().map_or(0, |step| step.rounds.len());
        let mut lines = vec![
            format!(
                "\nmedians of {rounds} rounds of {} s a sample; ratio: to pgbench just before; “of 1st”: to the first step of the same round",
                facts.seconds
            ),
            String::new(),
            self.table(),
            String::new(),
        ];
        lines.extend(self.steps.iter().map(Step::line));
        lines.extend([
            format!("server: {}", line(&facts.settings)),
            format!(
                "commit {} · {} · seed {}",
                facts.commit, facts.machine, facts.seed
            ),
            format!("\n{}", self.verdict.words()),
        ]);
        lines.extend(self.because.iter().map(|reason| format!("  {reason}")));
        lines.join("\n")
    }

    fn table(&self) -> String {
        let shape = |callers: &str| {
            [
                format!("/s at {callers}"),
                "ratio".to_owned(),
                "of 1st".to_owned(),
                "p99 ms".to_owned(),
                "of 1st".to_owned(),
            ]
        };
        let mut head = ["accounts", "entries", "MB", "pgbench", "of 1st"]
            .map(str::to_owned)
            .to_vec();
        head.extend(shape("512"));
        head.extend(shape("64"));
        head.extend(["WAL B".to_owned(), String::new()]);
        let rows = self.rows.iter().map(Row::cells);
        aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }
}

impl Step {
    fn line(&self) -> String {
        let size = |size: &Size| {
            let (heap, indexes) = (megabytes(size.heap), megabytes(size.indexes));
            format!("{} {heap} + {indexes}", size.table)
        };
        let large = self
            .sizes
            .iter()
            .filter(|it| it.heap + it.indexes >= 1 << 20);
        let sizes: Vec<String> = large.map(size).collect();
        format!(
            "{} accounts, {} entries: MB of table + indexes: {}; {} approvals acknowledged, {} in the books; trial balance {}",
            whole(self.accounts as f64),
            whole(self.entries as f64),
            sizes.join(", "),
            whole(self.acknowledged as f64),
            whole(self.recorded as f64),
            if self.balanced {
                "balances"
            } else {
                "DOES NOT BALANCE"
            }
        )
    }
}

impl Row {
    fn of(step: &Step, first: &[Measured]) -> Self {
        let of = |value: &dyn Fn(&Measured) -> f64| {
            median(step.rounds.iter().map(value).collect()).unwrap_or_default()
        };
        let beside = |value: &dyn Fn(&Measured) -> f64| {
            let pairs = step.rounds.iter().zip(first);
            let shares = pairs.map(|(own, first)| share(value(own), value(first)));
            median(shares.collect()).unwrap_or_default()
        };
        let shapes = [0, 1].map(|index| Beside {
            per_s: of(&|it| it.samples[index].per_s),
            ratio: of(&|it| share(it.samples[index].per_s, it.pgbench.per_s)),
            per_s_beside_first: beside(&|it| it.samples[index].per_s),
            p99_ms: of(&|it| it.samples[index].p99_ms),
            p99_beside_first: beside(&|it| it.samples[index].p99_ms),
        });
        let is_worse =
            |it: &Beside| it.per_s_beside_first < RATE_MIN || it.p99_beside_first > P99_MAX;
        Self {
            accounts: step.accounts,
            entries: step.entries,
            bytes: step.sizes.iter().map(|it| it.heap + it.indexes).sum(),
            pgbench_per_s: of(&|it| it.pgbench.per_s),
            pgbench_beside_first: beside(&|it| it.pgbench.per_s),
            worse: shapes.iter().any(is_worse),
            shapes,
            wal_bytes: of(&|it| it.samples[0].wal_bytes),
        }
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            whole(self.accounts as f64),
            whole(self.entries as f64),
            megabytes(self.bytes),
            whole(self.pgbench_per_s),
            number(Some(self.pgbench_beside_first), 2),
        ];
        for shape in &self.shapes {
            cells.extend([
                whole(shape.per_s),
                number(Some(shape.ratio), 2),
                number(Some(shape.per_s_beside_first), 2),
                number(Some(shape.p99_ms), 2),
                number(Some(shape.p99_beside_first), 2),
            ]);
        }
        cells.push(number(Some(self.wal_bytes), 0));
        cells.push(if self.worse { "WORSE" } else { "" }.to_owned());
        cells
    }
}

fn judge(steps: &[Step], rows: &[Row]) -> (Verdict, Vec<String>) {
    let mut reasons = Vec::new();
    for (step, row) in steps.iter().zip(rows) {
        let (accounts, entries) = (whole(step.accounts as f64), whole(step.entries as f64));
        let name = format!("{accounts} accounts, {entries} entries");
        if !step.balanced {
            reasons.push((
                Verdict::InvariantBroken,
                format!("{name}: the books do not balance"),
            ));
        }
        if step.recorded < step.acknowledged {
            let lost = step.acknowledged - step.recorded;
            let text = format!("{name}: {lost} approvals are not in the books");
            reasons.push((Verdict::InvariantBroken, text));
        }
        let samples = step.rounds.iter().flat_map(|round| &round.samples);
        for sample in samples.filter(|it| it.declined + it.failed > 0) {
            let why = sample.first_failure.as_deref().unwrap_or("–");
            let (declined, failed) = (sample.declined, sample.failed);
            let text = format!("{name}: {declined} declined, {failed} failed ({why})");
            reasons.push((Verdict::Inconclusive, text));
        }
        if row.worse {
            let text = format!("{name}: worse than the first step by more than 25 %");
            reasons.push((Verdict::ObjectiveMissed, text));
        }
    }
    reasons.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    let worst = reasons.first().map_or(Verdict::Pass, |(worst, _)| *worst);
    (worst, reasons.into_iter().map(|(_, text)| text).collect())
}

fn megabytes(bytes: i64) -> String {
    whole(bytes as f64 / 1e6)
}

fn share(part: f64, whole: f64) -> f64 {
    part / whole.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(accounts: u64, rates: [f64; 2], p99_ms: f64) -> Step {
        let sample = |per_s| Sample {
            per_s,
            p99_ms,
            ..Sample::default()
        };
        let measured = |_| Measured {
            pgbench: Yardstick::of(1_000.0, 10),
            samples: rates.map(sample),
        };
        Step {
            accounts,
            entries: accounts * 2,
            acknowledged: 10,
            recorded: 10,
            balanced: true,
            sizes: vec![Size {
                table: "entry".into(),
                heap: 3_000_000,
                indexes: 2_000_000,
            }],
            rounds: (0..3).map(measured).collect(),
        }
    }

    fn report(steps: Vec<Step>) -> Growth {
        let facts = Facts {
            commit: "c".into(),
            machine: "m".into(),
            settings: Vec::new(),
            seconds: 5.0,
            warm_up_s: 2.0,
            seed: 7,
        };
        Growth::of(facts, steps)
    }

    #[test]
    fn steps_are_compared_with_the_first_and_with_pgbench() {
        let first = step(10_000, [8_000.0, 4_000.0], 10.0);
        let report = report(vec![first, step(1_000_000, [6_400.0, 3_600.0], 12.0)]);
        assert_eq!(report.verdict, Verdict::Pass);
        let text = report.text();
        let line = text
            .lines()
            .find(|line| line.starts_with("1,000,000 "))
            .unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "1,000,000 2,000,000 5 1,000 1.00 6,400 6.40 0.80 12.00 1.20 3,600 3.60 0.90 12.00 1.20 0"
        );
        assert!(
            text.contains("MB of table + indexes: entry 3 + 2"),
            "{text}"
        );
    }

    #[test]
    fn a_step_that_is_slower_or_later_by_more_than_25_percent_is_flagged() {
        for worse in [
            step(20, [5_900.0, 4_000.0], 10.0),
            step(20, [8_000.0, 2_900.0], 10.0),
            step(20, [8_000.0, 4_000.0], 12.6),
        ] {
            let report = report(vec![step(10, [8_000.0, 4_000.0], 10.0), worse]);
            assert_eq!(report.verdict, Verdict::ObjectiveMissed);
            assert!(report.text().contains("WORSE"));
            let because = "20 accounts, 40 entries: worse than the first step by more than 25 %";
            assert_eq!(report.because, [because]);
        }
    }

    #[test]
    fn books_that_do_not_balance_and_samples_that_failed_are_no_result() {
        let mut crooked = step(10, [1.0, 1.0], 1.0);
        crooked.balanced = false;
        assert_eq!(report(vec![crooked]).verdict, Verdict::InvariantBroken);
        let mut lost = step(10, [1.0, 1.0], 1.0);
        lost.recorded = 9;
        assert_eq!(report(vec![lost]).verdict, Verdict::InvariantBroken);
        let mut failed = step(10, [1.0, 1.0], 1.0);
        failed.rounds[0].samples[1].failed = 1;
        assert_eq!(report(vec![failed]).verdict, Verdict::Inconclusive);
    }
}
