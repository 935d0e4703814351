//! How long calls take, and the text of all metrics.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use crate::metrics::labels::Call;
use crate::metrics::{Metrics, Page};

/// Observes a call. One whose caller hangs up before the answer is not observed: the books have it all
/// the same, and the commit is.
pub(super) async fn measure(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let call = Call::of(request.method(), request.uri().path());
    let began = Instant::now();
    let response = next.run(request).await;
    metrics.request(call, response.status().into(), began.elapsed());
    response
}

/// All metrics; always 200.
pub(super) async fn metrics(page: Arc<Page>) -> ([(HeaderName, &'static str); 1], String) {
    let kind = (header::CONTENT_TYPE, process::metrics::CONTENT_TYPE);
    ([kind], page.text().await)
}
