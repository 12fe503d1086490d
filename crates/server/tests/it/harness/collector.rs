//! The receiving end of traces: an HTTP server that takes OTLP as collectors do, decodes it, and keeps every
//! byte that came.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::settings::Settings;
use super::waiting::within;

/// A span, and the node that told of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) node: i64,
    pub(crate) span: Span,
}

impl Seen {
    pub(crate) fn trace(&self) -> String {
        hex(&self.span.trace_id)
    }

    pub(crate) fn id(&self) -> String {
        hex(&self.span.span_id)
    }

    pub(crate) fn parent(&self) -> String {
        hex(&self.span.parent_span_id)
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.span.name == name
    }

    /// The traces and spans that it points at.
    pub(crate) fn links(&self) -> Vec<(String, String)> {
        self.span.links.iter().map(|it| (hex(&it.trace_id), hex(&it.span_id))).collect()
    }

    /// An attribute as text; empty where there is none.
    pub(crate) fn says(&self, key: &str) -> String {
        attribute(&self.span.attributes, key)
    }
}

/// A collector. It ends with this.
pub(crate) struct Collector {
    port: u16,
    heard: Arc<Heard>,
    _serving: AbortOnDropHandle<()>,
}

struct Heard {
    bodies: Mutex<Vec<Bytes>>,
    grown: watch::Sender<usize>,
    status: StatusCode,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::answering(StatusCode::OK).await
    }

    /// One that answers everything with that.
    pub(crate) async fn answering(status: StatusCode) -> Self {
        let grown = watch::Sender::new(0);
        let heard = Arc::new(Heard { bodies: Mutex::default(), grown, status });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&heard));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves to its end");
        });
        Self { port, heard, _serving: AbortOnDropHandle::new(serving) }
    }

    /// Has a server send its traces here.
    pub(crate) fn is_known_to(&self, settings: &mut Settings) {
        settings.set("traces.endpoint", format!("http://127.0.0.1:{}", self.port));
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.heard.bodies.lock().unwrap().len()
    }

    /// Everything that was told until now.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let bodies = self.heard.bodies.lock().unwrap();
        bodies.iter().flat_map(|body| read(body)).collect()
    }

    /// Waits until what was told is as wanted, and gives it.
    pub(crate) async fn when(&self, what: &str, wanted: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let mut grown = self.heard.grown.subscribe();
        within(what, async {
            loop {
                let seen = self.seen();
                if wanted(&seen) {
                    return seen;
                }
                grown.changed().await.expect("it goes on");
            }
        })
        .await
    }

    /// Waits for the first span of that name in that room.
    pub(crate) async fn span(&self, name: &str, room: i64) -> Seen {
        let is_it = |it: &&Seen| it.is(name) && it.says("anteroom.room_id") == room.to_string();
        let seen = self.when(name, |all| all.iter().any(|it| is_it(&it))).await;
        seen.iter().find(is_it).cloned().expect("it was there")
    }

    /// Whether these bytes stand somewhere in what came, whatever they mean there.
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        let bodies = self.heard.bodies.lock().unwrap();
        bodies.iter().any(|body| body.windows(bytes.len()).any(|window| window == bytes))
    }
}

async fn take(State(heard): State<Arc<Heard>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    if heard.status.is_success() {
        drop(read(&body));
    }
    heard.bodies.lock().unwrap().push(body);
    heard.grown.send_modify(|count| *count += 1);
    heard.status
}

fn read(body: &[u8]) -> Vec<Seen> {
    let request = ExportTraceServiceRequest::decode(body).expect("protobuf of OTLP");
    let mut all = Vec::new();
    for of_node in request.resource_spans {
        let says = of_node.resource.expect("who tells").attributes;
        assert_eq!(attribute(&says, "service.name"), "anteroom");
        let node = attribute(&says, "anteroom.node").parse().expect("a number");
        let spans = of_node.scope_spans.into_iter().flat_map(|it| it.spans);
        all.extend(spans.map(|span| Seen { node, span }));
    }
    for Seen { span, .. } in &all {
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8), "{}", span.name);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
    }
    all
}

fn attribute(all: &[KeyValue], key: &str) -> String {
    let found = all.iter().find(|it| it.key == key).and_then(|it| it.value.as_ref()?.value.clone());
    match found {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
