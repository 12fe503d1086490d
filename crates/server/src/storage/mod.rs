//! What the domain asks of a durable store, and what the store promises back.
//!
//! The interfaces are cut by what the domain does, not by table, so that SQLite and PostgreSQL can
//! stand side by side. Promises that hold for every method unless it says otherwise:
//!
//! - **Durable before answered.** When a writing method returns `Ok`, the change survives a power cut.
//! - **All or nothing.** A method is one transaction; on `Err` nothing of it happened. The one
//!   exception is a store that dies while committing: the outcome is then unknown, and each method
//!   is safe to repeat.
//! - **Bounded.** A store that cannot take more work answers [`StorageError::Unavailable`] instead of
//!   queueing without end.
//!
//! The store knows nothing of seats: who may enter is decided before it is called.

#[macro_use]
pub(crate) mod statements;

mod administrators;
mod audit;
mod changes;
mod entries;
pub(crate) mod events;
mod model;
mod search;
mod words;

pub mod postgres;
pub mod sqlite;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{Generation, LoginId, MessageId, Owner, RoomId, UserId};
use anteroom_protocol::audit::ActOutcome;
use async_trait::async_trait;
pub use audit::{Actor, AuditQuery, AuditRecord, NamedAudit};
pub(crate) use changes::is_json;
pub use entries::{EntryCount, EntryQuery, EntryRecord};
pub use events::{EventBacklog, EventRecord};
pub use model::*;
pub use search::{Found, FoundPage, SearchAsk};
use uuid::Uuid;

/// The whole store, as the server holds it.
pub type SharedStorage = Arc<dyn Storage>;

/// Why the store did not do it. Details are for the log, never for the wire.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The store is away, full, overloaded or shutting down. Repeating later may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store refused or broke in a way that repeating does not mend.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// The answer of every method.
pub type Stored<T> = Result<T, StorageError>;

/// Everything durable, in one object.
#[async_trait]
pub trait Storage:
    AccountStore
    + AuthStore
    + RoomStore
    + MessageStore
    + KeepingStore
    + PersonStore
    + SearchStore
    + EntryStore
    + AuditStore
    + EventStore
    + NodeStore
    + Send
    + Sync
{
    /// Whether the store answers now; for `/readyz`.
    async fn ping(&self) -> Stored<()>;

    /// Stops taking work, finishes what was taken, and closes the store.
    async fn close(&self);
}

/// The nodes that share the store, and how long each may be silent. Lives are named by node and
/// incarnation; a later incarnation of a node takes the place of the earlier one.
#[async_trait]
pub trait NodeStore {
    /// This process is that life of that node from now on, and whatever it says or lets in is refused as
    /// unavailable once it is fenced. Answers the life of the seats that it begins in
    /// ([`NodeStore::seats_lost`]); `None` when a later life of the node began.
    async fn take_lease(&self, owner: Owner, span: Duration) -> Stored<Option<u64>>;

    /// The life goes on for another `span`. Answers the life of the seats that is, or is to be; `None` when
    /// it was fenced: it is over for good.
    async fn renew_lease(&self, owner: Owner, span: Duration) -> Stored<Option<u64>>;

    /// The life ends in order, and left nothing behind.
    async fn give_up_lease(&self, owner: Owner) -> Stored<()>;

    /// Fences every life whose lease ran out. Answers those that are fenced and whose seats were not
    /// reported as ended ([`NodeStore::swept`]), also from earlier calls.
    async fn fence_overdue(&self) -> Stored<Vec<Owner>>;

    /// What that life had in the seat store was ended.
    async fn swept(&self, owner: Owner) -> Stored<()>;

    /// The seats of life `known` were lost: the next one begins, unless another node has begun it. Answers
    /// the one that is to be; with `None` only that. Every node hears of it with its lease, and ends what it
    /// had of before; so a node that is fenced, which lost its own seats alone, is refused as unavailable.
    async fn seats_lost(&self, known: Option<u64>) -> Stored<u64>;

