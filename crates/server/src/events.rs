//! Passes what happened on to other services: from the outbox in the store to the topic exchange.
//!
//! An event leaves the store only after the broker has confirmed it, so each is published at least once. One
//! that was published and not confirmed goes out again under the same id. Of several nodes one at a time has
//! the turn to publish, and events go out in the order of their numbers; only around a broken line, or where
//! a node lost its turn in the middle, may one come again after later ones. While the broker is away rows
//! stay and pile up, which is told and can be measured; nothing else waits for them.
//!
//! Knows nothing of what the events say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::rabbit::{Away, Link, Message, Outcome};
use crate::storage::{EventRecord, SharedStorage, Stored};

/// The exchange, behind the prefix.
const EXCHANGE: &str = "events";
/// Events that are under way at once.
const TOGETHER: usize = 256;
/// How long a turn is; longer than any batch takes, so that a node that is well never loses it.
const TURN: Duration = Duration::from_secs(15);
/// How often an empty outbox is looked into.
const LOOK: Duration = Duration::from_millis(200);
/// Before the next attempt when another node has the turn, or the store or the broker is away.
const REST: Duration = Duration::from_secs(1);
/// How often it is measured how much waits.
const MEASURE: Duration = Duration::from_secs(2);
/// An event that is older than this and still here is told of, and once in so long from then on.
const LATE: Duration = Duration::from_secs(60);

/// What publishes on this node.
pub(crate) struct Relay {
    storage: SharedStorage,
    link: Link,
    metrics: Arc<Metrics>,
    clock: Arc<Clock>,
    /// Names this process where turns are taken.
    me: Uuid,
}

/// What became of a look into the outbox.
enum Look {
    /// There may be more.
    Published,
    /// Nothing waits.
    Empty,
    /// Another node publishes.
    NotOurs,
    /// Some of it could not be published, or not for certain.
    Away(Away),
}

impl Relay {
    pub(crate) fn new(
        storage: SharedStorage,
        link: Link,
        (metrics, clock): (Arc<Metrics>, Arc<Clock>),
    ) -> Self {
        Self { storage, link, metrics, clock, me: Uuid::new_v4() }
    }

    /// Publishes, for ever.
    pub(crate) async fn run(&self) {
        let mut is_away = false;
        loop {
            let rest = match self.look().await {
                Ok(Look::Published) => {
                    if std::mem::take(&mut is_away) {
                        tracing::info!(event = "events.back", "the broker takes events again");
                    }
                    continue;
                }
                Ok(Look::Empty) => LOOK,
                Ok(Look::NotOurs) => REST,
                Ok(Look::Away(why)) => {
                    if !std::mem::replace(&mut is_away, true) {
                        tracing::warn!(event = "events.away", error = %why,
                            "events wait in the store until the broker takes them");
                    }
                    REST
                }
                Err(error) => {
                    tracing::debug!(event = "events.unread", %error, "the store cannot be read");
                    REST
                }
            };
            tokio::time::sleep_until(Instant::now() + rest).await;
        }
    }

    /// Lets another node go on at once.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.storage.leave_events(self.me).await {
            tracing::debug!(event = "events.not_left", %error, "the turn runs out by itself");
        }
    }

    async fn look(&self) -> Stored<Look> {
        // A turn is only for who can use it.
        if !self.link.is_up() {
            return Ok(Look::Away(Away("there is no line to it".into())));
        }
        let Some(events) = self.storage.next_events(self.me, TURN, TOGETHER).await? else {
            return Ok(Look::NotOurs);
        };
        if events.is_empty() {
            return Ok(Look::Empty);
        }
        let exchange = self.link.broker().name(EXCHANGE);
        let messages: Vec<_> = events.iter().map(|event| message(&exchange, event)).collect();
        let outcomes = match self.link.publish(&messages).await {
            Ok(outcomes) => outcomes,
            Err(away) => {
                // Another node may have a line.
                self.leave().await;
                return Ok(Look::Away(away));
            }
        };
        let of_each = events.iter().zip(&outcomes);
        let confirmed: Vec<i64> = of_each
            .filter(|(_, outcome)| **outcome == Outcome::Confirmed)
            .map(|(event, _)| event.n)
            .collect();
        let unsure = events.len() - confirmed.len();
        self.metrics.brokered.published(confirmed.len(), unsure);
        self.storage.forget_events(confirmed).await?;
        Ok(match unsure {
            0 => Look::Published,
            _ => Look::Away(Away("it did not say what became of some".into())),
        })
    }

    /// Measures how much waits, for ever.
    pub(crate) async fn measure(&self) {
        let mut said: Option<Instant> = None;
        loop {
            if let Ok(backlog) = self.storage.event_backlog().await {
                let age = backlog.oldest.map_or(0, |at| (self.clock.wall() - at).max(0));
                let age = Duration::from_millis(age.unsigned_abs());
                self.metrics.brokered.wait(backlog.waiting, age);
                if age >= LATE && said.is_none_or(|said| said.elapsed() >= LATE) {
                    said = Some(Instant::now());
                    tracing::warn!(
                        event = "events.late",
                        waiting = backlog.waiting,
                        seconds = age.as_secs(),
                        "events wait for the broker"
                    );
                }
            }
            tokio::time::sleep_until(Instant::now() + MEASURE).await;
        }
    }
}

/// Nobody has to listen: whoever wants events binds a queue.
fn message(exchange: &str, event: &EventRecord) -> Message {
    let body = Bytes::copy_from_slice(event.payload.as_bytes());
    Message::lasting(exchange, &event.routing_key, body, &event.id.to_string())
        .for_whoever_listens()
}
