//! The bus over Redis: one channel for news, and one for each room that has members on a node.
//!
//! Two connections. One only publishes, through a bounded queue that nobody waits for; the other only
//! listens. Redis keeps nothing of what passes, so a broken line means that something may have been
//! missed. A listener that lost its line says so to its own node ([`Heard::Missed`]); a teller that lost
//! its line, or whose queue was full, says so to the others as soon as it can ([`News::Silence`]).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, Client, Msg, RedisError};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::telling::{TOGETHER, Telling, Waiting};
use super::{Away, Bus, Heard, News, wire};

/// Things that arrived and were not looked at yet; more make the line wait.
const BACKLOG: usize = 8_192;
/// How often the listening line is asked whether it is there.
const LOOK: Duration = Duration::from_secs(3);
/// Between attempts to connect: at first, and at most.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Something on its way out: the channel and the payload.
type Outgoing = (Arc<str>, Bytes);

/// A node's place on the bus.
pub(crate) struct RedisBus {
    names: Names,
    /// This life of this node, in front of everything it says: what it hears of itself it knows already.
    me: Uuid,
    telling: Telling<Outgoing>,
    attended: Arc<Mutex<HashSet<RoomId>>>,
    /// The listening line; `None` while it is down. Shared with the task that keeps it.
    sink: watch::Receiver<Option<Arc<tokio::sync::Mutex<PubSubSink>>>>,
    timeout: Duration,
}

#[derive(Clone)]
struct Names {
    news: Arc<str>,
    rooms: Arc<str>,
}

impl Names {
    fn new(prefix: &str) -> Self {
        Self {
            news: format!("{prefix}bus:news").into(),
            rooms: format!("{prefix}bus:room:").into(),
        }
    }

    fn room(&self, room: RoomId) -> String {
        format!("{}{}", self.rooms, room.0)
    }

    fn room_of(&self, channel: &str) -> Option<RoomId> {
        channel.strip_prefix(&*self.rooms)?.parse().ok().map(RoomId)
    }
}

impl RedisBus {
    /// Joins the bus of all nodes with this prefix. Answers at once; lines are made and kept in the
    /// background until `stop`. What arrives comes out of the receiver; its first word is
    /// [`Heard::Missed`], once the line stands.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub(crate) fn join(
        url: &str,
        prefix: &str,
        timeout: Duration,
        stop: CancellationToken,
    ) -> Result<(Self, mpsc::Receiver<Heard>), RedisError> {
        let client = Client::open(url)?;
        let names = Names::new(prefix);
        let (telling, waiting) = Telling::new();
        let (heard, arriving) = mpsc::channel(BACKLOG);
        let (sink_is, sink) = watch::channel(None);
        let attended = Arc::new(Mutex::default());
        let me = Uuid::new_v4();
        let teller = Teller { client: client.clone(), timeout };
        let silence: Outgoing = (Arc::clone(&names.news), wire::news(me, &News::Silence));
        tokio::spawn(stop.clone().run_until_cancelled_owned(teller.keep(waiting, silence)));
        let listener = Listener {
            client,
            timeout,
            names: names.clone(),
            me,
            attended: Arc::clone(&attended),
            sink: sink_is,
            heard,
        };
        tokio::spawn(stop.run_until_cancelled_owned(listener.keep()));
        Ok((Self { names, me, telling, attended, sink, timeout }, arriving))
    }

    fn attended(&self) -> std::sync::MutexGuard<'_, HashSet<RoomId>> {
        self.attended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for RedisBus {
    fn is_shared(&self) -> bool {
        true
    }

    fn is_up(&self) -> bool {
        self.sink.borrow().is_some()
    }

    fn tell(&self, news: News) {
        self.telling.tell((Arc::clone(&self.names.news), wire::news(self.me, &news)));
    }

    fn publish(&self, room: RoomId, frames: &[(i64, Bytes)]) {
        if !frames.is_empty() {
            self.telling.tell((self.names.room(room).into(), wire::batch(self.me, frames)));
        }
    }

    async fn attend(&self, room: RoomId) -> Result<(), Away> {
        // Noted first: a line that is made anew meanwhile subscribes it as well.
        self.attended().insert(room);
        let Some(sink) = self.sink.borrow().clone() else {
            return Err(Away("the listening line is down".into()));
        };
        let mut sink = sink.lock().await;
        match timeout(self.timeout, sink.subscribe(self.names.room(room))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Away(error.to_string())),
            Err(_) => Err(Away("a subscription was not answered in time".into())),
        }
    }

    async fn leave(&self, room: RoomId) {
        self.attended().remove(&room);
        let sink = self.sink.borrow().clone();
        if let Some(sink) = sink {
            let mut sink = sink.lock().await;
            // A line that breaks forgets it anyway.
            let _ = timeout(self.timeout, sink.unsubscribe(self.names.room(room))).await;
        }
    }
}