    /// That node has ended every session that sat on seats of before this life.
    async fn seats_cleared(&self, owner: Owner, life: u64) -> Stored<()>;

    /// Whether every node has, or is fenced, and the life is still the one that is to be.
    async fn all_cleared(&self, life: u64) -> Stored<bool>;

    /// The last life of each node that shares the store, by number. None where a node is always alone.
    async fn nodes(&self) -> Stored<Vec<NodeRecord>>;
}

/// People.
#[async_trait]
pub trait AccountStore {
    /// Adds a user. `None` when the user name (compared by its folded form) is already in use; the
    /// database's unique index decides, so parallel sign-ups of one name leave exactly one.
    async fn create_user(&self, user: NewUser) -> Stored<Option<UserRecord>>;

    /// The user with this id.
    async fn user(&self, id: UserId) -> Stored<Option<UserRecord>>;

    /// The user with this folded name.
    async fn user_by_name(&self, folded: &str) -> Stored<Option<UserRecord>>;

    /// Users whose folded name begins so, in the order of its bytes.
    async fn users(&self, query: UserQuery) -> Stored<Vec<UserRecord>>;

    /// Changes the fields that are `Some`; `None` when there is no such user.
    async fn change_profile(&self, id: UserId, change: ProfilePatch) -> Stored<Option<UserRecord>>;

    /// Replaces the password hash and its expiry.
    async fn set_password(
        &self,
        id: UserId,
        hash: String,
        expires_at: Option<WallMillis>,
    ) -> Stored<bool>;

    /// Locks the account from `at`, or unlocks it. Where the last administrator has to stay, of several
    /// such changes at once, here or on another node, one at least is refused.
    async fn set_locked(
        &self,
        id: UserId,
        at: Option<WallMillis>,
        last: LastAdmin,
    ) -> Stored<AccountChanged>;

    /// Replaces the roles. As [`Self::set_locked`] where that takes administration away.
    async fn set_roles(
        &self,
        id: UserId,
        roles: Vec<anteroom_protocol::account::Role>,
        last: LastAdmin,
    ) -> Stored<AccountChanged>;

    /// How many administrators there are whose accounts are neither locked nor at their end. Reads every
    /// role that was given.
    async fn administrators(&self, at: WallMillis) -> Stored<u32>;
}

/// Which logins are alive: the central place a token's signature is compared with.
#[async_trait]
pub trait AuthStore {
    /// Starts a login and, in the same transaction, ends the oldest live ones of that user beyond
    /// `keep` (the new one counts). Answers the ended ones, oldest first.
    async fn start_login(&self, login: LoginRecord, keep: usize) -> Stored<Vec<LoginId>>;

    /// Replaces the login's token if `expected` is still its current one. The replaced token is
    /// remembered as `previous` until `previous_until`, for refresh only.
    async fn refresh_login(&self, refresh: LoginRefresh) -> Stored<RefreshOutcome>;

    /// The live logins of a user, oldest first.
    async fn logins(&self, user: UserId) -> Stored<Vec<LoginRecord>>;

    /// Why the login ended. `None`: it did not, or there is no such login.
    async fn login_end(&self, login: LoginId) -> Stored<Option<LoginEnd>>;

    /// Ends one login. False when it was not alive.
    async fn end_login(&self, login: LoginId, reason: LoginEnd, at: WallMillis) -> Stored<bool>;

    /// Ends all logins of a user; answers which.
    async fn end_logins(
        &self,
        user: UserId,
        reason: LoginEnd,
        at: WallMillis,
    ) -> Stored<Vec<LoginId>>;
}

/// Rooms, the creation queue, memberships and bans.
#[async_trait]
pub trait RoomStore {
    /// The name that this database was founded with, and the last epoch that began on it; 0 for none.
    async fn founded(&self) -> Stored<(Uuid, u64)>;

