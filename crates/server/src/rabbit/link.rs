//! The line to RabbitMQ: one connection, made anew by a task of its own when it broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueBindOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Confirmation, Connection};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::broker::{Away, Broker, LinkError, Unfit};
use super::consumer::Consumer;
use super::keeper::Keeper;
use super::message::{Message, Outcome};
use super::socket::Plug;
use super::topology::Topology;

/// A connection on which everything is declared.
pub(super) struct Open {
    /// Rises with each new one.
    pub(super) number: u64,
    pub(super) connection: Connection,
    /// In confirm mode.
    pub(super) publisher: Channel,
    /// For declarations and bindings.
    pub(super) control: Channel,
    /// The broker is short of something and takes nothing.
    pub(super) is_blocked: AtomicBool,
    pub(super) plug: Plug,
}

impl Open {
    /// The answer of a call; after one that failed this connection is not used again.
    pub(super) async fn answered<T>(
        &self,
        line: &watch::Sender<Line>,
        call: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, Away> {
        call.await.map_err(|error| {
            let away = Away::new(&error.to_string());
            give_up(line, self.number, &away);
            away
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.plug.pull();
    }
}

/// How a line stands.
#[derive(Clone)]
pub(crate) enum Line {
    /// There is none, for this reason. It is being made anew.
    Away(Away),
    /// It can be used.
    #[expect(private_interfaces, reason = "what an open line is made of is the link's own")]
    Open(Arc<Open>),
}

impl Line {
    /// Names the connection; each new one has a higher number. `None` while there is none.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Open(open) => Some(open.number),
            Self::Away(_) => None,
        }
    }
}

/// A line to one broker. Ends with the token it was started with.
#[derive(Clone)]
pub(crate) struct Link {
    line: Arc<watch::Sender<Line>>,
    broker: Broker,
    topology: Arc<Topology>,
}

impl Link {
    /// Connects, declares, and keeps the line from then on. A broker that is away is not waited for: the
    /// line comes when it does.
    ///
    /// # Errors
    /// The broker is there and cannot be used.
    pub(crate) async fn start(
        broker: &Broker,
        topology: Topology,
        stop: CancellationToken,
    ) -> Result<Self, Unfit> {
        let line = Arc::new(watch::Sender::new(Line::Away(Away::new("not connected yet"))));
        let (broker, topology) = (broker.clone(), Arc::new(topology));
        let keeper = Keeper {
            broker: broker.clone(),
            topology: Arc::clone(&topology),
            line: Arc::clone(&line),
        };
        match keeper.connected(1).await {
            Ok(open) => drop(line.send_replace(Line::Open(Arc::new(open)))),
            Err(LinkError::Unfit(unfit)) => return Err(unfit),
            Err(LinkError::Away(away)) => {
                tracing::warn!(event = "rabbitmq.away", error = %away, "RabbitMQ cannot be used");
                line.send_replace(Line::Away(away));
            }
        }
        tokio::spawn(keeper.keep(stop));
        Ok(Self { line, broker, topology })
    }

    /// Whether there is a line at this moment, as far as is known here.
    pub(crate) fn is_up(&self) -> bool {
        self.line.borrow().number().is_some()
    }

    /// To see when a line begins anew.
    pub(crate) fn lines(&self) -> watch::Receiver<Line> {
        self.line.subscribe()
    }

    /// The connection of that number is not used again, and a new one is made: what was deleted on the
    /// broker comes back with it.
    pub(crate) fn begin_anew(&self, number: u64, why: &str) {
        give_up(&self.line, number, &Away::new(why));
    }

