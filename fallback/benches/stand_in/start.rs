//! How much a million cards weigh, and how long a start takes that has them, and a million decisions that
//! the ledger has not taken.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fallback::disk::{Disk, RealDisk};
use fallback::journal::Journal;
use fallback::{LocalCopy, StandIn};
use ledger_api::Cause;

use crate::support::{self, Failure, NOW, Numbers, cpu_seconds, moment, rss_mib};

/// The topic of a process of its own.
pub(crate) const PART: &str = "start-part";

const CARDS: u32 = 1_000_000;
const DECISIONS: u32 = 1_000_000;
const GROUP: u32 = 512;

/// Makes the files, and opens them in a process of its own.
pub(crate) fn measure(place: &Path) -> Result<(), Failure> {
    let directory = tempfile::tempdir_in(place)?;
    println!("\na start with {CARDS} cards and accounts, {DECISIONS} decisions unacknowledged");
    for what in ["list", "open the copy", "decide", "recover"] {
        let exit = Command::new(std::env::current_exe()?)
            .args([PART, what])
            .arg(directory.path())
            .status()?;
        if !exit.success() {
            return Err(format!("{what}: {exit}").into());
        }
    }
    Ok(())
}

/// One part, in the process that was started for it.
pub(crate) fn part(directory: &Path, what: &str) -> Result<(), Failure> {
    let empty = rss_mib();
    let start = moment();
    let said = |done: &str| {
        let taken = start.elapsed().as_secs_f64();
        println!(
            "{what}: {done} after {taken:.2} s, of which processor {:.2} s, {:.0} MiB resident",
            cpu_seconds(),
            rss_mib() - empty
        );
    };
    let journal = || -> Result<Arc<dyn Disk>, Failure> {
        Ok(Arc::new(RealDisk::open(&directory.join("journal"))?))
    };
    match what {
        "list" => {
            let copy = LocalCopy::open(directory, 7, NOW)?;
            let stand_in = support::open(journal()?, copy, Some(CARDS))?;
            said("listed");
            drop(stand_in);
            said("written");
        }
        "open the copy" => {
            let copy = LocalCopy::open(directory, 7, NOW)?;
            said("open");
            assert_eq!(copy.counts(), (1_000_000, 1_000_000), "all are there");
        }
        "decide" => {
            let copy = LocalCopy::open(directory, 7, NOW)?;
            let stand_in = support::open(journal()?, copy, None)?;
            said("open");
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            runtime.block_on(decide(&stand_in))?;
            said("decided");
        }
        _ => {
            let copy = LocalCopy::open(directory, 7, NOW)?;
            said("copy open");
            let (journal, records) = Journal::open(journal()?, &"gw1".parse()?, 42)?;
            said("journal read");
            let stand_in = StandIn::open(support::setup(journal, records, copy)?, NOW)?;
            said("ready");
            assert_eq!(stand_in.backlog(), DECISIONS as usize, "all are there");
        }
    }
    Ok(())
}

async fn decide(stand_in: &StandIn) -> Result<(), Failure> {
    let mut numbers = Numbers::new(9);
    for number in 1..=DECISIONS {
        let request = support::request(&mut numbers, CARDS);
        let given = stand_in.decide_now(request, Cause::LedgerUnreachable, true, NOW)?;
        if number % GROUP == 0 || number == DECISIONS {
            given.kept().await?;
        }
    }
    Ok(())
}
