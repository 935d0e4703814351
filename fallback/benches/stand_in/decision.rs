//! What a decision costs with a million cards known and a million answers kept.
//!
//! Nanoseconds per call: the median, the 99th percentile and the mean. Every call is timed by itself; what the
//! clock takes is printed beside. The journal is real, its disk forgets, and what was accepted is waited for
//! between the timed calls.

use std::hint::black_box;
use std::sync::Arc;

use fallback::StandIn;
use fallback::disk::Disk;
use ledger_api::Cause;

use crate::support::{self, Failure, NOW, Numbers, Percentiles, StubDisk, moment, rss_mib};

const CARDS: u32 = 1_000_000;
const ANSWERS: u32 = 1_000_000;
const CALLS: u32 = 200_000;
/// How many are accepted before they are waited for.
const GROUP: u32 = 64;

/// Prints what was measured.
pub(crate) fn measure() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let before = rss_mib();
    let disk: Arc<dyn Disk> = Arc::new(StubDisk::default());
    let stand_in = support::stand_in(disk, CARDS)?;
    println!("{CARDS} cards and accounts: {:.0} MiB", rss_mib() - before);

    let mut numbers = Numbers::new(1);
    println!("the clock alone: {}", clock());
    println!("shadow: {}", shadow(&stand_in, &mut numbers));
    println!(
        "decide_now, few answers kept: {}",
        runtime.block_on(decide(&stand_in, &mut numbers, CALLS))?
    );
    let kept = rss_mib();
    let rest = ANSWERS - CALLS;
    runtime.block_on(decide(&stand_in, &mut numbers, rest))?;
    println!(
        "{ANSWERS} answers, unacknowledged: {:.0} bytes each",
        (rss_mib() - kept) * 1_048_576.0 / f64::from(rest)
    );
    println!(
        "shadow, {ANSWERS} answers kept: {}",
        shadow(&stand_in, &mut numbers)
    );
    println!(
        "decide_now, {ANSWERS} answers kept: {}",
        runtime.block_on(decide(&stand_in, &mut numbers, CALLS))?
    );
    Ok(())
}

fn clock() -> Percentiles {
    let mut taken = Percentiles::default();
    for _ in 0..CALLS {
        let start = moment();
        taken.add(start);
    }
    taken
}

fn shadow(stand_in: &StandIn, numbers: &mut Numbers) -> Percentiles {
    let mut taken = Percentiles::default();
    for _ in 0..CALLS {
        let request = support::request(numbers, CARDS);
        let start = moment();
        black_box(stand_in.shadow(black_box(&request), NOW));
        taken.add(start);
    }
    taken
}

async fn decide(
    stand_in: &StandIn,
    numbers: &mut Numbers,
    calls: u32,
) -> Result<Percentiles, Failure> {
    let mut taken = Percentiles::default();
    for number in 0..calls {
        let request = support::request(numbers, CARDS);
        let start = moment();
        let given = stand_in.decide_now(black_box(request), Cause::LedgerUnreachable, true, NOW)?;
        taken.add(start);
        if number % GROUP == GROUP - 1 {
            let answer = given.kept().await?;
            assert!(answer.approved, "{}", answer.reason);
        }
    }
    Ok(taken)
}
