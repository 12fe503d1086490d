//! The leases of the nodes that share the database, on the database's own clock.
//!
//! A lease that ran out is not over before somebody fences the node: then it is over for good, also for a
//! node that was only asleep. Whatever a node says or lets in is checked in its own transaction
//! ([`holds`]), so one that is fenced writes nothing more.

use std::collections::HashSet;
use std::time::Duration;

use anteroom_core::ids::Owner;
use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use tokio_postgres::Row;

use super::PostgresStorage;
use super::ask::{change, row, rows};
use super::error::Step;
use crate::storage::{NodeRecord, NodeStore, StorageError, Stored};

statements! {
    /// A later life of the node takes the place of the earlier one; an earlier one never comes back.
    TAKE = "INSERT INTO nodes (node, incarnation, leased_until, seats_life)
            SELECT $1, $2, now() + $3 * interval '1 millisecond', seats_life FROM meta
            ON CONFLICT (node) DO UPDATE
            SET incarnation = excluded.incarnation, leased_until = excluded.leased_until,
                fenced = false, swept = false, seats_life = excluded.seats_life
            WHERE nodes.incarnation < excluded.incarnation
            RETURNING seats_life";
    RENEW = "UPDATE nodes SET leased_until = now() + $3 * interval '1 millisecond' FROM meta
             WHERE node = $1 AND incarnation = $2 AND NOT fenced RETURNING meta.seats_life";
    GIVE_UP = "UPDATE nodes SET fenced = true, swept = true WHERE node = $1 AND incarnation = $2";
    /// Nobody fences itself: who asks is alive.
    FENCE = "UPDATE nodes SET fenced = true
             WHERE NOT fenced AND leased_until < now() AND node <> $1";
    TO_SWEEP = "SELECT node, incarnation FROM nodes WHERE fenced AND NOT swept ORDER BY node";
    ALL_NODES = "SELECT node, incarnation, fenced, swept,
                     (extract(epoch FROM leased_until - now()) * 1000)::bigint AS lease_left
                 FROM nodes ORDER BY node";
    SEATS_LIFE = "SELECT seats_life FROM meta";
    SEATS_LOST = "UPDATE meta SET seats_life = seats_life + 1 WHERE seats_life = $1";
    CLEARED = "UPDATE nodes SET seats_life = greatest(seats_life, $3)
               WHERE node = $1 AND incarnation = $2";
    ALL_CLEARED = "SELECT seats_life = $1
                       AND NOT EXISTS (SELECT FROM nodes WHERE NOT fenced AND nodes.seats_life < $1)
                   FROM meta";
    HOLDING = "SELECT node, incarnation
               FROM unnest($1::bigint[], $2::bigint[]) AS asked (node, incarnation)
               JOIN nodes USING (node, incarnation) WHERE NOT fenced";
    SWEPT = "UPDATE nodes SET swept = true WHERE node = $1 AND incarnation = $2 AND fenced";
}

/// Not locked: who is fenced between this and the commit, some milliseconds later, was still one of the
/// nodes when it spoke.
pub(super) const HOLDS: &str = "SELECT EXISTS (SELECT FROM nodes
    WHERE node = $1 AND incarnation = $2 AND NOT fenced)";

fn signed(life: u64) -> Stored<i64> {
    i64::try_from(life).map_err(|_| StorageError::Failed(format!("no life has the number {life}")))
}

