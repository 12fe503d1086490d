//! The bus over Redis: one channel for news, and one for each room that has members on a node.
//!
//! Two connections. One only publishes, through a bounded queue that nobody waits for; the other only
//! listens. Redis keeps nothing of what passes, so a broken line means that something may have been
//! missed. A listener that lost its line says so to its own node ([`Heard::Missed`]); a teller that lost
//! its line, or whose queue was full, says so to the others as soon as it can ([`News::Silence`]).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, Client, Msg, RedisError};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Away, Bus, Heard, News, Numbered};

/// Things that wait to be published; more are dropped, and made up for.
const QUEUE: usize = 8_192;
/// Things that arrived and were not looked at yet; more make the line wait.
const BACKLOG: usize = 8_192;
/// What is published in one round trip.
const TOGETHER: usize = 256;
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
    outgoing: mpsc::Sender<Outgoing>,
    /// Something could not be told.
    was_silent: Arc<AtomicBool>,
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
        let (outgoing, queue) = mpsc::channel(QUEUE);
        let (heard, arriving) = mpsc::channel(BACKLOG);
        let (sink_is, sink) = watch::channel(None);
        let attended = Arc::new(Mutex::default());
        let was_silent = Arc::new(AtomicBool::new(false));
        let me = Uuid::new_v4();
        let teller =
            Teller { client: client.clone(), timeout, was_silent: Arc::clone(&was_silent) };
        let silence: Outgoing = (Arc::clone(&names.news), news_bytes(me, &News::Silence));
        tokio::spawn(stop.clone().run_until_cancelled_owned(teller.keep(queue, silence)));
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
        Ok((Self { names, me, outgoing, was_silent, attended, sink, timeout }, arriving))
    }

    fn send(&self, channel: Arc<str>, payload: Bytes) {
        if self.outgoing.try_send((channel, payload)).is_err() {
            self.was_silent.store(true, Ordering::Release);
        }
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
        self.send(Arc::clone(&self.names.news), news_bytes(self.me, &news));
    }

    fn publish(&self, room: RoomId, frames: &[(i64, Bytes)]) {
        if !frames.is_empty() {
            self.send(self.names.room(room).into(), batch_bytes(self.me, frames));
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
    was_silent: Arc<AtomicBool>,
}

impl Teller {
    async fn keep(self, mut queue: mpsc::Receiver<Outgoing>, silence: Outgoing) {
        let mut pause = PAUSE;
        let mut waiting = Vec::with_capacity(TOGETHER);
        loop {
            let Some(mut line) = self.connected().await else {
                self.was_silent.store(true, Ordering::Release);
                tokio::time::sleep_until(Instant::now() + pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
                continue;
            };
            pause = PAUSE;
            loop {
                if self.was_silent.swap(false, Ordering::AcqRel) {
                    waiting.push(silence.clone());
                }
                if waiting.is_empty() && queue.recv_many(&mut waiting, TOGETHER).await == 0 {
                    return;
                }
                if !self.published(&mut line, &mut waiting).await {
                    self.was_silent.store(true, Ordering::Release);
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
        let mut payload = Bytes::copy_from_slice(message.get_payload_bytes());
        if payload.len() < 16 {
            return None;
        }
        let from = payload.split_to(16);
        if from == self.me.as_bytes()[..] {
            return None;
        }
        let channel = message.get_channel_name();
        if let Some(room) = self.names.room_of(channel) {
            return Some(Heard::Published(room, read_batch(payload)?));
        }
        match serde_json::from_slice(&payload) {
            Ok(News::Silence) => Some(Heard::Missed),
            Ok(news) => Some(Heard::News(news)),
            Err(error) => {
                tracing::debug!(event = "bus.unreadable", %error, "news of another version");
                None
            }
        }
    }
}

fn news_bytes(me: Uuid, news: &News) -> Bytes {
    let mut bytes = me.as_bytes().to_vec();
    // News always serialises.
    bytes.extend(serde_json::to_vec(news).unwrap_or_default());
    bytes.into()
}

/// Who says it, then of each frame its number, its length and its bytes.
fn batch_bytes(me: Uuid, frames: &[(i64, Bytes)]) -> Bytes {
    let length = frames.iter().map(|(_, frame)| 12 + frame.len()).sum::<usize>();
    let mut bytes = BytesMut::with_capacity(16 + length);
    bytes.extend_from_slice(me.as_bytes());
    for (seq, frame) in frames {
        bytes.put_i64(*seq);
        bytes.put_u32(frame.len() as u32);
        bytes.extend_from_slice(frame);
    }
    bytes.freeze()
}

fn read_batch(mut bytes: Bytes) -> Option<Numbered> {
    let mut frames = Numbered::new();
    while !bytes.is_empty() {
        if bytes.len() < 12 {
            return None;
        }
        let (seq, length) = (bytes.get_i64(), bytes.get_u32() as usize);
        if bytes.len() < length {
            return None;
        }
        frames.push((seq, bytes.split_to(length)));
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_as_it_was_written_and_half_of_one_is_nothing() {
        let me = Uuid::from_u128(7);
        let frames = vec![(3, Bytes::from_static(b"three")), (4, Bytes::new())];
        let bytes = batch_bytes(me, &frames);
        assert_eq!(&bytes[..16], me.as_bytes());
        let body = bytes.slice(16..);
        assert_eq!(read_batch(body.clone()), Some(frames));
        let first_ends = 12 + 5;
        for cut in (1..body.len()).filter(|cut| *cut != first_ends) {
            assert_eq!(read_batch(body.slice(..cut)), None, "{cut}");
        }
    }

    #[test]
    fn a_room_is_known_by_its_channel() {
        let names = Names::new("p:");
        assert_eq!(names.room_of(&names.room(RoomId(42))), Some(RoomId(42)));
        assert_eq!(names.room_of("p:bus:news"), None);
    }
}
