//! What happened, for other services: added with each fact, read in their order, gone once published.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::SqliteStorage;
use crate::storage::events::NewEvent;
use crate::storage::{EventBacklog, EventRecord, EventStore, Stored};

statements! {
    ADD = "INSERT INTO events (id, routing_key, payload, occurred_at) VALUES (?1, ?2, ?3, ?4)";
    NEXT = "SELECT n, id, routing_key, payload, occurred_at FROM events ORDER BY n LIMIT ?1";
    FORGET = "DELETE FROM events WHERE n = ?1";
    BACKLOG = "SELECT (SELECT max(n) FROM events) - n + 1, occurred_at FROM events
               ORDER BY n LIMIT 1";
}

/// Where facts leave their events; nowhere unless they are switched on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outbox {
    is_on: bool,
}

impl Outbox {
    pub(super) const fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    /// For what has to be looked up only to tell it.
    pub(super) const fn is_on(self) -> bool {
        self.is_on
    }

    /// Adds what `events` makes, in the transaction of whoever asks.
    pub(super) fn add<E>(self, conn: &Connection, events: impl FnOnce() -> E) -> Stored<()>
    where
        E: IntoIterator<Item = NewEvent>,
    {
        if !self.is_on {
            return Ok(());
        }
        let mut add = conn.prepare_cached(ADD)?;
        for event in events() {
            let NewEvent { id, routing_key, payload, occurred_at } = event;
            add.execute(params![id, routing_key, payload, occurred_at])?;
        }
        Ok(())
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    Ok(EventRecord {
        n: row.get("n")?,
        id: row.get("id")?,
        routing_key: row.get("routing_key")?,
        payload: row.get("payload")?,
        occurred_at: row.get("occurred_at")?,
    })
}

#[async_trait]
impl EventStore for SqliteStorage {
    async fn next_events(
        &self,
        _: Uuid,
        _: Duration,
        at_most: usize,
    ) -> Stored<Option<Vec<EventRecord>>> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        self.read(move |conn| {
            let mut next = conn.prepare_cached(NEXT)?;
            let events = next.query_map([at_most], record)?;
            Ok(Some(events.collect::<Result<_, _>>()?))
        })
        .await
    }

    async fn forget_events(&self, published: Vec<i64>) -> Stored<()> {
        if published.is_empty() {
            return Ok(());
        }
        self.write(move |conn| {
            let mut forget = conn.prepare_cached(FORGET)?;
            for n in &published {
                forget.execute([n])?;
            }
            Ok(())
        })
        .await
    }

    async fn leave_events(&self, _: Uuid) -> Stored<()> {
        Ok(())
    }

    async fn event_backlog(&self) -> Stored<EventBacklog> {
        self.read(|conn| {
            let mut backlog = conn.prepare_cached(BACKLOG)?;
            let mut rows = backlog.query([])?;
            let Some(row) = rows.next()? else { return Ok(EventBacklog::default()) };
            let waiting = row.get::<_, i64>(0)?.unsigned_abs();
            Ok(EventBacklog { waiting, oldest: Some(row.get(1)?) })
        })
        .await
    }
}
