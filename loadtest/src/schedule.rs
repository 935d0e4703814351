//! What is sent, and when: drawn before the run, from a seed, and never changed by what happens.
//!
//! Arrivals are a Poisson process. While the schedule is drawn, the twin decides every payment as
//! a ledger would that nothing ever happened to; that is how the schedule knows which payments were
//! approved and may be taken back later.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp};

use crate::scenario::{Client, Workload};
use crate::workload::Draws;

/// Everything that will be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    /// The payments, in order of their first sending.
    pub payments: Vec<PlannedPayment>,
    /// In order of time.
    pub requests: Vec<Planned>,
}

/// A payment, apart from its references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlannedPayment {
    /// Rank of the card.
    pub card: usize,
    pub amount_minor: i64,
    /// When it should first leave.
    pub at: Duration,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    /// When it should leave, from the start of the run.
    pub at: Duration,
    /// Through which door.
    pub door: Door,
    /// What.
    pub kind: Kind,
    /// About which payment, by index.
    pub payment: usize,
}

/// The two doors of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Http,
    Iso8583,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The payment, for the first time.
    First,
    /// The same again, flagged as such.
    Repeat,
    /// Taken back, down to what remains.
    Reversal { remaining_minor: i64 },
}

/// Whoever decides while the schedule is drawn.
pub(crate) trait Reference {
    /// True where it is approved.
    fn authorize(&mut self, payment: &PlannedPayment) -> bool;
    /// Takes the payment with this index back.
    fn reverse(&mut self, payment: usize, remaining_minor: i64);
}

/// Repeats and reversals are of payments between this old …
const AGE_MAX: Duration = Duration::from_secs(20);
/// … and this, more than any answer may take.
const AGE_SLACK: Duration = Duration::from_millis(500);
/// How often a reversal looks for an approved payment before it gives way to a first request.
const LOOKS: usize = 32;

impl Schedule {
    /// Draws a schedule of this length.
    pub(crate) fn draw(
        load: &Workload,
        client: &Client,
        length: Duration,
        seed: u64,
        twin: &mut impl Reference,
    ) -> anyhow::Result<Self> {
        let draws = Draws::new(load)?;
        let gaps = Exp::new(load.rate_per_s)?;
        let mut arrivals = stream(seed, 1);
        let mut rng = stream(seed, 2);
        let mut drawn = Drawn::new(client.budget() + AGE_SLACK);
        let mut at = Duration::ZERO;
        loop {
            at += Duration::from_secs_f64(gaps.sample(&mut arrivals));
            if at >= length {
                return Ok(drawn.schedule);
            }
            let door = if rng.random_bool(load.iso8583) {
                Door::Iso8583
            } else {
                Door::Http
            };
            let (kind, payment) = drawn.next(load, &draws, at, &mut rng, twin);
            drawn.schedule.requests.push(Planned {
                at,
                door,
                kind,
                payment,
            });
        }
    }
}

/// A random number generator of its own for each purpose, so that one does not move another.
pub(crate) fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

struct Drawn {
    schedule: Schedule,
    /// May be taken back: approved by the twin, and not taken back yet.
    reversible: Vec<bool>,
    answered_after: Duration,
}

impl Drawn {
    fn new(answered_after: Duration) -> Self {
        let schedule = Schedule {
            payments: Vec::new(),
            requests: Vec::new(),
        };
        Self {
            schedule,
            reversible: Vec::new(),
            answered_after,
        }
    }

    fn next(
        &mut self,
        load: &Workload,
        draws: &Draws,
        at: Duration,
        rng: &mut ChaCha8Rng,
        twin: &mut impl Reference,
    ) -> (Kind, usize) {
        let which: f64 = rng.random();
        if which < load.repeats {
            if let Some(payment) = self.to_repeat(at, rng) {
                return (Kind::Repeat, payment);
            }
        } else if which < load.repeats + load.reversals
            && let Some(payment) = self.to_reverse(at, rng)
        {
            self.reversible[payment] = false;
            let amount = self.schedule.payments[payment].amount_minor;
            let partial = rng.random_bool(load.partial_reversals);
            let remaining_minor = if partial { amount / 2 } else { 0 };
            twin.reverse(payment, remaining_minor);
            return (Kind::Reversal { remaining_minor }, payment);
        }
        let card = draws.card(rng);
        let payment = PlannedPayment {
            card,
            amount_minor: draws.amount(rng),
            at,
        };
        self.reversible.push(twin.authorize(&payment));
        self.schedule.payments.push(payment);
        (Kind::First, self.schedule.payments.len() - 1)
    }

