//! What came out, and whether it is enough.

use serde::Serialize;

use super::scaling::{self, Need, Unit};
use super::shapes::{SHAPES, Shape, UNIFORM};
use crate::bench::cluster::{Setting, Size, line};
use crate::bench::pgbench::{Yardstick, both};
use crate::bench::rig::Sample;
use crate::bench::table::{aligned, median, number, whole};
use crate::report::Verdict;

/// What a reader has to know of a run.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub commit: String,
    pub machine: String,
    pub settings: Vec<Setting>,
    pub accounts: u64,
    pub pgbench_scale: u64,
    pub seconds: f64,
    pub warm_up_s: f64,
    pub seed: u64,
}

/// What one round showed.
#[derive(Debug)]
pub(super) struct Round {
    /// First and last.
    pub pgbench: [Yardstick; 2],
    /// By the name of the shape, in the order in which they were taken.
    pub samples: Vec<(&'static str, Sample)>,
    /// Approvals that callers were told.
    pub acknowledged: u64,
    /// Authorizations that the books have.
    pub recorded: u64,
    pub balanced: bool,
    pub grown: Vec<Size>,
}

impl Round {
    fn sample(&self, name: &str) -> Option<&Sample> {
        let mut samples = self.samples.iter();
        samples.find(|(other, _)| *other == name).map(|(_, it)| it)
    }
}

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Throughput {
    pub(super) verdict: Verdict,
    because: Vec<String>,
    #[serde(flatten)]
    facts: Facts,
    /// First and last in each round.
    pgbench: Vec<[Yardstick; 2]>,
    shapes: Vec<Row>,
    storage: Vec<Storage>,
    /// Bytes of write-ahead log per authorization in `uniform-512`.
    wal_bytes: Option<f64>,
    /// What follows for a portfolio; empty where `uniform-512` was not measured.
    scaling: Vec<Need>,
    acknowledged: u64,
    recorded: u64,
    balanced: bool,
}

/// One shape over all rounds.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    what: String,
    rounds: Vec<Sample>,
    /// Of pgbench in the same round.
    ratios: Vec<f64>,
    ratio_median: Option<f64>,
    p99_ratio_median: Option<f64>,
    /// Of `uniform-512` in the same round.
    of_uniform_median: Option<f64>,
    uniform_p99_median: Option<f64>,
    target: String,
    met: Option<bool>,
}

/// What an authorization occupies.
#[derive(Debug, Serialize)]
struct Storage {
    table: String,
    heap_bytes: f64,
    index_bytes: f64,
}

impl Storage {
    fn bytes(&self) -> f64 {
        self.heap_bytes + self.index_bytes
    }
}

