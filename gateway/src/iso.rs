//! The ISO 8583 door: a listener, one session per connection, and the translation.

pub mod session;
mod sign_off;
pub mod translate;

use std::sync::Arc;

use iso8583::Profile;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::accept::accept;
use crate::authorize::Gateway;
use crate::door::Door;
use crate::drain::Draining;
use crate::identity::Keys;
use crate::metrics::labels;

/// What every session may use.
#[derive(Clone)]
pub struct Link {
    /// The use case.
    pub gateway: Gateway,
    /// Makes tokens and ids.
    pub keys: Arc<Keys>,
    /// What is let in.
    pub door: Door,
    /// How its messages are written.
    pub profile: &'static Profile,
    /// The network that it belongs to, as in the ids of its payments (rule 1).
    pub network: Arc<str>,
}

/// Serves until the drain closes the door; sessions then answer what still comes, and end.
pub async fn serve(
    listener: TcpListener,
    link: Link,
    sessions: TaskTracker,
    draining: Draining,
    connections_max: usize,
) {
    let stages = draining.clone();
    let session = |stream, peer| session::run(stream, peer, link.clone(), stages.clone());
    let open = link
        .gateway
        .parts()
        .metrics
        .connections(labels::Door::Iso8583);
    accept(listener, sessions, draining, connections_max, open, session).await;
}
