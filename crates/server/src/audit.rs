//! The audit trail: who did what to whom, and what it came to.
//!
//! An act is written before it is done and settled after it, so whatever happened is in the trail: a
//! server that stops in the middle leaves a line that says `begun`. What cannot be written is not
//! done, but for what is of the moment and needs no store itself, a kick: that waits for the store only
//! so long, and what the trail then lacks is in the log. What staff did is kept apart from what owners did in their own rooms and from what was refused
//! to others, so nobody without a role pushes a line of theirs out.
//! Never in a line: passwords, tickets, tokens, addresses, what was said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::account::Role;
use anteroom_protocol::audit::{Act, ActOutcome, AuditLine, AuditUser};
use anteroom_protocol::{Code, Timestamp};
use uuid::Uuid;

use crate::accounts::AccountError;
use crate::clock::Clock;
use crate::rooms::RoomError;
use crate::storage::{
    AuditQuery, AuditRecord, NamedAudit, SharedStorage, StorageError, Stored, WallMillis,
};
use crate::tokens::Identity;
use crate::windows::Windows;

/// After so many new lines it is looked whether there are too many.
const TRIM_EVERY: usize = 64;
/// Lines dropped in one transaction.
const TRIM_BATCH: usize = 256;
/// Refused acts of one user that are written in [`REFUSED_SPAN`]: asking again tells nothing new.
const REFUSED_MAX: usize = 10;
const REFUSED_SPAN: Duration = Duration::from_secs(60);
/// How long what is of the moment waits for its line.
const PROMPT: Duration = Duration::from_millis(500);

/// The trail.
pub(crate) struct Audit {
    storage: SharedStorage,
    clock: Arc<Clock>,
    /// Lines to keep, of staff and of others each.
    kept: usize,
    added: AtomicUsize,
    refused: Windows<UserId>,
}

/// An act that is about to be done, or was refused.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    actor: Option<UserId>,
    by_staff: bool,
    act: Act,
    user: Option<UserId>,
    room: Option<RoomId>,
    detail: BTreeMap<String, String>,
}

impl Deed {
    /// What a user does.
    pub(crate) fn by(who: &Identity, act: Act) -> Self {
        let by_staff = who.has(Role::Admin) || who.has(Role::Moderator);
        let actor = (!who.is_operator()).then_some(who.user);
        Self { actor, by_staff, ..Self::by_command(act) }
    }

    /// What is done on the command line.
    pub(crate) fn by_command(act: Act) -> Self {
        let detail = BTreeMap::new();
        Self { actor: None, by_staff: true, act, user: None, room: None, detail }
    }

    pub(crate) fn to(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    pub(crate) fn within(self, room: RoomId) -> Self {
        Self { room: Some(room), ..self }
    }

    /// Says more of it.
    pub(crate) fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }

    fn record(self, at: WallMillis, outcome: ActOutcome, code: Option<&str>) -> AuditRecord {
        AuditRecord {
            id: Uuid::now_v7(),
            at,
            actor: self.actor,
            by_staff: self.by_staff,
            act: self.act,
            user: self.user,
            room: self.room,
            detail: serde_json::to_string(&self.detail).unwrap_or_else(|_| "{}".to_owned()),
            outcome,
            code: code.map(str::to_owned),
        }
    }
}

/// What an error says of the act that it ended.
pub(crate) trait Ending: From<StorageError> {
    /// Refused or failed, and the stable word for why.
    fn ending(&self) -> (ActOutcome, &'static str);
}

impl Ending for StorageError {
    fn ending(&self) -> (ActOutcome, &'static str) {
        (ActOutcome::Failed, Code::Unavailable.as_str())
    }
}

impl Ending for AccountError {
    fn ending(&self) -> (ActOutcome, &'static str) {
        match self {
            Self::Store(error) => error.ending(),
            Self::Busy | Self::Hashing => (ActOutcome::Failed, Code::Unavailable.as_str()),
            Self::NoSuchUser => (ActOutcome::Refused, Code::NotFound.as_str()),
            other => (ActOutcome::Refused, other.as_str()),
        }
    }
}

impl Ending for RoomError {
    fn ending(&self) -> (ActOutcome, &'static str) {
        let code = match self {
            Self::Invalid(_) => Code::Invalid,
            Self::TooManyPending => Code::RateLimited,
            Self::NoSuchUser => Code::NotFound,
            Self::Forbidden => Code::Forbidden,
            Self::Entry(error) => error.code(),
            Self::Busy => Code::Unavailable,
        };
        match code {
            Code::Unavailable => (ActOutcome::Failed, code.as_str()),
            _ => (ActOutcome::Refused, code.as_str()),
        }
    }
}

impl Audit {
    pub(crate) fn new(storage: SharedStorage, clock: Arc<Clock>, kept: usize) -> Self {
        let refused = Windows::new(Some(REFUSED_MAX), REFUSED_SPAN);
        Self { storage, clock, kept, added: AtomicUsize::new(0), refused }
    }

    /// Does what may be done: the line is durable before `act` begins, and says afterwards what it came
    /// to.
    ///
    /// # Errors
    /// What `act` says; or the line could not be written, and nothing was done.
    pub(crate) async fn keep<T, E: Ending>(
        &self,
        deed: Deed,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let record = deed.record(self.clock.wall(), ActOutcome::Begun, None);
        let id = record.id;
        self.storage.note(record).await?;
        let came = act.await;
        settle(&self.storage, id, ended(&came)).await;
        self.trim_at_times().await;
        came
    }