    /// Starts a new life of the seat store: raises the durable epoch by one and answers it. The
    /// first is 1.
    async fn begin_epoch(&self) -> Stored<u64>;

    /// Ends every open membership but those of `living` stays, with the reason `server_stopped`, in
    /// one transaction. Answers how many it ended.
    async fn end_memberships_but(
        &self,
        living: Vec<(RoomId, Generation)>,
        at: WallMillis,
    ) -> Stored<u64>;

    /// The open memberships of a room, and whose they are.
    async fn open_memberships(&self, room: RoomId) -> Stored<Vec<(UserId, Generation)>>;

    /// Puts a room into the creation queue and allots its number (never reused).
    async fn queue_room(&self, room: NewRoom) -> Stored<QueuedRoom>;

    /// The creation queue, by number.
    async fn queued_rooms(&self) -> Stored<Vec<QueuedRoom>>;

    /// Forgets a room that nobody was let into: takes it out of the creation queue or, when an
    /// entry that then failed had made it a row already, removes that row and its failed stays.
    /// False when it is neither, for instance because somebody did enter.
    async fn forget_pending(&self, id: RoomId) -> Stored<bool>;

    /// All open rooms, by number.
    async fn open_rooms(&self) -> Stored<Vec<RoomRecord>>;

    /// The room with this number, open or closed; pending ones are not rooms yet.
    async fn room(&self, id: RoomId) -> Stored<Option<RoomRecord>>;

    /// The room with this number, pending, open or closed, seen at one moment: one that opens meanwhile
    /// is found in one of its two places.
    async fn standing_room(&self, id: RoomId) -> Stored<Option<StandingRoom>>;

    /// Writes a first entry. When the room is still in the creation queue it becomes a row in the
    /// same transaction: the row and its first membership appear together or not at all. An older
    /// open membership of the same user in that room ends with `superseded`. Repeating it for the
    /// same generation changes nothing.
    async fn enter(&self, entry: NewMembership) -> Stored<Entered>;

    /// Ends a membership. False when it was not open.
    async fn end_membership(
        &self,
        room: RoomId,
        generation: Generation,
        end: MembershipEnd,
        at: WallMillis,
    ) -> Stored<bool>;

    /// Closes a room and ends its open memberships. False when it was not open.
    async fn close_room(&self, id: RoomId, at: WallMillis) -> Stored<bool>;

    /// Changes the fields that are `Some`; `None` when there is no such open room.
    async fn change_room(&self, id: RoomId, change: RoomPatch) -> Stored<Option<RoomRecord>>;

    /// Bans a user from a room; repeating it is harmless.
    async fn ban(&self, room: RoomId, user: UserId, by: UserId, at: WallMillis) -> Stored<()>;

    /// Lets a user back into a room. False when nobody had banned them there.
    async fn unban(&self, room: RoomId, user: UserId, by: UserId, at: WallMillis) -> Stored<bool>;

    /// Who is banned from a room, by user id, from behind `after`, at most so many.
    async fn bans(
        &self,
        room: RoomId,
        after: Option<UserId>,
        limit: usize,
    ) -> Stored<Vec<BanRecord>>;

    /// Whether a user is banned from a room.
    async fn is_banned(&self, room: RoomId, user: UserId) -> Stored<bool>;
}

/// What is said.
#[async_trait]
pub trait MessageStore {
    /// Appends messages, edits and deletes of any rooms in one transaction. The answers stand in the
    /// order of the batch, and each record finds what those before it did. Within a room `seq` follows
    /// the batch's order, rises by one and has no gaps. On `Err` nothing of the batch is durable,
    /// unless the store died while committing.
    ///
    /// A message whose `(room, sender, client_id)` is already stored is not stored again: its first
    /// outcome is answered. A change is judged by [`Alteration`]'s rules inside the transaction, so of
    /// an edit and a delete that race each other one is first for everybody; a change that would change
    /// nothing takes no number. What comes from a queue is stored under the conditions of
    /// [`QueuedMessage`], judged there as well; what is stored already is answered, whoever it comes from.
    async fn record(&self, batch: Vec<NewRecord>) -> Stored<Vec<Appended>>;

