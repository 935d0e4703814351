//! HTTP over accepted connections: bounded heads, bounded patience.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::accept;

/// How long a head may take, counted from the answer before it: so this is also how long an idle
/// connection is kept.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);
/// The most that the head of a request may take.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Serves until `stop`; connections then finish what is in flight.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: TaskTracker,
    stop: CancellationToken,
    connections_max: usize,
) {
    let stopping = stop.clone();
    accept(listener, connections, stop, connections_max, |stream, _| {
        connection(stream, router.clone(), stopping.clone())
    })
    .await;
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .half_close(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    // A connection that breaks is the peer's business; there is nobody to tell.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
