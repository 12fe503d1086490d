//! What happened, as other services are told: one row for each fact, written in the fact's own
//! transaction where events are switched on.
//!
//! The same for every database; knows none, and no broker. What is told is written down in
//! `docs/events.md`: a field may be added, but none may go or change its meaning without a new `v`.

use anteroom_core::ids::{Generation, LoginId, RoomId, UserId};
use anteroom_protocol::Timestamp;
use anteroom_protocol::account::Role;
use anteroom_protocol::message::MessageKind;
use anteroom_protocol::room::{Lifetime, Visibility};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{
    AccountEnd, Appended, ChangeKind, LoginEnd, MembershipEnd, NewMembership, NewMessage,
    NewRecord, NewUser, RoomRecord, WallMillis,
};

pub(crate) mod kinds;

/// The version of what is told.
const VERSION: u32 = 1;

/// An event on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place in the order of the facts.
    pub n: i64,
    /// Stays the same however often it is published.
    pub id: Uuid,
    /// Under which it is published.
    pub routing_key: String,
    /// JSON.
    pub payload: String,
    /// When the fact came about.
    pub occurred_at: WallMillis,
}

/// How much waits to be published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventBacklog {
    /// How many at most: numbers that were drawn for nothing count too.
    pub waiting: u64,
    /// When the oldest of them came about.
    pub oldest: Option<WallMillis>,
}

/// An event to be stored.
#[derive(Debug)]
pub(super) struct NewEvent {
    pub(super) id: Uuid,
    pub(super) routing_key: String,
    pub(super) payload: String,
    pub(super) occurred_at: WallMillis,
}

/// Whom a fact is about.
#[derive(Clone, Copy)]
enum About {
    Room(RoomId),
    Account(UserId),
}

/// An event, as it is published.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "EventOf{T}")]
struct Envelope<T> {
    /// The version of what is told.
    #[schemars(extend("const" = VERSION))]
    v: u32,
    /// Stays the same however often it is published.
    id: Uuid,
    /// The routing key without the id.
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<i64>,
    occurred_at: Timestamp,
    /// What belongs to it.
    data: T,
}

/// Where nobody names the instant, it is that of the event's own id.
fn event(
    about: About,
    what: &str,
    at: impl Into<Option<WallMillis>>,
    data: impl Serialize,
) -> NewEvent {
    let id = Uuid::now_v7();
    let at = at.into().unwrap_or_else(|| instant_of(id));
    let (routing_key, kind, room_id) = match about {
        About::Room(room) => (format!("room.{room}.{what}"), format!("room.{what}"), Some(room.0)),
        About::Account(user) => (format!("account.{user}.{what}"), format!("account.{what}"), None),
    };
    let told = Envelope { v: VERSION, id, kind, room_id, occurred_at: Timestamp(at), data };
    // Plain data with text for keys: it has no way not to be JSON.
    let payload = serde_json::to_string(&told).unwrap_or_default();
    NewEvent { id, routing_key, payload, occurred_at: at }
}

fn instant_of(id: Uuid) -> WallMillis {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |it| it.to_unix());
    i64::try_from(seconds * 1_000).unwrap_or(i64::MAX) + i64::from(nanos / 1_000_000)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "RoomSettings")]
struct RoomData<'a> {
    name: &'a str,
    capacity: u32,
    staff_seats: u32,
    visibility: Visibility,
    has_password: bool,
    lifetime: Lifetime,
    owner_id: Uuid,
}

impl<'a> RoomData<'a> {
    fn new(record: &'a RoomRecord) -> Self {
        let room = &record.room;
        Self {
            name: &room.name,
            capacity: room.capacity,
            staff_seats: room.staff_seats,
            visibility: room.visibility,
            has_password: room.password_hash.is_some(),
            lifetime: room.lifetime,
            owner_id: room.owner.0,
        }
    }
}

/// The first entry made a room of what was asked for.
pub(super) fn opened(room: &RoomRecord) -> NewEvent {
    event(About::Room(room.id), "opened", room.opened_at, RoomData::new(room))
}

/// A room is another one from now on.
pub(super) fn changed(room: &RoomRecord) -> NewEvent {
    event(About::Room(room.id), "changed", None, RoomData::new(room))
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "RoomEnd")]
struct ClosedData {
    /// Nobody was ever let in: there is no such room any more.
    forgotten: bool,
}

/// A room was closed.
pub(super) fn closed(room: RoomId, at: WallMillis) -> NewEvent {
    event(About::Room(room), "closed", at, ClosedData { forgotten: false })
}

/// A room that nobody could enter is gone.
pub(super) fn forgotten(room: RoomId) -> NewEvent {
    event(About::Room(room), "closed", None, ClosedData { forgotten: true })
}