    /// Publishes in this order, and waits until the broker has said of each what became of it. What is
    /// under way is bounded by the callers, because each waits.
    ///
    /// # Errors
    /// There is no line, or the broker takes nothing: nothing was published.
    pub(crate) async fn publish(&self, messages: &[Message]) -> Result<Vec<Outcome>, Away> {
        let open = self.open()?;
        if open.is_blocked.load(Ordering::Acquire) {
            return Err(Away::new("the broker is short of memory or disk and takes nothing"));
        }
        let until = Instant::now() + self.broker.timeout;
        let mut confirms = Vec::with_capacity(messages.len());
        let sent = timeout_at(until, send(&open.publisher, messages, &mut confirms)).await;
        let mut failed = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Away::from(error)),
            Err(_) => Some(Away::silent()),
        };
        let mut outcomes = Vec::with_capacity(messages.len());
        for confirm in confirms {
            let outcome = match timeout_at(until, confirm).await {
                Ok(Ok(Confirmation::Ack(None))) => Outcome::Confirmed,
                Ok(Ok(Confirmation::Ack(Some(back)) | Confirmation::Nack(Some(back)))) => {
                    back.into()
                }
                Ok(Ok(Confirmation::Nack(None) | Confirmation::NotRequested)) => Outcome::Unknown,
                Ok(Err(error)) => {
                    failed.get_or_insert(error.into());
                    Outcome::Unknown
                }
                Err(_) => {
                    failed.get_or_insert(Away::silent());
                    Outcome::Unknown
                }
            };
            outcomes.push(outcome);
        }
        if let Some(away) = failed {
            give_up(&self.line, open.number, &away);
        }
        outcomes.resize(messages.len(), Outcome::Unknown);
        Ok(outcomes)
    }

    /// Takes what comes out of the queue of that name, at most `prefetch` at a time.
    ///
    /// # Errors
    /// There is no line, or no such queue.
    pub(crate) async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, Away> {
        let open = self.open()?;
        let queue = self.topology.queue_on(open.number, queue);
        let begun = async {
            let channel = self.broker.in_time(open.connection.create_channel()).await?;
            let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
            self.broker.in_time(qos).await?;
            let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
            let consumed = channel.basic_consume(queue.as_str().into(), "".into(), options, none);
            let inner = self.broker.in_time(consumed).await?;
            Ok((channel, inner))
        };
        let (channel, inner) = open.answered(&self.line, begun).await?;
        let (line, broker) = (Arc::clone(&self.line), self.broker.clone());
        Ok(Consumer { inner, channel, open, line, broker })
    }

    /// What others call a queue of this topology, as long as this line holds. `None` while there is none.
    pub(crate) fn queue_name(&self, queue: &str) -> Option<String> {
        let number = self.line.borrow().number()?;
        Some(self.topology.queue_on(number, queue))
    }

    /// From its return on, what comes to `exchange` under `key` goes to `queue`, on this line.
    ///
    /// # Errors
    /// There is no line, or no such queue or exchange.
    pub(crate) async fn bind(&self, queue: &str, exchange: &str, key: &str) -> Result<(), Away> {
        let open = self.open()?;
        let queue = self.topology.queue_on(open.number, queue);
        let exchange = self.broker.name(exchange);
        let bound = open.control.queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        open.answered(&self.line, self.broker.in_time(bound)).await
    }

    /// The opposite of [`Link::bind`].
    ///
    /// # Errors
    /// There is no line.
    pub(crate) async fn unbind(&self, queue: &str, exchange: &str, key: &str) -> Result<(), Away> {
        let open = self.open()?;
        let queue = self.topology.queue_on(open.number, queue);
        let exchange = self.broker.name(exchange);
        let none = FieldTable::default();
        let unbound = open.control.queue_unbind(queue.into(), exchange.into(), key.into(), none);
        open.answered(&self.line, self.broker.in_time(unbound)).await
    }

    /// Where it leads.
    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    fn open(&self) -> Result<Arc<Open>, Away> {
        match &*self.line.borrow() {
            Line::Open(open) => Ok(Arc::clone(open)),
            Line::Away(away) => Err(away.clone()),
        }
    }
}

async fn send(
    channel: &Channel,
    messages: &[Message],
    confirms: &mut Vec<lapin::PublisherConfirm>,
) -> lapin::Result<()> {
    let mut begun = Vec::with_capacity(messages.len());
    for it in messages {
        let (exchange, key) = (it.exchange.as_str().into(), it.key.as_str().into());
        let (options, properties) = (it.options, it.properties.clone());
        let sending = channel.basic_publish(exchange, key, options, &it.body, properties);
        let mut sending = Box::pin(sending);
        // Begun in this order, and not waited for: the library writes what is there in one go.
        let sent = sending.as_mut().now_or_never();
        begun.push((sending, sent));
    }
    for (sending, sent) in begun {
        confirms.push(match sent {
            Some(sent) => sent?,
            None => sending.await?,
        });
    }
    Ok(())
}

/// The connection of that number is not used again, by anybody.
pub(super) fn give_up(line: &watch::Sender<Line>, number: u64, why: &Away) {
    line.send_if_modified(|line| {
        let Line::Open(open) = line else { return false };
        if open.number != number {
            return false;
        }
        open.plug.pull();
        *line = Line::Away(why.clone());
        true
    });
}
