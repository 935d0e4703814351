//! The journal's disk is full: stand-in stops promising, and what it promised is kept.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use fallback::disk::RealDisk;
use fallback::journal::{Journal, Settings};
use reqwest::Method;
use tests::notebook::Outcome;
use tests::open_metrics::Page;
use tests::payment::{Card, NewCard};
use tests::waiting::wait_until;

use crate::support::{DRAINED_WITHIN, PATIENCE, Running, answered, stack_with};

/// Far more than fit, so that the journal is full before they are all paid.
const PAYMENTS_MAX: usize = 6_000;
const AT_ONCE: usize = 8;
/// Below the policy's count per card and day.
const PER_CARD: usize = 200;
const OPENING: i64 = 1_000_00;
const FULL_DISK: &str = "a test on a full disk";

#[tokio::test]
async fn a_full_disk_ends_promises_and_loses_none_i1_i3() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let data = directory.path().join("gw1");
    let Some(small) = SmallDisk::mount(&data)? else {
        return Ok(());
    };
    small_journal(&data.join("journal"))?;
    let stack = stack_with(|config| config.directory = Some(directory.path().to_owned())).await?;
    let cards = cards_at_home(&stack).await?;
    stack.cut().await?;
    let approved = pay_until_full(&stack, &cards).await?;
    assert!(approved > 0, "some fit");
    let full = &stack.status(0).await?.rest["journal"]["full"];
    assert!(full.is_string(), "the status says why: {full}");
    assert_eq!(ready(&stack).await?, (503, false));
    for _ in 0..5 {
        let payment = stack.payment(&cards[0], 1_00);
        let outcome = stack.http(0)?.authorize(&payment, false, PATIENCE).await;
        assert!(
            outcome.answer().is_none_or(|answer| !answer.approved),
            "{outcome:?}"
        );
    }

    stack.heal().await?;
    let booked = || async {
        let mut held = 0;
        for card in &cards {
            held += OPENING - stack.available(card).await.unwrap_or(OPENING);
        }
        held == approved
    };
    wait_until("every promise is in the books", DRAINED_WITHIN, booked).await?;
    let by_ledger = stack.payment(&cards[0], 1_00);
    let outcome = stack.http(0)?.authorize(&by_ledger, false, PATIENCE).await;
    assert!(!matches!(outcome, Outcome::Unanswered(_)), "{outcome:?}");

    small.enlarge()?;
    stack.drained(DRAINED_WITHIN).await?;
    let again = answered(
        stack
            .http(0)?
            .authorize(&stack.payment(&cards[0], 1_00), false, PATIENCE)
            .await,
    )?;
    assert!(again.approved, "it goes on by itself: {again:?}");
    let goes_on = || async { ready(&stack).await.is_ok_and(|is| is == (200, true)) };
    wait_until("it is ready again", DRAINED_WITHIN, goes_on).await?;
    stack.finish().await?;
    drop(small);
    Ok(())
}

/// What `/readyz` answers, and what the metrics say of it.
async fn ready(stack: &Running) -> anyhow::Result<(u16, bool)> {
    let http = stack.http(0)?;
    let status = http.raw(Method::GET, "/readyz", &[], "").await?.status;
    let metrics = http.raw(Method::GET, "/metrics", &[], "").await?.body;
    let page = Page::parse(&metrics).map_err(anyhow::Error::msg)?;
    let ready = page
        .value("holdfast_ready", &[])
        .context("no such metric")?;
    Ok((status, ready > 0.0))
}

/// Pays until nothing is approved any more; the sum of what was.
async fn pay_until_full(stack: &Running, cards: &[Card]) -> anyhow::Result<i64> {
    let (http, iso) = (stack.http(0)?, stack.iso(0).await?);
    let mut approved = 0;
    for round in 0..PAYMENTS_MAX / AT_ONCE {
        let card = &cards[round * AT_ONCE / PER_CARD % cards.len()];
        let payments: Vec<_> = (0..AT_ONCE).map(|_| stack.payment(card, 1_00)).collect();
        let (mut by_http, mut by_iso) = (Vec::new(), Vec::new());
        for pair in payments.chunks(2) {
            by_http.push(http.authorize(&pair[0], false, PATIENCE));
            by_iso.push(iso.authorize(&pair[1], false, PATIENCE));
        }
        let (a, b) = tokio::join!(all(by_http), all(by_iso));
        let told: i64 = a
            .iter()
            .chain(&b)
            .filter_map(Outcome::answer)
            .map(|answer| answer.approved_minor)
            .sum();
        if told == 0 {
            return Ok(approved);
        }
        approved += told;
    }
    anyhow::bail!("{approved} were approved and the journal is still not full")
}

async fn all(requests: Vec<impl Future<Output = Outcome>>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for request in requests {
        outcomes.push(request.await);
    }
    outcomes
}

/// Cards enough for all payments.
async fn cards_at_home(stack: &Running) -> anyhow::Result<Vec<Card>> {
    let new: Vec<_> = (0..2 * (PAYMENTS_MAX / PER_CARD + 5))
        .map(|n| NewCard::nth(500 + n as u64, OPENING))
        .collect();
    let cards = stack.seed(&new).await?;
    Ok(cards
        .into_iter()
        .filter(|card| stack.home_of(&card.token) == 0)
        .collect())
}

/// A journal with small segments; the gateway makes its next ones in full size, which do not fit.
fn small_journal(directory: &Path) -> anyhow::Result<()> {
    let settings = Settings {
        segment_bytes: 64 * 1024,
        spare_retry: Duration::from_secs(1),
    };
    let disk = Arc::new(RealDisk::open(directory)?);
    let (journal, _) = Journal::open_with(disk, &"gw1".parse()?, 7, settings)?;
    drop(journal);
    Ok(())
}

/// A filesystem of four MiB; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, said loudly, where this user or machine cannot mount.
    fn mount(at: &Path) -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            tests::skipped(FULL_DISK, "only root may mount one")?;
            return Ok(None);
        }
        std::fs::create_dir_all(at)?;
        match run("mount", &["-t", "tmpfs", "-o", "size=4m", "tmpfs"], at) {
            Ok(()) => Ok(Some(Self(at.to_owned()))),
            Err(error) => {
                tests::skipped(FULL_DISK, format!("{error:#}"))?;
                Ok(None)
            }
        }
    }

    fn enlarge(&self) -> anyhow::Result<()> {
        run("mount", &["-o", "remount,size=128m"], &self.0)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a gateway may still have its journal open when a test fails.
        let _ = run("umount", &["-l"], &self.0);
    }
}

fn run(program: &str, arguments: &[&str], at: &Path) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .arg(at)
        .output()
        .with_context(|| format!("{program} cannot be run"))?;
    ensure!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
