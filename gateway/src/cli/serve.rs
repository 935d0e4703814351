//! The recipe: doors → journal → stack → serve → drain.

use std::pin::pin;
use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::arguments::Settings;
use super::build;
use super::doors::Doors;
use crate::authorize::Gateway;
use crate::drain::{Draining, Times};
use crate::{feed, orders, policy_file, replay};

/// What is left of a gateway that has stopped.
pub(super) struct Ended {
    /// True when everything in flight was finished.
    pub(super) drained: bool,
    /// Journal and local copy, for as long as anybody may use them; `None` before they were open.
    pub(super) gateway: Option<Gateway>,
}

/// Serves until it is asked to stop.
pub(super) async fn serve(settings: Settings) -> anyhow::Result<Ended> {
    let again = process::stop::Hangup::install();
    let mut stop = pin!(process::stop::requested_once(super::EXIT_NOT_DRAINED));
    let listeners = Doors::bind(&settings).await?;
    let settings = Arc::new(settings);
    let recovery = tokio::task::spawn_blocking({
        let settings = Arc::clone(&settings);
        move || build::parts(&settings)
    });
    let parts = tokio::select! {
        parts = recovery => parts.context("the recovery ended in a defect")??,
        signal = &mut stop => {
            info!(signal, "stopped before recovery was over; nothing was accepted");
            return Ok(Ended { drained: true, gateway: None });
        }
    };
    let (draining, last) = (Draining::default(), CancellationToken::new());
    let (doors, background) = (TaskTracker::new(), TaskTracker::new());
    let addresses = listeners.open(&parts, &doors, &draining)?;
    background.spawn(feed::run(parts.gateway.clone(), parts.feed, last.clone()));
    background.spawn(replay::run(
        parts.gateway.clone(),
        parts.replay,
        last.clone(),
    ));
    background.spawn(policy_file::run(parts.gateway.clone(), again, last.clone()));
    background.spawn(orders::run(parts.gateway.clone(), last.clone()));

    println!("gateway {} ready {addresses}", settings.name);
    info!(
        gateway = %settings.name,
        bound_minor = parts.gateway.parts().stand_in.status(crate::authorize::now()).bound_minor,
        "ready; the bound is the most that stand-in can lose in one outage, over all gateways"
    );
    let signal = stop.await;

    // First nobody new is asked for, then the doors close, then what is in flight ends, and last
    // what follows from it.
    info!(signal, "draining");
    let times = Times {
        notice: settings.drain.notice,
        patience: settings.drain.patience,
        work: settings.budgets.total,
    };
    draining.announce(times.notice).await;
    draining.close(&doors, times).await;
    let drained = draining.finish(&parts.gateway.parts().work, times).await;
    last.cancel();
    background.close();
    background.wait().await;
    let backlog = parts.gateway.parts().stand_in.backlog();
    if drained {
        info!(
            backlog,
            "drained; what the ledger has not acknowledged is in the journal"
        );
    } else {
        warn!(
            backlog,
            "work was still in flight when the time for draining was over"
        );
    }
    parts.gateway.parts().telemetry.shutdown().await;
    Ok(Ended {
        drained,
        gateway: Some(parts.gateway),
    })
}
