//! Counts what was answered, by phase and by door.

use std::collections::HashSet;
use std::time::Duration;

use crate::driver::{Final, Played};
use crate::report::{ByDoor, PhaseReport, Tally};
use crate::scenario::Scenario;
use crate::schedule::{Door, Kind};
use crate::stats::{Latencies, share};

/// What the counts are made from.
pub(crate) struct Facts<'a> {
    pub scenario: &'a Scenario,
    pub played: &'a [Played],
    /// By payment: what the twin says.
    pub twin_approves: &'a [bool],
    /// By payment: whether its answer was given by stand-in.
    pub stood_in: &'a HashSet<usize>,
}

impl Facts<'_> {
    /// In order of time.
    pub(crate) fn phases(&self) -> Vec<PhaseReport> {
        let seconds = |at: Duration| (at.as_secs_f64() * 1e3).round() / 1e3;
        let spans = self.scenario.spans();
        spans
            .iter()
            .map(|span| PhaseReport {
                name: span.phase.name.clone(),
                from_s: seconds(span.from),
                to_s: seconds(span.to),
                outage: span.phase.outage,
                tally: self.tally(|played| span.contains(played.planned.at)),
            })
            .collect()
    }

    pub(crate) fn totals(&self) -> Tally {
        self.tally(|_| true)
    }

    pub(crate) fn by_door(&self) -> ByDoor {
        ByDoor {
            http: self.tally(|played| played.planned.door == Door::Http),
            iso8583: self.tally(|played| played.planned.door == Door::Iso8583),
        }
    }

    fn tally(&self, is_in: impl Fn(&Played) -> bool) -> Tally {
        let budget = self.scenario.client.budget();
        let mut tally = Tally::default();
        let mut latencies = Latencies::default();
        let mut approved_like_twin = 0;
        for played in self.played.iter().filter(|played| is_in(played)) {
            if played.result == Final::Moot {
                continue;
            }
            let latency = played.finished.saturating_sub(played.planned.at);
            latencies.add(latency);
            tally.sent += 1;
            match (played.result.is_answer(), latency <= budget) {
                (true, true) => tally.answered_in_time += 1,
                (true, false) => tally.late += 1,
                (false, _) => tally.errors += 1,
            }
            tally.failed_over += u64::from(played.attempts > 1 && played.result.is_answer());
            match played.planned.kind {
                Kind::Repeat => tally.repeats += 1,
                Kind::Reversal { .. } => tally.reversals += 1,
                Kind::First => approved_like_twin += self.first(played, &mut tally),
            }
        }
        tally.approved_of_twin = share(approved_like_twin, tally.twin_approved);
        tally.latency_ms = latencies.summary();
        tally
    }

    /// Counts a first request; one where the twin and the answer approve, else zero.
    fn first(&self, played: &Played, tally: &mut Tally) -> u64 {
        let payment = played.planned.payment;
        let stood_in = u64::from(self.stood_in.contains(&payment));
        let twin = u64::from(self.twin_approves.get(payment) == Some(&true));
        tally.twin_approved += twin;
        match played.result {
            Final::Approved { .. } => {
                tally.approved += 1;
                tally.stand_in_approved += stood_in;
                twin
            }
            Final::Declined { .. } => {
                tally.declined += 1;
                tally.stand_in_declined += stood_in;
                0
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::DEFAULT;
    use crate::schedule::Planned;

    fn played(at_ms: u64, took_ms: u64, payment: usize, kind: Kind, result: Final) -> Played {
        let at = Duration::from_millis(at_ms);
        let planned = Planned {
            at,
            door: Door::Http,
            kind,
            payment,
        };
        let finished = at + Duration::from_millis(took_ms);
        Played {
            planned,
            started: at,
            finished,
            attempts: 1,
            duplicate: false,
            result,
        }
    }

    #[test]
    fn lateness_counts_from_the_intended_time_and_shares_over_first_requests_only() {
        let scenario = Scenario::parse(DEFAULT).unwrap();
        let approved = || Final::Approved {
            minor: 5,
            gateway: 0,
        };
        let declined = || Final::Declined {
            code: "51".into(),
            gateway: 0,
        };
        let unanswered = || Final::Unanswered {
            last: "gone".into(),
        };
        let all = [
            played(0, 10, 0, Kind::First, approved()),
            played(1, 1_501, 1, Kind::First, approved()),
            played(2, 10, 2, Kind::First, declined()),
            played(3, 2_000, 3, Kind::First, unanswered()),
            played(4, 10, 0, Kind::Repeat, approved()),
            played(
                5,
                10,
                0,
                Kind::Reversal { remaining_minor: 0 },
                Final::Reversed { gateway: 0 },
            ),
            played(6, 10, 3, Kind::Reversal { remaining_minor: 0 }, Final::Moot),
        ];
        let facts = Facts {
            scenario: &scenario,
            played: &all,
            twin_approves: &[true, true, true, true],
            stood_in: &HashSet::from([1, 2]),
        };
        let totals = facts.totals();
        assert_eq!(
            (
                totals.sent,
                totals.answered_in_time,
                totals.late,
                totals.errors
            ),
            (6, 4, 1, 1)
        );
        assert_eq!(
            (totals.approved, totals.declined, totals.twin_approved),
            (2, 1, 4)
        );
        assert_eq!((totals.stand_in_approved, totals.stand_in_declined), (1, 1));
        assert_eq!(totals.approved_of_twin, Some(0.5));
        assert_eq!(facts.phases().len(), scenario.phases.len());
        assert_eq!(facts.phases()[0].tally.sent, 6);
        assert_eq!(facts.by_door().iso8583.sent, 0);
    }
}
