//! The way in, both steps, and the ways out. Every path (page, API, refresh, takeover, administrator)
//! goes through these few verbs; none touches a ledger by itself.
//!
//! Step 1, [`Entry::reserve`], writes nothing durable. Step 2, [`Entry::confirm`]: the ticket is
//! consumed, the membership persisted (first entries only), the session registered, and only then
//! does the caller send `welcome`. Whatever fails in between is undone, and the seat is back before
//! the connection is told.
//!
//! A login may end while an entry under it is going on. Ends are durable first and reach the ledger
//! second; entries ask whether the login lives *after* their step in the ledger. So one of the two
//! always sees the other.

mod aftermath;
mod confirm;
mod duty;
mod elsewhere;
mod exit;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod inheritance;
mod party;
mod proofs;
mod line_board;
mod line_flow;
mod line_stream;
#[cfg(test)]
mod line_tests;
mod removals;
mod reserve;
mod waitlist;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anteroom_core::ids::{LoginId, Owner, ResumeHash, RoomId, SessionId, UserId};
use anteroom_core::mutants::{self, Mutant};
use anteroom_protocol::entry::PartyFailure;
use anteroom_protocol::room::Seats;
use anteroom_protocol::{CloseCode, Code};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_util::sync::CancellationToken;

pub(crate) use aftermath::{Aftermath, waiter_end};
pub(crate) use confirm::{Arrival, Arrived, Entered};
pub(crate) use duty::Duties;
pub(crate) use line_board::LineBoard;
pub(crate) use line_stream::Told;
pub(crate) use proofs::Prover;
pub(crate) use removals::Removals;

use crate::accounts::Passwords;
use crate::admission::{Admission, Journal, TicketKey, Unavailable};
use crate::clock::Clock;
use crate::cluster::{Away, NotAttended};
use crate::hub::Hub;
use crate::messages::Delivery;
use crate::rooms::Rooms;
use crate::storage::{SharedStorage, StorageError};
use crate::sweeper::{Deadlines, Due};
use crate::tokens::Tokens;
use crate::windows::Windows;

/// When a room is looked at again whose seat store did not answer.
const EXPIRE_AGAIN: Duration = Duration::from_secs(1);

/// The entry service.
pub(crate) struct Entry {
    pub(crate) admission: Arc<dyn Admission>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) storage: SharedStorage,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) passwords: Passwords,
    pub(crate) clock: Arc<Clock>,
    pub(crate) deadlines: Arc<Deadlines>,
    /// Wrong room passwords, per room and user.
    pub(crate) wrong_passwords: Windows<(RoomId, UserId)>,
    /// Forged tickets and stale resume secrets.
    pub(crate) bad_proofs: Windows<Prover>,
    pub(crate) ticket_key: TicketKey,
    pub(crate) aftermath: Aftermath,
    pub(crate) duties: Duties,
    /// This node, in this life.
    pub(crate) owner: Owner,
    pub(crate) delivery: Arc<Delivery>,
    /// Nobody enters by this node any more.
    pub(crate) draining: CancellationToken,
    /// Streams of waiters that this life has opened: each has its number for a name.
    pub(crate) streams_opened: AtomicU64,
    /// How often a stream that does not keep its waiter's place asks whether it may: often enough for
    /// a place whose other streams have ended.
    pub(crate) attach_again: Duration,
}

/// Why an entry, or a step of it, was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("no such room")]
    RoomNotFound,
    #[error("the room is closed")]
    RoomClosed,
    #[error("the room is full")]
    RoomFull(Seats),
    #[error("the user sits elsewhere, or came back with a stale secret")]
    Replaced,
    #[error("too many open reservations")]
    TooManyReservations(Vec<RoomId>),
    #[error("too many open reservations from this address")]
    AddressBusy,
    #[error("the room's password is wrong or missing")]
    WrongPassword,
    #[error("the room's password was guessed too often")]
    TooManyGuesses(Duration),
    #[error("too many forged tickets or stale secrets")]
    TooManyBadProofs(Duration),
    #[error("banned from the room")]
    Banned,
    #[error("the login has ended")]
    Unauthenticated,
    #[error("the ticket opens nothing")]
    NoReservation,
    #[error("the reservation has expired")]
    ReservationExpired,
    #[error("the entry could not be completed")]
    Failed,
    #[error("too much is going on to decide this right now")]
    Busy,
    #[error("the user sits there already")]
    AlreadySeated,
    #[error("{} of the party cannot be seated", .0.len())]
    Party(Vec<PartyFailure>),
    #[error("no users, too many, or one of them twice")]
    BadParty,
    #[error("not allowed to do this")]
    Forbidden,
    #[error("the user neither waits nor is offered a seat")]
    NotWaiting,
    #[error("this node is about to stop")]
    Restarting,
    #[error(transparent)]
    Seats(#[from] Unavailable),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Nodes(#[from] Away),
}

impl From<NotAttended> for EntryError {
    fn from(error: NotAttended) -> Self {
        match error {
            NotAttended::Bus(away) => away.into(),
            NotAttended::Store(error) => error.into(),
        }
    }
}

