//! Killed at its k-th write or sync, for every k of a scripted minute until none is left: on a real disk, by
//! strace.

use std::process::Stdio;

use anyhow::{Context, bail};
use tests::cluster::Node;
use tests::notebook::Outcome;
use tests::payment::Payment;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{PATIENCE, Running, stack};

/// Payments of one round.
const PAYMENTS: usize = 3;
/// A round has fewer calls than this of either kind.
const CALLS_MAX: u32 = 60;

/// Kills a gateway at one of its system calls.
struct Sabotage(Child);

impl Sabotage {
    /// From here on, at the `nth` of these calls. Returns when that is certain.
    async fn begin(stack: &Running, call: &str, nth: u32) -> anyhow::Result<Self> {
        let processes = stack.processes().await;
        let found = processes.iter().find(|it| it.node == Node::Gateway(0));
        let gateway = found.and_then(|it| it.pid).context("no gateway")?;
        let mut strace = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal=KILL:when={nth}")])
            .args(["-p", &gateway.to_string()])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(strace.stderr.take().context("a pipe")?).lines();
        while let Some(line) = lines.next_line().await? {
            if line.contains("attached") {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self(strace));
            }
        }
        bail!("strace ended before it had attached")
    }

    /// Does nothing any more. Whoever it traces is let go of; it is not asked to end, because of a process
    /// that dies it may wait for a thread that is gone.
    async fn end(mut self) -> anyhow::Result<()> {
        Ok(self.0.kill().await?)
    }
}

async fn is_traceable() -> anyhow::Result<bool> {
    let found = Command::new("strace")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if found.await.is_ok_and(|status| status.success()) {
        return Ok(true);
    }
    tests::skipped(
        "killing at each system call",
        "strace is missing; apt-get install strace",
    )?;
    Ok(false)
}

/// Pays until nobody answers, and starts a new process where nobody does; true then.
async fn killed_at(
    stack: &Running,
    call: &str,
    nth: u32,
    payments: &[Payment],
) -> anyhow::Result<bool> {
    let sabotage = Sabotage::begin(stack, call, nth).await?;
    let http = stack.http(0)?;
    let is_answered = async |payment: &Payment, repeat: bool| {
        let outcome = http.authorize(payment, repeat, PATIENCE).await;
        matches!(outcome, Outcome::Answered(_))
    };
    for payment in payments {
        if !is_answered(payment, false).await {
            break;
        }
    }
    sabotage.end().await?;
    // It may have been killed after its last answer.
    if is_answered(&payments[0], true).await {
        return Ok(false);
    }
    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    Ok(true)
}

#[tokio::test]
async fn killed_at_every_write_and_every_sync_of_an_outage_a_gateway_keeps_its_word_i1_i2_i3()
-> anyhow::Result<()> {
    if !is_traceable().await? {
        return Ok(());
    }
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.saved(0).await?;
    stack.cut().await?;
    for call in ["pwrite64", "fdatasync"] {
        let mut nth = 1;
        loop {
            let payments: Vec<_> = (0..PAYMENTS).map(|_| stack.payment(&card, 1_00)).collect();
            let killed = killed_at(&stack, call, nth, &payments).await?;
            let iso = stack.iso(0).await?;
            for payment in &payments {
                // Whoever was answered hears the same: the audit compares, also with the journal.
                let outcome = iso.authorize(payment, true, PATIENCE).await;
                assert!(
                    matches!(outcome, Outcome::Answered(_)),
                    "{call} {nth}: {outcome:?}"
                );
            }
            if !killed {
                break;
            }
            nth += 1;
            assert!(nth < CALLS_MAX, "a round has more than {CALLS_MAX} {call}");
        }
        assert!(nth > PAYMENTS as u32, "each payment needs a {call}: {nth}");
        println!("killed at each of {} {call}", nth - 1);
    }
    stack.finish().await?;
    Ok(())
}
