//! Reading the part of a room that a step can touch, in as few turns as its parts depend on one another:
//! whom the step names and what is due; how many there are; the line.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use anteroom_core::ids::UserId;
use anteroom_core::seat::{
    Class, Elsewhere, EntryImage, Header, Lifetime, PlaceNo, RoomState, SlotImage, Snapshot, Waiter,
};
use anteroom_core::time::Millis;
use deadpool_postgres::GenericClient;
use futures_util::future::{try_join, try_join3, try_join5};
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows;
use crate::admission::conditional::scope::{Loaded, Scope, Taken};
use crate::admission::conditional::words::int;
use crate::storage::postgres::ask::{row, rows as all};
use crate::storage::postgres::error::Step;
use crate::storage::statements::statements;

statements! {
    SLOTS = "SELECT * FROM seat_slots WHERE room = $1";
    SLOTS_OF = "SELECT * FROM seat_slots WHERE room = $1 AND user_id = ANY ($2)";
    SLOTS_DUE = "SELECT * FROM seat_slots WHERE room = $1 AND due <= $2";
    SLOTS_BY_CLASS = "SELECT class, count(*) AS number FROM seat_slots WHERE room = $1 GROUP BY class";
    SLOTS_UP_TO = "SELECT count(*) FROM (SELECT FROM seat_slots WHERE room = $1 LIMIT $2) AS found";
    WAITERS = "SELECT * FROM seat_waiters WHERE room = $1";
    WAITERS_OF = "SELECT * FROM seat_waiters WHERE room = $1 AND user_id = ANY ($2)";
    WAITERS_DUE = "SELECT * FROM seat_waiters WHERE room = $1 AND away_deadline <= $2";
    WAITERS_HEAD = "SELECT * FROM seat_waiters WHERE room = $1 ORDER BY place LIMIT $2";
    WAITERS_STAFF = "SELECT * FROM seat_waiters WHERE room = $1 AND is_staff ORDER BY place LIMIT $2";
    WAITERS_UP_TO = "SELECT count(*) FROM (SELECT FROM seat_waiters WHERE room = $1 LIMIT $2) AS found";
    ENTERING = "SELECT * FROM seat_entering WHERE room = $1";
    ENTERING_OF = "SELECT * FROM seat_entering WHERE room = $1 AND user_id = ANY ($2)";
    ENTERING_COUNT = "SELECT count(*) FROM seat_entering WHERE room = $1";
}

type Slots = BTreeMap<UserId, (SlotImage, Option<IpAddr>)>;
type Line = BTreeMap<PlaceNo, (Waiter, Option<IpAddr>)>;

async fn counted(on: &impl GenericClient, sql: &'static str, room: i64) -> Step<usize> {
    row(on, sql, &[&room]).await?.as_ref().map_or(Ok(0), rows::count)
}

async fn up_to(on: &impl GenericClient, sql: &'static str, room: i64, most: usize) -> Step<usize> {
    row(on, sql, &[&room, &limit(most)]).await?.as_ref().map_or(Ok(0), rows::count)
}

/// See [`Scope`].
pub(super) async fn load(
    on: &impl GenericClient,
    header: Header,
    scope: &Scope,
    now: Millis,
) -> Step<Loaded> {
    if scope.wants_all(&header) {
        return whole(on, header).await;
    }
    let (room, users, now_is) = (header.id.0, ids(&scope.users), int(now.0));
    let (of, due, waiting_of, waiting_due, first) = try_join5(
        all(on, SLOTS_OF, &[&room, &users]),
        all(on, SLOTS_DUE, &[&room, &now_is]),
        all(on, WAITERS_OF, &[&room, &users]),
        all(on, WAITERS_DUE, &[&room, &now_is]),
        up_to(on, WAITERS_UP_TO, room, 1),
    )
    .await?;
    let (mut slots, mut line) = (Slots::new(), Line::new());
    for found in [of, due] {
        add_slots(&mut slots, &found)?;
    }
    for found in [waiting_of, waiting_due] {
        add_waiters(&mut line, &found)?;
    }
    let someone_waits = first > 0;
    let images: Vec<SlotImage> = slots.values().map(|it| it.0.clone()).collect();
    let exact = scope.counts_slots(&images, someone_waits, now);
    let of_entries: Vec<UserId> = scope.users.iter().chain(slots.keys()).copied().collect();
    let (taken, entering, in_all) = try_join3(
        taken(on, room, &images, exact),
        entering_of(on, room, &of_entries),
        entering_in_all(on, &header),
    )
    .await?;
    let waiting = if someone_waits {
        add_line(on, (&header, scope), (taken, images.len()), &mut line).await?;
        up_to(on, WAITERS_UP_TO, room, scope.counts_waiters_to(line.len())).await?
    } else {
        0
    };
    let loaded = Taken::among(&images);
    let elsewhere = Elsewhere {
        ordinary: taken.ordinary.saturating_sub(loaded.ordinary),
        staff: taken.staff.saturating_sub(loaded.staff),
        waiting: waiting.saturating_sub(line.len()),
        entering: in_all.saturating_sub(entering.len()),
    };
    Ok(assembled(header, slots.into_values(), line.into_values(), (entering, elsewhere)))
}

