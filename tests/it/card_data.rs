//! A thousand cards through both doors, and nothing of them anywhere afterwards (I15).

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use tests::card_data::needles::Form;
use tests::card_data::{Soak, verbose};
use tests::cluster::Node;
use tests::collector::{Collector, Manner};

use crate::support::{Running, stack_with};

const CARDS: usize = 1_000;

/// From `CARD_DATA_SEED`, or another one in every run.
fn seed() -> u64 {
    let wanted = std::env::var("CARD_DATA_SEED").ok();
    let wanted = wanted.and_then(|seed| seed.parse().ok());
    let seed = wanted.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("CARD_DATA_SEED={seed}");
    seed
}

/// A crash must leave no image of a gateway's memory, which does hold card data.
async fn no_image_can_be_made(stack: &Running) -> anyhow::Result<()> {
    for process in stack.processes().await {
        if let (Node::Gateway(_), Some(pid)) = (process.node, process.pid) {
            let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"))?;
            let core = limits.lines().find(|line| line.contains("core file size"));
            let words: Vec<_> = core.unwrap_or_default().split_whitespace().collect();
            assert_eq!(words[4..6], ["0", "0"], "{core:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_thousand_cards_is_in_anything_that_was_written_i15() -> anyhow::Result<()> {
    let collector = Collector::start(Manner::Answer).await?;
    let stack = stack_with(|config| verbose(config, &collector)).await?;
    let soak = Soak::issue(&stack, seed(), CARDS).await?;
    no_image_can_be_made(&stack).await?;
    soak.run(&stack, &collector).await?;
    let seen = soak.report();
    println!(
        "{:?} {:?}, {} MB searched",
        seen.codes,
        seen.statuses,
        seen.searched >> 20
    );
    if seen.clean().is_err() {
        stack.keep();
    }
    seen.clean()?;

    // The same search finds what is there: one card, planted in each form.
    let planted = stack.directory().join("gw1/planted");
    std::fs::write(&planted, soak.leaked(3))?;
    soak.search_files(stack.directory())?;
    let leaks = soak.report().leaks;
    let forms: BTreeSet<_> = leaks.iter().map(|leak| leak.form).collect();
    assert_eq!(forms, Form::ALL.iter().copied().collect());
    let here =
        |leak: &tests::card_data::Leak| leak.card == 3 && leak.place.ends_with("gw1/planted");
    assert!(leaks.iter().all(here), "{leaks:?}");
    Ok(())
}
