//! What happened, for other services: added with each fact, read in their order, gone once published.
//!
//! Numbers are drawn within the transactions of the facts. Whoever locks a row until its commit (a room,
//! a user) so keeps the order of what it locks for; between facts that know nothing of each other there
//! is none, and a lower number may be seen later than a higher one.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Object, Transaction};
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresStorage;
use super::ask::{Given, change, row, rows};
use super::error::Step;
use crate::storage::events::NewEvent;
use crate::storage::{EventBacklog, EventRecord, EventStore, Stored};

statements! {
    ADD = "INSERT INTO events (id, routing_key, payload, occurred_at)
           SELECT id, routing_key, payload, occurred_at
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[])
                WITH ORDINALITY AS told (id, routing_key, payload, occurred_at, place)
           ORDER BY place";
    /// Asked before the turn is taken, so that nothing is written while there is nothing to tell.
    ARE_THERE = "SELECT EXISTS (SELECT FROM events)";
    TAKE_TURN = "UPDATE events_turn
                 SET publisher = $1, held_until = now() + $2 * interval '1 millisecond'
                 WHERE publisher IS NULL OR publisher = $1 OR held_until < now()";
    LEAVE_TURN = "UPDATE events_turn SET publisher = NULL WHERE publisher = $1";
    NEXT = "SELECT n, id, routing_key, payload, occurred_at FROM events ORDER BY n LIMIT $1";
    FORGET = "DELETE FROM events WHERE n = ANY ($1)";
    BACKLOG = "SELECT (SELECT max(n) FROM events) - n + 1 AS waiting, occurred_at FROM events
               ORDER BY n LIMIT 1";
}

/// Adds what there is to tell, in its order.
pub(super) async fn add(on: &Transaction<'_>, events: &[NewEvent]) -> Step<()> {
    if events.is_empty() {
        return Ok(());
    }
    let given: &Given<'_> = &[
        &events.iter().map(|it| it.id).collect::<Vec<_>>(),
        &events.iter().map(|it| &*it.routing_key).collect::<Vec<_>>(),
        &events.iter().map(|it| &*it.payload).collect::<Vec<_>>(),
        &events.iter().map(|it| it.occurred_at).collect::<Vec<_>>(),
    ];
    change(on, ADD, given).await?;
    Ok(())
}

fn record(row: &Row) -> Step<EventRecord> {
    Ok(EventRecord {
        n: row.try_get("n")?,
        id: row.try_get("id")?,
        routing_key: row.try_get("routing_key")?,
        payload: row.try_get("payload")?,
        occurred_at: row.try_get("occurred_at")?,
    })
}

async fn next(
    on: &Object,
    (by, span, at_most): (Uuid, f64, i64),
) -> Step<Option<Vec<EventRecord>>> {
    let are_there = row(on, ARE_THERE, &[]).await?;
    if !are_there.map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
        return Ok(Some(Vec::new()));
    }
    if change(on, TAKE_TURN, &[&by, &span]).await? == 0 {
        return Ok(None);
    }
    // Read with the turn: what the one before published is gone.
    let next = rows(on, NEXT, &[&at_most]).await?;
    next.iter().map(record).collect::<Step<Vec<_>>>().map(Some)
}

async fn backlog(on: &impl GenericClient) -> Step<EventBacklog> {
    let Some(row) = row(on, BACKLOG, &[]).await? else { return Ok(EventBacklog::default()) };
    let waiting = row.try_get::<_, i64>("waiting")?.unsigned_abs();
    Ok(EventBacklog { waiting, oldest: Some(row.try_get("occurred_at")?) })
}

#[async_trait]
impl EventStore for PostgresStorage {
    async fn next_events(
        &self,
        by: Uuid,
        span: Duration,
        at_most: usize,
    ) -> Stored<Option<Vec<EventRecord>>> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        self.lines
            .run(&(by, span.as_secs_f64() * 1e3, at_most), |line, given| {
                Box::pin(next(line, *given))
            })
            .await
    }

    async fn forget_events(&self, published: Vec<i64>) -> Stored<()> {
        if published.is_empty() {
            return Ok(());
        }
        self.lines
            .run(&published, |line, published| {
                Box::pin(async move { change(line, FORGET, &[published]).await.map(drop) })
            })
            .await
    }

    async fn leave_events(&self, by: Uuid) -> Stored<()> {
        self.lines
            .run(&by, |line, by| {
                Box::pin(async move { change(line, LEAVE_TURN, &[by]).await.map(drop) })
            })
            .await
    }

    async fn event_backlog(&self) -> Stored<EventBacklog> {
        self.lines.run(&(), |line, ()| Box::pin(backlog(line))).await
    }
}
