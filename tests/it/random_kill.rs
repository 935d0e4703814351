//! Killed at a moment that nobody chose.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tests::notebook::Outcome;

use crate::support::{PATIENCE, stack};

const ROUNDS: u64 = 8;
/// A round's payments take about as long.
const MOMENT_MAX_US: u64 = 60_000;
/// The environment variable that repeats a run.
const SEED: &str = "RANDOM_KILL_SEED";

#[tokio::test]
async fn killed_at_a_random_moment_a_gateway_keeps_its_word_i1_i2_i3() -> anyhow::Result<()> {
    let seed = match std::env::var(SEED) {
        Ok(seed) => seed.parse()?,
        Err(_) => RandomState::new().hash_one(0),
    };
    eprintln!("repeat this run with {SEED}={seed}");
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.saved(0).await?;
    for round in 0..ROUNDS {
        stack.cut().await?;
        let (http, iso) = (stack.http(0)?, stack.iso(0).await?);
        let payments: Vec<_> = (0..16).map(|_| stack.payment(&card, 1_00)).collect();
        let moment = Duration::from_micros(mixed(seed, round) % MOMENT_MAX_US);
        let pay = async {
            let mut told = Vec::new();
            for pair in payments.chunks(2) {
                let (a, b) = tokio::join!(
                    http.authorize(&pair[0], false, PATIENCE),
                    iso.authorize(&pair[1], false, PATIENCE),
                );
                told.extend([a, b]);
            }
            told
        };
        let kill = async {
            tokio::time::sleep(moment).await;
            stack.kill_gateway(0).await;
        };
        let (told, ()) = tokio::join!(pay, kill);
        stack.restart_gateway(0).await?;

        let iso = stack.iso(0).await?;
        for (payment, first) in payments.iter().zip(&told) {
            let repeat = iso.authorize(payment, true, PATIENCE).await;
            let Some(again) = repeat.answer() else {
                panic!("round {round}, killed after {moment:?}: {repeat:?}");
            };
            if let Outcome::Answered(first) = first {
                assert_eq!(
                    again.verdict(),
                    first.verdict(),
                    "round {round}, killed after {moment:?}"
                );
            }
        }
        // Every other time the ledger hears of it in between.
        if round % 2 == 0 {
            stack.heal().await?;
            stack.settled().await?;
        }
    }
    stack.finish().await?;
    Ok(())
}

/// SplitMix64: a number that follows from seed and round.
fn mixed(seed: u64, round: u64) -> u64 {
    let mut mixed = seed.wrapping_add((round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
