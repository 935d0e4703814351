//! Which account is next.

use std::sync::Arc;

use anyhow::Context;
use ledger_api::{Amount, AuthorizeRequest};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

use super::books::Purchases;
use crate::schedule::stream;

const AMOUNT_MINOR_MAX: i64 = 20_000;

/// How the callers spread over the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// All alike.
    Uniform,
    /// By Zipf with exponent 1: of 100,000 accounts the first has 8 % of all.
    Zipf,
    /// One account has them all.
    One(u64),
    /// All alike, but one has none.
    AllBut(u64),
}

/// Accounts 1 to a number.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    accounts: u64,
    /// Which account is the first, the second, … by popularity: neighbours in popularity are not
    /// neighbours in a table.
    by_popularity: Arc<Vec<u64>>,
    popularity: Zipf<f64>,
    purchases: Purchases,
    seed: u64,
}

impl Crowd {
    /// # Errors
    /// Where there are fewer than two accounts.
    pub(crate) fn new(accounts: u64, seed: u64) -> anyhow::Result<Self> {
        anyhow::ensure!(accounts >= 2, "there must be at least two accounts");
        let mut by_popularity: Vec<u64> = (1..=accounts).collect();
        by_popularity.shuffle(&mut stream(seed, u64::MAX));
        Ok(Self {
            accounts,
            by_popularity: Arc::new(by_popularity),
            popularity: Zipf::new(accounts as f64, 1.0).context("zipf")?,
            purchases: Purchases::new()?,
            seed,
        })
    }

    /// The authorizations of one caller in one sample; those of another pair of numbers have other ids.
    pub(crate) fn draws(&self, spread: Spread, sample: u32, caller: u32) -> Draws {
        Draws {
            crowd: self.clone(),
            spread,
            rng: stream(self.seed, u64::from(sample) << 32 | u64::from(caller)),
        }
    }
}

/// Authorizations without an end, each with a fresh id.
#[derive(Debug)]
pub(crate) struct Draws {
    crowd: Crowd,
    spread: Spread,
    rng: ChaCha8Rng,
}

impl Draws {
    pub(crate) fn next(&mut self) -> AuthorizeRequest {
        let account = self.account();
        let amount = self.rng.random_range(1..=AMOUNT_MINOR_MAX);
        let (id, fingerprint) = (self.rng.random(), self.rng.random());
        let amount = Amount::new(amount).unwrap_or(Amount::ZERO);
        self.crowd.purchases.one(account, id, fingerprint, amount)
    }

    fn account(&mut self) -> u64 {
        let all = self.crowd.accounts;
        match self.spread {
            Spread::Uniform => self.rng.random_range(1..=all),
            Spread::Zipf => {
                let rank = self.crowd.popularity.sample(&mut self.rng) as usize;
                let place = rank.clamp(1, self.crowd.by_popularity.len()) - 1;
                self.crowd.by_popularity[place]
            }
            Spread::One(account) => account,
            Spread::AllBut(account) => {
                let drawn = self.rng.random_range(1..all);
                if drawn < account { drawn } else { drawn + 1 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;

    fn counts(spread: Spread) -> HashMap<u64, u32> {
        let mut draws = Crowd::new(1_000, 7).unwrap().draws(spread, 1, 1);
        let mut counts = HashMap::new();
        for _ in 0..20_000 {
            *counts.entry(draws.account()).or_default() += 1;
        }
        counts
    }

    #[test]
    fn accounts_are_drawn_as_the_spread_says() {
        assert_eq!(counts(Spread::Uniform).len(), 1_000);
        assert_eq!(counts(Spread::One(3)).len(), 1);
        let but = counts(Spread::AllBut(3));
        assert!(but.len() == 999 && !but.contains_key(&3) && but.contains_key(&1_000));
        // The first of 1,000 has 1/H(1000) = 13 %.
        let most = counts(Spread::Zipf).into_values().max().unwrap();
        assert!((2_300..=3_100).contains(&most), "{most}");
    }

    #[test]
    fn ids_of_other_callers_and_samples_are_other_ids() {
        let crowd = Crowd::new(10, 7).unwrap();
        let mut ids = BTreeSet::new();
        for (sample, caller) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let mut draws = crowd.draws(Spread::Uniform, sample, caller);
            ids.extend((0..100).map(|_| draws.next().id));
        }
        assert_eq!(ids.len(), 400);
    }
}
