//! What its owner and staff do to a room: change it, close it, take people out and let them back in. Each
//! act is in the trail, whoever asked for it and by whichever way.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::audit::Act;
use anteroom_protocol::room::{ChangeRoom, Room, RoomState, Visibility};

use super::RoomInfo;
use super::checks::checked_change;
use super::service::{RoomError, RoomService, new_key};
use crate::audit::Deed;
use crate::entry::EntryError;
use crate::storage::{BanRecord, RoomPatch};
use crate::tokens::Identity;

impl RoomService {
    /// Changes a room; owner and staff only.
    ///
    /// # Errors
    /// Fields out of bounds, also together with what the room has already; not theirs to change; not
    /// open; the store away: nothing is changed then.
    pub(crate) async fn change(
        &self,
        who: &Identity,
        room: RoomId,
        ask: ChangeRoom,
    ) -> Result<Room, RoomError> {
        let deed = || {
            let deed = Deed::by(who, Act::ChangeRoom).within(room);
            deed.detail("changed", changed_fields(&ask).join(" "))
        };
        let managed = self.audit.checked(deed, self.managed(who, room).await).await?;
        checked_change(&managed, &ask)?;
        self.audit.keep(deed(), self.change_it(who, room, ask.clone())).await
    }

    async fn change_it(
        &self,
        who: &Identity,
        room: RoomId,
        ask: ChangeRoom,
    ) -> Result<Room, RoomError> {
        let password_hash = match ask.password.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(password) => Some(Some(self.entry.passwords.hash(password.to_owned()).await?)),
        };
        // The store, the copy and the ledger change in the same order for everyone, and what is asked
        // for is judged beside what the one before left.
        let _in_order = self.changes.lock().await;
        let info = self.managed(who, room).await?;
        let name = checked_change(&info, &ask)?;
        let patch = RoomPatch {
            name: ask.name.as_ref().map(|_| name),
            capacity: ask.capacity,
            staff_seats: ask.staff_seats,
            visibility: visibility(&info, &ask)?,
            password_hash,
        };
        let stored = self.entry.storage.change_room(room, patch).await?;
        let Some(stored) = stored else { return Err(EntryError::RoomClosed.into()) };
        self.entry.rooms.change(room, |info| {
            info.name.clone_from(&stored.room.name);
            info.capacity = stored.room.capacity;
            info.staff_seats = stored.room.staff_seats;
            info.visibility = stored.room.visibility;
            info.key.clone_from(&stored.room.key);
            info.password_hash.clone_from(&stored.room.password_hash);
        });
        self.entry.aftermath.tell_room(room);
        self.entry.set_capacity(room).await;
        self.entry.aftermath.presence.mark(room);
        tracing::info!(event = "room.changed", room = room.0, user = %who.user,
            capacity = stored.room.capacity, staff_seats = stored.room.staff_seats,
            "a room was changed");
        self.get(who, room, None).await
    }

    /// Closes a room, durably first; owner and staff only.
    ///
    /// # Errors
    /// No such room; not theirs to close; the store away.
    pub(crate) async fn close(&self, who: &Identity, room: RoomId) -> Result<(), RoomError> {
        let deed = || Deed::by(who, Act::CloseRoom).within(room);
        let info = self.audit.checked(deed, self.managed(who, room).await).await?;
        let act = async {
            if info.state == RoomState::Pending {
                self.entry.storage.forget_pending(room).await?;
            }
            // A pending room may have been entered meanwhile: then there is a row to close.
            self.entry.storage.close_room(room, self.entry.clock.wall()).await?;
            self.entry.room_closed(room).await;
            tracing::info!(event = "room.closed", room = room.0, cause = "requested",
                user = %who.user, "a room was closed");
            Ok(())
        };
        self.audit.keep(deed(), act).await
    }

    /// Takes somebody out of a room, and with `ban` for good; owner and staff only.
    ///
    /// # Errors
    /// No such room or user; not theirs to remove; the store away.
    pub(crate) async fn remove_member(
        &self,
        who: &Identity,
        room: RoomId,
        user: UserId,
        ban: bool,
    ) -> Result<(), RoomError> {
        let act = if ban { Act::Ban } else { Act::Kick };
        let deed = || Deed::by(who, act).within(room).to(user);
        let may = self.managed(who, room).await.and_then(|info| match user == info.owner {
            true => Err(RoomError::Forbidden),
            false => Ok(()),
        });
        self.audit.checked(deed, may).await?;
        let act = async {
            if ban {
                if self.entry.storage.user(user).await?.is_none() {
                    return Err(RoomError::NoSuchUser);
                }
                self.entry.storage.ban(room, user, who.user, self.entry.clock.wall()).await?;
            }
            self.entry.remove(room, user).await;
            Ok(())
        };
        match ban {
            true => self.audit.keep(deed(), act).await,
            false => self.audit.keep_promptly(deed(), act).await,
        }
    }

    /// Lets somebody back into a room; owner and staff only.
    ///
    /// # Errors
    /// No such room; nobody had banned them; not theirs to allow; the store away.
    pub(crate) async fn unban(
        &self,
        who: &Identity,
        room: RoomId,
        user: UserId,
    ) -> Result<(), RoomError> {
        let deed = || Deed::by(who, Act::Unban).within(room).to(user);
        self.audit.checked(deed, self.managed(who, room).await).await?;
        let act = async {
            let at = self.entry.clock.wall();
            match self.entry.storage.unban(room, user, who.user, at).await? {
                true => Ok(()),
                false => Err(RoomError::NoSuchUser),
            }
        };
        self.audit.keep(deed(), act).await
    }

    /// Who may not come back, by user, from behind `after`; owner and staff only.
    ///
    /// # Errors
    /// No such room; not theirs to know; the store away.
    pub(crate) async fn bans(
        &self,
        who: &Identity,
        room: RoomId,
        (after, limit): (Option<UserId>, usize),
    ) -> Result<Vec<BanRecord>, RoomError> {
        self.managed(who, room).await?;
        Ok(self.entry.storage.bans(room, after, limit).await?)
    }
}

/// The key of a room that becomes unlisted is made once, and kept when it is public again.
fn visibility(
    info: &RoomInfo,
    ask: &ChangeRoom,
) -> Result<Option<(Visibility, Option<String>)>, RoomError> {
    Ok(match ask.visibility {
        Some(Visibility::Unlisted) if info.key.is_none() => {
            Some((Visibility::Unlisted, Some(new_key()?)))
        }
        Some(visibility) => Some((visibility, info.key.clone())),
        None => None,
    })
}

/// The names of what is asked to be changed, and never what to.
fn changed_fields(ask: &ChangeRoom) -> Vec<&'static str> {
    let fields = [
        ("name", ask.name.is_some()),
        ("capacity", ask.capacity.is_some()),
        ("staff_seats", ask.staff_seats.is_some()),
        ("visibility", ask.visibility.is_some()),
        ("password", ask.password.is_some()),
    ];
    fields.into_iter().filter(|(_, is_asked)| *is_asked).map(|(name, _)| name).collect()
}
