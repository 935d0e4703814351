//! A collector of traces: it takes what processes send it as OTLP over HTTP, and keeps it.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as Code;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

mod cli;

pub use cli::run;

/// What it does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Manner {
    /// Keeps the spans and says so.
    Answer,
    /// Reads the call, and never answers.
    Hang,
    /// Answers 503.
    Refuse,
}

/// A running collector; it ends when it is dropped.
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Kept>,
    serving: JoinHandle<()>,
}

struct Kept {
    manner: Manner,
    spans: Mutex<Vec<Span>>,
    bodies: Mutex<Vec<Bytes>>,
}

/// A span as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// `service.name` and the other attributes of the resource.
    pub resource: BTreeMap<String, String>,
    /// Its name.
    pub name: String,
    /// 1 internal, 2 server, 3 client.
    pub kind: i32,
    /// 32 hex digits.
    pub trace: String,
    /// 16 hex digits.
    pub id: String,
    /// The same of its parent; empty where it has none.
    pub parent: String,
    /// Trace and span of what it is linked to.
    pub links: Vec<(String, String)>,
    /// What it says.
    pub attributes: BTreeMap<String, String>,
    /// True where it says that something did not work.
    pub failed: bool,
    /// Its begin and end, in nanoseconds since 1970.
    pub times: (u64, u64),
}

impl Span {
    /// An attribute; empty where it has none of that name.
    pub fn says(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    /// `service.name`.
    pub fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }
}

impl Collector {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn start(manner: Manner) -> anyhow::Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), manner).await
    }

    /// Listens there.
    ///
    /// # Errors
    /// Where somebody else does.
    pub async fn start_at(listen: SocketAddr, manner: Manner) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let kept = Arc::new(Kept {
            manner,
            spans: Mutex::default(),
            bodies: Mutex::default(),
        });
        let router = Router::new()
            .route("/v1/traces", post(take))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&kept));
        let serving = tokio::spawn(async move {
            // It ends with the test, or says nothing more; the test notices.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            kept,
            serving,
        })
    }

    /// Where it is, as processes are told.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans so far, in the order in which they came.
    pub fn spans(&self) -> Vec<Span> {
        lock(&self.kept.spans).clone()
    }

    /// The bodies of all calls so far, answered or not.
    pub fn bodies(&self) -> Vec<Bytes> {
        lock(&self.kept.bodies).clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> Response {
    lock(&kept.bodies).push(body.clone());
    let protobuf = HeaderMap::get(&headers, header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/x-protobuf");
    match kept.manner {
        Manner::Hang => pending().await,
        Manner::Refuse => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Manner::Answer => match ExportTraceServiceRequest::decode(body) {
            Ok(call) if protobuf => {
                lock(&kept.spans).extend(spans(call));
                let answer = ExportTraceServiceResponse::default().encode_to_vec();
                ([(header::CONTENT_TYPE, "application/x-protobuf")], answer).into_response()
            }
            _ => StatusCode::BAD_REQUEST.into_response(),
        },
    }
}

fn spans(call: ExportTraceServiceRequest) -> Vec<Span> {
    let mut all = Vec::new();
    for group in call.resource_spans {
        let resource = texts(group.resource.unwrap_or_default().attributes);
        for scope in group.scope_spans {
            let spans = scope.spans.into_iter();
            all.extend(spans.map(|sent| span(resource.clone(), sent)));
        }
    }
    all
}

fn span(resource: BTreeMap<String, String>, sent: Sent) -> Span {
    let links = sent.links.iter();
    Span {
        resource,
        kind: sent.kind,
        trace: hex(&sent.trace_id),
        id: hex(&sent.span_id),
        parent: hex(&sent.parent_span_id),
        links: links
            .map(|link| (hex(&link.trace_id), hex(&link.span_id)))
            .collect(),
        attributes: texts(sent.attributes),
        failed: (sent.status).is_some_and(|status| status.code == i32::from(Code::Error)),
        times: (sent.start_time_unix_nano, sent.end_time_unix_nano),
        name: sent.name,
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = attributes.into_iter();
    pairs.map(|pair| (pair.key, text(pair.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
