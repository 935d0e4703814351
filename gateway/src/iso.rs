//! The ISO 8583 door: links, each with a listener and terms of its own, one session per connection, and
//! the translation.

pub mod known;
pub mod links;
pub mod management;
mod session;
pub mod terms;
pub mod tls;
pub mod translate;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::accept::accept;
use crate::authorize::Gateway;
use crate::door::Door;
use crate::drain::Draining;
use crate::identity::Keys;
use crate::metrics::labels;
use crate::metrics::labels::link::End;
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
    let session = |stream, peer| connection(stream, peer, Arc::clone(&link), stages.clone());
    accept(listener, sessions, draining, connections_max, open, session).await;
}

/// A connection, behind a handshake where the link has TLS.
async fn connection(stream: TcpStream, peer: SocketAddr, link: Arc<Link>, draining: Draining) {
    let Some(tls) = &link.terms.tls else {
        let place = link.known.enter(peer, None);
        return session::run(stream, link, place, draining).await;
    };
    let welcome = tokio::select! {
        biased;
        welcome = tls.accept(stream) => welcome,
        // Nothing was asked yet that needs an answer.
        () = draining.quiet() => return,
    };
    match welcome {
        Ok((stream, identity)) => {
            let place = link.known.enter(peer, identity);
            session::run(stream, link, place, draining).await;
        }
        Err(error) => {
            link.known.count_end(End::Handshake);
            info!(link = %link.terms.name, %peer, %error, "a client was not let in");
        }
    }
}
