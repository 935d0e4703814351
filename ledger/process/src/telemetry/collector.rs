//! The way to the collector: OTLP over HTTP, protobuf.

use std::time::Duration;

use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use reqwest::Url;
use reqwest::blocking::Client;
use reqwest::redirect::Policy;

use super::TelemetryError;

/// How long one call may take. What bounds it is the HTTP client: neither the exporter nor the thread
/// of the SDK ends a call that is underway.
const CALL_MAX: Duration = Duration::from_millis(1_500);
/// How much of it may go into the connection.
const CONNECT_MAX: Duration = Duration::from_millis(500);

/// An exporter to the collector at this base URL. It tries each batch once: what waits behind a batch
/// that is tried again is dropped, so nothing would be won.
pub(super) fn exporter(base: &str) -> Result<SpanExporter, TelemetryError> {
    let base: Url = base.parse().map_err(|_| TelemetryError::Endpoint)?;
    let plain = base.scheme() == "http" && base.has_host() && base.path() == "/";
    if !plain || base.query().is_some() || base.fragment().is_some() {
        return Err(TelemetryError::Endpoint);
    }
    let url = base
        .join("/v1/traces")
        .map_err(|_| TelemetryError::Endpoint)?;
    SpanExporter::builder()
        .with_http()
        .with_http_client(client()?)
        .with_protocol(Protocol::HttpBinary)
        .with_retry_policy(RetryPolicy::disabled())
        .with_endpoint(url)
        .with_timeout(CALL_MAX)
        .build()
        .map_err(|error| TelemetryError::Exporter(error.to_string()))
}

/// A blocking client brings a runtime of its own, which must not be made on a thread of another one.
fn client() -> Result<Client, TelemetryError> {
    let made = std::thread::spawn(|| {
        Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(CALL_MAX)
            .redirect(Policy::none())
            .no_proxy()
            .build()
    });
    match made.join() {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(TelemetryError::Exporter(error.to_string())),
        Err(_) => Err(TelemetryError::Exporter("no HTTP client".to_owned())),
    }
}
