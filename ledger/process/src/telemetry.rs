//! Traces, for whoever asks for them.
//!
//! A trace is one authorization: its id is the authorization's id, which every process derives alike,
//! so that what a gateway tells the ledger hours later, or after a restart, is in the same trace.
//! Whether it is recorded is decided here and not by the SDK, from the id alone.
//!
//! | | |
//! |---|---|
//! | no endpoint | no thread, no queue; [`Telemetry::sampled`] compares a number with zero |
//! | not sampled | the same comparison; a [`Span`] that records nothing is a null pointer |
//! | sampled | spans go into a bounded queue, and a thread of its own sends them |
//! | a collector that is slow, dead or silent | spans are dropped and counted, and a line a minute says so |
//! | the end | [`Telemetry::shutdown`] waits two seconds at most |

mod collector;
mod ids;
mod queue;
mod span;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanBuilder, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanExporter};

pub use ids::derived_span_id;
pub use opentelemetry::trace::SpanKind;
pub use span::{Plan, Span, Spot};

/// How long the last spans may take to be sent when the process stops.
const SHUTDOWN_MAX: Duration = Duration::from_secs(2);
/// The name of the instrumentation scope.
const SCOPE: &str = "holdfast";

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Base URL of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`; `None`: no traces.
    pub endpoint: Option<String>,
    /// Share of the authorizations that are traced, from 0 to 1.
    pub sample_ratio: f64,
}

/// Checks a collector's base URL without sending anything.
///
/// # Errors
/// One that [`Telemetry::start`] refuses.
pub fn check_endpoint(base: &str) -> Result<(), TelemetryError> {
    collector::traces_url(base).map(drop)
}

/// Traces cannot be sent as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// Not a URL that can be used.
    #[error(
        "the collector's endpoint must be a URL that begins with http:// and has a host, without a \
         user, a query or a fragment, and without /v1/traces, which is added; the exporter speaks no TLS"
    )]
    Endpoint,
    /// The exporter could not be made.
    #[error("traces cannot be sent: {0}")]
    Exporter(String),
}

/// What begins spans. Clones share one queue.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// Ids whose number is below are recorded. Next to the pointer, so that to ask costs one
    /// comparison.
    below: u64,
    recorder: Option<Arc<Recorder>>,
}

#[derive(Debug)]
struct Recorder {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Telemetry {
    /// Records nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// Sends spans to the collector of the settings; [`Telemetry::off`] where there is none. `service`
    /// is what kind of process this is, `instance` which one of them.
    ///
    /// # Errors
    /// An endpoint that cannot be used. A collector that is not there is no error.
    pub fn start(
        settings: &Settings,
        service: &'static str,
        instance: String,
    ) -> Result<Self, TelemetryError> {
        let Some(endpoint) = settings.endpoint.as_deref() else {
            return Ok(Self::off());
        };
        let exporter = collector::exporter(endpoint)?;
        Ok(Self::with(exporter, settings, service, instance))
    }

    fn with(
        exporter: impl SpanExporter + 'static,
        settings: &Settings,
        service: &'static str,
        instance: String,
    ) -> Self {
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attributes([
                KeyValue::new("service.instance.id", instance),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            // What is not to be recorded does not get this far.
            .with_sampler(Sampler::AlwaysOn)
            .with_id_generator(ids::Chosen::default())
            .with_resource(resource)
            .with_span_processor(queue::bounded(exporter))
            .build();
        Self {
            below: below(settings.sample_ratio),
            recorder: Some(Arc::new(Recorder {
                tracer: provider.tracer(SCOPE),
                provider,
            })),
        }
    }

    /// True where spans are recorded at all: of what is sampled here, or by whoever asks us.
    pub fn is_on(&self) -> bool {
        self.recorder.is_some()
    }

    /// True where the trace of this authorization is recorded: a pure function of the id and the
    /// ratio, so that processes with the same ratio choose the same ones.
    pub fn sampled(&self, id: &[u8; 16]) -> bool {
        number(id) < self.below
    }

    /// Begins a span that hangs under nothing, in the trace of an authorization that is sampled.
    /// Several may: each time that the authorization comes to a door.
    pub fn root(&self, id: &[u8; 16], plan: Plan) -> Span {
        if self.sampled(id) {
            self.begin(*id, plan, &Context::new())
        } else {
            Span::none()
        }
    }

    /// Begins a span under another one, of this process or of another, that is recorded; none where
    /// there is none.
    pub fn child(&self, of: Option<Spot>, plan: Plan) -> Span {
        match of {
            Some(parent) => {
                let under = Context::new().with_remote_span_context(parent.context());
                self.begin(parent.trace, plan, &under)
            }
            None => Span::none(),
        }
    }

    fn begin(&self, trace: [u8; 16], plan: Plan, under: &Context) -> Span {
        let Some(recorder) = &self.recorder else {
            return Span::none();
        };
        let mut builder = SpanBuilder::from_name(plan.name).with_kind(plan.kind);
        if let Some(since) = plan.since {
            builder = builder.with_start_time(since);
        }
        if let Some(link) = plan.link {
            builder = builder.with_links(vec![link.link()]);
        }
        ids::choose(trace, plan.span, || {
            Span::begun(builder.start_with_context(&recorder.tracer, under))
        })
    }

    /// Sends what waits, and stops; two seconds at most, whatever the collector does. Spans that end
    /// later are dropped.
    pub async fn shutdown(&self) {
        let Some(recorder) = self.recorder.clone() else {
            return;
        };
        // The SDK waits for its thread no longer than it is told to. That it does so on a thread of
        // its own, which nobody waits for, is for what may be found wrong with that.
        let (done, waiting) = tokio::sync::oneshot::channel();
        let ending = std::thread::Builder::new()
            .name("traces end".to_owned())
            .spawn(move || {
                let sent = recorder.provider.shutdown_with_timeout(SHUTDOWN_MAX);
                let _nobody_waits = done.send(sent.is_ok());
            });
        let sent = match ending {
            Ok(_detached) => tokio::time::timeout(SHUTDOWN_MAX, waiting).await,
            Err(_) => return,
        };
        if !matches!(sent, Ok(Ok(true))) {
            tracing::warn!("the last spans could not be sent in time; they are dropped");
        }
    }
}

/// What tells processes of one service apart where nobody has named them: the machine, and where they
/// listen on it.
pub fn instance(port: u16) -> String {
    let machine = rustix::system::uname();
    format!("{}:{port}", machine.nodename().to_string_lossy())
}

/// Now, for the begin of a span that is only made afterwards. Nothing may be decided by it.
pub fn now() -> SystemTime {
    opentelemetry::time::now()
}

/// Ids are uniform, being keyed hashes; the half that OpenTelemetry's own ratio looks at, as a number
/// of 63 bits.
fn number(id: &[u8; 16]) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *id;
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1
}

/// Below which numbers such a share of all ids is.
fn below(ratio: f64) -> u64 {
    const ALL: u64 = 1 << 63;
    (ratio.clamp(0.0, 1.0) * ALL as f64) as u64
}
