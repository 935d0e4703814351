//! The accept loop of both doors: bounded connections, and sockets that notice a peer that is gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

/// After a failed accept (no file descriptors left), so that the loop does not spin.
const PAUSE: Duration = Duration::from_millis(50);
/// A peer that acknowledges nothing for so long is gone, in milliseconds.
const PEER_PATIENCE_MS: u32 = 10_000;

/// Gives each connection to `serve`, on a task of its own among `connections`, until `stop`; at most
/// `connections_max` at once, further ones wait in the kernel's backlog.
pub async fn accept<Serve, Served>(
    listener: TcpListener,
    connections: TaskTracker,
    stop: CancellationToken,
    connections_max: usize,
    serve: Serve,
) where
    Serve: Fn(TcpStream, SocketAddr) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(connections_max));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                tune(&stream);
                let served = serve(stream, peer);
                connections.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Small answers do not wait for the acknowledgement of the one before, and a peer that takes
/// nothing is cut off by the kernel. A socket that refuses an option still works.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, PEER_PATIENCE_MS);
}