/// Reads as much of the line as can be offered a place.
async fn add_line(
    on: &impl GenericClient,
    (header, scope): (&Header, &Scope),
    (taken, slots): (Taken, usize),
    line: &mut Line,
) -> Step<()> {
    let to_come = scope.places_to_come(header, taken, slots);
    let (room, leaving) = (header.id.0, line.len());
    let mut of_staff = 0;
    if to_come.staff > 0 {
        // Staff at the head can also be given an ordinary place.
        let number = limit(to_come.staff + to_come.ordinary + leaving);
        let staff = all(on, WAITERS_STAFF, &[&room, &number]).await?;
        of_staff = staff.len();
        add_waiters(line, &staff)?;
    }
    let number = limit(to_come.ordinary + of_staff + leaving);
    add_waiters(line, &all(on, WAITERS_HEAD, &[&room, &number]).await?)
}

fn add_slots(slots: &mut Slots, found: &[Row]) -> Step<()> {
    for row in found {
        let slot = rows::slot(row)?;
        slots.insert(slot.0.user, slot);
    }
    Ok(())
}

fn add_waiters(line: &mut Line, found: &[Row]) -> Step<()> {
    for row in found {
        let waiter = rows::waiter(row)?;
        line.insert(waiter.0.place, waiter);
    }
    Ok(())
}

/// How many slots the room has: all of them by class, or at least whether there are others than those that
/// are loaded.
async fn taken(
    on: &impl GenericClient,
    room: i64,
    loaded: &[SlotImage],
    is_exact: bool,
) -> Step<Taken> {
    if !is_exact {
        let mut taken = Taken::among(loaded);
        let number = up_to(on, SLOTS_UP_TO, room, loaded.len() + 1).await?;
        taken.ordinary += number.saturating_sub(loaded.len());
        return Ok(taken);
    }
    let mut taken = Taken::default();
    for row in all(on, SLOTS_BY_CLASS, &[&room]).await? {
        let number = usize::try_from(row.try_get::<_, i64>("number")?).unwrap_or(0);
        match rows::class(&row)? {
            Class::Ordinary => taken.ordinary = number,
            Class::Staff => taken.staff = number,
        }
    }
    Ok(taken)
}

async fn entering_of(
    on: &impl GenericClient,
    room: i64,
    users: &[UserId],
) -> Step<Vec<EntryImage>> {
    all(on, ENTERING_OF, &[&room, &ids(users)]).await?.iter().map(rows::entry).collect()
}

/// Only a room that is closing, or will be in this step, asks how many there are.
async fn entering_in_all(on: &impl GenericClient, header: &Header) -> Step<usize> {
    match (header.state, header.lifetime) {
        (RoomState::Open, Lifetime::Persistent) => Ok(0),
        _ => counted(on, ENTERING_COUNT, header.id.0).await,
    }
}

/// All of a room.
pub(super) async fn whole(on: &impl GenericClient, header: Header) -> Step<Loaded> {
    let room = header.id.0;
    let ((slots, line), entering) = try_join(
        try_join(all(on, SLOTS, &[&room]), all(on, WAITERS, &[&room])),
        all(on, ENTERING, &[&room]),
    )
    .await?;
    let slots = slots.iter().map(rows::slot).collect::<Step<Vec<_>>>()?;
    let line = line.iter().map(rows::waiter).collect::<Step<Vec<_>>>()?;
    let entering = entering.iter().map(rows::entry).collect::<Step<_>>()?;
    Ok(assembled(header, slots.into_iter(), line.into_iter(), (entering, Elsewhere::default())))
}

fn assembled(
    header: Header,
    slots: impl Iterator<Item = (SlotImage, Option<IpAddr>)>,
    line: impl Iterator<Item = (Waiter, Option<IpAddr>)>,
    (entering, elsewhere): (Vec<EntryImage>, Elsewhere),
) -> Loaded {
    let mut addresses = HashMap::new();
    let mut note = |user: UserId, address: Option<IpAddr>| {
        addresses.extend(address.map(|address| (user, address)));
    };
    let slots = slots.inspect(|(slot, address)| note(slot.user, *address));
    let slots = slots.map(|(slot, _)| slot).collect();
    let line = line.inspect(|(waiter, address)| note(waiter.user, *address));
    let line = line.map(|(waiter, _)| waiter).collect();
    let mut snapshot = Snapshot { header, slots, line, entering, elsewhere };
    snapshot.sort();
    Loaded { snapshot, addresses }
}

fn ids(users: &[UserId]) -> Vec<Uuid> {
    users.iter().map(|user| user.0).collect()
}

pub(super) fn limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
