//! Everything that stands on the broker, in one place.
//!
//! | exchange | kind | what goes through it |
//! | --- | --- | --- |
//! | `events` | topic | what happened, for other services; they bind queues of their own |
//! | `bus.news` | fanout | what the nodes tell each other |
//! | `bus.rooms` | direct | what is said in rooms, under the room's number |
//! | `deadlines` | direct | rooms in which something will be due, under kind and span in milliseconds |
//! | `due` | fanout | rooms in which something is due |
//!
//! | queue | kind | what is in it |
//! | --- | --- | --- |
//! | `bus.node…` | exclusive, bounded in bytes, the oldest is dropped | what one node has yet to hear |
//! | `deadlines.KIND.SPAN` | durable, with that span as the life of what is in it, which goes to `due` | what waits |
//! | `due` | durable, bounded, the oldest is dropped | what no node has looked at yet |
//! | `messages.0` to `messages.N` | quorum, single active consumer, bounded, refuses when full, each message for a minute | messages of the rooms of that shard on their way to the store |
//! | `messages.reports…` | exclusive | what became of messages that one node queued |
//!
//! Exchanges are durable. Every name has `rabbitmq.prefix` in front. All of it is declared with every new connection: what is
//! missing is made, and what is there must be the same, or the server does not use this broker.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind, ExchangeKind};

use tokio::time::timeout;
use uuid::Uuid;

use super::broker::{Away, Broker, LinkError, Unfit};

/// News between nodes.
pub(crate) const BUS_NEWS: &str = "bus.news";
/// What is said in rooms, under the room's number.
pub(crate) const BUS_ROOMS: &str = "bus.rooms";
/// What one node has yet to hear.
pub(crate) const BUS_QUEUE: &str = "bus.node";
/// Rooms in which something will be due.
pub(crate) const DEADLINES: &str = "deadlines";
/// Rooms in which something is due.
pub(crate) const DUE: &str = "due";
/// So many rooms that are due may wait; nobody looks at them, or the deadline loops did long ago.
const DUE_MAX: i64 = 100_000;
/// So much may wait for one node; it is behind by then, and looks at the store anyway.
const BUS_BYTES: i64 = 8 << 20;

/// Messages that may wait in one queue; more are refused, and go straight to the store.
const MESSAGES_MAX: i64 = 10_000;
/// How long one may wait.
const MESSAGE_TTL_MS: i64 = 60_000;

/// How long a queue lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Until somebody deletes it.
    Durable,
    /// As long as the connection that declared it, which alone may use it. Each has one of its own under
    /// this name.
    Exclusive,
}

/// An argument of a queue.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    /// Milliseconds, bytes or a count.
    Number(i64),
    /// A name.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

#[derive(Clone, Debug)]
enum Item {
    Exchange { name: String, kind: ExchangeKind },
    Queue { name: String, life: Life, arguments: FieldTable },
    Binding { queue: String, exchange: String, key: String },
}

/// What must stand on the broker for a link to be of use, in the order of its declaration.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    prefix: String,
    /// Tells the queues of one process from those of others.
    life: Uuid,
    items: Vec<Item>,
}

impl Topology {
    /// Nothing.
    pub(crate) fn of(broker: &Broker) -> Self {
        Self { prefix: broker.name(""), life: Uuid::new_v4(), items: Vec::new() }
    }

    /// The exchange that other services bind their queues to.
    pub(crate) fn events(self) -> Self {
        self.exchange("events", ExchangeKind::Topic)
    }

    /// What the nodes tell each other goes through these.
    pub(crate) fn bus(self) -> Self {
        self.exchange(BUS_NEWS, ExchangeKind::Fanout).exchange(BUS_ROOMS, ExchangeKind::Direct)
    }

    /// [`Topology::bus`], and the queue of one node.
    pub(crate) fn bus_member(self) -> Self {
        let bounds = [
            ("x-max-length-bytes", Argument::Number(BUS_BYTES)),
            ("x-overflow", Argument::Text("drop-head".to_owned())),
        ];
        self.bus().queue(BUS_QUEUE, Life::Exclusive, &bounds).binding(BUS_QUEUE, BUS_NEWS, "")
    }

    /// What comes to [`DEADLINES`] under one of these keys waits so long, and is in [`DUE`] then.
    pub(crate) fn deadlines(self, spans: &[(String, Duration)]) -> Self {
        let bounds = [
            ("x-max-length", Argument::Number(DUE_MAX)),
            ("x-overflow", Argument::Text("drop-head".to_owned())),
        ];
        let mut all =
            self.exchange(DEADLINES, ExchangeKind::Direct).exchange(DUE, ExchangeKind::Fanout);
        all = all.queue(DUE, Life::Durable, &bounds).binding(DUE, DUE, "");
        for (key, span) in spans {
            let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            let (queue, due) = (format!("{DEADLINES}.{key}"), all.name(DUE));
            let waits = [
                ("x-message-ttl", Argument::Number(span)),
                ("x-dead-letter-exchange", Argument::Text(due)),
            ];
            all = all.queue(&queue, Life::Durable, &waits).binding(&queue, DEADLINES, key);
        }
        all
    }

