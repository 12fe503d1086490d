//! Steps that take something away, insisted upon.
//!
//! A release, a revocation or the undoing of an entry has to reach the ledger even when the seat
//! store is away at that moment. It is tried at once; if the store cannot decide, it is repeated in
//! the background with growing pauses until it can. Each duty names a part, a grant, a login or a
//! stream, so that repeating it is harmless. A removal names a user, who is not let in
//! until it is through ([`super::removals`]); a supersede names a login that may have ended by then, which
//! is asked after it ([`super::inheritance`]).
//!
//! A step whose answer was lost may have been taken, and its journal is lost with the answer. So a
//! room in doubt is compared, once the store answers again, with what the other stores believe.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{Generation, LoginId, RoomId, SessionId, StreamId, UserId};
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{Closed, PartRef, Parting, RoomSize, Sitting, Snapshot};
use anteroom_protocol::CloseCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inheritance::pass_on;
use super::{Aftermath, Removals};
use crate::admission::{Admission, EndedSessions, Journal};
use crate::alarms::Kind;
use crate::hub::Hub;
use crate::storage::{LoginEnd, MembershipEnd, Storage, StorageError, Stored};

/// The first pause between repeats; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// What has to be taken away.
#[derive(Clone, Debug)]
pub(super) enum Duty {
    /// A connection is over.
    Close { room: RoomId, part: PartRef, parting: Parting },
    /// An entry failed, or nobody knows how far it came: whatever of it stands ends.
    Undo { room: RoomId, part: PartRef },
    /// A grant that must not stand.
    Withdraw { room: RoomId, user: UserId, grant: (Generation, LoginId) },
    /// A newer login took over.
    Supersede { user: UserId, old: LoginId, new: LoginId },
    /// A login ended.
    Revoke { user: UserId, login: LoginId },
    /// Kicked or banned.
    Remove { room: RoomId, user: UserId },
    /// The room was closed.
    CloseRoom { room: RoomId },
    /// The capacity and the staff seats that the room's record says, whatever that is by then.
    SetCapacity { room: RoomId },
    /// A waiter's stream ended.
    StreamLost { room: RoomId, user: UserId, stream: StreamId },
    /// The session's peer was heard.
    Heard { room: RoomId, user: UserId, session: SessionId },
}

impl Duty {
    fn room(&self) -> Option<RoomId> {
        match *self {
            Self::Close { room, .. }
            | Self::Undo { room, .. }
            | Self::Withdraw { room, .. }
            | Self::Remove { room, .. }
            | Self::CloseRoom { room }
            | Self::SetCapacity { room }
            | Self::StreamLost { room, .. }
            | Self::Heard { room, .. } => Some(room),
            Self::Supersede { .. } | Self::Revoke { .. } => None,
        }
    }

    /// What the connections that end with it are told.
    fn code(&self) -> CloseCode {
        match self {
            Self::Supersede { .. } => CloseCode::Unauthenticated,
            Self::Revoke { .. } => CloseCode::LoggedOut,
            Self::Remove { .. } => CloseCode::Removed,
            Self::CloseRoom { .. } => CloseCode::RoomClosed,
            _ => CloseCode::EntryFailed,
        }
    }
}

/// What a duty came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It reached the ledger; for a close, what that did.
    Now(Option<Closed>),
    /// The store is away: it is being repeated.
    Later,
}

/// Performs duties.
#[derive(Clone)]
pub(crate) struct Duties {
    pub(crate) admission: Arc<dyn Admission>,
    pub(crate) aftermath: Aftermath,
    pub(crate) hub: Arc<Hub>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    /// Rooms that are about to be compared.
    pub(crate) in_doubt: Arc<Mutex<HashSet<RoomId>>>,
    /// Removals that are outstanding.
    pub(crate) removals: Removals,
}

impl Duties {
    /// Performs a duty, now or, when the seat store is away, as soon as it answers.
    pub(super) async fn perform(&self, duty: Duty) -> Done {
        match self.attempt(&duty).await {
            Ok(closed) => Done::Now(closed),
            Err(error) => {
                tracing::warn!(event = "seat_store.unavailable", ?duty, %error,
                    "a release is repeated until the seat store answers");
                self.insist(duty);
                Done::Later
            }
        }
    }

    /// The same, waited for at most so long: it is carried through all the same.
    pub(super) async fn perform_within(&self, patience: Duration, duty: Duty) -> Done {
        let duties = self.clone();
        let mut performing = Box::pin(async move { duties.perform(duty).await });
        match tokio::time::timeout(patience, &mut performing).await {
            Ok(done) => done,
            Err(_) => {
                self.tasks.spawn(performing);
                Done::Later
            }
        }
    }

