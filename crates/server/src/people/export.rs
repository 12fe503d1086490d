//! Everything that is stored of one person, written out a stretch at a time.
//!
//! Only so much is in memory as one stretch holds and the reader has not taken yet. When the store fails in the
//! middle the text breaks off, so that nobody takes a part for the whole.

use std::collections::BTreeSet;
use std::io;

use anteroom_core::ids::RoomId;
use anteroom_protocol::Timestamp;
use anteroom_protocol::audit::AuditLine;
use anteroom_protocol::export::{
    ExportedAccount, ExportedBan, ExportedLogin, ExportedRoom, ExportedStay, FORMAT,
};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::storage::{
    Actor, AuditQuery, EntryQuery, NamedAudit, OwnBan, OwnRoom, PastLogin, PastStay, SharedStorage,
    Stored, Stretch, UserRecord, WallMillis,
};
use crate::{audit, entry_log, view};

/// Rows looked at in one read.
const WIDTH: usize = 5_000;
/// Messages looked at in one read: each may be long.
const MESSAGES_WIDTH: usize = 500;
/// Lines in one read.
const LINES: usize = 200;
/// Text that is handed over at once.
const CHUNK: usize = 32 << 10;
/// Chunks that may wait for the reader.
const AHEAD: usize = 2;

/// The text, or why it breaks off.
pub(crate) type Chunks = mpsc::Receiver<io::Result<Bytes>>;

/// Begins to write out what is stored of a user, as JSON. It ends early when nobody reads any more.
pub(crate) fn export(storage: SharedStorage, user: UserRecord, now: WallMillis) -> Chunks {
    let (out, chunks) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let id = user.id;
        let mut text = Text { out, buffer: Vec::with_capacity(CHUNK), is_first: true };
        if let Err(Cut::Store(error)) = write(&storage, user, now, &mut text).await {
            tracing::warn!(event = "export.broken_off", user = %id, %error,
                "what is stored of a user could not be read to its end");
            let _ = text.out.send(Err(io::Error::other("the store is away"))).await;
        }
    });
    chunks
}

/// Why it ends early.
enum Cut {
    /// Nobody reads.
    Unread,
    Store(crate::storage::StorageError),
}

impl From<crate::storage::StorageError> for Cut {
    fn from(error: crate::storage::StorageError) -> Self {
        Self::Store(error)
    }
}

/// A JSON object on its way out.
struct Text {
    out: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
    is_first: bool,
}

impl Text {
    fn begin(&mut self, name: &str) {
        self.buffer.extend_from_slice(format!(",\"{name}\":[").as_bytes());
        self.is_first = true;
    }

    fn item(&mut self, item: &impl Serialize) {
        if !std::mem::take(&mut self.is_first) {
            self.buffer.push(b',');
        }
        self.value(item);
    }

    /// Plain data with text for keys: it has no way not to be JSON.
    fn value(&mut self, value: &impl Serialize) {
        let _ = serde_json::to_writer(&mut self.buffer, value);
    }

    fn end(&mut self) {
        self.buffer.push(b']');
    }

    async fn hand_over(&mut self) -> Result<(), Cut> {
        if self.buffer.len() < CHUNK {
            return Ok(());
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Cut> {
        let chunk = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK)));
        self.out.send(Ok(chunk)).await.map_err(|_| Cut::Unread)
    }

    /// A list that is read in stretches.
    async fn list<T, W: Serialize, F: Future<Output = Stored<Stretch<T>>>>(
        &mut self,
        name: &str,
        read: impl Fn(i64) -> F,
        mut show: impl FnMut(T) -> W,
    ) -> Result<(), Cut> {
        self.begin(name);
        self.stretches(read, &mut show).await?;
        self.end();
        Ok(())
    }

    async fn stretches<T, W: Serialize, F: Future<Output = Stored<Stretch<T>>>>(
        &mut self,
        read: impl Fn(i64) -> F,
        show: &mut impl FnMut(T) -> W,
    ) -> Result<(), Cut> {
        let mut behind = Some(0);
        while let Some(after) = behind {
            let stretch = read(after).await?;
            for item in stretch.items {
                self.item(&show(item));
                self.hand_over().await?;
            }
            behind = stretch.next;
        }
        Ok(())
    }

    /// A list that is read a page at a time, each from behind the last line of the one before.
    async fn pages<T, I: Copy, W: Serialize, F: Future<Output = Stored<Vec<T>>>>(
        &mut self,
        name: &str,
        read: impl Fn(Option<I>) -> F,
        id: impl Fn(&T) -> I,
        show: impl Fn(T) -> W,
    ) -> Result<(), Cut> {
        self.begin(name);
        let mut before = None;
        loop {
            let page = read(before).await?;
            before = page.last().map(&id);
            let is_end = page.len() < LINES;
            for line in page {
                self.item(&show(line));
            }
            self.hand_over().await?;
            if is_end {
                break;
            }
        }
        self.end();
        Ok(())
    }
}

