use serde::Serialize;

/// Both sides, and how they compare.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    commit: String,
    machine: String,
    seconds: f64,
    concurrency: u32,
    a: Side,
    b: Side,
    /// B's throughput as a share of A's, by round.
    ratios: Vec<f64>,
    ratio_median: f64,
    ratio_min: f64,
    ratio_max: f64,
    /// What a round may differ from the median by, typically: the median of the distances.
    ratio_spread: f64,
}

/// One side.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    arguments: String,
    pub(super) rounds: Vec<Measured>,
    /// Answers per second.
    per_s_median: f64,
    p50_ms_median: f64,
    p99_ms_median: f64,
}

/// One side in one round.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measured {
    /// Answers per second.
    pub(super) per_s: f64,
    /// Of these, everything but approvals; all payments should be approved.
    pub(super) not_approved: u64,
    /// Decisions without the ledger; more than a few mean that something else was measured.
    pub(super) stood_in: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Side {
    pub(super) fn new(arguments: &str) -> Self {
        Self {
            arguments: arguments.to_owned(),
            rounds: Vec::new(),
            per_s_median: 0.0,
            p50_ms_median: 0.0,
            p99_ms_median: 0.0,
        }
    }

    fn settled(mut self) -> Self {
        let of = |value: fn(&Measured) -> f64| median(self.rounds.iter().map(value).collect());
        let medians = (of(|it| it.per_s), of(|it| it.p50_ms), of(|it| it.p99_ms));
        (self.per_s_median, self.p50_ms_median, self.p99_ms_median) = medians;
        self
    }

    fn line(&self, name: &str) -> String {
        let not_approved: u64 = self.rounds.iter().map(|it| it.not_approved).sum();
        let stood_in: u64 = self.rounds.iter().map(|it| it.stood_in).sum();
        format!(
            "{name}  {:>8.0} /s  p50 {:>6.2} ms  p99 {:>6.2} ms  not approved {not_approved}  by stand-in {stood_in}  `{}`",
            self.per_s_median, self.p50_ms_median, self.p99_ms_median, self.arguments
        )
    }
}

impl Comparison {
    /// Rounds are pairs: the same number on both sides.
    pub(super) fn of(
        sides: [Side; 2],
        seconds: f64,
        concurrency: u32,
        commit: String,
        machine: String,
    ) -> Self {
        let [a, b] = sides.map(Side::settled);
        let pairs = a.rounds.iter().zip(&b.rounds);
        let ratios: Vec<f64> = pairs
            .map(|(a, b)| round(b.per_s / a.per_s.max(f64::MIN_POSITIVE)))
            .collect();
        let ratio_median = median(ratios.clone());
        let distances = ratios.iter().map(|ratio| (ratio - ratio_median).abs());
        Self {
            ratio_spread: round(median(distances.collect())),
            ratio_min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratio_max: ratios.iter().copied().fold(0.0, f64::max),
            ratio_median,
            ratios,
            commit,
            machine,
            seconds,
            concurrency,
            a,
            b,
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let ratios: Vec<String> = self.ratios.iter().map(|it| format!("{it:.3}")).collect();
        let lines = [
            format!(
                "\nclosed loop, {} clients over HTTP and ISO 8583, medians of {} rounds of {} s each",
                self.concurrency,
                self.ratios.len(),
                self.seconds
            ),
            self.a.line("A"),
            self.b.line("B"),
            format!(
                "\nB/A  {:.3} (median)  ± {:.3}  from {:.3} to {:.3}",
                self.ratio_median, self.ratio_spread, self.ratio_min, self.ratio_max
            ),
            format!("     by round {}", ratios.join(" ")),
            format!("commit {} · {}", self.commit, self.machine),
        ];
        lines.join("\n")
    }
}

/// The middle one, or the mean of the two in the middle; zero of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        even if even.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(rates: &[f64]) -> Side {
        let rounds = rates.iter().map(|per_s| Measured {
            per_s: *per_s,
            not_approved: 0,
            stood_in: 0,
            p50_ms: 1.0,
            p99_ms: 2.0,
        });
        Side {
            rounds: rounds.collect(),
            ..Side::new("--log debug")
        }
    }

    #[test]
    fn sides_are_compared_round_by_round() {
        let sides = [side(&[100.0, 200.0, 400.0]), side(&[90.0, 190.0, 400.0])];
        let comparison = Comparison::of(sides, 5.0, 64, "c".into(), "m".into());
        assert_eq!(comparison.ratios, [0.9, 0.95, 1.0]);
        assert!((comparison.ratio_median - 0.95).abs() < 1e-9);
        assert!((comparison.ratio_spread - 0.05).abs() < 1e-9);
        assert!((comparison.b.per_s_median - 190.0).abs() < 1e-9);
        let text = comparison.text();
        assert!(
            text.contains("B/A  0.950 (median)  ± 0.050  from 0.900 to 1.000"),
            "{text}"
        );
    }

    #[test]
    fn the_median_of_an_even_number_is_in_the_middle() {
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).abs() < 1e-9);
    }
}