    fn insist(&self, duty: Duty) {
        let duties = self.clone();
        // Before whoever is removed is told, and so before anybody comes back.
        let shut = match duty {
            Duty::Remove { room, user } => Some(self.removals.shut(room, user)),
            _ => None,
        };
        self.tasks.spawn(async move {
            let _until_answered = shut;
            let mut pauses = Pauses::new(&duties.stopping);
            while pauses.next().await {
                if duties.attempt(&duty).await.is_ok() {
                    tracing::info!(
                        event = "seat_store.caught_up",
                        ?duty,
                        "a release that was repeated has reached the seat store"
                    );
                    match duty.room() {
                        Some(room) => duties.doubt(room),
                        None => duties.doubt_all(),
                    }
                    return;
                }
            }
            tracing::warn!(
                event = "seat_store.given_up",
                ?duty,
                "the server stops before a release was answered; the next start mends it"
            );
        });
    }

    async fn attempt(&self, duty: &Duty) -> Result<Option<Closed>, NotYet> {
        let mut journal = Journal::new();
        let answer = self.step(duty, &mut journal).await;
        self.aftermath.apply(journal);
        let (ended, closed) = answer?;
        self.hub.end(&ended, duty.code());
        Ok(closed)
    }

    async fn step(
        &self,
        duty: &Duty,
        journal: &mut Journal,
    ) -> Result<(EndedSessions, Option<Closed>), NotYet> {
        let seats = self.admission.as_ref();
        let none = EndedSessions::new;
        Ok(match *duty {
            Duty::Close { room, part, parting } => {
                (none(), Some(seats.close(room, part, parting, journal).await?))
            }
            Duty::Undo { room, part } => {
                seats.abort(room, part.user, part.session, journal).await?;
                if mutants::on(Mutant::B13UndoByUser) {
                    return Ok((seats.remove(room, part.user, journal).await?, None));
                }
                // If it had been settled after all, it ends like a line that broke.
                seats.close(room, part, Parting::Unclean, journal).await?;
                (none(), None)
            }
            Duty::Withdraw { room, user, grant } => {
                seats.withdraw(room, user, grant, journal).await?;
                (none(), None)
            }
            Duty::Supersede { user, old, new } => {
                let stores = (seats, &*self.aftermath.storage);
                (pass_on(stores, user, (old, new), journal).await?, None)
            }
            Duty::Revoke { user, login } => (seats.revoke_login(user, login, journal).await?, None),
            Duty::Remove { room, user } => (seats.remove(room, user, journal).await?, None),
            Duty::CloseRoom { room } => (seats.close_room(room, journal).await?, None),
            Duty::SetCapacity { room } => {
                // It may be changed again while the store is asked: the last word is the record's.
                let mut said = self.recorded(room).await?;
                while let Some(size) = said {
                    seats.set_capacity(room, size, journal).await?;
                    said = self.recorded(room).await?.filter(|now| *now != size);
                }
                (none(), None)
            }
            Duty::StreamLost { room, user, stream } => {
                seats.stream_lost(room, user, stream, journal).await?;
                self.aftermath.alarms.set(Kind::Waiter, room);
                (none(), None)
            }
            Duty::Heard { room, user, session } => {
                seats.heard(room, user, session).await?;
                (none(), None)
            }
        })
    }

    /// The size that a room's record says now. Where other nodes change it too, the store is asked.
    async fn recorded(&self, room: RoomId) -> Result<Option<RoomSize>, NotYet> {
        let info = match self.aftermath.bus.is_shared() {
            true => self.look_at_room(room).await?,
            false => self.aftermath.rooms.get(room),
        };
        Ok(info.map(|info| info.size()))
    }

    /// A step's answer was lost: the room is compared once the store answers again.
    pub(super) fn doubt(&self, room: RoomId) {
        let is_new = self.in_doubt.lock().unwrap_or_else(PoisonError::into_inner).insert(room);
        if !is_new {
            return;
        }
        let duties = self.clone();
        self.tasks.spawn(async move {
            let mut pauses = Pauses::new(&duties.stopping);
            while pauses.next().await {
                // Doubts that come up from here on need a look of their own.
                duties.in_doubt.lock().unwrap_or_else(PoisonError::into_inner).remove(&room);
                if duties.compare(room).await.is_ok() {
                    return;
                }
                duties.in_doubt.lock().unwrap_or_else(PoisonError::into_inner).insert(room);
            }
        });
    }

    /// The same for every room where a user has a session here: under the policy `one` an entry ends
    /// the seat in another room.
    pub(super) fn doubt_rooms_of(&self, user: UserId) {
        self.hub.of_user(user).iter().for_each(|session| self.doubt(session.room));
    }

    /// The same for every room this node knows.
    pub(super) fn doubt_all(&self) {
        for info in self.aftermath.rooms.all() {
            self.doubt(info.id);
        }
    }

