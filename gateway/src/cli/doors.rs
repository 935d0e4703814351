//! The doors: bound before the recovery, so that an address that is taken is told at once, and opened
//! after it.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tracing::info;

use super::arguments::Settings;
use super::build::Built;
use crate::drain::Draining;
use crate::iso::Link;
use crate::iso::terms::Terms;
use crate::metrics::labels::Door;
use crate::{http, iso};

/// Connections at once and per door or link, where the system allows so many.
const CONNECTIONS_MAX: usize = 16_384;
/// Open files kept for the journal, the copy and the ledger.
const FILES_KEPT: usize = 256;

/// Doors that are bound and take nobody yet.
pub(super) struct Doors {
    http: TcpListener,
    links: Vec<(Terms, TcpListener)>,
}

impl Doors {
    /// Binds all of them.
    pub(super) async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let http = bind(settings.http).await?;
        let mut links = Vec::new();
        for terms in &settings.links {
            let listener = bind(terms.listen).await?;
            let terms = Terms {
                // Where it was told to find a free port.
                listen: listener.local_addr()?,
                ..terms.clone()
            };
            links.push((terms, listener));
        }
        Ok(Self { http, links })
    }

    /// Opens them: connections are tasks among `doors` until the drain closes it. Gives the addresses,
    /// as words of the ready line.
    pub(super) fn open(
        self,
        parts: &Built,
        doors: &TaskTracker,
        draining: &Draining,
    ) -> anyhow::Result<String> {
        let open_files = process::limits::raise_open_files();
        let connections_max = connections_max(open_files, 1 + self.links.len());
        info!(connections_max, "connections at once and per door or link");
        let mut addresses = format!("http=http://{}", self.http.local_addr()?);
        let links: Vec<_> = self.links.into_iter().map(|it| link(it, parts)).collect();
        let app = http::App {
            gateway: parts.gateway.clone(),
            keys: parts.keys.clone(),
            door: parts.door.clone(),
            draining: draining.clone(),
            operator: parts.operator.clone(),
            links: links.iter().map(|(link, _)| Arc::clone(link)).collect(),
        };
        doors.spawn(http::serve(
            self.http,
            http::router(app),
            doors.clone(),
            draining.clone(),
            connections_max,
            parts.gateway.parts().metrics.connections(Door::Http),
        ));
        for (link, listener) in links {
            let terms = &link.terms;
            // Writing to a string does not fail.
            let _ = write!(addresses, " {}={}", terms.name, terms.listen);
            info!(link = %terms.name, listen = %terms.listen, %terms, "a link is open");
            let agreed = terms.connections_max.unwrap_or(connections_max);
            let most = agreed.min(connections_max);
            let (tracker, stages) = (doors.clone(), draining.clone());
            doors.spawn(iso::serve(listener, link, tracker, stages, most));
        }
        Ok(addresses)
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// A link with what its sessions may use.
fn link((terms, listener): (Terms, TcpListener), parts: &Built) -> (Arc<Link>, TcpListener) {
    let link = Link {
        gateway: parts.gateway.clone(),
        keys: parts.keys.clone(),
        door: parts.door.clone(),
        terms,
        known: Arc::default(),
    };
    (Arc::new(link), listener)
}

/// What each of so many doors and links may have of what the process may open, less what journal, copy
/// and ledger need: idle connections must never cost them their files.
fn connections_max(open_files: usize, doors: usize) -> usize {
    (open_files.saturating_sub(FILES_KEPT) / doors).clamp(16, CONNECTIONS_MAX)
}
