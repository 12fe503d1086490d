//! What people do to rooms: ask for one, find one, change it, close it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anteroom_core::ids::RoomId;
use anteroom_core::seat::RoomSize;
use anteroom_core::time::Millis;
use anteroom_protocol::account::Role;
use anteroom_protocol::entry::{Reservation, Reserve};
use anteroom_protocol::room::{CreateRoom, Lifetime, Owner, Room, RoomState, Seats, Visibility};
use anteroom_protocol::{FieldProblem, Timestamp};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::RoomInfo;
use super::checks::checked_name;
use crate::accounts::PasswordError;
use crate::admission::Unavailable;
use crate::alarms::Kind;
use crate::audit::Audit;
use crate::entry::{Entry, EntryError};
use crate::rooms::SeatsLife;
use crate::storage::{NewRoom, StorageError};
use crate::tokens::Identity;
use crate::view;

/// Rooms, as people act on them.
pub(crate) struct RoomService {
    pub(crate) entry: Arc<Entry>,
    /// How long a new room waits for its first entry.
    pub(crate) pending_ttl: std::time::Duration,
    /// Pending rooms one user may have; `None` switches the bound off.
    pub(crate) pending_max: Option<usize>,
    /// Which life of the seat store this is.
    pub(crate) epoch: AtomicU64,
    pub(crate) seats_life: SeatsLife,
    pub(crate) audit: Arc<Audit>,
    /// Held while a room changes.
    pub(crate) changes: tokio::sync::Mutex<()>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoomError {
    #[error("some values are not acceptable")]
    Invalid(Vec<FieldProblem>),
    #[error("too many rooms wait for their first entry")]
    TooManyPending,
    #[error("no such user")]
    NoSuchUser,
    #[error("only the owner and staff may do this")]
    Forbidden,
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error("passwords cannot be hashed right now")]
    Busy,
}

impl From<StorageError> for RoomError {
    fn from(error: StorageError) -> Self {
        Self::Entry(error.into())
    }
}

impl From<Unavailable> for RoomError {
    fn from(error: Unavailable) -> Self {
        Self::Entry(error.into())
    }
}

impl From<PasswordError> for RoomError {
    fn from(_: PasswordError) -> Self {
        Self::Busy
    }
}

impl RoomService {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Puts a room into the creation queue and reserves its creator's seat.
    ///
    /// # Errors
    /// Fields out of bounds, too many pending rooms, or the store away: no room is queued then.
    pub(crate) async fn create(
        &self,
        who: &Identity,
        ask: CreateRoom,
        address: Option<std::net::IpAddr>,
    ) -> Result<(Room, Reservation), RoomError> {
        let size = RoomSize { capacity: ask.capacity, staff_seats: ask.staff_seats };
        let name = checked_name(&ask.name, size, ask.password.as_deref())?;
        let entry = &self.entry;
        entry.takes_people()?;
        if self.pending_max.is_some_and(|max| entry.rooms.pending_of(who.user) >= max) {
            return Err(RoomError::TooManyPending);
        }
        let password_hash = match &ask.password {
            Some(password) if !password.is_empty() => {
                Some(entry.passwords.hash(password.clone()).await?)
            }
            _ => None,
        };
        let pending_until = entry.admission.now().after(self.pending_ttl);
        let key = (ask.visibility == Visibility::Unlisted).then(new_key).transpose()?;
        let queued = entry
            .storage
            .queue_room(NewRoom {
                name,
                capacity: ask.capacity,
                staff_seats: ask.staff_seats,
                visibility: ask.visibility,
                key,
                password_hash,
                lifetime: ask.lifetime,
                owner: who.user,
                created_at: entry.clock.wall(),
                pending_until: entry.admission.shown(pending_until, &entry.clock),
            })
            .await?;
        let info = entry.rooms.add_queued(queued);
        let spec = info.spec(self.epoch(), Some(pending_until));
        if let Err(error) = entry.admission.add_room(spec).await {
            self.forget(info.id).await?;
            return Err(EntryError::from(error).into());
        }
        entry.aftermath.alarms.set(Kind::Pending, info.id);
        // Not before its seats are there: whoever looks finds them.
        entry.aftermath.tell_room(info.id);
        tracing::info!(event = "room.queued", room = info.id.0, user = %who.user,
            capacity = info.capacity, "a room was asked for");
        match entry.reserve(who, info.id, &Reserve::default(), address).await {
            Ok((reservation, _)) => Ok((self.shown(who, &info).await?, reservation)),
            Err(error) => {
                self.forget(info.id).await?;
                Err(error.into())
            }
        }
    }

