//! What can be asked of the rooms without changing them. Each is read from one snapshot.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::seat::{
    Class, Elsewhere, Member, PlaceNo, Position, Room, Seats, SlotImage, SlotState, Snapshot,
};
use anteroom_core::time::Millis;
use deadpool_postgres::GenericClient;

use super::load::{limit, whole};
use super::{Store, rows};
use crate::admission::conditional::words::int;
use crate::admission::{Decided, Unavailable};
use crate::storage::postgres::ask::{row, rows as all, whole as number};
use crate::storage::postgres::error::Step;
use crate::storage::statements::statements;
use crate::storage::{StorageError, Stored};

statements! {
    HEADERS = "SELECT * FROM seat_rooms WHERE id = ANY ($1)";
    COUNTED = "SELECT room, class, state, count(*) AS number FROM seat_slots
               WHERE room = ANY ($1) GROUP BY room, class, state";
    WAITING = "SELECT room, count(*) AS number FROM seat_waiters WHERE room = ANY ($1) GROUP BY room";
    MEMBERS = "
        SELECT user_id, state, entered_epoch, entered_n, entered_since, settled FROM seat_slots
        WHERE room = $1 AND state <> 'reserved' ORDER BY entered_since, user_id";
    SLOT = "SELECT * FROM seat_slots WHERE room = $1 AND user_id = $2";
    WAITER = "SELECT place, joined FROM seat_waiters WHERE room = $1 AND user_id = $2";
    AHEAD = "SELECT count(*) FROM seat_waiters WHERE room = $1 AND place < $2";
    LINE = "SELECT user_id FROM seat_waiters WHERE room = $1 ORDER BY place LIMIT $2";
    ENTERING = "SELECT count(*) FROM seat_entering";
    OVERDUE = "
        SELECT room FROM seat_slots WHERE due <= $1
        UNION SELECT room FROM seat_waiters WHERE away_deadline <= $1
        UNION SELECT id FROM seat_rooms AS r WHERE pending_until <= $1 AND state = 'open'
            AND NOT EXISTS (SELECT FROM seat_slots WHERE room = r.id AND state = 'occupied')
        ORDER BY room LIMIT $2";
}

fn told<T>(answer: Stored<T>) -> Decided<T> {
    answer.map_err(|error: StorageError| Unavailable(error.to_string()))
}

impl Store {
    /// How the seats of several rooms stand, in one go.
    pub(in crate::admission::conditional) async fn seats(
        &self,
        rooms: Vec<RoomId>,
    ) -> Decided<Vec<Option<Seats>>> {
        told(self.lines.snapshot(&rooms, |on, rooms| Box::pin(seats(on, rooms))).await)
    }

    pub(in crate::admission::conditional) async fn members(
        &self,
        room: RoomId,
    ) -> Decided<Vec<Member>> {
        told(self.lines.run(&room, |line, room| Box::pin(members(line, *room))).await)
    }

