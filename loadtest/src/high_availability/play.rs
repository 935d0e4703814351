//! One event from calm to calm.

use std::time::Duration;

use ::tests::patroni::NODES;
use ::tests::waiting::wait_until;
use anyhow::Context;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Drill;
use super::event::Event;
use super::load::{self, Answered, Payments};
use super::report::{Measured, Row};
use super::watch::Backlog;
use crate::live::say;

/// Load before the blow.
const STEADY: Duration = Duration::from_secs(4);
/// The ledger decides again when nobody has stood in for so long.
const CALM: Duration = Duration::from_secs(4);
/// Until all nodes are there again, before and after an event.
const WHOLE_WITHIN: Duration = Duration::from_secs(150);
/// How long etcd is without a quorum, and the primary without a standby.
const LOST: Duration = Duration::from_secs(15);
/// A thawed node has time to do harm before anything is counted.
const THAWED: Duration = Duration::from_secs(5);
const DRAINED_WITHIN: Duration = Duration::from_secs(60);

impl Drill {
    /// Plays an event and checks the books afterwards.
    pub(super) async fn play(&mut self, event: Event) -> Row {
        say(&format!("{}: {}", event, event.words()));
        let mut row = Row::begun(event);
        if let Err(error) = self.played(event, &mut row).await {
            row.failed = Some(format!("{error:#}"));
        }
        row
    }

    async fn played(&mut self, event: Event, row: &mut Row) -> anyhow::Result<()> {
        self.cluster.whole(WHOLE_WITHIN).await.context("before")?;
        self.stack.drained(DRAINED_WITHIN).await.context("before")?;
        let failsafe = json!({"failsafe_mode": event != Event::Quorum});
        self.cluster.configure(&failsafe).await?;
        let (start, stop) = (Instant::now(), CancellationToken::new());
        let (payments, backlog) = (Payments::default(), Backlog::default());
        let (stack, cards, probe) = (self.stack.clone(), self.cards.clone(), self.probe.clone());
        let sending = tokio::spawn({
            let (rate, seen, until) = (self.rate_per_s, payments.clone(), (start, stop.clone()));
            async move { load::send(&stack, &cards, rate, &seen, until).await }
        });
        let asking = tokio::spawn({
            let stop = stop.clone();
            async move { probe.ask(start, stop).await }
        });
        let watching = tokio::spawn({
            let (backlog, stack, stop) = (backlog.clone(), self.stack.clone(), stop.clone());
            async move { backlog.watch(&stack, start, stop).await }
        });
        sleep(STEADY).await;
        let blow = start.elapsed();
        let happened = async {
            self.happen(event, row).await?;
            calm(&payments, &backlog, start).await
        };
        let outcome = timeout(event.limit(), happened).await;
        stop.cancel();
        sending.await??;
        let heard = asking.await??;
        watching.await??;
        row.measured = Some(Measured::of(&payments.all(), &heard, &backlog, blow));
        outcome.with_context(|| format!("it is not over after {:?}", event.limit()))??;
        self.stack.drained(DRAINED_WITHIN).await?;
        row.checked = Some(self.check(heard.went_back).await?);
        self.cluster
            .whole(WHOLE_WITHIN)
            .await
            .context("afterwards")?;
        Ok(())
    }

    /// The blow, and what an operator does about it.
    async fn happen(&mut self, event: Event, row: &mut Row) -> anyhow::Result<()> {
        let cluster = &mut self.cluster;
        let within = event.limit();
        let primary = cluster.primary().await.context("there is no primary")?;
        match event {
            Event::KillPrimary => {
                cluster.kill_node(primary).await;
                cluster.writable(Some(primary), within).await?;
                cluster.start_node(primary).await?;
            }
            Event::KillPostmaster => {
                cluster.kill_postmaster(primary)?;
            }
            Event::Switchover => {
                cluster.switchover(primary).await?;
                cluster.writable(Some(primary), within).await?;
            }
            Event::Standbys => {
                let standbys = || (0..NODES).filter(|node| *node != primary);
                for node in standbys() {
                    cluster.kill_node(node).await;
                }
                sleep(LOST).await;
                for node in standbys() {
                    cluster.start_node(node).await?;
                }
            }
            Event::Quorum | Event::QuorumFailsafe => {
                for node in [0, 1] {
                    cluster.kill_etcd(node).await;
                }
                sleep(LOST).await;
                for node in [0, 1] {
                    cluster.start_etcd(node).await?;
                }
                cluster.writable(None, within).await?;
            }
            Event::Freeze => {
                cluster.freeze_node(primary);
                let leads = cluster.writable(Some(primary), within).await;
                // Whoever fails leaves nobody frozen.
                if leads.is_ok() {
                    sleep(THAWED).await;
                }
                cluster.thaw_node(primary);
                leads?;
                sleep(THAWED).await;
            }
            Event::Restore => {
                self.stack.kill_ledger().await;
                cluster.restore().await?;
                self.stack.restart_ledger_with(&["--restored"]).await?;
                row.gone_with_the_backup = self.probe.forget_after(self.backed_up).await?;
            }
        }
        Ok(())
    }

    /// Takes the backup that [`Event::Restore`] goes back to.
    pub(super) async fn back_up(&mut self) -> anyhow::Result<()> {
        say("  taking a base backup of the primary");
        self.backed_up = self.probe.place();
        self.cluster.back_up().await
    }
}

/// Waits until the ledger has decided for some time and nothing waits to be told.
async fn calm(payments: &Payments, backlog: &Backlog, start: Instant) -> anyhow::Result<()> {
    let begun = start.elapsed();
    let is_calm = || async {
        let now = start.elapsed();
        let long_ago = |at: Option<Duration>| at.is_none_or(|at| now.saturating_sub(at) > CALM);
        let others = payments.last(|by| *by != Answered::Ledger);
        let ledger = payments.last(|by| *by == Answered::Ledger);
        let decides = ledger.is_some_and(|at| now.saturating_sub(at) < Duration::from_secs(1));
        now.saturating_sub(begun) > CALM && decides && long_ago(others) && backlog.now() == 0
    };
    // The event's own limit ends it.
    wait_until("calm", Event::Restore.limit(), is_calm).await?;
    Ok(())
}
