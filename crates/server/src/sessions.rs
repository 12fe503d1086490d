//! Live sessions, on whichever node they are: read from the seats, which have the last word.

use std::collections::BTreeSet;

use anteroom_core::ids::{Owner, RoomId, SessionId, UserId};
use anteroom_core::seat::SlotImage;
use anteroom_core::time::Millis;

use crate::admission::Unavailable;
use crate::entry::Entry;

/// One live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LiveSession {
    pub(crate) room: RoomId,
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    /// The node that serves it.
    pub(crate) owner: Owner,
    /// Since when its user has been in the room without a break. When the session itself was opened,
    /// nobody notes.
    pub(crate) since: Millis,
}

/// Which sessions, by room and then by their ids.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SessionQuery {
    pub(crate) room: Option<RoomId>,
    pub(crate) user: Option<UserId>,
    /// Behind this one.
    pub(crate) after: Option<(RoomId, SessionId)>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// The sessions that a query asks for. Of all rooms only so many are read as the page needs.
///
/// # Errors
/// The seat store is away.
pub(crate) async fn sessions(
    entry: &Entry,
    query: SessionQuery,
) -> Result<Vec<LiveSession>, Unavailable> {
    let mut found = Vec::new();
    for room in rooms(entry, &query).await? {
        if found.len() >= query.limit {
            break;
        }
        let Some(snapshot) = entry.admission.snapshot(room).await? else { continue };
        let mut here: Vec<LiveSession> =
            snapshot.slots.iter().flat_map(|slot| live(room, slot)).collect();
        here.retain(|it| {
            query.user.is_none_or(|user| it.user == user)
                && query.after.is_none_or(|after| (it.room, it.id) > after)
        });
        here.sort_unstable_by_key(|it| it.id);
        found.extend(here);
    }
    found.truncate(query.limit);
    Ok(found)
}

/// The rooms to be read, by number.
async fn rooms(entry: &Entry, query: &SessionQuery) -> Result<Vec<RoomId>, Unavailable> {
    let mut rooms: Vec<RoomId> = match (query.room, query.user) {
        (Some(room), _) => vec![room],
        (None, Some(user)) => {
            let of_user = entry.sessions_of(user).await?;
            let rooms: BTreeSet<RoomId> = of_user.into_iter().map(|(room, _)| room).collect();
            rooms.into_iter().collect()
        }
        (None, None) => {
            let mut all: Vec<RoomId> = entry.rooms.all().iter().map(|info| info.id).collect();
            all.sort_unstable();
            let seats = entry.admission.seats_of(&all).await?;
            let taken = seats.iter().map(|it| it.is_some_and(|it| it.occupied > 0));
            all.iter().zip(taken).filter(|(_, taken)| *taken).map(|(room, _)| *room).collect()
        }
    };
    rooms.retain(|room| query.after.is_none_or(|(after, _)| *room >= after));
    Ok(rooms)
}

fn live(room: RoomId, slot: &SlotImage) -> impl Iterator<Item = LiveSession> + '_ {
    let settled = slot.sitting.live.iter().filter(|part| part.is_settled());
    settled.zip(std::iter::repeat(slot.stay)).filter_map(move |(part, stay)| {
        let (id, owner) = (part.session, part.owner);
        Some(LiveSession { room, id, user: slot.user, owner, since: stay?.since })
    })
}
