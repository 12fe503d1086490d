//! The task that keeps a line: it alone connects, and it alone declares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use lapin::Event;
use lapin::options::ConfirmSelectOptions;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::broker::{Away, Broker, LinkError};
use super::link::{Line, Open, give_up};
use super::socket;
use super::topology::Topology;

/// Between an attempt that failed and the next one: at first, and at most.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How often the library is asked how the line is, beside what it tells.
const LOOK: Duration = Duration::from_secs(1);
/// What a connection that is not needed any more is closed with.
const OVER: u16 = 200;

/// Makes connections to one broker and says how the line stands.
pub(super) struct Keeper {
    pub(super) broker: Broker,
    pub(super) topology: Arc<Topology>,
    pub(super) line: Arc<watch::Sender<Line>>,
}

impl Keeper {
    /// Keeps the line until `stop`, and closes it then.
    pub(super) async fn keep(self, stop: CancellationToken) {
        let (mut number, mut pause) = (1, PAUSE);
        loop {
            let now = self.line.borrow().clone();
            if let Line::Open(open) = now {
                (number, pause) = (open.number, PAUSE);
                let lost = stop.run_until_cancelled(self.watch_over(&open)).await;
                let Some(away) = lost else { return self.close(&open).await };
                give_up(&self.line, number, &away);
                tracing::warn!(event = "rabbitmq.broken", error = %away, "the line to RabbitMQ broke");
                continue;
            }
            let resting = tokio::time::sleep_until(Instant::now() + pause);
            if stop.run_until_cancelled(resting).await.is_none() {
                return;
            }
            pause = (pause * 2).min(PAUSE_MAX);
            let Some(connected) = stop.run_until_cancelled(self.connected(number + 1)).await else {
                return;
            };
            match connected {
                Ok(open) => {
                    tracing::info!(event = "rabbitmq.back", "RabbitMQ answers again");
                    self.line.send_replace(Line::Open(Arc::new(open)));
                }
                Err(error) => self.stay_away(&error),
            }
        }
    }

    /// A new connection on which everything is declared.
    pub(super) async fn connected(&self, number: u64) -> Result<Open, LinkError> {
        let (connection, plug) = socket::connect(&self.broker).await?;
        let control = self.broker.in_time(connection.create_channel()).await?;
        self.topology.declare(&control, &self.broker, number).await?;
        let publisher = self.broker.in_time(connection.create_channel()).await?;
        // A channel begins without it, so each new one is told.
        let confirms = publisher.confirm_select(ConfirmSelectOptions::default());
        self.broker.in_time(confirms).await?;
        let is_blocked = AtomicBool::new(false);
        Ok(Open { number, connection, publisher, control, is_blocked, plug })
    }

    /// Returns why the connection is lost, once it is.
    async fn watch_over(&self, open: &Open) -> Away {
        let mut line = self.line.subscribe();
        let given_up = line.wait_for(|line| line.number() != Some(open.number));
        tokio::select! {
            line = given_up => match line.as_deref() {
                Ok(Line::Away(away)) => away.clone(),
                _ => Away::new("given up"),
            },
            away = self.events(open, open.connection.events_listener()) => away,
            away = look(open) => away,
        }
    }

    /// What the library tells of the connection.
    async fn events(&self, open: &Open, events: impl Stream<Item = Event>) -> Away {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Event::Error(error) => return error.into(),
                Event::ConnectionBlocked(why) => {
                    open.is_blocked.store(true, Ordering::Release);
                    tracing::warn!(
                        event = "rabbitmq.blocked",
                        why,
                        "RabbitMQ takes nothing for now"
                    );
                }
                Event::ConnectionUnblocked => {
                    open.is_blocked.store(false, Ordering::Release);
                    tracing::info!(event = "rabbitmq.unblocked", "RabbitMQ takes messages again");
                }
                _ => {}
            }
        }
        Away::new("the connection is over")
    }

    async fn close(&self, open: &Open) {
        // Said politely, so that the broker has nothing to report; whatever it answers.
        let closed = open.connection.close(OVER, "the server stops".into());
        let _ = timeout(self.broker.timeout, closed).await;
        give_up(&self.line, open.number, &Away::new("the server stops"));
    }

    fn stay_away(&self, error: &LinkError) {
        let away = Away::new(&error.to_string());
        self.line.send_if_modified(|line| {
            let Line::Away(known) = line else { return false };
            let is_news = *known != away;
            if is_news && let LinkError::Unfit(unfit) = error {
                tracing::error!(event = "rabbitmq.unfit", error = %unfit, "RabbitMQ cannot be used");
            }
            *known = away;
            is_news
        });
    }
}

/// Returns when the library says of itself that the connection or a channel is over.
async fn look(open: &Open) -> Away {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let is_well = open.connection.status().connected()
            && open.publisher.status().connected()
            && open.control.status().connected();
        if !is_well {
            return Away::new("the connection is over");
        }
    }
}
