//! The accept loop: header time-out, a bound on connections, and a drain at the end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a request's headers may take; also how long a connection may idle.
const HEADER_MAX: Duration = Duration::from_secs(60);
/// How many connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1024;
/// How long requests in flight may go on when the process stops.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Serves until `stopping` is cancelled, then lets the requests in flight end. False if some had to
/// be cut off.
pub async fn serve(listener: TcpListener, router: Router, stopping: CancellationToken) -> bool {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    loop {
        let accept = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = connection(stream, router.clone(), stopping.clone());
                connections.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: give others time to close theirs.
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    connections.close();
    timeout(DRAIN_MAX, connections.wait()).await.is_ok()
}

async fn connection(stream: TcpStream, router: Router, stopping: CancellationToken) {
    // Without it small answers wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    let service = TowerToHyperService::new(router);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_MAX)
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopping.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
