//! What can be asked of the rooms without changing them.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::seat::{
    Class, Elsewhere, Member, PlaceNo, Position, Room, Seats, SlotImage, SlotState, Snapshot,
};
use anteroom_core::time::Millis;
use rusqlite::{Connection, Result};

use super::load::{all, count, header, one, whole};
use super::rows;
use crate::admission::Decided;
use crate::admission::conditional::words::int;

const COUNTED: &str =
    "SELECT class, state, count(*) FROM slots WHERE room = ?1 GROUP BY class, state";
const WAITING: &str = "SELECT count(*) FROM waiters WHERE room = ?1";
const MEMBERS: &str = "
    SELECT user, state, entered_epoch, entered_n, entered_since, settled FROM slots
    WHERE room = ?1 AND state <> 'reserved' ORDER BY entered_since, user";
const SLOT: &str = "SELECT * FROM slots WHERE room = ?1 AND user = ?2";
const WAITER: &str = "SELECT place, joined FROM waiters WHERE room = ?1 AND user = ?2";
const AHEAD: &str = "SELECT count(*) FROM waiters WHERE room = ?1 AND place < ?2";
const LINE: &str = "SELECT user FROM waiters WHERE room = ?1 ORDER BY place LIMIT ?2";
const ENTERING: &str = "SELECT count(*) FROM entering";

impl super::Store {
    /// How the seats of several rooms stand, in one go.
    pub(in crate::admission::conditional) async fn seats(
        &self,
        rooms: Vec<RoomId>,
    ) -> Decided<Vec<Option<Seats>>> {
        self.read(move |conn| rooms.iter().map(|room| seats(conn, *room)).collect()).await
    }

    pub(in crate::admission::conditional) async fn members(
        &self,
        room: RoomId,
    ) -> Decided<Vec<Member>> {
        self.read(move |conn| {
            all(conn, MEMBERS, [room.0], |row| {
                let stay = rows::stay(row)?;
                Ok(Member {
                    user: UserId(row.get("user")?),
                    entered: stay.entered,
                    since: stay.since,
                    settled: stay.settled,
                    state: rows::slot_state(row)?,
                })
            })
        })
        .await
    }

    pub(in crate::admission::conditional) async fn slot(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Decided<Option<SlotImage>> {
        self.read(move |conn| {
            Ok(one(conn, SLOT, (room.0, user.0), rows::slot)?.map(|(slot, _)| slot))
        })
        .await
    }

    pub(in crate::admission::conditional) async fn position(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Decided<Option<Position>> {
        self.read(move |conn| {
            let place = one(conn, WAITER, (room.0, user.0), |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })?;
            let Some((place, joined)) = place else { return Ok(None) };
            let place = PlaceNo(u64::try_from(place).unwrap_or(0));
            let ahead = count(conn, AHEAD, (room.0, int(place.0)))?;
            let joined = Millis(u64::try_from(joined).unwrap_or(0));
            Ok(Some(Position { position: ahead + 1, ahead, joined }))
        })
        .await
    }

    pub(in crate::admission::conditional) async fn line(
        &self,
        room: RoomId,
        most: usize,
    ) -> Decided<Vec<UserId>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let user = |row: &rusqlite::Row<'_>| row.get(0).map(UserId);
        self.read(move |conn| all(conn, LINE, (room.0, most), user)).await
    }

    pub(in crate::admission::conditional) async fn snapshot(
        &self,
        room: RoomId,
    ) -> Decided<Option<Snapshot>> {
        self.read(move |conn| snapshot(conn, room)).await
    }

    pub(in crate::admission::conditional) async fn entering(&self) -> Decided<usize> {
        self.read(move |conn| count(conn, ENTERING, [])).await
    }
}

/// What [`super::Store::snapshot`] and [`super::Store::seats`] answer, of one moment and on the thread
/// of whoever asks.
#[cfg(test)]
pub(in crate::admission::conditional) fn look(
    conn: &Connection,
    room: RoomId,
) -> Result<Option<(Snapshot, Seats)>> {
    let transaction = conn.unchecked_transaction()?;
    Ok(snapshot(&transaction, room)?.zip(seats(&transaction, room)?))
}

fn snapshot(conn: &Connection, room: RoomId) -> Result<Option<Snapshot>> {
    let Some(header) = header(conn, room)? else { return Ok(None) };
    Ok(Some(whole(conn, header)?.snapshot))
}

/// Counted in the index; linear in the slots of the room.
fn seats(conn: &Connection, room: RoomId) -> Result<Option<Seats>> {
    let Some(header) = header(conn, room)? else { return Ok(None) };
    let mut elsewhere =
        Elsewhere { waiting: count(conn, WAITING, [room.0])?, ..Elsewhere::default() };
    let (mut held, mut reserved) = (0, 0);
    let counted = all(conn, COUNTED, [room.0], |row| {
        Ok((rows::class(row)?, rows::slot_state(row)?, row.get::<_, u32>(2)?))
    })?;
    for (class, state, number) in counted {
        match class {
            Class::Ordinary => elsewhere.ordinary += number as usize,
            Class::Staff => elsewhere.staff += number as usize,
        }
        match state {
            SlotState::Occupied => {}
            SlotState::Held => held += number,
            SlotState::Reserved => reserved += number,
        }
    }
    let nobody = (Vec::new(), Vec::new(), Vec::new());
    let (slots, line, entering) = nobody;
    let all = Room::restore(Snapshot { header, slots, line, entering, elsewhere }).seats();
    let occupied = all.occupied.saturating_sub(held + reserved);
    Ok(Some(Seats { occupied, held, reserved, ..all }))
}