    /// Half at once, on the heels of the first; half after its answer.
    fn to_repeat(&self, at: Duration, rng: &mut ChaCha8Rng) -> Option<usize> {
        if rng.random_bool(0.5) {
            return self.schedule.payments.len().checked_sub(1);
        }
        self.answered(at, rng)
    }

    fn to_reverse(&self, at: Duration, rng: &mut ChaCha8Rng) -> Option<usize> {
        (0..LOOKS)
            .filter_map(|_| self.answered(at, rng))
            .find(|&payment| self.reversible[payment])
    }

    /// A payment that has its answer by now, and is not too old.
    fn answered(&self, at: Duration, rng: &mut ChaCha8Rng) -> Option<usize> {
        let payments = &self.schedule.payments;
        let oldest = at.saturating_sub(AGE_MAX);
        let newest = at.checked_sub(self.answered_after)?;
        let from = payments.partition_point(|payment| payment.at < oldest);
        let to = payments.partition_point(|payment| payment.at <= newest);
        (from < to).then(|| rng.random_range(from..to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{DEFAULT, Scenario};

    /// Approves everything but every tenth.
    #[derive(Default)]
    struct Nine(usize);

    impl Reference for Nine {
        fn authorize(&mut self, _: &PlannedPayment) -> bool {
            self.0 += 1;
            !self.0.is_multiple_of(10)
        }

        fn reverse(&mut self, _: usize, _: i64) {}
    }

    fn draw(seed: u64, seconds: u64) -> Schedule {
        let scenario = Scenario::parse(DEFAULT).unwrap();
        let length = Duration::from_secs(seconds);
        Schedule::draw(
            &scenario.workload,
            &scenario.client,
            length,
            seed,
            &mut Nine::default(),
        )
        .unwrap()
    }

    #[test]
    fn the_same_seed_draws_the_same_schedule_and_another_draws_another() {
        assert_eq!(draw(7, 20), draw(7, 20));
        assert_ne!(draw(7, 20), draw(8, 20));
    }

    #[test]
    fn arrivals_are_poisson() {
        let schedule = draw(1, 100);
        let count = schedule.requests.len() as f64;
        assert!(
            (29_300.0..30_700.0).contains(&count),
            "{count} of 30000 ± 4 σ"
        );
        let gaps: Vec<f64> = schedule
            .requests
            .windows(2)
            .map(|pair| (pair[1].at - pair[0].at).as_secs_f64() * 300.0)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Of an exponential distribution both are one, and 1/e of the gaps are above the mean.
        let above = gaps.iter().filter(|gap| **gap > 1.0).count() as f64 / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.06, "{variance}");
        assert!((above - 0.368).abs() < 0.015, "{above}");
    }

    #[test]
    fn shares_are_those_of_the_issue_and_references_point_backwards() {
        let schedule = draw(2, 100);
        let all = schedule.requests.len() as f64;
        let of = |test: &dyn Fn(&Planned) -> bool| {
            schedule
                .requests
                .iter()
                .filter(|planned| test(planned))
                .count() as f64
                / all
        };
        let repeats = of(&|planned| planned.kind == Kind::Repeat);
        let reversals = of(&|planned| matches!(planned.kind, Kind::Reversal { .. }));
        let iso = of(&|planned| planned.door == Door::Iso8583);
        assert!((0.026..0.034).contains(&repeats), "{repeats}");
        assert!((0.026..0.034).contains(&reversals), "{reversals}");
        assert!((0.48..0.52).contains(&iso), "{iso}");
        for planned in &schedule.requests {
            let first = schedule.payments[planned.payment].at;
            match planned.kind {
                Kind::First => assert_eq!(first, planned.at),
                Kind::Repeat => assert!(first < planned.at),
                Kind::Reversal { .. } => assert!(first + Duration::from_secs(2) <= planned.at),
            }
        }
    }

    #[test]
    fn a_payment_is_taken_back_once_and_only_where_the_twin_approved_it() {
        let schedule = draw(3, 100);
        let mut taken = vec![false; schedule.payments.len()];
        for planned in &schedule.requests {
            if let Kind::Reversal { remaining_minor } = planned.kind {
                let amount = schedule.payments[planned.payment].amount_minor;
                assert!(remaining_minor < amount);
                assert!(
                    !(planned.payment + 1).is_multiple_of(10),
                    "the twin declined it"
                );
                assert!(
                    !std::mem::replace(&mut taken[planned.payment], true),
                    "twice"
                );
            }
        }
    }
}
