//! Requests as values over the seconds of a run.

use std::time::Duration;

use crate::driver::Played;
use crate::stats::{millis, percentile};

/// How many requests of a kind should have left in each second.
pub(crate) fn per_second(
    played: &[Played],
    length: Duration,
    is_one: &dyn Fn(&Played) -> bool,
) -> Vec<(f64, f64)> {
    let mut counts = vec![0_u32; seconds(length)];
    for played in played.iter().filter(|played| is_one(played)) {
        if let Some(count) = counts.get_mut(played.planned.at.as_secs() as usize) {
            *count += 1;
        }
    }
    counts
        .into_iter()
        .enumerate()
        .map(|(second, count)| (middle(second), count.into()))
        .collect()
}

/// A percentile of the latencies in each second, in milliseconds; a second without requests has none.
pub(crate) fn latency(played: &[Played], length: Duration, share: f64) -> Vec<(f64, f64)> {
    let mut seconds = vec![Vec::new(); seconds(length)];
    for played in played {
        if let Some(latencies) = seconds.get_mut(played.planned.at.as_secs() as usize) {
            latencies.push(played.finished.saturating_sub(played.planned.at));
        }
    }
    seconds
        .into_iter()
        .enumerate()
        .filter(|(_, latencies)| !latencies.is_empty())
        .map(|(second, mut latencies)| {
            latencies.sort_unstable();
            (middle(second), millis(percentile(&latencies, share)))
        })
        .collect()
}

fn seconds(length: Duration) -> usize {
    length.as_secs_f64().ceil() as usize
}

fn middle(second: usize) -> f64 {
    second as f64 + 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Final;
    use crate::schedule::{Door, Kind, Planned};

    #[test]
    fn requests_count_in_the_second_in_which_they_should_have_left() {
        let played: Vec<Played> = [100_u64, 900, 2_100]
            .iter()
            .map(|ms| {
                let at = Duration::from_millis(*ms);
                let planned = Planned {
                    at,
                    door: Door::Http,
                    kind: Kind::First,
                    payment: 0,
                };
                let finished = at + Duration::from_millis(1_300);
                let result = Final::Approved {
                    minor: 1,
                    gateway: 0,
                };
                Played {
                    planned,
                    started: at,
                    finished,
                    attempts: 1,
                    duplicate: false,
                    result,
                }
            })
            .collect();
        let length = Duration::from_secs(3);
        let counts = per_second(&played, length, &|_| true);
        assert_eq!(counts, [(0.5, 2.0), (1.5, 0.0), (2.5, 1.0)]);
        assert_eq!(
            latency(&played, length, 0.5),
            [(0.5, 1_300.0), (2.5, 1_300.0)]
        );
    }
}
