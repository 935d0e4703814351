//! Decisions per second, durable before they are answered, beside stores that do the same: one durable put
//! for each. All of them gather, sync once per group, and are asked by the same callers; they take turns.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fallback::StandIn;
use fallback::disk::RealDisk;
use ledger_api::Cause;
use tokio::runtime::Runtime;

use crate::gathered::{Fjall, Gathered, Item, Raw, Sqlite};
use crate::support::{self, Failure, NOW, Numbers, Percentiles, cpu_seconds, moment};

const ROUNDS: usize = 24;
const ROUND: Duration = Duration::from_millis(250);
const CALLERS: [u64; 3] = [1, 64, 512];
const CARDS: u32 = 100_000;
const SUBJECTS: [&str; 4] = ["raw loop", "StandIn::decide", "fjall", "SQLite"];

/// Who answers.
enum Subject {
    StandIn(Box<StandIn>),
    Store(Gathered),
}

/// One subject in all rounds.
#[derive(Default)]
struct Measured {
    rates: Vec<f64>,
    taken: Percentiles,
    /// Of the whole process, callers included.
    cpu_seconds: f64,
}

/// Prints the table.
pub(crate) fn measure(place: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    println!(
        "\ndurable before answered, {ROUNDS} rounds of {ROUND:?} each, in {}",
        place.display()
    );
    println!(
        "{:<9}{:<18}{:>10}{:>9}{:>10}{:>10}{:>9}{:>9}",
        "callers", "", "/s", "of raw", "p50 µs", "p99 µs", "of raw", "CPU µs"
    );
    for callers in CALLERS {
        let directory = tempfile::tempdir_in(place)?;
        let mut subjects = Vec::new();
        for name in SUBJECTS {
            subjects.push(Arc::new(open(name, directory.path())?));
        }
        let mut measured: [Measured; 4] = Default::default();
        for round in 0..ROUNDS {
            for (subject, measured) in subjects.iter().zip(&mut measured) {
                play(&runtime, subject, callers, round, measured)?;
            }
        }
        print(callers, &measured);
    }
    Ok(())
}

fn open(name: &str, directory: &Path) -> Result<Subject, Failure> {
    Ok(match name {
        "StandIn::decide" => {
            let disk = Arc::new(RealDisk::open(&directory.join("journal"))?);
            Subject::StandIn(Box::new(support::stand_in(disk, CARDS)?))
        }
        "fjall" => Subject::Store(Gathered::start(Fjall::open(directory)?)),
        "SQLite" => Subject::Store(Gathered::start(Sqlite::open(directory)?)),
        _ => Subject::Store(Gathered::start(Raw::open(directory)?)),
    })
}

fn play(
    runtime: &Runtime,
    subject: &Arc<Subject>,
    callers: u64,
    round: usize,
    measured: &mut Measured,
) -> Result<(), Failure> {
    let before = cpu_seconds();
    let start = moment();
    let calls: Vec<_> = (0..callers)
        .map(|caller| caller << 32 | (round as u64) << 48)
        .map(|seed| runtime.spawn(call(Arc::clone(subject), seed)))
        .collect();
    let mut taken = Percentiles::default();
    for call in calls {
        taken.extend(runtime.block_on(call)??);
    }
    let seconds = start.elapsed().as_secs_f64();
    measured.rates.push(taken.len() as f64 / seconds);
    measured.taken.extend(taken);
    measured.cpu_seconds += cpu_seconds() - before;
    Ok(())
}

/// One caller: the next request when the last one is answered.
async fn call(subject: Arc<Subject>, seed: u64) -> Result<Percentiles, String> {
    let mut numbers = Numbers::new(seed);
    let mut taken = Percentiles::default();
    let begun = moment();
    while begun.elapsed() < ROUND {
        let request = support::request(&mut numbers, CARDS);
        let start = moment();
        match &*subject {
            Subject::StandIn(stand_in) => {
                let answer = stand_in
                    .decide(request, Cause::LedgerUnreachable, true, NOW)
                    .await;
                let answer = answer.map_err(|error| error.to_string())?;
                if !answer.approved {
                    return Err(answer.reason.to_string());
                }
            }
            Subject::Store(store) => {
                let mut item: Item = [7; _];
                for (to, from) in item.iter_mut().zip(request.id.0) {
                    *to = from;
                }
                if !store.put(item).await {
                    return Err("the store failed".to_owned());
                }
            }
        }
        taken.add(start);
    }
    Ok(taken)
}

fn print(callers: u64, measured: &[Measured; 4]) {
    let rate = |measured: &Measured| {
        let mut rates = measured.rates.clone();
        rates.sort_unstable_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    };
    let [raw, ..] = measured;
    for (name, measured) in SUBJECTS.iter().zip(measured) {
        // Each round against the raw loop of the same round.
        let mut ratios: Vec<_> = measured
            .rates
            .iter()
            .zip(&raw.rates)
            .map(|(rate, raw)| rate / raw)
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let p99 = measured.taken.at(990) as f64;
        println!(
            "{callers:<9}{name:<18}{:>10.0}{:>9.2}{:>10.0}{:>10.0}{:>9.2}{:>9.1}",
            rate(measured),
            ratios.get(ratios.len() / 2).copied().unwrap_or_default(),
            measured.taken.at(500) as f64 / 1e3,
            p99 / 1e3,
            p99 / raw.taken.at(990) as f64,
            measured.cpu_seconds * 1e6 / measured.taken.len() as f64,
        );
    }
}
