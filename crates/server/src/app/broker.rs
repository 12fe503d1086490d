//! What goes over RabbitMQ, where it is asked for: events, and messages on their way to the store.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::App;
use crate::config::{self, Config};
use crate::events::Relay;
use crate::messages::{self, Append, Pipeline, Queue, REPORTS, Reporter, Taken, Taker, queue_of};
use crate::rabbit::{Broker, Life, Link, Topology, Unfit};

/// The lines to RabbitMQ, and what is asked of them.
pub(super) struct Brokered {
    /// Into it. Apart from the other, because a broker that is short of something reads nothing from it.
    publisher: Link,
    tells_events: bool,
    queued: Option<Queued>,
}

/// Messages on their way through queues.
struct Queued {
    consumer: Link,
    shards: u32,
}

/// What is said here, and the way around the queues.
pub(super) type Said = (mpsc::Receiver<Append>, mpsc::Sender<Taken>);

/// Whether messages go through queues.
pub(super) fn is_queued(config: &Config) -> bool {
    config.messages.pipeline == config::Pipeline::Queued
}

/// Connects as far as the configuration asks for it. A broker that is away is not waited for.
///
/// # Errors
/// It is there and cannot be used, in words.
pub(super) async fn connect(
    config: &Config,
    stop: &CancellationToken,
) -> Result<Option<Brokered>, Unfit> {
    let (tells_events, is_queued) = (config.rabbitmq.events, is_queued(config));
    if !tells_events && !is_queued {
        return Ok(None);
    }
    let broker = Broker::new(&config.rabbitmq)?;
    let shards = config.messages.shards;
    let mut topology = Topology::of(&broker);
    if tells_events {
        topology = topology.events();
    }
    if is_queued {
        topology = topology.messages((0..shards).map(queue_of));
    }
    let publisher = Link::start(&broker, topology, stop.clone()).await?;
    let queued = match is_queued {
        true => Some(Queued::connect(&broker, shards, stop).await?),
        false => None,
    };
    Ok(Some(Brokered { publisher, tells_events, queued }))
}

impl Queued {
    async fn connect(
        broker: &Broker,
        shards: u32,
        stop: &CancellationToken,
    ) -> Result<Self, Unfit> {
        let topology = Topology::of(broker).messages((0..shards).map(queue_of));
        let topology = topology.queue(REPORTS, Life::Exclusive, &[]);
        let consumer = Link::start(broker, topology, stop.clone()).await?;
        Ok(Self { consumer, shards })
    }
}

impl Brokered {
    /// Starts everything that talks over RabbitMQ; `last` ends it. Answers what the log needs of it.
    pub(super) fn spawn(
        self,
        app: &Arc<App>,
        said: Option<Said>,
        (loops, last): (&TaskTracker, &CancellationToken),
    ) -> Option<Queue> {
        if self.tells_events {
            let with = (Arc::clone(&app.metrics), Arc::clone(&app.clock));
            let storage = Arc::clone(&app.entry.storage);
            let relay = Arc::new(Relay::new(storage, self.publisher.clone(), with));
            let (measure, last_of_measure) = (Arc::clone(&relay), last.clone());
            loops.spawn(last_of_measure.run_until_cancelled_owned(async move {
                measure.measure().await;
            }));
            let last = last.clone();
            loops.spawn(async move {
                last.run_until_cancelled(relay.run()).await;
                relay.leave().await;
            });
        }
        let (queued, (said, straight)) = self.queued.zip(said)?;
        let pending = app.delivery.pending()?;
        let Queued { consumer, shards } = queued;
        for shard in 0..shards {
            let taker = Taker { link: consumer.clone(), log: straight.clone(), shard };
            loops.spawn(last.clone().run_until_cancelled_owned(taker.run()));
        }
        let listening = messages::listen(consumer.clone(), Arc::clone(&pending));
        loops.spawn(last.clone().run_until_cancelled_owned(listening));
        let (reporter, reporting) = Reporter::new(self.publisher.clone());
        loops.spawn(last.clone().run_until_cancelled_owned(reporting));
        let pipeline = Pipeline {
            publisher: self.publisher,
            consumer,
            pending: Arc::clone(&pending),
            straight,
            shards,
        };
        // Ends by itself, when the last session is gone and everything it took is on its way to the store.
        loops.spawn(pipeline.run(said));
        Some(Queue { pending, reporter, me: app.entry.owner })
    }
}
