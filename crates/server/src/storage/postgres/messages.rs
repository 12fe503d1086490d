//! What is said: appended without gaps, read in pages.
//!
//! A batch is four steps, however much is in it and of however many rooms: it begins, locks its rooms by
//! number and reads what is there, writes everything, and commits. In between [`super::batch`] works out
//! what becomes of each record.

use std::collections::{BTreeSet, HashMap, HashSet};

use anteroom_core::ids::{MessageId, Owner, RoomId, UserId};
use async_trait::async_trait;
use deadpool_postgres::{GenericClient, Transaction};
use futures_util::future::{TryFutureExt as _, try_join, try_join4, try_join5};
use tokio_postgres::Row;
use uuid::Uuid;

use super::ask::{Given, change, prepared, row, rows, word};
use super::batch::{First, Known, Plan, Stands, plan};
use super::error::Step;
use super::{PostgresStorage, changes, events, nodes};
use crate::storage::changes::Standing;
use crate::storage::events as told;
use crate::storage::{
    Alteration, Appended, HistoryPage, LogItem, MessageRecord, MessageStore, NewMessage, NewRecord,
    Stored, words,
};

macro_rules! select_message {
    ($condition:literal) => {
        concat!(
            "SELECT m.id AS id, room_id, seq, sender_id,
                    CASE WHEN gone_at IS NULL THEN display_name END AS display_name, client_id, kind,
                    content_type, content, reply_to, m.created_at AS created_at, updated_at,
                    deleted_at
             FROM messages AS m LEFT JOIN users ON users.id = sender_id
             WHERE ",
            $condition
        )
    };
}
pub(super) use select_message;

statements! {
    LOCK_ROOMS = "SELECT id, last_seq FROM rooms WHERE id = ANY ($1) AND closed_at IS NULL
                  ORDER BY id FOR NO KEY UPDATE";
    FIRSTS = "SELECT room_id, sender_id, client_id, m.id AS id, m.seq AS seq,
                     m.created_at AS created_at
              FROM unnest($1::bigint[], $2::uuid[], $3::text[]) AS asked (room_id, sender_id, client_id)
              JOIN messages AS m USING (room_id, sender_id, client_id)
              WHERE m.client_id IS NOT NULL";
    STANDING = "SELECT id, room_id, seq, sender_id, kind, content_type, content, created_at,
                       updated_at, deleted_at, changed_seq
                FROM messages WHERE id = ANY ($1)";
    STAFF = "SELECT room_id, user_id FROM unnest($1::bigint[], $2::uuid[]) AS asked (room_id, user_id)
             WHERE EXISTS (SELECT FROM rooms WHERE id = asked.room_id AND owner_id = asked.user_id)
                OR EXISTS (SELECT FROM user_roles AS r WHERE r.user_id = asked.user_id
                           AND r.role IN ('moderator', 'admin'))";
    INSERT_MESSAGES = "INSERT INTO messages (room_id, seq, id, sender_id, client_id, kind, content_type,
                                             content, created_at, updated_at, deleted_at, changed_seq,
                                             reply_to)
                       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[],
                                            $5::text[], $6::text[], $7::text[], $8::text[],
                                            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                                            $13::bigint[])";
    INSERT_CHANGES = "INSERT INTO changes (room_id, seq, target_seq, kind, actor_id, at)
                      SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[],
                                           $5::uuid[], $6::bigint[])";
    ALTER_MESSAGES = "UPDATE messages AS m
                      SET content = now.content, updated_at = now.updated_at,
                          deleted_at = now.deleted_at, changed_seq = now.changed_seq
                      FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
                           AS now (id, content, updated_at, deleted_at, changed_seq)
                      WHERE m.id = now.id";
    SET_LAST_SEQS = "UPDATE rooms SET last_seq = now.seq
                     FROM unnest($1::bigint[], $2::bigint[]) AS now (id, seq) WHERE rooms.id = now.id";
    PAGE_BEFORE = select_message!("room_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3");
    PAGE_AFTER = select_message!("room_id = $1 AND seq > $2 ORDER BY seq LIMIT $3");
    MESSAGES_DOWN =
        select_message!("room_id = $1 AND seq < $2 AND seq > $3 ORDER BY seq DESC LIMIT $4");
    MESSAGES_AT = select_message!("room_id = $1 AND seq = ANY ($2) ORDER BY seq DESC");
    MESSAGES_BETWEEN = select_message!("room_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq");
    MESSAGE = select_message!("m.id = $1");
}