async fn write(
    storage: &SharedStorage,
    user: UserRecord,
    now: WallMillis,
    text: &mut Text,
) -> Result<(), Cut> {
    let id = user.id;
    let mut rooms = BTreeSet::new();
    text.buffer.extend_from_slice(format!("{{\"format\":{FORMAT},\"exported_at\":").as_bytes());
    text.value(&Timestamp(now));
    text.buffer.extend_from_slice(b",\"account\":");
    text.value(&account(&user));
    text.list("logins", |after| storage.logins_of(id, after, WIDTH), login).await?;
    let read = |after| storage.stays_of(id, after, WIDTH);
    text.list("stays", read, |it| stay(it, &mut rooms)).await?;
    text.list("rooms", |after| storage.rooms_of(id, after, WIDTH), room).await?;
    text.list("bans", |after| storage.bans_of(id, after, WIDTH), ban).await?;
    text.begin("messages");
    for room in rooms {
        let read = |after| storage.messages_of(id, room, after, MESSAGES_WIDTH);
        text.stretches(read, &mut view::message).await?;
    }
    text.end();
    entries(storage, &user, text).await?;
    let done_to = AuditQuery { user: Some(id), limit: LINES, ..AuditQuery::default() };
    lines(storage, ("done_to", done_to), text).await?;
    let by = Some(Actor::User(id));
    let done_by = AuditQuery { actor: by, limit: LINES, ..AuditQuery::default() };
    lines(storage, ("done_by", done_by), text).await?;
    text.buffer.extend_from_slice(b"}\n");
    text.flush().await
}

async fn entries(storage: &SharedStorage, user: &UserRecord, text: &mut Text) -> Result<(), Cut> {
    let user = Some(user.id);
    let asked = |before| EntryQuery { room: None, user, outcome: None, before, limit: LINES };
    let read = |before| storage.entries(asked(before));
    text.pages("entries", read, |line| line.id, entry_log::shown).await
}

async fn lines(
    storage: &SharedStorage,
    (name, query): (&str, AuditQuery),
    text: &mut Text,
) -> Result<(), Cut> {
    let read = |before| storage.audit(AuditQuery { before, ..query });
    text.pages(name, read, |line| line.record.id, of_somebody).await
}

/// Others are not what this is about.
fn of_somebody(line: NamedAudit) -> AuditLine {
    let mut line = audit::shown(line);
    for named in [&mut line.actor, &mut line.user].into_iter().flatten() {
        named.username = None;
    }
    line
}

fn account(user: &UserRecord) -> ExportedAccount {
    ExportedAccount {
        user: view::user(user, true),
        has_password: user.password_hash.is_some(),
        password_expires_at: user.password_expires_at.map(Timestamp),
        expires_at: user.expires_at.map(Timestamp),
        locked_at: user.locked_at.map(Timestamp),
    }
}

fn login(login: PastLogin) -> ExportedLogin {
    let (ended_at, reason) = login.ended.unzip();
    ExportedLogin {
        id: login.id.0,
        began_at: Timestamp(login.created_at),
        ended_at: ended_at.map(Timestamp),
        reason,
    }
}

/// What was said is looked for in every room they were in.
fn stay(stay: PastStay, rooms: &mut BTreeSet<RoomId>) -> ExportedStay {
    rooms.insert(stay.room);
    let (left_at, reason) = stay.left.unzip();
    ExportedStay {
        room_id: stay.room.0,
        entered_at: Timestamp(stay.entered_at),
        left_at: left_at.map(Timestamp),
        reason,
    }
}

fn room(room: OwnRoom) -> ExportedRoom {
    ExportedRoom {
        id: room.id.0,
        name: room.name,
        created_at: Timestamp(room.created_at),
        closed_at: room.closed_at.map(Timestamp),
    }
}

const fn ban(ban: OwnBan) -> ExportedBan {
    ExportedBan { room_id: ban.room.0, banned_at: Timestamp(ban.at) }
}
