//! What comes out of a queue.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use lapin::options::BasicAckOptions;

use super::broker::{Away, Broker};
use super::link::{Line, Open, give_up};
use tokio::sync::watch;

/// Something that came out of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Names it in front of this consumer.
    pub(crate) tag: u64,
    /// What it was published under.
    pub(crate) key: String,
    /// What its publisher told repetitions by.
    pub(crate) id: Option<String>,
    pub(crate) body: Bytes,
    /// It may have been here before.
    pub(crate) is_repeated: bool,
}

/// Takes what comes out of one queue, as long as the line stands. What was not acknowledged by then comes
/// again, here or elsewhere. So many are under way at most as the broker was told (`prefetch`).
pub(crate) struct Consumer {
    pub(super) inner: lapin::Consumer,
    pub(super) channel: lapin::Channel,
    pub(super) open: Arc<Open>,
    pub(super) line: Arc<watch::Sender<Line>>,
    pub(super) broker: Broker,
}

impl Consumer {
    /// Waits for the next one; `None` when the line or the queue is gone. May be dropped and asked again.
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        if let Some(Ok(it)) = self.inner.next().await {
            return Some(Delivery {
                tag: it.delivery_tag,
                key: it.routing_key.to_string(),
                id: it.properties.message_id().as_ref().map(ToString::to_string),
                body: it.data.into(),
                is_repeated: it.redelivered,
            });
        }
        // A queue that was deleted comes back with the next line.
        give_up(&self.line, self.open.number, &Away::new("a queue is gone"));
        None
    }

    /// It is done with, and so is all that came before it.
    ///
    /// # Errors
    /// The line is gone: all that was not acknowledged comes again.
    pub(crate) async fn ack_up_to(&self, tag: u64) -> Result<(), Away> {
        let acked = self.channel.basic_ack(tag, BasicAckOptions { multiple: true });
        self.told(acked).await
    }

    /// It is done with.
    ///
    /// # Errors
    /// As [`Consumer::ack_up_to`].
    pub(crate) async fn ack(&self, tag: u64) -> Result<(), Away> {
        let acked = self.channel.basic_ack(tag, BasicAckOptions { multiple: false });
        self.told(acked).await
    }

    async fn told(&self, call: impl Future<Output = lapin::Result<()>>) -> Result<(), Away> {
        self.open.answered(&self.line, self.broker.in_time(call)).await
    }
}