/// What has to be known of a batch, as the statements take it.
#[derive(Default)]
struct Asked<'b> {
    rooms: BTreeSet<i64>,
    ids: BTreeSet<Uuid>,
    clients: (Vec<i64>, Vec<Uuid>, Vec<&'b str>),
    staff: HashSet<(i64, Uuid)>,
    origins: HashSet<Owner>,
}

impl<'b> Asked<'b> {
    fn message(&mut self, message: &'b NewMessage) {
        self.rooms.insert(message.room.0);
        self.ids.insert(message.id.0);
        self.by_client(message, message.client_id.as_deref());
    }

    fn by_client(&mut self, message: &NewMessage, client_id: Option<&'b str>) {
        if let (Some(sender), Some(client_id)) = (message.sender, client_id) {
            self.clients.0.push(message.room.0);
            self.clients.1.push(sender.0);
            self.clients.2.push(client_id);
        }
    }
}

fn asked(batch: &[NewRecord]) -> Asked<'_> {
    let mut asked = Asked::default();
    for record in batch {
        match record {
            NewRecord::Message(message) => asked.message(message),
            NewRecord::Queued(queued) => {
                asked.message(&queued.message);
                asked.by_client(&queued.message, queued.after.as_deref());
                asked.origins.insert(queued.origin);
            }
            NewRecord::Change(change) => {
                asked.rooms.insert(change.room.0);
                asked.ids.insert(change.target.0);
                if change.what == Alteration::Delete {
                    asked.staff.insert((change.room.0, change.by.0));
                }
            }
        }
    }
    asked
}

/// Locks the rooms of a batch, and reads under the lock what decides about it: also whether this node may
/// still write.
async fn known(on: &Transaction<'_>, batch: &[NewRecord], me: Option<Owner>) -> Step<Known> {
    let asked = asked(batch);
    let rooms: Vec<i64> = asked.rooms.into_iter().collect();
    let ids: Vec<Uuid> = asked.ids.into_iter().collect();
    let (client_rooms, senders, client_ids) = asked.clients;
    let (staff_rooms, staff): (Vec<i64>, Vec<Uuid>) = asked.staff.into_iter().unzip();
    let [lock, firsts, standing, is_staff, _] =
        prepared(on, [LOCK_ROOMS, FIRSTS, STANDING, STAFF, nodes::HOLDS]).await?;
    // Sent at once and run in this order: each of the later ones begins when the locks are held.
    let rooms: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&rooms];
    let (open, firsts, standing, staff, lives) = try_join5(
        on.query(&lock, &rooms).err_into(),
        on.query(&firsts, &[&client_rooms, &senders, &client_ids]).err_into(),
        on.query(&standing, &[&ids]).err_into(),
        on.query(&is_staff, &[&staff_rooms, &staff]).err_into(),
        holding(on, me, asked.origins),
    )
    .await?;
    Ok(Known {
        rooms: open
            .iter()
            .map(|row| Ok((RoomId(row.try_get(0)?), row.try_get(1)?)))
            .collect::<Step<_>>()?,
        by_client: firsts.iter().map(first).collect::<Step<_>>()?,
        by_id: standing.iter().map(stands).collect::<Step<_>>()?,
        staff: staff
            .iter()
            .map(|row| Ok((RoomId(row.try_get(0)?), UserId(row.try_get(1)?))))
            .collect::<Step<_>>()?,
        lives,
    })
}

/// Refuses where the lease of this node is over; else answers which of those lives go on. Where there is
/// only one node, all of them are its own.
async fn holding(
    on: &Transaction<'_>,
    me: Option<Owner>,
    lives: HashSet<Owner>,
) -> Step<HashSet<Owner>> {
    nodes::holds(on, me).await?;
    if lives.is_empty() || me.is_none() {
        return Ok(lives);
    }
    nodes::holding(on, &lives).await
}

fn first(row: &Row) -> Step<((RoomId, UserId, String), First)> {
    let room = RoomId(row.try_get("room_id")?);
    let key = (room, UserId(row.try_get("sender_id")?), row.try_get("client_id")?);
    let first = First {
        id: MessageId(row.try_get("id")?),
        seq: row.try_get("seq")?,
        created_at: row.try_get("created_at")?,
    };
    Ok((key, first))
}