    /// The queues through which messages come to the store.
    pub(crate) fn messages(mut self, names: impl Iterator<Item = String>) -> Self {
        for name in names {
            self = self.queue(
                &name,
                Life::Durable,
                &[
                    ("x-queue-type", Argument::Text("quorum".to_owned())),
                    // One node stores what waits there, so that it waits for nobody's locks.
                    ("x-single-active-consumer", Argument::Flag(true)),
                    ("x-max-length", Argument::Number(MESSAGES_MAX)),
                    ("x-overflow", Argument::Text("reject-publish".to_owned())),
                    // Whoever put it there has given it to the store long before.
                    ("x-message-ttl", Argument::Number(MESSAGE_TTL_MS)),
                ],
            );
        }
        self
    }

    /// A durable exchange.
    pub(crate) fn exchange(mut self, name: &str, kind: ExchangeKind) -> Self {
        let name = self.name(name);
        self.items.push(Item::Exchange { name, kind });
        self
    }

    /// A queue.
    pub(crate) fn queue(mut self, name: &str, life: Life, arguments: &[(&str, Argument)]) -> Self {
        let mut table = FieldTable::default();
        for (name, argument) in arguments {
            let value = match argument {
                Argument::Number(number) => AMQPValue::LongLongInt(*number),
                Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
                Argument::Flag(flag) => AMQPValue::Boolean(*flag),
            };
            table.insert(ShortString::from(*name), value);
        }
        let name = self.name(name);
        self.items.push(Item::Queue { name, life, arguments: table });
        self
    }

    /// What comes to `exchange` under `key` goes to `queue`.
    pub(crate) fn binding(mut self, queue: &str, exchange: &str, key: &str) -> Self {
        let (queue, exchange) = (self.name(queue), self.name(exchange));
        self.items.push(Item::Binding { queue, exchange, key: key.to_owned() });
        self
    }

    fn name(&self, of: &str) -> String {
        format!("{}{of}", self.prefix)
    }

    /// What a queue is called on the connection of that number. One that is gone may still have its own
    /// for a while, until the broker notices.
    pub(super) fn queue_on(&self, number: u64, of: &str) -> String {
        let wanted = self.name(of);
        let is_own = self.items.iter().any(|item| {
            matches!(item, Item::Queue { name, life: Life::Exclusive, .. } if *name == wanted)
        });
        if is_own { self.own(number, &wanted) } else { wanted }
    }

    fn own(&self, number: u64, name: &str) -> String {
        format!("{name}.{}.{number}", self.life.simple())
    }

    /// Declares all of it.
    ///
    /// # Errors
    /// Something is there and is something else, or the broker does not answer.
    pub(super) async fn declare(
        &self,
        channel: &Channel,
        broker: &Broker,
        number: u64,
    ) -> Result<(), LinkError> {
        for item in &self.items {
            let item = self.item_on(number, item);
            let declared = timeout(broker.timeout, declare(channel, &item)).await;
            declared.map_err(|_| Away::silent())??;
        }
        Ok(())
    }

    fn item_on(&self, number: u64, item: &Item) -> Item {
        let mut item = item.clone();
        match &mut item {
            Item::Queue { name, life: Life::Exclusive, .. } => *name = self.own(number, name),
            Item::Binding { queue, .. } => {
                let short = queue.strip_prefix(&self.prefix).unwrap_or(queue);
                *queue = self.queue_on(number, short);
            }
            Item::Queue { .. } | Item::Exchange { .. } => {}
        }
        item
    }
}

async fn declare(channel: &Channel, item: &Item) -> Result<(), LinkError> {
    match item {
        Item::Exchange { name, kind } => {
            let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
            let declared = channel.exchange_declare(
                name.as_str().into(),
                kind.clone(),
                options,
                FieldTable::default(),
            );
            declared.await.map_err(|error| differs(&format!("an exchange `{name}`"), error))
        }
        Item::Queue { name, life, arguments } => {
            let options = QueueDeclareOptions {
                durable: *life == Life::Durable,
                exclusive: *life == Life::Exclusive,
                auto_delete: *life == Life::Exclusive,
                ..Default::default()
            };
            let declared =
                channel.queue_declare(name.as_str().into(), options, arguments.clone()).await;
            declared.map(drop).map_err(|error| differs(&format!("a queue `{name}`"), error))
        }
        Item::Binding { queue, exchange, key } => {
            let (queue, exchange) = (queue.as_str().into(), exchange.as_str().into());
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            Ok(channel.queue_bind(queue, exchange, key.as_str().into(), options, none).await?)
        }
    }
}

/// A declaration that was refused because of what is there.
fn differs(what: &str, error: lapin::Error) -> LinkError {
    if let ErrorKind::ProtocolError(said) = error.kind()
        && *said.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
    {
        let (what, detail) = (what.to_owned(), said.get_message().to_string());
        return Unfit::Differs { what, detail }.into();
    }
    error.into()
}
