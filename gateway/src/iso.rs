//! The ISO 8583 door: links, each with a listener and terms of its own, one session per connection, and
//! the translation.

pub mod known;
pub mod management;
mod session;
pub mod terms;
pub mod translate;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::accept::accept;
use crate::authorize::Gateway;
use crate::door::Door;
use crate::drain::Draining;
use crate::identity::Keys;
use crate::metrics::labels;
use known::Known;
use terms::Terms;

/// What every session of a link may use.
pub struct Link {
    /// The use case.
    pub gateway: Gateway,
    /// Makes tokens and ids.
    pub keys: Arc<Keys>,
    /// What is let in.
    pub door: Door,
    /// What was agreed with its peers.
    pub terms: Terms,
    /// Who is connected, and what has happened.
    pub known: Arc<Known>,
}

/// Serves until the drain closes the door; sessions then answer what still comes, and end.
pub async fn serve(
    listener: TcpListener,
    link: Arc<Link>,
    sessions: TaskTracker,
    draining: Draining,
    connections_max: usize,
) {
    let stages = draining.clone();
    let open = link
        .gateway
        .parts()
        .metrics
        .connections(labels::Door::Iso8583);
    let session = |stream, peer| {
        let place = link.known.enter(peer, None);
        session::run(stream, Arc::clone(&link), place, stages.clone())
    };
    accept(listener, sessions, draining, connections_max, open, session).await;
}