fn stands(row: &Row) -> Step<(MessageId, Stands)> {
    let deleted_at: Option<i64> = row.try_get("deleted_at")?;
    let stands = Stands {
        standing: Standing {
            room: RoomId(row.try_get("room_id")?),
            sender: row.try_get::<_, Option<Uuid>>("sender_id")?.map(UserId),
            kind: word(row, "kind", words::parse_kind)?,
            content_type: row.try_get("content_type")?,
            content: row.try_get("content")?,
            is_deleted: deleted_at.is_some(),
        },
        seq: row.try_get("seq")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        deleted_at,
        changed_seq: row.try_get("changed_seq")?,
    };
    Ok((MessageId(row.try_get("id")?), stands))
}

/// One statement for each table, sent at once.
async fn write(
    on: &Transaction<'_>,
    plan: &Plan<'_>,
    now: &HashMap<MessageId, Stands>,
) -> Step<()> {
    let counted: (Vec<i64>, Vec<i64>) =
        plan.counted.iter().map(|(room, seq)| (room.0, *seq)).unzip();
    let count = async {
        if !counted.0.is_empty() {
            change(on, SET_LAST_SEQS, &[&counted.0, &counted.1]).await?;
        }
        Ok(())
    };
    try_join4(insert(on, plan, now), insert_changes(on, plan), alter(on, plan, now), count).await?;
    Ok(())
}

async fn insert(
    on: &Transaction<'_>,
    plan: &Plan<'_>,
    now: &HashMap<MessageId, Stands>,
) -> Step<()> {
    let said: Vec<_> = plan.said.iter().filter_map(|it| Some((*it, now.get(&it.id)?))).collect();
    if said.is_empty() {
        return Ok(());
    }
    let given: &Given<'_> = &[
        &said.iter().map(|(it, _)| it.room.0).collect::<Vec<_>>(),
        &said.iter().map(|(_, now)| now.seq).collect::<Vec<_>>(),
        &said.iter().map(|(it, _)| it.id.0).collect::<Vec<_>>(),
        &said.iter().map(|(it, _)| it.sender.map(|user| user.0)).collect::<Vec<_>>(),
        &said.iter().map(|(it, _)| it.client_id.as_deref()).collect::<Vec<_>>(),
        &said.iter().map(|(it, _)| words::kind(it.kind)).collect::<Vec<_>>(),
        &said.iter().map(|(it, _)| &*it.content_type).collect::<Vec<_>>(),
        &said.iter().map(|(_, now)| &*now.standing.content).collect::<Vec<_>>(),
        &said.iter().map(|(it, _)| it.created_at).collect::<Vec<_>>(),
        &said.iter().map(|(_, now)| now.updated_at).collect::<Vec<_>>(),
        &said.iter().map(|(_, now)| now.deleted_at).collect::<Vec<_>>(),
        &said.iter().map(|(_, now)| now.changed_seq).collect::<Vec<_>>(),
        &said.iter().map(|(it, _)| it.reply_to).collect::<Vec<_>>(),
    ];
    change(on, INSERT_MESSAGES, given).await?;
    Ok(())
}

async fn insert_changes(on: &Transaction<'_>, plan: &Plan<'_>) -> Step<()> {
    let made = &plan.made;
    if made.is_empty() {
        return Ok(());
    }
    let given: &Given<'_> = &[
        &made.iter().map(|it| it.room.0).collect::<Vec<_>>(),
        &made.iter().map(|it| it.seq).collect::<Vec<_>>(),
        &made.iter().map(|it| it.target_seq).collect::<Vec<_>>(),
        &made.iter().map(|it| words::change_kind(it.kind)).collect::<Vec<_>>(),
        &made.iter().map(|it| it.by.0).collect::<Vec<_>>(),
        &made.iter().map(|it| it.at).collect::<Vec<_>>(),
    ];
    change(on, INSERT_CHANGES, given).await?;
    Ok(())
}

async fn alter(
    on: &Transaction<'_>,
    plan: &Plan<'_>,
    now: &HashMap<MessageId, Stands>,
) -> Step<()> {
    let altered: Vec<_> = plan.altered.iter().filter_map(|id| Some((id.0, now.get(id)?))).collect();
    if altered.is_empty() {
        return Ok(());
    }
    let given: &Given<'_> = &[
        &altered.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        &altered.iter().map(|(_, now)| &*now.standing.content).collect::<Vec<_>>(),
        &altered.iter().map(|(_, now)| now.updated_at).collect::<Vec<_>>(),
        &altered.iter().map(|(_, now)| now.deleted_at).collect::<Vec<_>>(),
        &altered.iter().map(|(_, now)| now.changed_seq).collect::<Vec<_>>(),
    ];
    change(on, ALTER_MESSAGES, given).await?;
    Ok(())
}

