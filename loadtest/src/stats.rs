//! Percentiles over all values: a run has thousands of them, so nothing is approximated.

use std::time::Duration;

use serde::Serialize;

/// Latencies of many requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// The points that the report shows.
    pub(crate) fn summary(&self) -> LatencySummary {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        LatencySummary {
            p50: millis(percentile(&sorted, 0.5)),
            p99: millis(percentile(&sorted, 0.99)),
            p999: millis(percentile(&sorted, 0.999)),
            max: millis(percentile(&sorted, 1.0)),
        }
    }
}

/// In milliseconds, counted from the moment a request should first have left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct LatencySummary {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// The smallest value that at least `share` of the sorted values do not exceed; zero of none.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or_default()
}

/// Milliseconds with microseconds after the point.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// A share of a whole, rounded to six places; `None` of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut latencies = Latencies::default();
        for ms in (1..=1000).rev() {
            latencies.add(Duration::from_millis(ms));
        }
        assert_eq!(
            latencies.summary(),
            LatencySummary {
                p50: 500.0,
                p99: 990.0,
                p999: 999.0,
                max: 1000.0
            }
        );
        assert_eq!(Latencies::default().summary(), LatencySummary::default());
        assert_eq!(
            percentile(&[Duration::from_millis(7)], 0.999),
            Duration::from_millis(7)
        );
    }

    #[test]
    fn a_share_of_nothing_is_no_number() {
        assert_eq!(share(1, 0), None);
        assert_eq!(share(1, 3), Some(0.333_333));
    }
}
