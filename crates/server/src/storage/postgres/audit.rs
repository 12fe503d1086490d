//! The audit trail: a line before each act, settled after it, trimmed from the oldest.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::audit::{Act, ActOutcome};
use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresStorage;
use super::ask::{Given, change, row, rows, word};
use super::entries::count;
use super::error::Step;
use crate::storage::{Actor, AuditQuery, AuditRecord, AuditStore, NamedAudit, Stored};

macro_rules! select_audit {
    ($condition:literal) => {
        concat!(
            "SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name
             FROM audit
             WHERE id < $1 AND ($2::text IS NULL OR act = $2)
                AND ($3::uuid IS NULL OR actor_id = $3) AND (NOT $4::boolean OR actor_id IS NULL)
                AND ($5::uuid IS NULL OR user_id = $5)
                AND ($6::bigint IS NULL OR room_id = $6)
                AND ($8::boolean IS NULL OR by_staff = $8) AND ",
            $condition,
            " ORDER BY id DESC LIMIT $7"
        )
    };
}

statements! {
    NOTE = "INSERT INTO audit
                (id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    SETTLE = "UPDATE audit SET outcome = $2, code = $3 WHERE id = $1 AND outcome = 'begun'";
    // One statement for each way in; the narrowest that is asked for is what is read.
    SELECT = select_audit!("true");
    SELECT_USER = select_audit!("user_id = $5");
    SELECT_ROOM = select_audit!("room_id = $6");
    SELECT_ACTOR = select_audit!("actor_id = $3");
    SELECT_COMMAND_LINE = select_audit!("actor_id IS NULL");
    SELECT_ACT = select_audit!("act = $2");
    SELECT_SIDE = select_audit!("by_staff = $8");
    // The newest line that is one too many.
    LAST_TO_GO = "SELECT id FROM audit WHERE by_staff = $1 ORDER BY id DESC LIMIT 1 OFFSET $2";
    DELETE_OLDEST = "DELETE FROM audit WHERE id IN
                         (SELECT id FROM audit WHERE by_staff = $1 AND id <= $2
                          ORDER BY id LIMIT $3)";
}

async fn note(on: &impl GenericClient, line: &AuditRecord) -> Step<()> {
    let given: &Given<'_> = &[
        &line.id,
        &line.at,
        &line.actor.map(|user| user.0),
        &line.by_staff,
        &line.act.as_str(),
        &line.user.map(|user| user.0),
        &line.room.map(|room| room.0),
        &line.detail,
        &line.outcome.as_str(),
        &line.code,
    ];
    change(on, NOTE, given).await.map(drop)
}

fn read(row: &Row) -> Step<NamedAudit> {
    Ok(NamedAudit {
        record: AuditRecord {
            id: row.try_get("id")?,
            at: row.try_get("at")?,
            actor: row.try_get::<_, Option<Uuid>>("actor_id")?.map(UserId),
            by_staff: row.try_get("by_staff")?,
            act: word(row, "act", Act::parse)?,
            user: row.try_get::<_, Option<Uuid>>("user_id")?.map(UserId),
            room: row.try_get::<_, Option<i64>>("room_id")?.map(RoomId),
            detail: row.try_get("detail")?,
            outcome: word(row, "outcome", ActOutcome::parse)?,
            code: row.try_get("code")?,
        },
        actor_name: row.try_get("actor_name")?,
        user_name: row.try_get("user_name")?,
    })
}

async fn select(on: &impl GenericClient, query: &AuditQuery) -> Step<Vec<NamedAudit>> {
    let sql = match query {
        AuditQuery { user: Some(_), .. } => SELECT_USER,
        AuditQuery { room: Some(_), .. } => SELECT_ROOM,
        AuditQuery { actor: Some(Actor::User(_)), .. } => SELECT_ACTOR,
        AuditQuery { actor: Some(Actor::CommandLine), .. } => SELECT_COMMAND_LINE,
        AuditQuery { act: Some(_), .. } => SELECT_ACT,
        AuditQuery { by_staff: Some(_), .. } => SELECT_SIDE,
        _ => SELECT,
    };
    let actor = match query.actor {
        Some(Actor::User(UserId(id))) => Some(id),
        Some(Actor::CommandLine) | None => None,
    };
    let given: &Given<'_> = &[
        &query.before.unwrap_or(Uuid::max()),
        &query.act.map(Act::as_str),
        &actor,
        &(query.actor == Some(Actor::CommandLine)),
        &query.user.map(|user| user.0),
        &query.room.map(|room| room.0),
        &count(query.limit)?,
        &query.by_staff,
    ];
    rows(on, sql, given).await?.iter().map(read).collect()
}

async fn trim(on: &impl GenericClient, (by_staff, keep, at_most): (bool, i64, i64)) -> Step<usize> {
    let Some(last) = row(on, LAST_TO_GO, &[&by_staff, &keep]).await? else { return Ok(0) };
    let last: Uuid = last.try_get(0)?;
    let dropped = change(on, DELETE_OLDEST, &[&by_staff, &last, &at_most]).await?;
    Ok(usize::try_from(dropped).unwrap_or(usize::MAX))
}

#[async_trait]
impl AuditStore for PostgresStorage {
    async fn note(&self, line: AuditRecord) -> Stored<()> {
        self.lines.run(&line, |on, line| Box::pin(note(on, line))).await
    }

    async fn settle_note(
        &self,
        id: Uuid,
        outcome: ActOutcome,
        code: Option<String>,
    ) -> Stored<bool> {
        self.lines
            .run(&(id, outcome, code), |on, (id, outcome, code)| {
                Box::pin(async move {
                    Ok(change(on, SETTLE, &[id, &outcome.as_str(), code]).await? == 1)
                })
            })
            .await
    }

    async fn audit(&self, query: AuditQuery) -> Stored<Vec<NamedAudit>> {
        self.lines.run(&query, |on, query| Box::pin(select(on, query))).await
    }

    async fn trim_audit(&self, by_staff: bool, keep: usize, at_most: usize) -> Stored<usize> {
        let given = (by_staff, count(keep)?, count(at_most)?);
        self.lines.run(&given, |on, given| Box::pin(trim(on, *given))).await
    }
}
