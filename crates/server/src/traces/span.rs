//! What a span says: names by the semantic conventions of OpenTelemetry where there are any, our own words
//! beside them.

use std::borrow::Cow;
use std::time::SystemTime;

use anteroom_core::ids::{Generation, Owner, RoomId};
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::clock::stamp;

/// The names of attributes.
pub(crate) mod key {
    pub(crate) const ROOM: &str = "anteroom.room_id";
    pub(crate) const GENERATION: &str = "anteroom.seat.generation";
    pub(crate) const OUTCOME: &str = "anteroom.outcome";
    pub(crate) const NODE: &str = "anteroom.node";
    pub(crate) const CLOSE: &str = "anteroom.close_code";
    pub(crate) const SEQ: &str = "anteroom.message.seq";
    pub(crate) const BATCH: &str = "anteroom.commit.size";
    pub(crate) const SESSIONS: &str = "anteroom.sessions";
    pub(crate) const METHOD: &str = "http.request.method";
    pub(crate) const ROUTE: &str = "http.route";
    pub(crate) const STATUS: &str = "http.response.status_code";
    pub(crate) const PATH: &str = "url.path";
    pub(crate) const SCHEME: &str = "url.scheme";
}

/// What a whole scope is, before it is over.
pub(crate) struct Own {
    pub(super) draft: Draft,
    pub(super) caller: Option<SpanContext>,
}

impl Own {
    /// A request, with what it says of its caller's trace.
    pub(crate) fn request(name: String, caller: Option<SpanContext>) -> Self {
        let now = stamp();
        Self { draft: Draft::new(name, SpanKind::Server, (now, now)), caller }
    }

    /// Something that we do ourselves.
    pub(crate) fn step(name: &'static str) -> Self {
        let now = stamp();
        Self { draft: Draft::new(name, SpanKind::Internal, (now, now)), caller: None }
    }

    /// With one more thing to say.
    #[must_use]
    pub(crate) fn with(
        mut self,
        key: &'static str,
        value: impl Into<opentelemetry::Value>,
    ) -> Self {
        self.draft.attributes.push(KeyValue::new(key, value));
        self
    }
}

/// A span that has no place yet.
pub(super) struct Draft {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: SpanKind,
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) links: Vec<Link>,
    pub(super) has_failed: bool,
}

impl Draft {
    pub(super) fn new(
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        (from, until): (SystemTime, SystemTime),
    ) -> Self {
        let (attributes, links) = (Vec::new(), Vec::new());
        Self { name: name.into(), kind, from, until, attributes, links, has_failed: false }
    }

    /// Points at a span of another trace, if that is recorded.
    pub(super) fn links_to(&mut self, span: &SpanContext) {
        if span.is_sampled() {
            self.links.push(Link::with_context(span.clone()));
        }
    }

    /// As the span `context`, under `parent`.
    pub(super) fn under(self, context: SpanContext, parent: Option<&SpanContext>) -> SpanData {
        let mut links = SpanLinks::default();
        links.links = self.links;
        SpanData {
            span_context: context,
            parent_span_id: parent.map_or(SpanId::INVALID, SpanContext::span_id),
            parent_span_is_remote: parent.is_some_and(SpanContext::is_remote),
            span_kind: self.kind,
            name: self.name,
            start_time: self.from,
            end_time: self.until,
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: if self.has_failed { Status::error("") } else { Status::Unset },
            instrumentation_scope: InstrumentationScope::builder("anteroom").build(),
        }
    }
}

/// Who says all of it. Nothing is read from the environment or the machine.
pub(super) fn resource(service: &str, owner: Owner) -> Resource {
    let life = format!("{}.{}", owner.node, owner.incarnation);
    Resource::builder_empty()
        .with_service_name(service.to_owned())
        .with_attributes([
            text("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", life),
            number(key::NODE, i64::from(owner.node)),
        ])
        .build()
}

/// Which entry it is about.
pub(super) fn entry(room: RoomId, generation: Generation) -> [KeyValue; 2] {
    [number(key::ROOM, room.0), KeyValue::new(key::GENERATION, generation.to_string())]
}

pub(super) fn text(key: &'static str, word: &'static str) -> KeyValue {
    KeyValue::new(key, word)
}

pub(super) fn number(key: &'static str, number: i64) -> KeyValue {
    KeyValue::new(key, number)
}