    /// As [`Self::record`], for messages alone.
    async fn append(&self, batch: Vec<NewMessage>) -> Stored<Vec<Appended>> {
        self.record(batch.into_iter().map(NewRecord::Message).collect()).await
    }

    /// One page of a room's messages, final states, in the order the page asks for. Changes have no
    /// place in it: a page of so many holds so many messages, while there are any.
    async fn messages(&self, room: RoomId, page: HistoryPage) -> Stored<Vec<MessageRecord>>;

    /// Everything durable of a room above `after` and up to `last`, in the order of `seq`.
    async fn log(&self, room: RoomId, after: i64, last: i64) -> Stored<Vec<LogItem>>;

    /// The message with this id.
    async fn message(&self, id: MessageId) -> Stored<Option<MessageRecord>>;
}

/// Taking away what is older than messages are kept.
#[async_trait]
pub trait KeepingStore {
    /// The lowest number of a room at which something may still be: below it nothing is kept, from it on
    /// everything is. 1 while nothing went.
    async fn first_seq(&self, room: RoomId) -> Stored<i64>;

    /// Of the next `limit` rooms behind `after`, open or closed, those that may hold something from before
    /// `before`, by number; and behind which room to go on, `None` at the end.
    async fn rooms_to_forget(
        &self,
        before: WallMillis,
        after: RoomId,
        limit: usize,
    ) -> Stored<(Vec<RoomId>, Option<RoomId>)>;

    /// Takes away the oldest of a room, messages and changes with the words they are found by, in the order
    /// of their numbers and up to the first that is not from before `before`; at most `at_most` in one short
    /// transaction. Answers how many went: fewer than `at_most` means that nothing is left to take. No number
    /// is given again, and nothing is told to anybody. Several may do it at once.
    async fn forget(&self, room: RoomId, before: WallMillis, at_most: usize) -> Stored<usize>;
}

/// What hangs on one person, and how an account ends.
///
/// What is read comes in stretches: each looks at `n` rows behind `after`, whoever's they are, and answers
/// those of that person. The first is behind 0.
#[async_trait]
pub trait PersonStore {
    /// The logins of a user, living and over.
    async fn logins_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<PastLogin>>;

    /// The stays of a user, going on and over.
    async fn stays_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<PastStay>>;

    /// The rooms that a user owns, open and closed.
    async fn rooms_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<OwnRoom>>;

    /// The rooms that a user may not come back to.
    async fn bans_of(&self, user: UserId, after: i64, n: usize) -> Stored<Stretch<OwnBan>>;

    /// What a user said in a room, in final states.
    async fn messages_of(
        &self,
        user: UserId,
        room: RoomId,
        after: i64,
        n: usize,
    ) -> Stored<Stretch<MessageRecord>>;

    /// Ends an account for good, with every login. From then on no other method finds the user, the user
    /// name is free, and messages name no sender. Where the last administrator has to stay, as
    /// [`AccountStore::set_locked`]. Repeating it is harmless, and may ask for what was said to go as well.
    async fn end_account(&self, end: AccountEnd) -> Stored<AccountEnded>;

    /// Accounts that ended and whose words are still to go.
    async fn erasures(&self, limit: usize) -> Stored<Vec<Erasure>>;

    /// Nothing is left of what they said.
    async fn erased(&self, user: UserId) -> Stored<()>;

    /// Empties, in a stretch of a closed room, whatever that user said; how many messages, and behind which number to go
    /// on. In any other room it does nothing: there each is deleted as a change that takes its number.
    async fn erase_closed(
        &self,
        whose: (UserId, WallMillis),
        room: RoomId,
        after: i64,
        n: usize,
    ) -> Stored<(usize, Option<i64>)>;
}