async fn append(
    on: &Transaction<'_>,
    batch: &[NewRecord],
    (me, tells): (Option<Owner>, bool),
) -> Step<Vec<Appended>> {
    let mut known = known(on, batch, me).await?;
    let plan = plan(batch, &mut known)?;
    let told = if tells { told::of_batch(batch, &plan.answers) } else { Vec::new() };
    // Sent at once, like the statements within.
    try_join(write(on, &plan, &known.by_id), events::add(on, &told)).await?;
    Ok(plan.answers)
}

/// A message, and who said it: nobody, once that account has ended.
pub(super) fn record(row: &Row) -> Step<MessageRecord> {
    let sender: Option<Uuid> = row.try_get("sender_id")?;
    let name: Option<String> = row.try_get("display_name")?;
    Ok(MessageRecord {
        id: MessageId(row.try_get("id")?),
        room: RoomId(row.try_get("room_id")?),
        seq: row.try_get("seq")?,
        sender: sender.map(UserId).zip(name),
        client_id: row.try_get("client_id")?,
        kind: word(row, "kind", words::parse_kind)?,
        content_type: row.try_get("content_type")?,
        content: row.try_get("content")?,
        reply_to: row.try_get("reply_to")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        deleted_at: row.try_get("deleted_at")?,
    })
}

async fn page(
    on: &impl GenericClient,
    room: RoomId,
    page: HistoryPage,
) -> Step<Vec<MessageRecord>> {
    let (sql, seq, limit) = match page {
        HistoryPage::Before { seq, limit } => (PAGE_BEFORE, seq, limit),
        HistoryPage::After { seq, limit } => (PAGE_AFTER, seq, limit),
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    rows(on, sql, &[&room.0, &seq, &limit]).await?.iter().map(record).collect()
}

/// At most `limit` messages of a room below `before` and above `above`, newest first.
pub(super) async fn down(
    on: &impl GenericClient,
    room: RoomId,
    (before, above): (i64, i64),
    limit: i64,
) -> Step<Vec<MessageRecord>> {
    let found = rows(on, MESSAGES_DOWN, &[&room.0, &before, &above, &limit]).await?;
    found.iter().map(record).collect()
}

/// The messages with these numbers, newest first.
pub(super) async fn at(
    on: &impl GenericClient,
    room: RoomId,
    seqs: &[i64],
) -> Step<Vec<MessageRecord>> {
    rows(on, MESSAGES_AT, &[&room.0, &seqs]).await?.iter().map(record).collect()
}

/// Both kinds are read by number and joined; what is said after the first of the two reads is above
/// `last`, and what is changed meanwhile is only newer.
pub(super) async fn log(
    on: &impl GenericClient,
    room: RoomId,
    after: i64,
    last: i64,
) -> Step<Vec<LogItem>> {
    let given: &Given<'_> = &[&room.0, &after, &last];
    let messages = rows(on, MESSAGES_BETWEEN, given);
    let (messages, changes) = try_join(messages, changes::between(on, room, after, last)).await?;
    let mut items: Vec<LogItem> =
        messages.iter().map(|row| record(row).map(LogItem::Message)).collect::<Step<_>>()?;
    if !changes.is_empty() {
        items.extend(changes.into_iter().map(LogItem::Change));
        items.sort_by_key(LogItem::seq);
    }
    Ok(items)
}

#[async_trait]
impl MessageStore for PostgresStorage {
    async fn record(&self, batch: Vec<NewRecord>) -> Stored<Vec<Appended>> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let how = (self.me.get().copied(), self.tells);
        self.lines.write(&(batch, how), |on, (batch, how)| Box::pin(append(on, batch, *how))).await
    }

    async fn messages(&self, room: RoomId, wanted: HistoryPage) -> Stored<Vec<MessageRecord>> {
        self.lines
            .run(&(room, wanted), |line, (room, wanted)| Box::pin(page(line, *room, *wanted)))
            .await
    }

    async fn log(&self, room: RoomId, after: i64, last: i64) -> Stored<Vec<LogItem>> {
        self.lines
            .run(&(room, after, last), |line, (room, after, last)| {
                Box::pin(log(line, *room, *after, *last))
            })
            .await
    }

    async fn message(&self, id: MessageId) -> Stored<Option<MessageRecord>> {
        self.lines
            .run(&id, |line, id| {
                Box::pin(async move {
                    row(line, MESSAGE, &[&id.0]).await?.as_ref().map(record).transpose()
                })
            })
            .await
    }
}