    /// Takes a pending room back.
    async fn forget(&self, room: RoomId) -> Result<(), RoomError> {
        if !self.entry.storage.forget_pending(room).await? {
            // Somebody was quicker and is in already: it ends as a room does.
            self.entry.storage.close_room(room, self.entry.clock.wall()).await?;
        }
        self.entry.room_closed(room).await;
        Ok(())
    }

    /// Takes up again what an earlier life of the server left: open rooms, and the creation queue
    /// with the time that is left to each. What nobody can enter any more is cleaned up. Of seats that were
    /// lost while this node was away none is given yet.
    pub(crate) async fn reload(&self) -> Result<(), RoomError> {
        let entry = &self.entry;
        let is_shared = entry.aftermath.bus.is_shared();
        // Read first: one that another node opens in between is in the second list.
        let queued = entry.storage.queued_rooms().await?;
        let open = entry.storage.open_rooms().await?;
        let ids: Vec<RoomId> = open.iter().map(|room| room.id).collect();
        // Then people may still sit at other nodes, which have not seen it yet.
        let is_lost = is_shared && self.lacks_one_of(&ids).await? && entry.admission.lose();
        for record in open {
            // The row of a first entry that failed just before the stop; with other nodes it may be one
            // that is being made just now, and whoever makes it cleans up.
            if !is_shared && entry.storage.forget_pending(record.id).await? {
                continue;
            }
            let info = entry.rooms.add_open(record);
            if !is_lost {
                entry.admission.add_room(info.spec(self.epoch(), None)).await?;
            }
        }
        for queued in queued {
            if entry.rooms.get(queued.id).is_some() {
                continue;
            }
            let left = queued.room.pending_until - entry.clock.wall();
            let left = match u64::try_from(left) {
                Ok(left @ 1..) => left,
                // What other nodes still know of it ends it.
                _ if is_shared => 1,
                _ => {
                    entry.storage.forget_pending(queued.id).await?;
                    tracing::info!(
                        event = "room.pending_expired",
                        room = queued.id.0,
                        "nobody entered in time; the room is forgotten"
                    );
                    continue;
                }
            };
            let until = Millis(entry.admission.now().0.saturating_add(left));
            let info = entry.rooms.add_queued(queued);
            if !is_lost {
                entry.admission.add_room(info.spec(self.epoch(), Some(until))).await?;
            }
        }
        if is_lost {
            // Each is added when every node has ended what it had of before: see `keep_built`.
            return Ok(());
        }
        entry.take_up().await?;
        if is_shared {
            return self.agree_on_sizes().await;
        }
        self.close_emptied().await
    }

    /// Sets the size of each room whose seats have another one than its record says: of two nodes that
    /// changed it, or changed it while another one started, the record tells who was last.
    ///
    /// # Errors
    /// One of the stores is away.
    pub(crate) async fn agree_on_sizes(&self) -> Result<(), RoomError> {
        let entry = &self.entry;
        let rooms = entry.rooms.all();
        let ids: Vec<RoomId> = rooms.iter().map(|info| info.id).collect();
        let seats = entry.admission.seats_of(&ids).await?;
        for (info, seats) in rooms.iter().zip(seats) {
            let stands = seats.map(|it| (it.capacity, it.staff.map_or(0, |staff| staff.capacity)));
            let size = info.size();
            if stands.is_some_and(|stands| stands != (size.capacity, size.staff_seats)) {
                entry.set_capacity(info.id).await;
            }
        }
        Ok(())
    }

