//! Where RabbitMQ is, and why it cannot be used.

use std::sync::Arc;
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Error, ErrorKind};

use crate::config;

/// How long a silent line counts as alive, in seconds: the broker and we both say something in half of it.
const HEARTBEAT: u16 = 6;
/// Bytes in one frame; a longer message is cut into several. The library keeps 32 of them each way.
const FRAME: u32 = 64 << 10;

/// There is no line at this moment. The detail is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("RabbitMQ is away: {0}")]
pub(crate) struct Away(pub(crate) Arc<str>);

impl Away {
    pub(super) fn new(why: &str) -> Self {
        Self(why.into())
    }

    pub(super) fn silent() -> Self {
        Self::new("no answer in time")
    }
}

impl From<Error> for Away {
    fn from(error: Error) -> Self {
        Self(error.to_string().into())
    }
}

/// Why this broker cannot be used as it is, in words for whoever set it up. Waiting does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// The address cannot be read.
    #[error("rabbitmq.url must look like amqp://user:password@host:port/vhost ({0})")]
    Url(String),
    /// TLS is not built in.
    #[error(
        "rabbitmq.url begins with amqps://, which this program does not speak: use amqp:// in a network \
         that is private, or over a tunnel"
    )]
    Tls,
    /// It does not let us in.
    #[error(
        "RabbitMQ does not let this server in ({0}): see user, password and virtual host in \
         rabbitmq.url, and the user's permissions there"
    )]
    Refused(String),
    /// Something of that name is there, and is something else.
    #[error(
        "RabbitMQ has {what}, but not as this server needs it ({detail}): when nobody needs it any more, \
         delete it there and start again, or set another rabbitmq.prefix"
    )]
    Differs {
        /// Such as "a queue `anteroom.due`".
        what: String,
        /// What RabbitMQ said.
        detail: String,
    },
}

/// Why there is no usable line.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error(transparent)]
    Away(#[from] Away),
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        let ErrorKind::ProtocolError(said) = error.kind() else { return Away::from(error).into() };
        match said.kind() {
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)
            | AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                Unfit::Refused(said.get_message().to_string()).into()
            }
            _ => Away::from(error).into(),
        }
    }
}

/// Where RabbitMQ is, and how it is asked.
#[derive(Clone)]
pub(crate) struct Broker {
    pub(super) uri: AMQPUri,
    prefix: Arc<str>,
    /// Bounds every call.
    pub(super) timeout: Duration,
}

impl Broker {
    /// Reads the settings. Nothing is asked yet.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub(crate) fn new(settings: &config::Rabbitmq) -> Result<Self, Unfit> {
        let mut uri: AMQPUri = settings.url.parse().map_err(Unfit::Url)?;
        if uri.scheme == AMQPScheme::AMQPS {
            return Err(Unfit::Tls);
        }
        // A slash at the end is meant as a path, not as a virtual host without a name.
        if uri.vhost.is_empty() {
            uri.vhost = "/".to_owned();
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME);
        Ok(Self { uri, prefix: settings.prefix.as_str().into(), timeout: settings.timeout.0 })
    }

    /// The name on the broker of something of ours.
    pub(crate) fn name(&self, of: &str) -> String {
        format!("{}{of}", self.prefix)
    }

    /// The answer to a call, or that there was none in time.
    pub(super) async fn in_time<T>(
        &self,
        call: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, LinkError> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Away::silent().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(url: &str) -> Result<Broker, Unfit> {
        Broker::new(&config::Rabbitmq { url: url.to_owned(), ..config::Rabbitmq::default() })
    }

    #[test]
    fn an_address_is_read_and_one_that_cannot_work_is_refused_in_words() {
        let uri = broker("amqp://me:hush@10.0.0.1:5673/chat").map(|it| it.uri).unwrap();
        assert_eq!((uri.authority.port, &*uri.vhost), (5673, "chat"));
        assert_eq!(broker("amqp://localhost").map(|it| it.uri.vhost).unwrap(), "/");
        assert_eq!(broker("amqp://localhost/").map(|it| it.uri.vhost).unwrap(), "/");
        assert_eq!(broker("amqps://localhost").err(), Some(Unfit::Tls));
        for url in ["redis://localhost", "", "amqp://me:hush@host:port"] {
            let refused = broker(url).err().unwrap().to_string();
            assert!(refused.contains("rabbitmq.url must look like"), "{refused}");
            assert!(!refused.contains("hush"), "{refused}");
        }
    }

    #[test]
    fn a_name_has_the_prefix_in_front() {
        assert_eq!(broker("amqp://localhost").unwrap().name("events"), "anteroom.events");
    }
}