/// Names a stay.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Stay")]
struct StayData {
    user_id: Uuid,
    /// One stay has one, from `member.entered` to `member.left`.
    stay: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// A stay began.
pub(super) fn entered(stay: &NewMembership) -> NewEvent {
    let data = StayData { user_id: stay.user.0, stay: stay.generation.to_string(), reason: None };
    event(About::Room(stay.room), "member.entered", stay.at, data)
}

/// A stay that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedStay {
    pub(super) room: RoomId,
    pub(super) user: UserId,
    pub(super) generation: Generation,
}

/// A stay ended.
pub(super) fn left(stay: EndedStay, end: MembershipEnd, at: WallMillis) -> NewEvent {
    let what = match end {
        MembershipEnd::Removed => "member.removed",
        _ => "member.left",
    };
    let data = StayData {
        user_id: stay.user.0,
        stay: stay.generation.to_string(),
        reason: Some(end.as_str()),
    };
    event(About::Room(stay.room), what, at, data)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Ban")]
struct BannedData {
    user_id: Uuid,
    by: Uuid,
}

/// A user may not come back to a room.
pub(super) fn banned(room: RoomId, user: UserId, by: UserId, at: WallMillis) -> NewEvent {
    let data = BannedData { user_id: user.0, by: by.0 };
    event(About::Room(room), "member.banned", at, data)
}

/// A user may come back to a room.
pub(super) fn unbanned(room: RoomId, user: UserId, by: UserId, at: WallMillis) -> NewEvent {
    let data = BannedData { user_id: user.0, by: by.0 };
    event(About::Room(room), "member.unbanned", at, data)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MessageSaid")]
struct MessageData<'a> {
    id: Uuid,
    seq: i64,
    sender_id: Option<Uuid>,
    client_id: Option<&'a str>,
    kind: MessageKind,
    content_type: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<i64>,
}

fn said(message: &NewMessage, seq: i64) -> NewEvent {
    let data = MessageData {
        id: message.id.0,
        seq,
        sender_id: message.sender.map(|user| user.0),
        client_id: message.client_id.as_deref(),
        kind: message.kind,
        content_type: &message.content_type,
        content: &message.content,
        reply_to: message.reply_to,
    };
    event(About::Room(message.room), "message.created", message.created_at, data)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "MessageChange")]
struct ChangeData<'a> {
    seq: i64,
    message_id: Uuid,
    message_seq: i64,
    by: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

/// What a record that was stored tells; `None` when nothing came of it.
fn recorded(record: &NewRecord, outcome: &Appended) -> Option<NewEvent> {
    match (record, outcome) {
        (NewRecord::Message(message), Appended::New { seq }) => Some(said(message, *seq)),
        (NewRecord::Queued(queued), Appended::New { seq }) => Some(said(&queued.message, *seq)),
        (NewRecord::Change(ask), Appended::Changed(made)) => {
            let (what, content) = match made.kind {
                ChangeKind::Edited => ("message.edited", Some(&*made.content)),
                ChangeKind::Deleted => ("message.deleted", None),
            };
            let data = ChangeData {
                seq: made.seq,
                message_id: made.target.0,
                message_seq: made.target_seq,
                by: ask.by.0,
                content,
            };
            Some(event(About::Room(ask.room), what, made.at, data))
        }
        _ => None,
    }
}

/// What a batch tells that was stored.
pub(super) fn of_batch(batch: &[NewRecord], outcomes: &[Appended]) -> Vec<NewEvent> {
    batch.iter().zip(outcomes).filter_map(|(record, outcome)| recorded(record, outcome)).collect()
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AccountMade")]
struct AccountData<'a> {
    user_id: Uuid,
    username: &'a str,
    display_name: &'a str,
    roles: &'a [Role],
}

/// Somebody signed up, or came as a guest.
pub(super) fn account_created(user: &NewUser) -> NewEvent {
    let data = AccountData {
        user_id: user.id.0,
        username: &user.username,
        display_name: &user.display_name,
        roles: &user.roles,
    };
    event(About::Account(user.id), "created", user.created_at, data)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AccountEnd")]
struct EndData {
    user_id: Uuid,
    /// Whether what they said is deleted as well, message by message.
    erases_messages: bool,
}

/// An account has ended.
pub(super) fn account_deleted(end: AccountEnd) -> NewEvent {
    let data = EndData { user_id: end.user.0, erases_messages: end.erase };
    event(About::Account(end.user), "deleted", end.at, data)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AccountLock")]
struct LockData {
    user_id: Uuid,
}

/// An account was locked, or unlocked.
pub(super) fn lock_set(user: UserId, locked_at: Option<WallMillis>) -> NewEvent {
    let what = if locked_at.is_some() { "locked" } else { "unlocked" };
    event(About::Account(user), what, locked_at, LockData { user_id: user.0 })
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "LoginEnd")]
struct LoginData {
    user_id: Uuid,
    login_id: Uuid,
    reason: &'static str,
}

/// A login ended.
pub(super) fn login_ended(
    user: UserId,
    login: LoginId,
    reason: LoginEnd,
    at: WallMillis,
) -> NewEvent {
    let data = LoginData { user_id: user.0, login_id: login.0, reason: reason.as_str() };
    event(About::Account(user), "login.ended", at, data)
}