impl Throughput {
    pub(super) fn of(facts: Facts, rounds: Vec<Round>) -> Self {
        let yardsticks: Vec<Yardstick> = (rounds.iter())
            .map(|round| both(&round.pgbench[0], &round.pgbench[1]))
            .collect();
        let rows: Vec<Row> = (SHAPES.iter())
            .map(|shape| Row::of(shape, &rounds, &yardsticks))
            .filter(|row| !row.rounds.is_empty())
            .collect();
        let (verdict, because) = judge(&rounds, &rows);
        let uniform = rows.iter().find(|row| row.name == UNIFORM);
        let wal_bytes = uniform.and_then(|row| row.median(|sample| Some(sample.wal_bytes)));
        let per_s = uniform.and_then(|row| row.median(|sample| Some(sample.per_s)));
        let storage = storage(&rounds);
        let unit = per_s.zip(wal_bytes).map(|(per_s, wal_bytes)| Unit {
            per_s,
            wal_bytes,
            disk_bytes: storage.iter().map(Storage::bytes).sum(),
        });
        Self {
            verdict,
            because,
            facts,
            storage,
            wal_bytes,
            scaling: unit.map(scaling::needs).unwrap_or_default(),
            shapes: rows,
            acknowledged: rounds.iter().map(|round| round.acknowledged).sum(),
            recorded: rounds.iter().map(|round| round.recorded).sum(),
            balanced: rounds.iter().all(|round| round.balanced),
            pgbench: rounds.into_iter().map(|round| round.pgbench).collect(),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let facts = &self.facts;
        let mut lines = vec![
            format!(
                "\n{} accounts, medians of {} rounds of {} s a sample; ratios to `pgbench -N -M prepared -c 32 -j 2 -s {}` of the same round",
                whole(facts.accounts as f64),
                self.pgbench.len(),
                facts.seconds,
                facts.pgbench_scale
            ),
            String::new(),
            self.table(),
            String::new(),
            self.spread(),
        ];
        lines.push(self.growth());
        if !self.scaling.is_empty() {
            lines.extend(scaling::lines(&self.scaling));
        }
        let balance = if self.balanced {
            "balances"
        } else {
            "DOES NOT BALANCE"
        };
        lines.extend([
            format!(
                "books: {} approvals acknowledged, {} in the books; trial balance {balance}",
                whole(self.acknowledged as f64),
                whole(self.recorded as f64)
            ),
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
        let head = [
            "",
            "/s",
            "ratio",
            "from–to",
            "p50 ms",
            "p99 ms",
            "p99 ratio",
            "ledger µs",
            "client µs",
            "postgres µs",
            "WAL B",
            "target",
            "",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let of = |value: fn(&Yardstick) -> f64| {
            median(self.pgbench.iter().flatten().map(value).collect())
        };
        let cpu = self.pgbench.iter().flatten();
        let cpu: Vec<f64> = cpu.filter_map(|it| it.postgres_cpu_us).collect();
        rows.push(vec![
            "pgbench".to_owned(),
            of(|it| it.per_s).map_or_else(String::new, whole),
            "1.00".to_owned(),
            String::new(),
            number(of(|it| it.p50_ms), 2),
            number(of(|it| it.p99_ms), 2),
            "1.00".to_owned(),
            String::new(),
            String::new(),
            number(median(cpu), 0),
            number(of(|it| it.wal_bytes), 0),
        ]);
        rows.extend(self.shapes.iter().map(Row::cells));
        aligned(&rows)
    }

    /// How far the same thing differs from itself.
    fn spread(&self) -> String {
        let rounds = self
            .pgbench
            .iter()
            .map(|[before, after]| format!("{} and {}", whole(before.per_s), whole(after.per_s)));
        let rounds: Vec<String> = rounds.collect();
        format!("pgbench first and last, by round: {} /s", rounds.join(", "))
    }

    fn growth(&self) -> String {
        let tables = self.storage.iter().map(|it| {
            let (heap, index) = (whole(it.heap_bytes), whole(it.index_bytes));
            format!("{} {heap} + {index}", it.table)
        });
        let tables: Vec<String> = tables.collect();
        let all = self.storage.iter().map(Storage::bytes);
        format!(
            "bytes per authorization: {} on disk (table + indexes: {}), {} of write-ahead log",
            whole(all.sum()),
            tables.join(", "),
            number(self.wal_bytes, 0)
        )
    }
}

impl Row {
    fn of(shape: &Shape, rounds: &[Round], yardsticks: &[Yardstick]) -> Self {
        let taken = rounds
            .iter()
            .zip(yardsticks)
            .filter_map(|(round, yardstick)| {
                Some((round.sample(shape.name)?, yardstick, round.sample(UNIFORM)))
            });
        let taken: Vec<_> = taken.collect();
        let ratios: Vec<f64> = (taken.iter())
            .map(|(sample, yardstick, _)| share(sample.per_s, yardstick.per_s))
            .collect();
        let p99: Vec<f64> = (taken.iter())
            .map(|(sample, yardstick, _)| share(sample.p99_ms, yardstick.p99_ms))
            .collect();
        let beside = |value: fn(&Sample) -> f64| {
            let pairs = taken
                .iter()
                .filter_map(|(sample, _, uniform)| Some(share(value(sample), value((*uniform)?))));
            median(pairs.collect())
        };
        let mut row = Self {
            name: shape.name,
            what: shape.what(),
            ratio_median: median(ratios.clone()),
            ratios,
            p99_ratio_median: median(p99),
            of_uniform_median: beside(|sample| sample.per_s),
            uniform_p99_median: beside(|sample| sample.p99_ms),
            rounds: taken.iter().map(|(sample, ..)| (*sample).clone()).collect(),
            target: String::new(),
            met: None,
        };
        row.aim(shape);
        row
    }

    /// What is demanded, and whether it is there.
    fn aim(&mut self, shape: &Shape) {
        let targets = shape.targets;
        let demands = [
            (targets.ratio_min, self.ratio_median, "≥ ", "×"),
            (targets.p99_max, self.p99_ratio_median, "p99 ≤ ", "×"),
            (
                targets.of_uniform_min,
                self.of_uniform_median,
                "≥ ",
                " of uniform-512",
            ),
            (
                targets.uniform_p99_max,
                self.uniform_p99_median,
                "p99 ≤ ",
                "× of uniform-512",
            ),
        ];
        let (mut words, mut met) = (Vec::new(), Vec::new());
        for (limit, value, before, after) in demands {
            let Some(limit) = limit else { continue };
            words.push(format!("{before}{limit}{after}"));
            let Some(value) = value else { continue };
            let most = before.starts_with("p99");
            met.push(if most { value <= limit } else { value >= limit });
        }
        let complete = met.len() == words.len() && !met.is_empty();
        self.target = words.join(", ");
        self.met = complete.then(|| met.iter().all(|it| *it));
    }

    fn median(&self, value: fn(&Sample) -> Option<f64>) -> Option<f64> {
        median(self.rounds.iter().filter_map(value).collect())
    }

    fn cells(&self) -> Vec<String> {
        let least = self.ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.ratios.iter().copied().fold(0.0, f64::max);
        let verdict = match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let target = match self.of_uniform_median {
            Some(share) if self.target.contains(UNIFORM) => {
                format!("{} (is {share:.2})", self.target)
            }
            _ => self.target.clone(),
        };
        vec![
            self.name.to_owned(),
            self.median(|it| Some(it.per_s))
                .map_or_else(String::new, whole),
            number(self.ratio_median, 2),
            format!("{least:.2}–{most:.2}"),
            number(self.median(|it| Some(it.p50_ms)), 2),
            number(self.median(|it| Some(it.p99_ms)), 2),
            number(self.p99_ratio_median, 2),
            number(self.median(|it| it.ledger_cpu_us), 1),
            number(self.median(|it| it.client_cpu_us), 1),
            number(self.median(|it| it.postgres_cpu_us), 1),
            number(self.median(|it| Some(it.wal_bytes)), 0),
            target,
            verdict.to_owned(),
        ]
    }
}

fn judge(rounds: &[Round], rows: &[Row]) -> (Verdict, Vec<String>) {
    let mut reasons = Vec::new();
    for (index, round) in rounds.iter().enumerate() {
        let number = index + 1;
        if !round.balanced {
            let text = format!("round {number}: the books do not balance");
            reasons.push((Verdict::InvariantBroken, text));
        }
        if round.recorded < round.acknowledged {
            let lost = round.acknowledged - round.recorded;
            let text = format!("round {number}: {lost} approvals are not in the books");
            reasons.push((Verdict::InvariantBroken, text));
        }
        for (name, sample) in &round.samples {
            doubt(number, name, sample, &mut reasons);
        }
    }
    for row in rows.iter().filter(|row| row.met == Some(false)) {
        let text = format!("{} ({}): not {}", row.name, row.what, row.target);
        reasons.push((Verdict::ObjectiveMissed, text));
    }
    if rows.len() < SHAPES.len() {
        let text = format!("{} of {} shapes were measured", rows.len(), SHAPES.len());
        reasons.push((Verdict::Inconclusive, text));
    }
    reasons.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    let worst = reasons.first().map_or(Verdict::Pass, |(worst, _)| *worst);
    (worst, reasons.into_iter().map(|(_, text)| text).collect())
}

/// What makes a sample something else than what it should be.
fn doubt(round: usize, name: &str, sample: &Sample, reasons: &mut Vec<(Verdict, String)>) {
    if sample.declined + sample.failed > 0 {
        let text = format!(
            "round {round}, {name}: {} declined, {} failed{}",
            sample.declined,
            sample.failed,
            (sample.first_failure.as_ref()).map_or_else(String::new, |why| format!(" ({why})"))
        );
        // Beside a lock, callers of other accounts that fail are what must not be.
        let verdict = match sample.locked {
            Some(_) if sample.declined == 0 => Verdict::ObjectiveMissed,
            _ => Verdict::Inconclusive,
        };
        reasons.push((verdict, text));
    }
    if let Some(locked) = &sample.locked
        && (locked.approved > 0 || locked.refused == 0)
    {
        let text = format!(
            "round {round}, {name}: the lock did not hold: {} approved, {} refused",
            locked.approved, locked.refused
        );
        reasons.push((Verdict::Inconclusive, text));
    }
}

fn storage(rounds: &[Round]) -> Vec<Storage> {
    let recorded: u64 = rounds.iter().map(|round| round.recorded).sum();
    let each = |bytes: i64| bytes as f64 / (recorded as f64).max(1.0);
    let grown = || rounds.iter().flat_map(|round| &round.grown);
    let mut tables: Vec<&str> = grown().map(|size| size.table.as_str()).collect();
    tables.sort_unstable();
    tables.dedup();
    let of = |table: &str, bytes: fn(&Size) -> i64| {
        let sizes = grown().filter(|size| size.table == table);
        each(sizes.map(bytes).sum())
    };
    let storage = tables.into_iter().map(|table| Storage {
        table: table.to_owned(),
        heap_bytes: of(table, |size| size.heap),
        index_bytes: of(table, |size| size.indexes),
    });
    storage.collect()
}

fn share(part: f64, whole: f64) -> f64 {
    part / whole.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;
