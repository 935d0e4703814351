//! Who pays: cards with balances, some frozen, some expired, used as unevenly as real ones are.

use ::tests::payment::NewCard;
use anyhow::Context;
use ledger_api::CardStatus;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Zipf};

use crate::scenario::Workload;

/// The cards, in order of popularity: the first is used most. Their numbers and accounts begin at
/// `first`.
///
/// Which ranks are frozen or expired is fixed, spread evenly over the ranks, so that the same share
/// of requests meets them whatever the seed; which card number has which rank is drawn.
pub(crate) fn cards(
    load: &Workload,
    first: u64,
    this_month: u16,
    rng: &mut ChaCha8Rng,
) -> Vec<NewCard> {
    let mut numbers: Vec<u64> = (first..first + load.cards as u64).collect();
    numbers.shuffle(rng);
    numbers
        .into_iter()
        .enumerate()
        .map(|(rank, number)| {
            let opening = rng.random_range(load.balance_min_minor..=load.balance_max_minor);
            let frozen = is_marked(rank, load.frozen, 0.35);
            let expired = !frozen && is_marked(rank, load.expired, 0.75);
            NewCard {
                currency: load.currency,
                status: if frozen {
                    CardStatus::Frozen
                } else {
                    CardStatus::Open
                },
                expiry: if expired {
                    last_month(this_month)
                } else {
                    in_three_years(this_month)
                },
                transaction_max_minor: load.card_limit_minor,
                ..NewCard::nth(number, opening)
            }
        })
        .collect()
}

/// True for `share` of the ranks: one in each stretch of `1 / share`, `offset` of the way into it.
fn is_marked(rank: usize, share: f64, offset: f64) -> bool {
    if share <= 0.0 {
        return false;
    }
    let (before, after) = (
        rank as f64 * share - offset,
        (rank + 1) as f64 * share - offset,
    );
    before.floor() < after.floor()
}

fn last_month(yymm: u16) -> u16 {
    if yymm % 100 == 1 { yymm - 89 } else { yymm - 1 }
}

fn in_three_years(yymm: u16) -> u16 {
    (yymm / 100 + 3) % 100 * 100 + yymm % 100
}

/// Draws which card is used, and for how much.
pub(crate) struct Draws {
    popularity: Zipf<f64>,
    amounts: LogNormal<f64>,
    amount_max_minor: i64,
    over_limit: f64,
    card_limit_minor: i64,
}

/// Below this nobody pays by card.
const AMOUNT_MIN_MINOR: i64 = 50;

impl Draws {
    pub(crate) fn new(load: &Workload) -> anyhow::Result<Self> {
        let median = load.amount_median_minor as f64;
        // Of a log-normal distribution the mean is the median times e^(σ²/2).
        let sigma = (2.0 * (load.amount_mean_minor as f64 / median).ln()).sqrt();
        Ok(Self {
            popularity: Zipf::new(load.cards as f64, load.zipf).context("workload.zipf")?,
            amounts: LogNormal::new(median.ln(), sigma).context("workload.amount_mean_minor")?,
            amount_max_minor: load.amount_max_minor,
            over_limit: load.over_limit,
            card_limit_minor: load.card_limit_minor,
        })
    }

    /// The rank of the card, from 0.
    pub(crate) fn card(&self, rng: &mut ChaCha8Rng) -> usize {
        (self.popularity.sample(rng) as usize).saturating_sub(1)
    }

    /// In minor units.
    pub(crate) fn amount(&self, rng: &mut ChaCha8Rng) -> i64 {
        if rng.random_bool(self.over_limit) {
            // A little over what the ledger allows, and under what the stand-in policy does.
            let limit = self.card_limit_minor;
            return rng.random_range(limit + limit / 15..=limit + limit * 6 / 10);
        }
        (self.amounts.sample(rng) as i64).clamp(AMOUNT_MIN_MINOR, self.amount_max_minor)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::scenario::{DEFAULT, Scenario};

    fn load() -> Workload {
        Scenario::parse(DEFAULT).unwrap().workload
    }

    #[test]
    fn two_in_a_hundred_cards_are_frozen_and_as_many_expired() {
        let cards = cards(&load(), 1, 2611, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(cards.len(), 10_000);
        let frozen = cards
            .iter()
            .filter(|card| card.status == CardStatus::Frozen)
            .count();
        let expired = cards.iter().filter(|card| card.expiry == 2610).count();
        assert_eq!((frozen, expired), (200, 200));
        assert!(
            cards
                .iter()
                .all(|card| (10_000..=250_000).contains(&card.opening_minor))
        );
        let mut numbers: Vec<_> = cards.iter().map(|card| &card.number).collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 10_000, "every card has its own number");
    }

    #[test]
    fn months_turn_at_new_year() {
        assert_eq!(last_month(2701), 2612);
        assert_eq!(last_month(2611), 2610);
        assert_eq!(in_three_years(9811), 111);
    }

    #[test]
    fn amounts_have_the_median_and_mean_that_were_asked_for() {
        let draws = Draws::new(&Workload {
            over_limit: 0.0,
            ..load()
        })
        .unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut amounts: Vec<i64> = (0..50_000).map(|_| draws.amount(&mut rng)).collect();
        amounts.sort_unstable();
        let mean = amounts.iter().sum::<i64>() / 50_000;
        assert!(
            (850..=950).contains(&amounts[25_000]),
            "median {}",
            amounts[25_000]
        );
        assert!((1_300..=1_500).contains(&mean), "mean {mean}");
        assert!(amounts[49_999] <= 40_000);
    }

    #[test]
    fn the_most_popular_card_gets_a_tenth_of_the_requests() {
        let draws = Draws::new(&load()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let first = (0..50_000).filter(|_| draws.card(&mut rng) == 0).count();
        assert!(
            (4_600..=5_600).contains(&first),
            "{first} of 50000; 1/H(10000) is 10.2 %"
        );
    }

    #[test]
    fn over_limit_requests_are_over_the_cards_limit_and_under_the_policys() {
        let draws = Draws::new(&Workload {
            over_limit: 1.0,
            ..load()
        })
        .unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        assert!((0..1_000).all(|_| (32_000..=48_000).contains(&draws.amount(&mut rng))));
    }
}
