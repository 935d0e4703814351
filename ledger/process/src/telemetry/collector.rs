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

/// What OTLP adds to the base URL.
const PATH: &str = "/v1/traces";

/// Where spans go, for a collector at this base URL.
///
/// # Errors
/// No URL, or one that the exporter cannot use.
pub(super) fn traces_url(base: &str) -> Result<String, TelemetryError> {
    let mut url: Url = base.parse().map_err(|_| TelemetryError::Endpoint)?;
    let plain = base.starts_with("http://") && url.has_host();
    let anonymous = url.username().is_empty() && url.password().is_none();
    if !plain || !anonymous || url.query().is_some() || url.fragment().is_some() {
        return Err(TelemetryError::Endpoint);
    }
    let below = url.path().trim_end_matches('/');
    // Somebody means the whole URL, and would get the path twice.
    if below.ends_with(PATH) {
        return Err(TelemetryError::Endpoint);
    }
    let path = format!("{below}{PATH}");
    url.set_path(&path);
    Ok(url.into())
}

/// An exporter to the collector at this base URL. It tries each batch once: what waits behind a batch
/// that is tried again is dropped, so nothing would be won.
pub(super) fn exporter(base: &str) -> Result<SpanExporter, TelemetryError> {
    let url = traces_url(base)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_go_below_the_base_url() {
        for (base, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://h:4318/", "http://h:4318/v1/traces"),
            ("http://h:4318/otlp", "http://h:4318/otlp/v1/traces"),
            ("http://h:4318/a/otlp/", "http://h:4318/a/otlp/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ] {
            assert_eq!(traces_url(base).as_deref(), Ok(url));
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_the_exporter_and_by_a_check_alike() {
        for base in [
            "",
            "collector:4318",
            "http:collector:4318",
            "http://",
            "https://h:4318",
            "http://h:4318?x=1",
            "http://h:4318/#x",
            "http://h:4318/otlp/v1/traces/",
            "http://a@h:4318",
            "http://a:s3cret@h:4318",
            "http://:s3cret@h:4318",
        ] {
            let refused = exporter(base).unwrap_err();
            assert_eq!(refused, TelemetryError::Endpoint, "{base}");
            assert_eq!(super::super::check_endpoint(base), Err(refused), "{base}");
        }
    }
}
