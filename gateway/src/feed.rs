//! Keeping the local copy fresh: what the ledger pushes, and what a gateway that starts empty lists.

use std::time::Duration;

use ledger_api::Mark;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::authorize::{Gateway, now};
use crate::ledger_client::wire::{Wire, WireError};

/// How long one call waits for a change.
const WAIT: Duration = Duration::from_millis(1_000);
/// Waits between attempts while the ledger is away.
const AWAY: Duration = Duration::from_millis(250);

/// Runs until `stop`.
pub async fn run(gateway: Gateway, wire: Wire, stop: CancellationToken) {
    let work = follow(&gateway, &wire);
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

async fn follow(gateway: &Gateway, wire: &Wire) {
    let mut away = false;
    let mut head_checked = false;
    loop {
        match step(gateway, wire, &mut head_checked).await {
            Ok(()) => {
                if away {
                    info!("the feed is back");
                }
                away = false;
                gateway.parts().breaker.hint();
            }
            Err(error) => {
                if !away {
                    warn!(%error, "the feed is away; what is known grows older");
                }
                away = true;
                tokio::time::sleep(AWAY).await;
            }
        }
    }
}

async fn step(gateway: &Gateway, wire: &Wire, head_checked: &mut bool) -> Result<(), WireError> {
    let stand_in = &gateway.parts().stand_in;
    if !*head_checked {
        // Rule 11: a ledger that has seen more of our journal than we have knows that it was lost.
        stand_in.last_seen_check(wire.journal_head(&gateway.parts().name).await?);
        *head_checked = true;
    }
    let Some(mark) = stand_in.feed_mark() else {
        return list(gateway, wire).await;
    };
    match wire.feed(mark, WAIT).await {
        Ok(page) if page.changes.is_empty() => stand_in.heard(now()),
        Ok(page) => stand_in.apply_feed(&page, now()),
        Err(WireError::Problem(problem)) if problem.name() == "epoch_changed" => {
            warn!("the ledger has a new epoch: listing again");
            list(gateway, wire).await?;
            // A ledger that says so again and again must not be listed without pause.
            tokio::time::sleep(AWAY).await;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn list(gateway: &Gateway, wire: &Wire) -> Result<(), WireError> {
    let mut mark: Option<Mark> = None;
    let mut states = Vec::new();
    let mut after = None;
    loop {
        let page = wire.listing(after.as_deref()).await?;
        // The feed is followed from the first page on: what changed while we listed comes again.
        mark.get_or_insert(page.mark);
        states.extend(page.states);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if let Some(mark) = mark {
        info!(
            states = states.len(),
            position = mark.position,
            "listed what the ledger holds"
        );
        gateway
            .parts()
            .stand_in
            .replace_listing(mark, states, now());
    }
    Ok(())
}
