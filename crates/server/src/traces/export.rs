//! From the queue to whoever collects: OTLP over HTTP, protobuf.
//!
//! The queue is bounded and nobody waits for a place in it. One task takes from it, sends what came
//! together, and repeats a few times what a collector could not take at that moment; meanwhile the queue
//! may fill up. What is lost, is counted (`trace_spans` of the metrics) and spoken of now and then.

mod post;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::config::Collector;
use crate::metrics::{Metrics, SpanFate};
use crate::pace::Pace;

/// Spans that wait; more are dropped. About a kilobyte each.
const QUEUE: usize = 8_192;
/// Spans in one request.
const TOGETHER: usize = 512;
/// How long a span waits for others.
const LINGER: Duration = Duration::from_millis(500);
/// How often the same request is made before its spans are given up.
const TRIES: u32 = 4;
/// Between two of them at first; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
/// The log says at most so often that spans are lost.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// The entrance to the queue, and the task behind it.
pub(super) struct Exporter {
    queue: mpsc::Sender<SpanData>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Exporter {
    pub(super) fn start(to: Collector, resource: &Resource, metrics: Arc<Metrics>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let sender = Sender {
            to,
            resource: ResourceAttributesWithSchema::from(resource),
            waiting,
            metrics: Arc::clone(&metrics),
            stop: stop.clone(),
            lost: Pace::every(SAID_EVERY),
        };
        let task = Mutex::new(Some(tokio::spawn(sender.run())));
        Self { queue, metrics, stop, task }
    }

    /// To be sent, if there is a place.
    pub(super) fn take(&self, span: SpanData) {
        if self.queue.try_send(span).is_err() {
            self.metrics.spans(SpanFate::QueueFull, 1);
        }
    }

    /// Sends what waits, for at most so long.
    pub(super) async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else { return };
        if timeout(patience, &mut task).await.is_err() {
            task.abort();
            tracing::warn!(
                event = "traces.not_flushed",
                "the collector did not take the last spans in time; they are lost"
            );
        }
    }
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It may go well the next time.
    #[error("{0}")]
    ForNow(String),
    /// It never will.
    #[error("the collector answers {0}")]
    ForGood(u16),
}

struct Sender {
    to: Collector,
    resource: ResourceAttributesWithSchema,
    waiting: mpsc::Receiver<SpanData>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    /// That spans are lost.
    lost: Pace,
}

impl Sender {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(TOGETHER);
        while self.next(&mut batch).await {
            let spans = batch.len();
            let request = ExportTraceServiceRequest {
                resource_spans: group_spans_by_resource_and_scope(
                    std::mem::take(&mut batch),
                    &self.resource,
                ),
            };
            self.send(request.encode_to_vec(), spans).await;
        }
    }

    /// Waits for spans, and a little for more. False when the server stops and none is left.
    async fn next(&mut self, batch: &mut Vec<SpanData>) -> bool {
        tokio::select! {
            biased;
            count = self.waiting.recv_many(batch, TOGETHER) => if count == 0 { return false },
            () = self.stop.cancelled() => {
                self.waiting.close();
                return self.waiting.recv_many(batch, TOGETHER).await > 0;
            }
        }
        let until = Instant::now() + LINGER;
        while batch.len() < TOGETHER {
            let more = self.waiting.recv_many(batch, TOGETHER - batch.len());
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                count = timeout_at(until, more) => if !count.is_ok_and(|count| count > 0) { break },
            }
        }
        true
    }

    /// Sends one request, a few times if it must be.
    async fn send(&mut self, body: Vec<u8>, spans: usize) {
        let body = bytes::Bytes::from(body);
        let mut pause = PAUSE;
        for left in (0..TRIES).rev() {
            match post::post(&self.to, body.clone()).await {
                Ok(answer) => return self.taken(&answer, spans),
                Err(Failure::ForNow(_)) if left > 0 => {
                    let stopping = timeout(pause, self.stop.cancelled()).await.is_ok();
                    pause = if stopping { Duration::ZERO } else { pause * 2 };
                }
                Err(failure) => {
                    self.metrics.spans(SpanFate::Failed, spans as u64);
                    return self.warn(&failure.to_string(), spans);
                }
            }
        }
    }

    /// It was taken, perhaps not all of it.
    fn taken(&mut self, answer: &[u8], spans: usize) {
        let partial = ExportTraceServiceResponse::decode(answer).ok();
        let partial = partial.and_then(|it| it.partial_success).unwrap_or_default();
        let rejected = usize::try_from(partial.rejected_spans).unwrap_or(0).min(spans);
        self.metrics.spans(SpanFate::Exported, (spans - rejected) as u64);
        if rejected > 0 {
            self.metrics.spans(SpanFate::Rejected, rejected as u64);
            self.warn(&partial.error_message, rejected);
        }
    }

    fn warn(&mut self, why: &str, spans: usize) {
        if let Some(times) = self.lost.met(Instant::now()) {
            tracing::warn!(
                event = "traces.lost",
                spans,
                times,
                error = why,
                "spans were not taken and are lost; this is said once a minute, the metric has all"
            );
        }
    }
}