    /// Ends the records of stays that the seat store knows nothing of, and the sessions that have no
    /// part there (they gave way to one whose settling was not answered), and tells the room anew.
    async fn compare(&self, room: RoomId) -> Result<(), NotYet> {
        // Read before the seats: a session that is registered later is not judged by an older picture.
        let sessions = self.hub.in_room(room);
        let all = self.admission.snapshot(room).await?;
        if all.is_none() {
            self.aftermath.vanished(room);
        }
        if let Some(all) = all {
            if all.header.pending_until.is_none() {
                // Somebody entered, and the journal that said so was lost with an answer.
                self.aftermath.rooms.opened(room);
            }
            let parts = sessions_of(&all);
            for session in sessions.iter().filter(|session| !parts.contains(&session.id)) {
                let storage = &*self.aftermath.storage;
                session.end(why_without_part(storage, room, (session.user, session.login)).await?);
            }
        }
        let recorded = self.aftermath.storage.open_memberships(room).await?;
        // Read after the records: a stay that is recorded later is not judged by an older picture.
        let members = self.admission.members(room).await?;
        let seated: HashSet<Generation> = members.iter().map(|member| member.entered).collect();
        for (user, entered) in recorded.into_iter().filter(|(_, it)| !seated.contains(it)) {
            self.aftermath.end_membership(room, user, entered, MembershipEnd::GraceExpired);
        }
        self.aftermath.presence.mark(room);
        Ok(())
    }
}

/// Why the part of a session in a room is gone, as far as the records can tell. Who gave way to another
/// session of the same user is in no record, and neither is a kick.
async fn why_without_part(
    storage: &dyn Storage,
    room: RoomId,
    (user, login): (UserId, LoginId),
) -> Stored<CloseCode> {
    if storage.is_banned(room, user).await? {
        return Ok(CloseCode::Removed);
    }
    match storage.login_end(login).await? {
        Some(LoginEnd::Superseded) => return Ok(CloseCode::Unauthenticated),
        Some(_) => return Ok(CloseCode::LoggedOut),
        None => {}
    }
    let record = storage.room(room).await?;
    let is_open = record.is_some_and(|record| record.closed_at.is_none());
    Ok(if is_open { CloseCode::Replaced } else { CloseCode::RoomClosed })
}

/// Every session that has a part in a room, those that an entry under way covers included.
fn sessions_of(room: &Snapshot) -> HashSet<SessionId> {
    fn visit(sitting: &Sitting, found: &mut HashSet<SessionId>) {
        for part in &sitting.live {
            found.insert(part.session);
            if let Some(before) = &part.replaced {
                visit(before, found);
            }
        }
    }
    let mut found = HashSet::new();
    room.slots.iter().for_each(|slot| visit(&slot.sitting, &mut found));
    found
}

/// One of the two stores does not answer yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotYet {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Seats(#[from] crate::admission::Unavailable),
}

/// Growing pauses, until the server stops.
struct Pauses<'a> {
    next: Duration,
    stopping: &'a CancellationToken,
}

impl<'a> Pauses<'a> {
    fn new(stopping: &'a CancellationToken) -> Self {
        Self { next: FIRST_PAUSE, stopping }
    }

    /// Waits. False when the server stops: nothing more is to be tried.
    #[expect(
        clippy::disallowed_methods,
        reason = "a store that is away sends no event to wait for"
    )]
    async fn next(&mut self) -> bool {
        let pause = tokio::time::sleep(self.next);
        self.next = (self.next * 2).min(LAST_PAUSE);
        self.stopping.run_until_cancelled(pause).await.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::contract::{self, NOW};
    use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
    use crate::storage::{AuthStore as _, RoomStore as _};

    #[tokio::test]
    async fn a_session_whose_part_is_gone_is_told_why_as_far_as_the_records_know() {
        let dir = tempfile::tempdir().unwrap();
        let store =
            SqliteStorage::open(&dir.path().join("anteroom.db"), SqliteOptions::default()).unwrap();
        let owner = contract::user(&store, "owner").await;
        let user = contract::user(&store, "ann").await;
        let room = contract::open_room(&store, owner).await;
        let mut logins = Vec::new();
        for mark in 0..3 {
            let login = contract::login(user, mark);
            logins.push(login.id);
            store.start_login(login, 2).await.unwrap();
        }
        store.end_login(logins[1], LoginEnd::LoggedOut, NOW).await.unwrap();
        let why =
            async |login: LoginId| why_without_part(&store, room, (user, login)).await.unwrap();
        assert_eq!(why(logins[0]).await, CloseCode::Unauthenticated, "a newer login took over");
        assert_eq!(why(logins[1]).await, CloseCode::LoggedOut);
        assert_eq!(why(logins[2]).await, CloseCode::Replaced, "nothing says otherwise");
        store.close_room(room, NOW).await.unwrap();
        assert_eq!(why(logins[2]).await, CloseCode::RoomClosed);
        store.ban(room, user, owner, NOW).await.unwrap();
        assert_eq!(why(logins[2]).await, CloseCode::Removed);
    }
}