    /// As [`Audit::keep`] for what is of the moment: a store that is slow or away keeps nobody in a room.
    /// Its line is written as soon as the store takes it; a line that it does not take is in the log.
    ///
    /// # Errors
    /// What `act` says.
    pub(crate) async fn keep_promptly<T, E: Ending>(
        &self,
        deed: Deed,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let record = deed.record(self.clock.wall(), ActOutcome::Begun, None);
        let (id, storage) = (record.id, Arc::clone(&self.storage));
        let mut noting = tokio::spawn(async move { note_or_tell(&storage, record).await });
        let in_time = tokio::time::timeout(PROMPT, &mut noting).await;
        let came = act.await;
        let (end, storage) = (ended(&came), Arc::clone(&self.storage));
        match in_time {
            Ok(Ok(true)) => settle(&storage, id, end).await,
            Ok(_) => {}
            Err(_) => drop(tokio::spawn(async move {
                if let Ok(true) = noting.await {
                    settle(&storage, id, end).await;
                }
            })),
        }
        self.trim_at_times().await;
        came
    }

    /// As [`Audit::keep_promptly`] for what takes nothing from anybody: nobody waits for its line, which is
    /// written behind it.
    ///
    /// # Errors
    /// What `act` says.
    pub(crate) async fn keep_behind<T, E: Ending>(
        self: &Arc<Self>,
        deed: Deed,
        act: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let came = act.await;
        let (outcome, code) = ended(&came);
        let record = deed.record(self.clock.wall(), outcome, code.as_deref());
        let audit = Arc::clone(self);
        drop(tokio::spawn(async move {
            let act = record.act.as_str();
            if note_or_tell(&audit.storage, record).await {
                tracing::info!(event = "audit.noted", act, "the line of an act is written");
            }
            audit.trim_at_times().await;
        }));
        came
    }

    /// Notes that an act was refused. Nobody waits for a store that is away because of it, and who asks
    /// again and again is noted only so often.
    pub(crate) async fn refused(&self, deed: Deed, code: &str) {
        if let Some(user) = deed.actor
            && self.refused.admit(user, self.clock.now()).is_err()
        {
            return;
        }
        let record = deed.record(self.clock.wall(), ActOutcome::Refused, Some(code));
        note_or_tell(&self.storage, record).await;
        self.trim_at_times().await;
    }

    /// Passes on what was found before an act; where that is why it must not be done, it is noted.
    pub(crate) async fn checked<T, E: Ending>(
        &self,
        deed: impl FnOnce() -> Deed,
        checked: Result<T, E>,
    ) -> Result<T, E> {
        if let Err(error) = &checked
            && let (ActOutcome::Refused, code) = error.ending()
        {
            self.refused(deed(), code).await;
        }
        checked
    }

    /// Lines, newest first.
    ///
    /// # Errors
    /// The store is away.
    pub(crate) async fn page(&self, query: AuditQuery) -> Stored<Vec<NamedAudit>> {
        self.storage.audit(query).await
    }

    async fn trim_at_times(&self) {
        if !self.added.fetch_add(1, Ordering::Relaxed).is_multiple_of(TRIM_EVERY) {
            return;
        }
        for by_staff in [true, false] {
            while let Ok(TRIM_BATCH..) =
                self.storage.trim_audit(by_staff, self.kept, TRIM_BATCH).await
            {}
        }
    }
}

/// What an act came to.
type End = (ActOutcome, Option<String>);

fn ended<T, E: Ending>(came: &Result<T, E>) -> End {
    match came {
        Ok(_) => (ActOutcome::Done, None),
        Err(error) => {
            let (outcome, code) = error.ending();
            (outcome, Some(code.to_owned()))
        }
    }
}

/// Whether the line is in the trail; else it is in the log.
async fn note_or_tell(storage: &SharedStorage, record: AuditRecord) -> bool {
    let Err(error) = storage.note(record.clone()).await else { return true };
    let AuditRecord { actor, act, user, room, outcome, .. } = record;
    let id = |user: Option<UserId>| user.map(|user| user.to_string()).unwrap_or_default();
    tracing::warn!(event = "audit.not_noted", act = act.as_str(), actor = id(actor), user = id(user),
        room = room.map(|room| room.0), outcome = outcome.as_str(), %error,
        "an act of administration is not in the trail");
    false
}

async fn settle(storage: &SharedStorage, id: Uuid, (outcome, code): End) {
    if let Err(error) = storage.settle_note(id, outcome, code).await {
        // The act is done all the same: saying otherwise would be the greater untruth.
        tracing::warn!(event = "audit.not_settled", line = %id, %error,
            "the trail does not say what an act came to");
    }
}

/// A line as an administrator reads it.
pub(crate) fn shown(line: NamedAudit) -> AuditLine {
    let NamedAudit { record, actor_name, user_name } = line;
    let named = |user: Option<UserId>, username| user.map(|UserId(id)| AuditUser { id, username });
    AuditLine {
        id: record.id,
        at: Timestamp(record.at),
        actor: named(record.actor, actor_name),
        by_staff: record.by_staff,
        act: record.act,
        user: named(record.user, user_name),
        room_id: record.room.map(|room| room.0),
        detail: serde_json::from_str(&record.detail).unwrap_or_default(),
        outcome: record.outcome,
        code: record.code,
    }
}