/// Publishes what waits.
struct Teller {
    client: Client,
    timeout: Duration,
}

impl Teller {
    async fn keep(self, mut waiting: Waiting<Outgoing>, silence: Outgoing) {
        let mut pause = PAUSE;
        let mut batch = Vec::with_capacity(TOGETHER);
        loop {
            let Some(mut line) = self.connected().await else {
                waiting.was_silent();
                tokio::time::sleep_until(Instant::now() + pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
                continue;
            };
            pause = PAUSE;
            loop {
                if !waiting.next(&mut batch, || silence.clone()).await {
                    return;
                }
                if !self.published(&mut line, &mut batch).await {
                    waiting.was_silent();
                    break;
                }
            }
        }
    }

    async fn connected(&self) -> Option<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let line = self.client.get_multiplexed_async_connection_with_config(&config).await;
        line.inspect_err(|error| {
            tracing::debug!(event = "bus.away", %error, "nothing can be told to the other nodes");
        })
        .ok()
    }

    /// One round trip for all of it. What fails is not repeated: the others look for themselves.
    async fn published(
        &self,
        line: &mut MultiplexedConnection,
        waiting: &mut Vec<Outgoing>,
    ) -> bool {
        let mut pipe = redis::Pipeline::with_capacity(waiting.len());
        for (channel, payload) in waiting.drain(..) {
            pipe.cmd("PUBLISH").arg(&*channel).arg(&payload[..]).ignore();
        }
        match pipe.query_async::<()>(line).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(event = "bus.away", %error,
                    "news for the other nodes may have been lost; they will be told to look");
                false
            }
        }
    }
}

/// Keeps the listening line and passes on what comes.
struct Listener {
    client: Client,
    timeout: Duration,
    names: Names,
    me: Uuid,
    attended: Arc<Mutex<HashSet<RoomId>>>,
    sink: watch::Sender<Option<Arc<tokio::sync::Mutex<PubSubSink>>>>,
    heard: mpsc::Sender<Heard>,
}

impl Listener {
    async fn keep(self) {
        let mut pause = PAUSE;
        loop {
            match timeout(self.timeout, self.connected()).await {
                Ok(Ok(stream)) => {
                    pause = PAUSE;
                    tracing::info!(event = "bus.joined", "this node hears the others");
                    // Whatever was said before is known by looking.
                    if self.heard.send(Heard::Missed).await.is_err() {
                        return;
                    }
                    self.listen(stream).await;
                    tracing::warn!(event = "bus.broken", "the line to the other nodes broke");
                }
                Ok(Err(error)) => {
                    tracing::debug!(event = "bus.away", %error, "this node hears nobody");
                }
                Err(_) => tracing::debug!(event = "bus.away", "this node hears nobody"),
            }
            self.sink.send_replace(None);
            if self.heard.is_closed() {
                return;
            }
            tokio::time::sleep_until(Instant::now() + pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn connected(&self) -> Result<PubSubStream, RedisError> {
        let (mut sink, stream) = self.client.get_async_pubsub().await?.split();
        sink.subscribe(&*self.names.news).await?;
        let sink = Arc::new(tokio::sync::Mutex::new(sink));
        // Held until every room is subscribed that was attended before; who attends now waits.
        let mut held = sink.lock().await;
        self.sink.send_replace(Some(Arc::clone(&sink)));
        let rooms: Vec<String> = {
            let attended = self.attended.lock().unwrap_or_else(PoisonError::into_inner);
            attended.iter().map(|room| self.names.room(*room)).collect()
        };
        for some in rooms.chunks(TOGETHER) {
            held.subscribe(some).await?;
        }
        drop(held);
        Ok(stream)
    }

    async fn listen(&self, mut stream: PubSubStream) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                // Where packets vanish without a word, nothing would ever come.
                _ = looks.tick() => match self.answers().await {
                    true => continue,
                    false => return,
                },
            };
            let Some(message) = message else { return };
            let Some(heard) = self.read(&message) else { continue };
            if self.heard.send(heard).await.is_err() {
                return;
            }
        }
    }

    /// Whether the other end of the line is there.
    async fn answers(&self) -> bool {
        let Some(sink) = self.sink.borrow().clone() else { return false };
        let asked = async { sink.lock().await.ping::<redis::Value>().await.is_ok() };
        timeout(self.timeout, asked).await.unwrap_or(false)
    }

    /// What a message says; `None` for this node's own, and for what nobody here can read.
    fn read(&self, message: &Msg) -> Option<Heard> {
        let payload = Bytes::copy_from_slice(message.get_payload_bytes());
        let room = self.names.room_of(message.get_channel_name());
        wire::read(self.me, room, payload).map(|(_, heard)| heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_known_by_its_channel() {
        let names = Names::new("p:");
        assert_eq!(names.room_of(&names.room(RoomId(42))), Some(RoomId(42)));
        assert_eq!(names.room_of("p:bus:news"), None);
    }
}
