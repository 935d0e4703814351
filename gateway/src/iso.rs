//! The ISO 8583 door: a listener, one session per connection, and the translation.

pub mod session;
pub mod translate;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::authorize::Gateway;
use crate::door::Door;
use crate::identity::Keys;

/// Connections at once; further ones wait in the kernel's backlog.
const CONNECTIONS_MAX: usize = 4_096;
/// After a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                crate::door::tune(&stream);
                let (link, stop) = (link.clone(), stop.clone());
                sessions.spawn(async move {
                    session::run(stream, peer, link, stop).await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