    pub(in crate::admission::conditional) async fn slot(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Decided<Option<SlotImage>> {
        let asked = (room, user);
        let found = self.lines.run(&asked, |line, (room, user)| {
            Box::pin(async move {
                let found = row(line, SLOT, &[&room.0, &user.0]).await?;
                Ok(found.as_ref().map(rows::slot).transpose()?.map(|(slot, _)| slot))
            })
        });
        told(found.await)
    }

    pub(in crate::admission::conditional) async fn position(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Decided<Option<Position>> {
        let asked = (room, user);
        let found =
            self.lines.snapshot(&asked, |on, (room, user)| Box::pin(position(on, *room, *user)));
        told(found.await)
    }

    pub(in crate::admission::conditional) async fn line(
        &self,
        room: RoomId,
        most: usize,
    ) -> Decided<Vec<UserId>> {
        let asked = (room, most);
        let found = self.lines.run(&asked, |line, (room, most)| {
            Box::pin(async move {
                let found = all(line, LINE, &[&room.0, &limit(*most)]).await?;
                found.iter().map(|row| Ok(UserId(row.try_get(0)?))).collect()
            })
        });
        told(found.await)
    }

    pub(in crate::admission::conditional) async fn snapshot(
        &self,
        room: RoomId,
    ) -> Decided<Option<Snapshot>> {
        told(self.lines.snapshot(&room, |on, room| Box::pin(snapshot(on, *room))).await)
    }

    /// At most `most` rooms in which something was due at that instant, and still is.
    pub(in crate::admission::conditional) async fn overdue(
        &self,
        at: Millis,
        most: usize,
    ) -> Decided<Vec<RoomId>> {
        let asked = (int(at.0), most);
        let found = self.lines.run(&asked, |line, (at, most)| {
            Box::pin(async move { rows::rooms(&all(line, OVERDUE, &[at, &limit(*most)]).await?) })
        });
        told(found.await)
    }

    pub(in crate::admission::conditional) async fn entering(&self) -> Decided<usize> {
        let counted = self.lines.run(&(), |line, ()| {
            Box::pin(
                async move { row(line, ENTERING, &[]).await?.as_ref().map_or(Ok(0), rows::count) },
            )
        });
        told(counted.await)
    }
}

async fn members(on: &impl GenericClient, room: RoomId) -> Step<Vec<Member>> {
    let found = all(on, MEMBERS, &[&room.0]).await?;
    let member = |row| {
        let stay = rows::stay(row)?;
        Ok(Member {
            user: UserId(row.try_get("user_id")?),
            entered: stay.entered,
            since: stay.since,
            settled: stay.settled,
            state: rows::slot_state(row)?,
        })
    };
    found.iter().map(member).collect()
}

async fn position(on: &impl GenericClient, room: RoomId, user: UserId) -> Step<Option<Position>> {
    let Some(found) = row(on, WAITER, &[&room.0, &user.0]).await? else { return Ok(None) };
    let place = PlaceNo(number(&found, "place")?);
    let ahead = row(on, AHEAD, &[&room.0, &int(place.0)]).await?;
    let ahead = ahead.as_ref().map_or(Ok(0), rows::count)?;
    Ok(Some(Position { position: ahead + 1, ahead, joined: Millis(number(&found, "joined")?) }))
}

async fn snapshot(on: &impl GenericClient, room: RoomId) -> Step<Option<Snapshot>> {
    let Some(header) = row(on, HEADERS, &[&[room.0].as_slice()]).await? else { return Ok(None) };
    Ok(Some(whole(on, rows::header(&header)?).await?.snapshot))
}

/// What is counted of a room's slots and line.
#[derive(Default)]
struct Counted {
    elsewhere: Elsewhere,
    held: u32,
    reserved: u32,
}

/// Counted in the index; linear in the slots of the rooms.
async fn seats(on: &impl GenericClient, rooms_asked: &[RoomId]) -> Step<Vec<Option<Seats>>> {
    let ids: Vec<i64> = rooms_asked.iter().map(|room| room.0).collect();
    let mut counted: std::collections::HashMap<i64, Counted> = std::collections::HashMap::new();
    for row in all(on, WAITING, &[&ids]).await? {
        let of = counted.entry(row.try_get("room")?).or_default();
        of.elsewhere.waiting = number(&row, "number")?;
    }
    for row in all(on, COUNTED, &[&ids]).await? {
        let of = counted.entry(row.try_get("room")?).or_default();
        let slots: u32 = number(&row, "number")?;
        match rows::class(&row)? {
            Class::Ordinary => of.elsewhere.ordinary += slots as usize,
            Class::Staff => of.elsewhere.staff += slots as usize,
        }
        match rows::slot_state(&row)? {
            SlotState::Occupied => {}
            SlotState::Held => of.held += slots,
            SlotState::Reserved => of.reserved += slots,
        }
    }
    let mut shown = std::collections::HashMap::new();
    for row in all(on, HEADERS, &[&ids]).await? {
        let header = rows::header(&row)?;
        let Counted { elsewhere, held, reserved } =
            counted.remove(&header.id.0).unwrap_or_default();
        let (slots, line, entering) = (Vec::new(), Vec::new(), Vec::new());
        let all = Room::restore(Snapshot { header, slots, line, entering, elsewhere }).seats();
        let occupied = all.occupied.saturating_sub(held + reserved);
        shown.insert(header.id, Seats { occupied, held, reserved, ..all });
    }
    Ok(rooms_asked.iter().map(|room| shown.get(room).copied()).collect())
}
