//! Deadlines of rooms that wait on RabbitMQ (`admission.deadlines = "rabbitmq"`).
//!
//! For each kind of deadline there is one span, and for each span one queue in which everything waits
//! equally long, so that its head is always the first that is due. From there it comes to one queue of what
//! is due, and whichever node takes it looks at that room. An alarm names a room and nothing else: it is a
//! hint, and whether anything is due there the seats alone decide. So alarms may come twice, early, late or
//! never: the deadline loop comes by a while later anyway ([`BEHIND`]).

use std::collections::HashSet;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::rabbit::{Broker, Consumer, DEADLINES, DUE, Link, Message, Outcome, Topology, Unfit};

/// How far the deadline loop stays behind the alarms. What the broker does not bring is seen to then.
pub(crate) const BEHIND: Duration = Duration::from_secs(2);
/// An alarm comes so much after its deadline: one that comes a moment early is for nothing.
const AFTER: Duration = Duration::from_millis(20);
/// Alarms that wait to be set; more are not, and the deadline loop sees to those rooms.
const QUEUE: usize = 8_192;
/// Alarms set in one go.
const TOGETHER: usize = 256;
/// Rooms looked at at once.
const AT_ONCE: u16 = 64;
/// Before the next attempt, when the broker takes nothing or gives nothing.
const PAUSE: Duration = Duration::from_millis(200);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A reservation's connection.
    Reservation,
    /// The same, of a seat offered to somebody in line.
    Offer,
    /// The return of somebody whose line broke.
    Grace,
    /// The return of a waiter's stream.
    Waiter,
    /// The first entry into a new room.
    Pending,
}

/// How long each is waited for. What is not waited for at all has no alarm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    pub(crate) reservation: Duration,
    pub(crate) offer: Duration,
    pub(crate) grace: Duration,
    pub(crate) waiter: Duration,
    pub(crate) pending: Duration,
}

impl Spans {
    fn of(&self, kind: Kind) -> (&'static str, Duration) {
        match kind {
            Kind::Reservation => ("reservation", self.reservation),
            Kind::Offer => ("offer", self.offer),
            Kind::Grace => ("grace", self.grace),
            Kind::Waiter => ("waiter", self.waiter),
            Kind::Pending => ("pending", self.pending),
        }
    }

    /// What an alarm of that kind is set under. It names the span, so that another one is another queue.
    fn key(&self, kind: Kind) -> String {
        let (name, span) = self.of(kind);
        format!("{name}.{}", span.as_millis())
    }

    fn waits(&self) -> Vec<(String, Duration)> {
        let kinds = [Kind::Reservation, Kind::Offer, Kind::Grace, Kind::Waiter, Kind::Pending];
        let kinds = kinds.into_iter().filter(|kind| !self.of(*kind).1.is_zero());
        kinds.map(|kind| (self.key(kind), self.of(kind).1 + AFTER)).collect()
    }
}

/// Where alarms are set. Without a broker setting one does nothing.
#[derive(Clone, Default)]
pub(crate) struct Alarms(Option<mpsc::Sender<(Kind, RoomId)>>);

impl Alarms {
    /// Sets alarms on that broker, until `stop`; what is due comes out of the second. A broker that is away
    /// is not waited for.
    ///
    /// # Errors
    /// The broker is there and cannot be used.
    pub(crate) async fn on(
        broker: &Broker,
        spans: Spans,
        stop: CancellationToken,
    ) -> Result<(Self, Rings), Unfit> {
        let topology = Topology::of(broker).deadlines(&spans.waits());
        let sets = Link::start(broker, topology.clone(), stop.clone());
        let (sets, rings) = tokio::join!(sets, Link::start(broker, topology, stop.clone()));
        let (sets, rings) = (sets?, rings?);
        let (sender, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(stop.run_until_cancelled_owned(keep_setting(sets, spans, waiting)));
        Ok((Self(Some(sender)), Rings(rings)))
    }

    /// After its span whoever is there looks at the room.
    pub(crate) fn set(&self, kind: Kind, room: RoomId) {
        if let Some(sender) = &self.0 {
            // One that finds no place is made up for by the deadline loop.
            let _ = sender.try_send((kind, room));
        }
    }
}

async fn keep_setting(link: Link, spans: Spans, mut waiting: mpsc::Receiver<(Kind, RoomId)>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut batch, TOGETHER).await > 0 {
        // One alarm is enough for all that was set before it.
        let rooms: HashSet<(Kind, RoomId)> = batch.drain(..).collect();
        let number = link.lines().borrow().number();
        let messages: Vec<Message> = rooms
            .into_iter()
            .filter(|(kind, _)| !spans.of(*kind).1.is_zero())
            .map(|(kind, room)| {
                let (exchange, name) = (link.broker().name(DEADLINES), room.0.to_string());
                Message::lasting(&exchange, &spans.key(kind), Bytes::from(name.clone()), &name)
            })
            .collect();
        match link.publish(&messages).await {
            Ok(outcomes) => {
                let is_gone = |it: &Outcome| matches!(it, Outcome::Returned(_));
                if let (Some(number), true) = (number, outcomes.iter().any(is_gone)) {
                    link.begin_anew(number, "a queue of deadlines is gone");
                }
            }
            Err(away) => {
                tracing::debug!(event = "alarms.away", error = %away, "alarms are not set");
                tokio::time::sleep_until(Instant::now() + PAUSE).await;
            }
        }
    }
}

/// What is due.
pub(crate) struct Rings(Link);

impl Rings {
    /// Has `look` look at each room that is due, some at a time, for ever. One that is not looked at to the
    /// end rings again, here or elsewhere.
    pub(crate) async fn answer<F: Future<Output = ()>>(self, look: impl Fn(RoomId) -> F) {
        let mut lines = self.0.lines();
        loop {
            if lines.wait_for(|line| line.number().is_some()).await.is_err() {
                return;
            }
            match self.0.consume(DUE, AT_ONCE).await {
                Ok(consumer) => answer_all(consumer, &look).await,
                Err(away) => {
                    tracing::debug!(event = "alarms.away", error = %away, "no alarm is heard");
                    tokio::time::sleep_until(Instant::now() + PAUSE).await;
                }
            }
        }
    }
}

async fn answer_all<F: Future<Output = ()>>(mut consumer: Consumer, look: &impl Fn(RoomId) -> F) {
    let mut looking = FuturesUnordered::new();
    loop {
        let done = tokio::select! {
            Some(tag) = looking.next() => tag,
            ring = consumer.next() => {
                let Some(ring) = ring else { return };
                let room = std::str::from_utf8(&ring.body).ok().and_then(|room| room.parse().ok());
                match room {
                    Some(room) => {
                        let (tag, looked) = (ring.tag, look(RoomId(room)));
                        looking.push(async move {
                            looked.await;
                            tag
                        });
                    }
                    // Nobody here can read it, and nobody will.
                    None => drop(consumer.ack(ring.tag).await),
                }
                continue;
            }
        };
        if consumer.ack(done).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
#[path = "alarms_tests.rs"]
mod tests;
