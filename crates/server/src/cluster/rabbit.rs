//! The bus over RabbitMQ: an exchange for news, one for what is said in rooms, and a queue of its own for
//! each node, bound to the rooms that have members there.
//!
//! Two lines: one publishes, the other listens, because a broker that takes nothing for a while must not
//! keep a node from hearing. A queue lasts as long as its line and is bounded; what comes when it is full
//! pushes out the oldest. So a new line means that something may have been missed ([`Heard::Missed`]), and
//! so does a number left out: every teller numbers its news. What a room's frames lost is seen by their own
//! numbers.
//!
//! A queue hands out no more than [`PREFETCH`] ahead, so what is not looked at yet waits there, in its
//! bounds, and not in this process.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::telling::{TOGETHER, Telling, Waiting};
use super::{Away, Bus, Heard, News, wire};
use crate::rabbit::{BUS_NEWS, BUS_QUEUE, BUS_ROOMS, Broker, Consumer, Delivery, Link};
use crate::rabbit::{Message, Outcome, Topology, Unfit};

/// Things that arrived and were not looked at yet; more wait in the queue.
const BACKLOG: usize = 1_024;
/// Things handed out by the queue and not acknowledged.
const PREFETCH: u16 = 1_024;
/// Rooms that are bound at a time when a line begins.
const BOUND_TOGETHER: usize = 64;
/// Before the next attempt, when the broker takes nothing or a queue cannot be listened to.
const PAUSE: Duration = Duration::from_millis(200);
/// Tellers whose numbers are remembered; so many lives of nodes are never heard at once.
const TELLERS: usize = 1_024;

/// Something on its way out.
enum Outgoing {
    News(Bytes),
    Frames(RoomId, Bytes),
}

/// A node's place on the bus.
pub(crate) struct RabbitBus {
    /// This life of this node, in front of everything it says: what it hears of itself it knows already.
    me: Uuid,
    telling: Telling<Outgoing>,
    attended: Attended,
    hears: Link,
    #[cfg(test)]
    tells: Link,
    /// Whether what is said arrives.
    is_heard: watch::Receiver<bool>,
}

/// The rooms that have members here.
#[derive(Clone, Default)]
struct Attended(Arc<Mutex<HashSet<RoomId>>>);

impl Attended {
    fn lock(&self) -> MutexGuard<'_, HashSet<RoomId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RabbitBus {
    /// Joins the bus of all nodes with this prefix. A broker that is away is not waited for; lines are made
    /// and kept in the background until `stop`. What arrives comes out of the receiver; its first word is
    /// [`Heard::Missed`], once the line stands.
    ///
    /// # Errors
    /// The broker is there and cannot be used.
    pub(crate) async fn join(
        broker: &Broker,
        stop: CancellationToken,
    ) -> Result<(Self, mpsc::Receiver<Heard>), Unfit> {
        let tells = Link::start(broker, Topology::of(broker).bus(), stop.clone());
        let hears = Link::start(broker, Topology::of(broker).bus_member(), stop.clone());
        let (tells, hears) = tokio::join!(tells, hears);
        let (tells, hears) = (tells?, hears?);
        let me = Uuid::new_v4();
        let (telling, waiting) = Telling::new();
        let (heard, arriving) = mpsc::channel(BACKLOG);
        let (is_heard_now, is_heard) = watch::channel(false);
        let attended = Attended::default();
        let teller = Teller { me, link: tells.clone(), told: 0 };
        tokio::spawn(stop.clone().run_until_cancelled_owned(teller.keep(waiting)));
        let listener = Listener {
            me,
            link: hears.clone(),
            attended: attended.clone(),
            is_heard: is_heard_now,
            heard,
        };
        tokio::spawn(stop.run_until_cancelled_owned(listener.keep()));
        let bus = Self {
            me,
            telling,
            attended,
            hears,
            #[cfg(test)]
            tells,
            is_heard,
        };
        Ok((bus, arriving))
    }
}

#[async_trait]
impl Bus for RabbitBus {
    fn is_shared(&self) -> bool {
        true
    }

    fn is_up(&self) -> bool {
        *self.is_heard.borrow()
    }

    fn tell(&self, news: News) {
        self.telling.tell(Outgoing::News(wire::news(self.me, &news)));
    }

    fn publish(&self, room: RoomId, frames: &[(i64, Bytes)]) {
        if !frames.is_empty() {
            self.telling.tell(Outgoing::Frames(room, wire::batch(self.me, frames)));
        }
    }

    async fn attend(&self, room: RoomId) -> Result<(), Away> {
        // Noted first: a line that is made anew meanwhile binds it as well.
        self.attended.lock().insert(room);
        if !self.is_up() {
            return Err(Away("the listening line is down".into()));
        }
        let bound = self.hears.bind(BUS_QUEUE, BUS_ROOMS, &room.0.to_string()).await;
        bound.map_err(|away| Away(away.to_string()))
    }

    async fn leave(&self, room: RoomId) {
        self.attended.lock().remove(&room);
        // A line that breaks forgets it anyway.
        let _ = self.hears.unbind(BUS_QUEUE, BUS_ROOMS, &room.0.to_string()).await;
    }
}

/// Publishes what waits.
struct Teller {
    me: Uuid,
    link: Link,
    /// The number of the last news.
    told: u64,
}