    /// Closes the rooms that live until empty and in which nobody is left after a restart.
    pub(super) async fn close_emptied(&self) -> Result<(), RoomError> {
        let entry = &self.entry;
        for info in entry.rooms.all() {
            if info.lifetime != Lifetime::UntilEmpty || info.state != RoomState::Open {
                continue;
            }
            let seats = entry.admission.seats(info.id).await?;
            let left = seats.map_or(0, |it| it.occupied + it.held + it.reserved + it.waiting);
            if left == 0 {
                entry.storage.close_room(info.id, entry.clock.wall()).await?;
                entry.room_closed(info.id).await;
                tracing::info!(
                    event = "room.closed",
                    room = info.id.0,
                    cause = "empty",
                    "everyone left with the restart"
                );
            }
        }
        Ok(())
    }

    /// Public open rooms whose name holds `query`, with live seats.
    ///
    /// # Errors
    /// The seat store cannot say.
    pub(crate) async fn list(&self, query: &str) -> Result<Vec<(Arc<RoomInfo>, Seats)>, RoomError> {
        let wanted = query.trim().to_lowercase();
        let is_wanted = |info: &Arc<RoomInfo>| {
            info.visibility == Visibility::Public
                && info.state == RoomState::Open
                && (wanted.is_empty() || info.name.to_lowercase().contains(&wanted))
        };
        let mut found = self.entry.rooms.all();
        found.retain(is_wanted);
        let ids: Vec<RoomId> = found.iter().map(|info| info.id).collect();
        let seats = self.entry.admission.seats_of(&ids).await?;
        let both = found.into_iter().zip(seats);
        Ok(both.filter_map(|(info, seats)| Some((info, view::seats(seats?)))).collect())
    }

    /// One room, for somebody who may know of it.
    pub(crate) async fn get(
        &self,
        who: &Identity,
        room: RoomId,
        key: Option<&str>,
    ) -> Result<Room, RoomError> {
        let info = self.entry.visible(who, room, key).await?;
        self.shown(who, &info).await
    }

    /// The room, if the asker may manage it.
    pub(crate) async fn managed(
        &self,
        who: &Identity,
        room: RoomId,
    ) -> Result<Arc<RoomInfo>, RoomError> {
        let info = self.entry.visible(who, room, None).await?;
        if who.user == info.owner || who.has(Role::Moderator) || who.has(Role::Admin) {
            Ok(info)
        } else {
            Err(RoomError::Forbidden)
        }
    }

    /// A room as this reader sees it.
    pub(crate) async fn shown(&self, who: &Identity, info: &RoomInfo) -> Result<Room, RoomError> {
        let seats = self.entry.admission.seats(info.id).await?;
        let seats = seats.map(view::seats).unwrap_or_default();
        let owner = self.entry.storage.user(info.owner).await.ok().flatten();
        let mut room = view_of(info, seats);
        room.owner = owner.map(|user| Owner { id: user.id.0, name: user.display_name });
        room.key = info.key.clone().filter(|_| who.user == info.owner);
        Ok(room)
    }
}

/// A room without what only some may see.
pub(crate) fn view_of(info: &RoomInfo, seats: Seats) -> Room {
    Room {
        id: info.id.0,
        name: info.name.clone(),
        capacity: info.capacity,
        state: info.state,
        visibility: info.visibility,
        has_password: info.password_hash.is_some(),
        owner: None,
        lifetime: info.lifetime,
        seats,
        created_at: Timestamp(info.created_at),
        last_seq: info.last_seq(),
        key: None,
    }
}

/// The secret in the link of an unlisted room.
pub(super) fn new_key() -> Result<String, RoomError> {
    let mut key = [0u8; 12];
    rand::fill(&mut key).map_err(|_| RoomError::Busy)?;
    Ok(URL_SAFE_NO_PAD.encode(key))
}