/// The user name of an account that has ended. Longer than a name may be, so nobody can have it.
pub(crate) fn tombstone(user: UserId) -> String {
    format!("deleted-{}", user.0.simple())
}

/// Finding what was said. The words are kept in an index that is written behind the log.
#[async_trait]
pub trait SearchStore {
    /// Messages that match, newest first, judged by the words that stand now. Whatever was answered as
    /// durable is found, indexed or not, while no more than some thousands of a room wait to be indexed.
    /// A page may be short although more follows: then `next` is there.
    async fn search(&self, ask: SearchAsk) -> Stored<FoundPage>;

    /// Rooms in which something is not indexed yet.
    async fn unindexed_rooms(&self) -> Stored<Vec<RoomId>>;

    /// Indexes up to `at_most` durable things of these rooms, in their order, in one short transaction.
    /// Answers the rooms in which something is left. Repeating it is harmless.
    async fn index(&self, rooms: Vec<RoomId>, at_most: usize) -> Stored<Vec<RoomId>>;
}

/// What became of attempts to enter.
#[async_trait]
pub trait EntryStore {
    /// Adds lines to the entry log, all or none. A line that is there already is left as it is, so a
    /// batch whose answer was lost can be given again.
    async fn add_entries(&self, batch: Vec<EntryRecord>) -> Stored<()>;

    /// Lines of the entry log, newest first.
    async fn entries(&self, query: EntryQuery) -> Stored<Vec<EntryRecord>>;

    /// How many lines there are from `from` on with each outcome, in spans of `width` milliseconds of
    /// which one begins at the epoch; spans without lines are left out. Read from an index alone.
    async fn entry_counts(&self, from: WallMillis, width: i64) -> Stored<Vec<EntryCount>>;

    /// When the oldest line that is kept was written.
    async fn oldest_entry(&self) -> Stored<Option<WallMillis>>;

    /// Drops the oldest lines beyond the newest `keep`, at most `at_most` of them. Answers how many it
    /// dropped: fewer than `at_most` means that nothing is left to drop.
    async fn trim_entries(&self, keep: usize, at_most: usize) -> Stored<usize>;
}

/// The audit trail: every act of administration.
#[async_trait]
pub trait AuditStore {
    /// Adds a line. One that is there already is left as it is.
    async fn note(&self, line: AuditRecord) -> Stored<()>;

    /// Says what an act came to that was begun. False when that was said before, or the line is gone.
    async fn settle_note(
        &self,
        id: Uuid,
        outcome: ActOutcome,
        code: Option<String>,
    ) -> Stored<bool>;

    /// Lines of the trail, newest first.
    async fn audit(&self, query: AuditQuery) -> Stored<Vec<NamedAudit>>;

    /// Drops the oldest lines beyond the newest `keep` of those by staff, or of the others, at most
    /// `at_most` of them. Answers how many it dropped.
    async fn trim_audit(&self, by_staff: bool, keep: usize, at_most: usize) -> Stored<usize>;
}

/// What happened, for other services. Where the store was opened with events, each fact leaves one in its
/// own transaction; each stays until it is forgotten.
#[async_trait]
pub trait EventStore {
    /// The oldest events, at most `at_most`, in the order of their facts: of two facts of which one was
    /// durable before the other began, that one comes first. They are `by`'s to publish for `span` from
    /// now on; asked again meanwhile by the same, the span begins anew. `None` while another one has the
    /// turn.
    async fn next_events(
        &self,
        by: Uuid,
        span: Duration,
        at_most: usize,
    ) -> Stored<Option<Vec<EventRecord>>>;

    /// Drops the events with these numbers, as they were published. Repeating it is harmless.
    async fn forget_events(&self, published: Vec<i64>) -> Stored<()>;

    /// Whoever asks next has the turn, if it was `by`'s.
    async fn leave_events(&self, by: Uuid) -> Stored<()>;

    /// How much waits. Cheap, however much it is.
    async fn event_backlog(&self) -> Stored<EventBacklog>;
}
