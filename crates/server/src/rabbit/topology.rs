//! Everything that stands on the broker, in one place.
//!
//! | exchange | kind | what goes through it |
//! | --- | --- | --- |
//! | `events` | topic, durable | what happened, for other services; they bind queues of their own |
//!
//! Every name has `rabbitmq.prefix` in front. All of it is declared with every new connection: what is
//! missing is made, and what is there must be the same, or the server does not use this broker.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind, ExchangeKind};

use super::broker::{Broker, LinkError, Unfit};

/// How long a queue lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Until somebody deletes it.
    Durable,
    /// As long as the connection that declared it, which alone may use it.
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
    items: Vec<Item>,
}

impl Topology {
    /// Nothing.
    pub(crate) fn of(broker: &Broker) -> Self {
        Self { prefix: broker.name(""), items: Vec::new() }
    }

    /// The exchange that other services bind their queues to.
    pub(crate) fn events(self) -> Self {
        self.exchange("events", ExchangeKind::Topic)
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

    /// Declares all of it.
    ///
    /// # Errors
    /// Something is there and is something else, or the broker does not answer.
    pub(super) async fn declare(
        &self,
        channel: &Channel,
        broker: &Broker,
    ) -> Result<(), LinkError> {
        for item in &self.items {
            tokio::time::timeout(broker.timeout, declare(channel, item))
                .await
                .map_err(|_| super::broker::Away::silent())??;
        }
        Ok(())
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
