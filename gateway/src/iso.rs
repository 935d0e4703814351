//! The ISO 8583 door: a listener, one session per connection, and the translation.

pub mod session;
pub mod translate;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::accept;
use crate::authorize::Gateway;
use crate::door::Door;
use crate::identity::Keys;

/// What every session may use.
#[derive(Clone)]
pub struct Link {
    /// The use case.
    pub gateway: Gateway,
    /// Makes tokens and ids.
    pub keys: Arc<Keys>,
    /// What is let in.
    pub door: Door,
}

/// Serves until `stop`; sessions then answer what is in flight and close.
pub async fn serve(
    listener: TcpListener,
    link: Link,
    sessions: TaskTracker,
    stop: CancellationToken,
    connections_max: usize,
) {
    let stopping = stop.clone();
    accept(listener, sessions, stop, connections_max, |stream, peer| {
        session::run(stream, peer, link.clone(), stopping.clone())
    })
    .await;
}
