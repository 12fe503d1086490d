//! What goes over RabbitMQ, where it is asked for: events.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::App;
use crate::config::Config;
use crate::events::Relay;
use crate::rabbit::{Broker, Link, Topology, Unfit};

/// The line to RabbitMQ.
pub(super) struct Brokered {
    publisher: Link,
}

/// Connects as far as the configuration asks for it. A broker that is away is not waited for.
///
/// # Errors
/// It is there and cannot be used, in words.
pub(super) async fn connect(
    config: &Config,
    stop: &CancellationToken,
) -> Result<Option<Brokered>, Unfit> {
    if !config.rabbitmq.events {
        return Ok(None);
    }
    let broker = Broker::new(&config.rabbitmq)?;
    let topology = Topology::of(&broker).events();
    let publisher = Link::start(&broker, topology, stop.clone()).await?;
    Ok(Some(Brokered { publisher }))
}

impl Brokered {
    /// Starts everything that talks over RabbitMQ; `last` ends it.
    pub(super) fn spawn(self, app: &Arc<App>, loops: &TaskTracker, last: &CancellationToken) {
        let with = (Arc::clone(&app.metrics), Arc::clone(&app.clock));
        let storage = Arc::clone(&app.entry.storage);
        let relay = Arc::new(Relay::new(storage, self.publisher, with));
        let (measure, until) = (Arc::clone(&relay), last.clone());
        loops.spawn(until.run_until_cancelled_owned(async move { measure.measure().await }));
        let last = last.clone();
        loops.spawn(async move {
            last.run_until_cancelled(relay.run()).await;
            relay.leave().await;
        });
    }
}