impl EntryError {
    /// The stable word for it.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::RoomNotFound => Code::RoomNotFound,
            Self::RoomClosed => Code::RoomClosed,
            Self::RoomFull(_) => Code::RoomFull,
            Self::Replaced => Code::Replaced,
            Self::TooManyReservations(_) => Code::TooManyReservations,
            Self::AddressBusy | Self::TooManyGuesses(_) | Self::TooManyBadProofs(_) => {
                Code::RateLimited
            }
            Self::WrongPassword => Code::WrongRoomPassword,
            Self::Banned => Code::Banned,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::NoReservation => Code::NoReservation,
            Self::ReservationExpired => Code::ReservationExpired,
            Self::Failed => Code::EntryFailed,
            Self::AlreadySeated => Code::AlreadySeated,
            // What stands in the way of somebody stands in the way of all; the first is named.
            Self::Party(failed) => failed.first().map_or(Code::RoomFull, |it| it.code),
            Self::BadParty => Code::Invalid,
            Self::Forbidden => Code::Forbidden,
            Self::NotWaiting => Code::NotWaiting,
            Self::Restarting => Code::Restarting,
            Self::Busy | Self::Seats(_) | Self::Storage(_) | Self::Nodes(_) => Code::Unavailable,
        }
    }
}

impl Entry {
    /// # Errors
    /// The node is on its way out: another one has to be asked.
    pub(crate) fn takes_people(&self) -> Result<(), EntryError> {
        if self.draining.is_cancelled() { Err(EntryError::Restarting) } else { Ok(()) }
    }

    /// Whether a login lives at this moment.
    async fn login_lives(&self, user: UserId, login: LoginId) -> Result<bool, StorageError> {
        self.tokens.is_live(user, login, self.clock.wall()).await
    }

    /// Called once at the start, after the rooms were added: ends what an earlier life of this node
    /// left behind, in the ledger and in the records.
    ///
    /// # Errors
    /// One of the stores is away: the server cannot start.
    pub(crate) async fn take_up(&self) -> Result<(), EntryError> {
        let mut journal = Journal::new();
        self.admission.take_up(self.owner, &mut journal).await?;
        self.aftermath.apply(journal);
        if self.aftermath.bus.is_shared() {
            // Others enter meanwhile: room by room, records first.
            self.duties.doubt_all();
            return Ok(());
        }
        self.end_stale_memberships().await
    }

    /// Ends the records of stays that the seat store knows nothing of.
    ///
    /// # Errors
    /// One of the stores is away.
    pub(crate) async fn end_stale_memberships(&self) -> Result<(), EntryError> {
        let mut living = Vec::new();
        for info in self.rooms.all() {
            let members = self.admission.members(info.id).await?;
            living.extend(members.into_iter().map(|member| (info.id, member.entered)));
        }
        if mutants::on(Mutant::B14RecordsOutliveTheNode) {
            return Ok(());
        }
        let ended = self.storage.end_memberships_but(living, self.clock.wall()).await?;
        if ended > 0 {
            tracing::info!(
                event = "memberships.closed",
                memberships = ended,
                "stays that an earlier life left open were ended"
            );
        }
        Ok(())
    }

    /// Called once at the stop, after the sessions ended: whatever a close has not reached is fenced
    /// now, and not only by the next start.
    ///
    /// # Errors
    /// The seat store is away: it is left to the next start, or to whoever fences this life.
    pub(crate) async fn give_up(&self) -> Result<(), Unavailable> {
        let mut journal = Journal::new();
        let fenced = self.admission.fence(self.owner, &mut journal).await;
        self.aftermath.apply(journal);
        fenced.map(drop)
    }

    /// The lease of a node's life is over: its sessions end, and their seats are held for the grace.
    ///
    /// # Errors
    /// The seat store is away; it may be repeated.
    pub(crate) async fn fence(&self, owner: Owner) -> Result<(), EntryError> {
        let mut journal = Journal::new();
        let ended = self.admission.fence(owner, &mut journal).await;
        self.aftermath.apply(journal);
        self.hub.end(&ended?, CloseCode::Fenced);
        Ok(())
    }

    /// The live sessions of a user and their rooms, on whichever node they are.
    ///
    /// # Errors
    /// There are other nodes, and the seat store is away.
    pub(crate) async fn sessions_of(
        &self,
        user: UserId,
    ) -> Result<Vec<(RoomId, SessionId)>, Unavailable> {
        if self.aftermath.bus.is_shared() {
            return self.admission.sessions_of(user).await;
        }
        // Whoever was told of its end has read it, perhaps, before its own task takes it out.
        let mut live = self.hub.of_user(user);
        live.retain(|session| session.ending().is_none());
        Ok(live.iter().map(|session| (session.room, session.id)).collect())
    }

    /// Looks again at every room: what other nodes did may have been missed.
    pub(crate) fn look_again(&self) {
        for info in self.rooms.all() {
            match self.hub.count_in_room(info.id) {
                0 => self.aftermath.presence.mark_here(info.id),
                _ => self.duties.doubt(info.id),
            }
        }
    }

    /// Ends what is due in one room; called by the deadline loop.
    pub(crate) async fn expire(&self, room: RoomId) {
        let mut journal = Journal::new();
        let expired = self.admission.expire(room, &mut journal).await;
        self.aftermath.apply(journal);
        if let Err(error) = expired {
            tracing::warn!(event = "seat_store.unavailable", room = room.0, %error,
                "what is due in a room will be ended when the seat store answers");
            self.duties.doubt(room);
            let again = self.clock.now().after(EXPIRE_AGAIN);
            self.deadlines.set(Due::Room(room), Some(again));
        }
    }
}

/// A fresh resume secret, and the hash by which the ledger knows it.
fn new_resume() -> Result<(String, ResumeHash), EntryError> {
    let mut secret = [0u8; 24];
    rand::fill(&mut secret).map_err(|_| EntryError::Failed)?;
    let text = URL_SAFE_NO_PAD.encode(secret);
    let hash = resume_hash(&text);
    Ok((text, hash))
}

/// The hash of a resume secret as it was presented.
fn resume_hash(text: &str) -> ResumeHash {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(hash.as_ref());
    ResumeHash(out)
}
