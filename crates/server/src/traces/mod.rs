//! Traces: what one entry, one request or one message did, where, and how long it took, as OpenTelemetry
//! tells it.
//!
//! The two steps of an entry lie in different connections, perhaps minutes and nodes apart. They are found
//! in one trace because its number is worked out from what both know and nobody has to carry: the
//! deployment, the room and the generation ([`ids`]). The same goes for a message, by its room and its
//! number. Only for what one node makes another do does a `traceparent` travel, in the news.
//!
//! Whatever is timed is noted in the task that does it ([`scope`]) and made into spans when that is over,
//! because a request learns only on its way which entry it belongs to. Spans go into a bounded queue
//! ([`export`]); nobody waits for a place in it, and nobody for whoever collects them. Where traces are off
//! there is no queue, no scope and no task.
//!
//! Knows nothing of requests, tickets or what is said: it is told names, numbers and words from closed lists.

mod caller;
mod export;
mod ids;
mod message;
mod scope;
mod span;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anteroom_core::ids::{Generation, Owner, RoomId};
use opentelemetry::trace::{SpanContext, SpanKind, TraceId};
use uuid::Uuid;

pub(crate) use caller::{caller, parse, traceparent};
pub(crate) use message::Said;
pub(crate) use scope::{attribute, belongs, failed, granted, here, outcome, part};
pub(crate) use span::{Own, key};

use crate::clock::stamp;
use crate::config;
use crate::metrics::Metrics;
use export::Exporter;
use ids::Ids;
use span::{Draft, text};

/// How long a server that stops waits until the last spans are taken.
const FLUSH: Duration = Duration::from_secs(2);

/// Where spans go; nowhere, where traces are off. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Traces(Option<Arc<Inner>>);

struct Inner {
    ids: Ids,
    exporter: Exporter,
}

impl Traces {
    /// As the settings say, for this life of a node of that deployment.
    pub(crate) fn new(
        settings: &config::Traces,
        deployment: Uuid,
        owner: Owner,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let Some(to) = settings.collector()? else { return Ok(Self::default()) };
        let resource = span::resource(&settings.service, owner);
        let exporter = Exporter::start(to, &resource, Arc::clone(metrics));
        Ok(Self(Some(Arc::new(Inner { ids: Ids::new(deployment, settings.sample), exporter }))))
    }

    /// Whether anything is to be traced at all.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Does `work` and makes spans of it: `own`, and under it whatever is said of it meanwhile in this task.
    pub(crate) async fn scope<T>(
        &self,
        own: impl FnOnce() -> Own,
        work: impl Future<Output = T>,
    ) -> T {
        match &self.0 {
            Some(inner) => scope::run(inner, own(), work).await,
            None => work.await,
        }
    }

    /// Something happened to an entry at this moment. With `begins` it is what the entry began with.
    pub(crate) fn moment(
        &self,
        name: &'static str,
        (room, generation): (RoomId, Generation),
        begins: bool,
        word: &'static str,
    ) {
        let Some(inner) = &self.0 else { return };
        let root = inner.ids.entry(room, generation);
        if !root.is_sampled() {
            return;
        }
        let now = stamp();
        let (context, parent) = if begins { (root, None) } else { (ids::below(&root), Some(root)) };
        let mut draft = Draft::new(name, SpanKind::Internal, (now, now));
        draft.attributes.extend(span::entry(room, generation));
        draft.attributes.push(text(key::OUTCOME, word));
        inner.exporter.take(draft.under(context, parent.as_ref()));
    }

    /// A session was ended here by what `cause` is, here or on another node.
    pub(crate) fn ended(
        &self,
        cause: Option<&SpanContext>,
        (room, generation): (RoomId, Generation),
        status: u16,
    ) {
        let (Some(inner), Some(cause)) = (&self.0, cause) else { return };
        if !cause.is_sampled() {
            return;
        }
        let now = stamp();
        let kind = if cause.is_remote() { SpanKind::Consumer } else { SpanKind::Internal };
        let mut draft = Draft::new("anteroom.session.end", kind, (now, now));
        draft.attributes.extend(span::entry(room, generation));
        draft.attributes.push(span::number(key::CLOSE, i64::from(status)));
        draft.links_to(&inner.ids.entry(room, generation));
        inner.exporter.take(draft.under(ids::below(cause), Some(cause)));
    }

    /// Sends what waits, for a bounded time; nothing is taken any more.
    pub(crate) async fn stop(&self) {
        if let Some(inner) = &self.0 {
            inner.exporter.stop(FLUSH).await;
        }
    }
}

/// The trace that this task works for, for whoever writes a line about it.
pub(crate) fn trace_here() -> Option<TraceId> {
    here().filter(SpanContext::is_sampled).map(|it| it.trace_id())
}

/// When something began, if anybody wants to know.
pub(crate) fn began() -> Option<SystemTime> {
    scope::is_traced().then(stamp)
}