impl Teller {
    async fn keep(mut self, mut waiting: Waiting<Outgoing>) {
        let mut lines = self.link.lines();
        let mut line = None;
        let mut batch = Vec::with_capacity(TOGETHER);
        loop {
            let Ok(now) =
                lines.wait_for(|line| line.number().is_some()).await.map(|it| it.number())
            else {
                return;
            };
            // What was told meanwhile was late at best.
            if line.is_some() && line != now {
                waiting.was_silent();
            }
            line = now;
            let silence = || Outgoing::News(wire::news(self.me, &News::Silence));
            if !waiting.next(&mut batch, silence).await {
                return;
            }
            let messages: Vec<Message> = batch.drain(..).map(|it| self.message(it)).collect();
            let is_told = match self.link.publish(&messages).await {
                Ok(outcomes) => outcomes.iter().all(|it| *it == Outcome::Confirmed),
                Err(away) => {
                    tracing::debug!(event = "bus.away", error = %away,
                        "nothing can be told to the other nodes");
                    tokio::time::sleep_until(Instant::now() + PAUSE).await;
                    false
                }
            };
            if !is_told {
                waiting.was_silent();
            }
        }
    }

    fn message(&mut self, it: Outgoing) -> Message {
        let broker = self.link.broker();
        match it {
            Outgoing::News(bytes) => {
                self.told += 1;
                let news = Message::passing(&broker.name(BUS_NEWS), "", bytes);
                news.named(&self.told.to_string())
            }
            Outgoing::Frames(room, bytes) => {
                Message::passing(&broker.name(BUS_ROOMS), &room.0.to_string(), bytes)
            }
        }
    }
}

/// Keeps listening, and passes on what comes.
struct Listener {
    me: Uuid,
    link: Link,
    attended: Attended,
    is_heard: watch::Sender<bool>,
    heard: mpsc::Sender<Heard>,
}

impl Listener {
    async fn keep(self) {
        let mut lines = self.link.lines();
        loop {
            if lines.wait_for(|line| line.number().is_some()).await.is_err() {
                return;
            }
            match self.begun().await {
                Ok(consumer) => {
                    tracing::info!(event = "bus.joined", "this node hears the others");
                    // Whatever was said before is known by looking.
                    if self.heard.send(Heard::Missed).await.is_err() {
                        return;
                    }
                    self.listen(consumer).await;
                    self.is_heard.send_replace(false);
                    tracing::warn!(event = "bus.broken", "the line to the other nodes broke");
                }
                Err(away) => {
                    self.is_heard.send_replace(false);
                    tracing::debug!(event = "bus.away", error = %away, "this node hears nobody");
                    tokio::time::sleep_until(Instant::now() + PAUSE).await;
                }
            }
            if self.heard.is_closed() {
                return;
            }
        }
    }

    /// Listens to everything that was listened to before.
    async fn begun(&self) -> Result<Consumer, crate::rabbit::Away> {
        let consumer = self.link.consume(BUS_QUEUE, PREFETCH).await?;
        // From now on who attends a room binds it; before, it is in the list.
        self.is_heard.send_replace(true);
        let rooms: Vec<String> =
            self.attended.lock().iter().map(|room| room.0.to_string()).collect();
        let bind = |room: String| {
            let link = self.link.clone();
            async move { link.bind(BUS_QUEUE, BUS_ROOMS, &room).await }
        };
        let mut bound = stream::iter(rooms).map(bind).buffer_unordered(BOUND_TOGETHER);
        while let Some(bound) = bound.next().await {
            bound?;
        }
        Ok(consumer)
    }

    async fn listen(&self, mut consumer: Consumer) {
        let (mut numbers, mut last, mut acked) = (HashMap::new(), 0, 0);
        loop {
            let delivery = match consumer.next().now_or_never() {
                Some(delivery) => delivery,
                None => {
                    // All that came has been passed on.
                    if last > acked && consumer.ack_up_to(last).await.is_err() {
                        return;
                    }
                    acked = last;
                    consumer.next().await
                }
            };
            let Some(delivery) = delivery else { return };
            last = last.max(delivery.tag);
            for heard in self.read(delivery, &mut numbers) {
                if self.heard.send(heard).await.is_err() {
                    return;
                }
            }
            if last - acked >= u64::from(PREFETCH / 2) {
                if consumer.ack_up_to(last).await.is_err() {
                    return;
                }
                acked = last;
            }
        }
    }

    /// What a message says, and whether one before it is missing.
    fn read(&self, it: Delivery, numbers: &mut HashMap<Uuid, u64>) -> Vec<Heard> {
        let room = it.key.parse().ok().map(RoomId);
        let Some((from, heard)) = wire::read(self.me, room, it.body) else { return Vec::new() };
        let number = it.id.and_then(|id| id.parse::<u64>().ok());
        let is_missing = number.is_some_and(|number| left_out(numbers, from, number));
        if is_missing && heard != Heard::Missed {
            return vec![heard, Heard::Missed];
        }
        vec![heard]
    }
}

/// Whether this number of that teller does not follow the last one.
fn left_out(numbers: &mut HashMap<Uuid, u64>, from: Uuid, number: u64) -> bool {
    if numbers.len() >= TELLERS && !numbers.contains_key(&from) {
        numbers.clear();
    }
    numbers.insert(from, number).is_some_and(|last| number != last + 1)
}

#[cfg(test)]
#[path = "rabbit_tests.rs"]
mod tests;
