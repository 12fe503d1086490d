//! The audit trail: a line before each act, settled after it, trimmed from the oldest.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::audit::{Act, ActOutcome};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use uuid::Uuid;

use super::SqliteStorage;
use super::entries::count;
use super::statements::word;
use crate::storage::{Actor, AuditQuery, AuditRecord, AuditStore, NamedAudit, Stored};

macro_rules! select_audit {
    ($from:literal, $condition:literal) => {
        concat!(
            "SELECT id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code,
                    (SELECT username FROM users WHERE users.id = actor_id) AS actor_name,
                    (SELECT username FROM users WHERE users.id = user_id) AS user_name FROM ",
            $from,
            " WHERE id < :before AND (:act IS NULL OR act = :act)
                AND (:actor IS NULL OR actor_id = :actor)
                AND (NOT :by_command OR actor_id IS NULL)
                AND (:user IS NULL OR user_id = :user)
                AND (:room IS NULL OR room_id = :room)
                AND (:by_staff IS NULL OR by_staff = :by_staff) AND ",
            $condition,
            " ORDER BY id DESC LIMIT :limit"
        )
    };
}

statements! {
    NOTE = "INSERT OR IGNORE INTO audit
                (id, at, actor_id, by_staff, act, user_id, room_id, detail, outcome, code)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    SETTLE = "UPDATE audit SET outcome = ?2, code = ?3 WHERE id = ?1 AND outcome = 'begun'";
    // One statement for each way in; the narrowest that is asked for is what is read.
    SELECT = select_audit!("audit", "true");
    SELECT_USER = select_audit!("audit INDEXED BY audit_user", "user_id = :user");
    SELECT_ROOM = select_audit!("audit INDEXED BY audit_room", "room_id = :room");
    SELECT_ACTOR = select_audit!("audit INDEXED BY audit_actor", "actor_id IS :actor");
    SELECT_ACT = select_audit!("audit INDEXED BY audit_act", "act = :act");
    SELECT_SIDE = select_audit!("audit INDEXED BY audit_kept", "by_staff = :by_staff");
    // The newest line that is one too many.
    LAST_TO_GO = "SELECT id FROM audit WHERE by_staff = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
    DELETE_OLDEST = "DELETE FROM audit WHERE id IN
                         (SELECT id FROM audit WHERE by_staff = ?1 AND id <= ?2
                          ORDER BY id LIMIT ?3)";
}

fn note(conn: &Connection, line: &AuditRecord) -> Stored<()> {
    conn.prepare_cached(NOTE)?.execute(params![
        line.id,
        line.at,
        line.actor.map(|user| user.0),
        line.by_staff,
        line.act.as_str(),
        line.user.map(|user| user.0),
        line.room.map(|room| room.0),
        line.detail,
        line.outcome.as_str(),
        line.code,
    ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<NamedAudit> {
    Ok(NamedAudit {
        record: AuditRecord {
            id: row.get("id")?,
            at: row.get("at")?,
            actor: row.get::<_, Option<Uuid>>("actor_id")?.map(UserId),
            by_staff: row.get("by_staff")?,
            act: word(row, "act", Act::parse)?,
            user: row.get::<_, Option<Uuid>>("user_id")?.map(UserId),
            room: row.get::<_, Option<i64>>("room_id")?.map(RoomId),
            detail: row.get("detail")?,
            outcome: word(row, "outcome", ActOutcome::parse)?,
            code: row.get("code")?,
        },
        actor_name: row.get("actor_name")?,
        user_name: row.get("user_name")?,
    })
}

fn select(conn: &Connection, query: &AuditQuery) -> Stored<Vec<NamedAudit>> {
    let sql = match query {
        AuditQuery { user: Some(_), .. } => SELECT_USER,
        AuditQuery { room: Some(_), .. } => SELECT_ROOM,
        AuditQuery { actor: Some(_), .. } => SELECT_ACTOR,
        AuditQuery { act: Some(_), .. } => SELECT_ACT,
        AuditQuery { by_staff: Some(_), .. } => SELECT_SIDE,
        _ => SELECT,
    };
    let actor = match query.actor {
        Some(Actor::User(UserId(id))) => Some(id),
        Some(Actor::CommandLine) | None => None,
    };
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map(
        named_params! {
            ":before": query.before.unwrap_or(Uuid::max()),
            ":act": query.act.map(Act::as_str),
            ":actor": actor,
            ":by_command": query.actor == Some(Actor::CommandLine),
            ":user": query.user.map(|user| user.0),
            ":room": query.room.map(|room| room.0),
            ":by_staff": query.by_staff,
            ":limit": count(query.limit)?,
        },
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[async_trait]
impl AuditStore for SqliteStorage {
    async fn note(&self, line: AuditRecord) -> Stored<()> {
        self.write(move |conn| note(conn, &line)).await
    }

    async fn settle_note(
        &self,
        id: Uuid,
        outcome: ActOutcome,
        code: Option<String>,
    ) -> Stored<bool> {
        self.write(move |conn| {
            let settled =
                conn.prepare_cached(SETTLE)?.execute(params![id, outcome.as_str(), code])?;
            Ok(settled == 1)
        })
        .await
    }

    async fn audit(&self, query: AuditQuery) -> Stored<Vec<NamedAudit>> {
        self.read(move |conn| select(conn, &query)).await
    }

    async fn trim_audit(&self, by_staff: bool, keep: usize, at_most: usize) -> Stored<usize> {
        let (keep, at_most) = (count(keep)?, count(at_most)?);
        let last = self.read(move |conn| {
            let mut find = conn.prepare_cached(LAST_TO_GO)?;
            Ok(find.query_row(params![by_staff, keep], |row| row.get::<_, Uuid>(0)).optional()?)
        });
        let Some(last) = last.await? else { return Ok(0) };
        self.write(move |conn| {
            Ok(conn.prepare_cached(DELETE_OLDEST)?.execute(params![by_staff, last, at_most])?)
        })
        .await
    }
}
