//! What is published, and what became of it.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;

/// Survives a restart of the broker, in a queue that does.
const PERSISTENT: u8 = 2;

/// Something to publish.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(super) exchange: String,
    pub(super) key: String,
    pub(super) body: Bytes,
    pub(super) properties: BasicProperties,
    pub(super) options: BasicPublishOptions,
}

impl Message {
    /// A message that the broker may lose when it restarts and drop when nobody wants it.
    pub(crate) fn passing(exchange: &str, key: &str, body: Bytes) -> Self {
        Self {
            exchange: exchange.to_owned(),
            key: key.to_owned(),
            body,
            properties: BasicProperties::default(),
            options: BasicPublishOptions::default(),
        }
    }

    /// A message that must reach a queue and stay there: persistent, and returned where no queue is. `id`
    /// tells a repetition from another one.
    pub(crate) fn lasting(exchange: &str, key: &str, body: Bytes, id: &str) -> Self {
        let mut message = Self::passing(exchange, key, body);
        message.properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        message.options.mandatory = true;
        message.named(id)
    }

    /// With a name that tells it from others.
    pub(crate) fn named(mut self, id: &str) -> Self {
        self.properties = self.properties.with_message_id(id.into());
        self
    }

    /// It does not matter whether anybody listens.
    pub(crate) fn for_whoever_listens(mut self) -> Self {
        self.options.mandatory = false;
        self
    }
}

/// What became of a published message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is in every queue that it was meant for; one that lasts is on disk there.
    Confirmed,
    /// No queue takes it. The reason is for the log.
    Returned(String),
    /// It may have arrived and may not have: publish it again under the same id.
    Unknown,
}

impl From<BasicReturnMessage> for Outcome {
    fn from(returned: BasicReturnMessage) -> Self {
        Self::Returned(format!("{} {}", returned.reply_code, returned.reply_text))
    }
}
