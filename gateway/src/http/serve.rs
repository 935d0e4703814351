//! HTTP over accepted connections: bounded heads, bounded patience, and a polite end.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::accept::accept;
use crate::drain::{Draining, linger};

/// How long a head may take, counted from the answer before it: so this is also how long an idle
/// connection is kept.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);
/// The most that the head of a request may take.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Serves until the drain closes the door; connections then finish what is in flight.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections: TaskTracker,
    draining: Draining,
    connections_max: usize,
    open: Gauge,
) {
    let stages = draining.clone();
    let router = router.layer(map_response(move |response| {
        let answer = last_if(stages.is_noticed(), response);
        std::future::ready(answer)
    }));
    let stages = draining.clone();
    let connection = |stream, _| connection(stream, router.clone(), stages.clone());
    accept(
        listener,
        connections,
        draining,
        connections_max,
        open,
        connection,
    )
    .await;
}

/// From the notice on an answer is the last one on its connection, and says so: the next request
/// goes over a new connection, which a load balancer sends elsewhere.
fn last_if(noticed: bool, mut response: Response) -> Response {
    if noticed {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

async fn connection(stream: TcpStream, router: Router, draining: Draining) {
    if !speaks(&stream, &draining).await {
        return;
    }
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .half_close(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A connection that breaks is the peer's business; there is nobody to tell.
    tokio::select! {
        biased;
        _ = &mut connection => {}
        () = draining.closing() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                _ = &mut connection => {}
                () = draining.over() => return,
            }
        }
    }
    if draining.is_noticed() {
        linger(connection.into_parts().io.inner_mut()).await;
    }
}

/// Waits for the first byte of a connection; false where none comes in time. One that has said
/// nothing would look like one with a request under way.
async fn speaks(stream: &TcpStream, draining: &Draining) -> bool {
    let mut first = [0; 1];
    tokio::select! {
        biased;
        peeked = timeout(HEADER_PATIENCE, stream.peek(&mut first)) => matches!(peeked, Ok(Ok(1))),
        () = draining.quiet() => false,
    }
}
