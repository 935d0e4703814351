//! The accept loop of both doors: bounded connections, and sockets that notice a peer that is gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::drain::Draining;

/// After a failed accept (no file descriptors left), so that the loop does not spin.
const PAUSE: Duration = Duration::from_millis(50);
/// A peer that acknowledges nothing for so long is gone, in milliseconds.
const PEER_PATIENCE_MS: u32 = 10_000;

/// Gives each connection to `serve`, on a task of its own among `connections`, until the doors close;
/// at most `connections_max` at once, further ones wait in the kernel's backlog.
///
/// Whoever is in the backlog when the doors close is connected already and may have sent a request:
/// they are served too, and only later ones are refused. `open` says how many connections there are.
pub async fn accept<Serve, Served>(
    listener: TcpListener,
    connections: TaskTracker,
    draining: Draining,
    connections_max: usize,
    open: Gauge,
    serve: Serve,
) where
    Serve: Fn(TcpStream, SocketAddr) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(connections_max));
    let take = |stream: TcpStream, peer, permit: OwnedSemaphorePermit| {
        tune(&stream);
        let served = serve(stream, peer);
        let counted = Counted::new(open.clone());
        connections.spawn(async move {
            served.await;
            drop((permit, counted));
        });
    };
    loop {
        // A permit first: whoever is accepted is served.
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            (Ok(permit), accepted) = next => (permit, accepted),
            () = draining.closing() => break,
        };
        match accepted {
            Ok((stream, peer)) => take(stream, peer, permit),
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    let Ok(listener) = listener.into_std() else {
        return;
    };
    while let Ok(permit) = Arc::clone(&permits).try_acquire_owned()
        && let Ok((stream, peer)) = listener.accept()
    {
        if let Ok(stream) = of_std(stream) {
            take(stream, peer, permit);
        }
    }
}

fn of_std(stream: std::net::TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    TcpStream::from_std(stream)
}

/// One more, until it goes.
struct Counted(Gauge);

impl Counted {
    fn new(open: Gauge) -> Self {
        open.inc();
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Small answers do not wait for the acknowledgement of the one before, and a peer that takes
/// nothing is cut off by the kernel. A socket that refuses an option still works.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, PEER_PATIENCE_MS);
}