/// A node's life as the statements take it.
pub(super) fn numbers(owner: Owner) -> Stored<(i64, i64)> {
    Ok((i64::from(owner.node), signed(owner.incarnation)?))
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// Why nothing is written for a node.
pub(super) fn fenced() -> StorageError {
    StorageError::Unavailable("the lease of this node is over".into())
}

/// Refuses in a transaction of a node whose lease is over. `None`: there is only one node.
pub(crate) async fn holds(on: &impl GenericClient, me: Option<Owner>) -> Step<()> {
    let Some(me) = me else { return Ok(()) };
    let (node, incarnation) = numbers(me)?;
    let row = row(on, HOLDS, &[&node, &incarnation]).await?;
    match row.map(|row| row.try_get(0)).transpose()? {
        Some(true) => Ok(()),
        _ => Err(fenced().into()),
    }
}

/// Which of those lives are not fenced.
pub(super) async fn holding(
    on: &impl GenericClient,
    lives: &HashSet<Owner>,
) -> Step<HashSet<Owner>> {
    let both = lives.iter().map(|life| numbers(*life)).collect::<Stored<Vec<_>>>()?;
    let (all, incarnations): (Vec<i64>, Vec<i64>) = both.into_iter().unzip();
    rows(on, HOLDING, &[&all, &incarnations]).await?.iter().map(owner).collect()
}

fn record(row: &Row) -> Step<NodeRecord> {
    Ok(NodeRecord {
        owner: owner(row)?,
        lease_left: row.try_get("lease_left")?,
        fenced: row.try_get("fenced")?,
        swept: row.try_get("swept")?,
    })
}

fn owner(row: &Row) -> Step<Owner> {
    let node = u32::try_from(row.try_get::<_, i64>(0)?);
    let node = node.map_err(|_| StorageError::Failed("no node".into()))?;
    Ok(Owner { node, incarnation: row.try_get::<_, i64>(1)?.unsigned_abs() })
}

impl PostgresStorage {
    /// Runs one of the statements that name a life; whether it changed something.
    async fn of_life(&self, owner: Owner, sql: &'static str) -> Stored<bool> {
        let (node, incarnation) = numbers(owner)?;
        self.lines
            .run(&(node, incarnation, sql), |line, (node, incarnation, sql)| {
                Box::pin(async move { Ok(change(line, sql, &[node, incarnation]).await? == 1) })
            })
            .await
    }

    /// Takes or renews a lease; which life of the seats that tells of.
    async fn leased(&self, owner: Owner, span: Duration, sql: &'static str) -> Stored<Option<u64>> {
        let (node, incarnation) = numbers(owner)?;
        let given = (node, incarnation, millis(span), sql);
        self.lines
            .run(&given, |line, (node, incarnation, millis, sql)| {
                Box::pin(async move {
                    let leased = row(line, sql, &[node, incarnation, millis]).await?;
                    let life = leased.map(|row| row.try_get::<_, i64>(0)).transpose()?;
                    Ok(life.map(i64::unsigned_abs))
                })
            })
            .await
    }
}

#[async_trait]
impl NodeStore for PostgresStorage {
    async fn take_lease(&self, owner: Owner, span: Duration) -> Stored<Option<u64>> {
        let life = self.leased(owner, span, TAKE).await?;
        if life.is_some() {
            // The first life is the only one of this process.
            let _ = self.me.set(owner);
        }
        Ok(life)
    }

    async fn renew_lease(&self, owner: Owner, span: Duration) -> Stored<Option<u64>> {
        self.leased(owner, span, RENEW).await
    }

    async fn give_up_lease(&self, owner: Owner) -> Stored<()> {
        self.of_life(owner, GIVE_UP).await.map(drop)
    }

    async fn fence_overdue(&self) -> Stored<Vec<Owner>> {
        let me = self.me.get().map_or(0, |me| i64::from(me.node));
        self.lines
            .run(&me, |line, me| {
                Box::pin(async move {
                    change(line, FENCE, &[me]).await?;
                    let all = rows(line, TO_SWEEP, &[]).await?;
                    all.iter().map(owner).collect()
                })
            })
            .await
    }

    async fn swept(&self, owner: Owner) -> Stored<()> {
        self.of_life(owner, SWEPT).await.map(drop)
    }

    async fn seats_lost(&self, known: Option<u64>) -> Stored<u64> {
        let given = (known.map(signed).transpose()?, self.me.get().copied());
        self.lines
            .run(&given, |line, (known, me)| {
                Box::pin(async move {
                    if let Some(known) = known {
                        // Whoever others gave up has lost its own seats alone.
                        holds(line, *me).await?;
                        change(line, SEATS_LOST, &[known]).await?;
                    }
                    let row = row(line, SEATS_LIFE, &[]).await?;
                    let life = row.map(|row| row.try_get::<_, i64>(0)).transpose()?;
                    Ok(life.unwrap_or_default().unsigned_abs())
                })
            })
            .await
    }

    async fn seats_cleared(&self, owner: Owner, life: u64) -> Stored<()> {
        let (node, incarnation) = numbers(owner)?;
        self.lines
            .run(&(node, incarnation, signed(life)?), |line, (node, incarnation, life)| {
                Box::pin(async move {
                    change(line, CLEARED, &[node, incarnation, life]).await.map(drop)
                })
            })
            .await
    }

    async fn all_cleared(&self, life: u64) -> Stored<bool> {
        self.lines
            .run(&signed(life)?, |line, life| {
                Box::pin(async move {
                    let row = row(line, ALL_CLEARED, &[life]).await?;
                    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
                })
            })
            .await
    }

    async fn nodes(&self) -> Stored<Vec<NodeRecord>> {
        self.lines
            .run(&(), |line, ()| {
                Box::pin(
                    async move { rows(line, ALL_NODES, &[]).await?.iter().map(record).collect() },
                )
            })
            .await
    }
}
