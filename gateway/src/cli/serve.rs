//! The recipe: doors → journal → stack → serve → drain.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::arguments::Settings;
use super::build;
use crate::{feed, http, iso, replay};

/// Connections at once and per door, where the system allows so many.
const CONNECTIONS_MAX: usize = 4_096;
/// Open files kept for the journal, the copy and the ledger.
const FILES_KEPT: usize = 256;
/// How long connections and work in flight may take after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// True when everything in flight was finished.
pub(super) async fn serve(settings: Settings) -> anyhow::Result<bool> {
    let http_listener = build::bind(settings.http).await?;
    let iso_listener = build::bind(settings.iso).await?;
    let parts = build::parts(&settings)?;
    let (http_address, iso_address) = (http_listener.local_addr()?, iso_listener.local_addr()?);

    let (stop, last) = (CancellationToken::new(), CancellationToken::new());
    let (doors, background) = (TaskTracker::new(), TaskTracker::new());
    let app = http::App {
        gateway: parts.gateway.clone(),
        keys: parts.keys.clone(),
        door: parts.door.clone(),
    };
    let link = iso::Link {
        gateway: parts.gateway.clone(),
        keys: parts.keys.clone(),
        door: parts.door.clone(),
    };
    let connections_max = connections_max(process::limits::raise_open_files());
    info!(connections_max, "connections at once and per door");
    let router = http::router(app);
    let (tracker, stopping) = (doors.clone(), stop.clone());
    doors.spawn(http::serve(
        http_listener,
        router,
        tracker,
        stopping,
        connections_max,
    ));
    let (tracker, stopping) = (doors.clone(), stop.clone());
    doors.spawn(iso::serve(
        iso_listener,
        link,
        tracker,
        stopping,
        connections_max,
    ));
    background.spawn(feed::run(parts.gateway.clone(), parts.feed, last.clone()));
    background.spawn(replay::run(
        parts.gateway.clone(),
        parts.replay,
        last.clone(),
    ));

    println!(
        "gateway {} ready http=http://{http_address} iso={iso_address}",
        settings.name
    );
    info!(
        gateway = %settings.name,
        bound_minor = parts.gateway.parts().stand_in.status(crate::authorize::now()).bound_minor,
        "ready; the bound is the most that stand-in can lose in one outage, over all gateways"
    );
    let signal = process::stop::requested().await;

    // First the doors, then what is in flight, then what follows from it.
    info!(signal, "draining");
    stop.cancel();
    doors.close();
    let work = &parts.gateway.parts().work;
    work.close();
    // A peer that neither finishes its request nor reads its answer is cut off after that; what was
    // accepted from it is finished all the same.
    let _ = tokio::time::timeout(DRAIN, doors.wait()).await;
    let drained = tokio::time::timeout(DRAIN, work.wait()).await.is_ok();
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
    Ok(drained)
}

/// Half of what the process may open for each door, less what journal, copy and ledger need: idle
/// connections must never cost them their files.
fn connections_max(open_files: usize) -> usize {
    (open_files.saturating_sub(FILES_KEPT) / 2).clamp(16, CONNECTIONS_MAX)
}
