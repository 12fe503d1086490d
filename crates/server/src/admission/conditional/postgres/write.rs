//! Writing what a step changed. Every statement checks how many rows it met.

use std::net::IpAddr;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{EntryImage, Header, SlotImage, Waiter};
use deadpool_postgres::Transaction;
use uuid::Uuid;

use crate::admission::conditional::difference::Difference;
use crate::admission::conditional::transaction::Fault;
use crate::admission::conditional::words::{
    class_word, end_word, int, lifetime_word, room_word, slot_word, state_of,
};
use crate::admission::documents;
use crate::storage::postgres::ask::{Given, change};
use crate::storage::postgres::error;
use crate::storage::statements::statements;

statements! {
    ADD_ROOM = "
        INSERT INTO seat_rooms (id, epoch, next, next_place, capacity, staff_seats, state, lifetime,
            pending_until, was_used)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT DO NOTHING";
    CHANGE_ROOM = "
        UPDATE seat_rooms SET epoch = $2, next = $3, next_place = $4, capacity = $5,
            staff_seats = $6, state = $7, lifetime = $8, pending_until = $9, was_used = $10
        WHERE id = $1";
    // The decision. Whatever the ledger believes, a place that the rows say is taken is not given. The
    // room's row is locked, so no other node adds one meanwhile.
    ADD_SLOT = "
        INSERT INTO seat_slots (room, user_id, class, state, reserved_epoch, reserved_n, nonce, login,
            deadline, reserved_since, attempts, offered, address, held_deadline, entered_epoch,
            entered_n, entered_since, settled, sitting)
        SELECT $1::bigint, $2::uuid, $3::text, $4::text, $5::bigint, $6::bigint, $7::uuid, $8::uuid,
            $9::bigint, $10::bigint, $11::bigint, $12::boolean, $13::inet, $14::bigint, $15::bigint,
            $16::bigint, $17::bigint, $18::boolean, $19::text
        FROM seat_rooms AS r
        WHERE id = $1 AND (
            SELECT count(*) < r.capacity
               AND count(*) FILTER (WHERE class = $3) < CASE $3
                       WHEN 'staff' THEN least(r.staff_seats, r.capacity)
                       ELSE r.capacity - least(r.staff_seats, r.capacity) END
            FROM seat_slots WHERE room = $1)";
    CHANGE_SLOT = "
        UPDATE seat_slots SET state = $4, reserved_epoch = $5, reserved_n = $6, nonce = $7, login = $8,
            deadline = $9, reserved_since = $10, attempts = $11, offered = $12, address = $13,
            held_deadline = $14, entered_epoch = $15, entered_n = $16, entered_since = $17,
            settled = $18, sitting = $19
        WHERE room = $1 AND user_id = $2 AND class = $3";
    DROP_SLOT = "DELETE FROM seat_slots WHERE room = $1 AND user_id = $2";
    ADD_WAITER = "
        INSERT INTO seat_waiters (room, place, user_id, login, nonce, is_staff, joined, stream_names,
            away_deadline, address)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    CHANGE_WAITER = "
        UPDATE seat_waiters SET login = $4, nonce = $5, is_staff = $6, joined = $7, stream_names = $8,
            away_deadline = $9, address = $10
        WHERE room = $1 AND place = $2 AND user_id = $3";
    DROP_WAITER = "DELETE FROM seat_waiters WHERE room = $1 AND place = $2";
    ADD_ENTRY = "
        INSERT INTO seat_entering (room, session, user_id, node, incarnation, ended)
        VALUES ($1, $2, $3, $4, $5, $6)";
    CHANGE_ENTRY = "
        UPDATE seat_entering SET node = $4, incarnation = $5, ended = $6
        WHERE room = $1 AND session = $2 AND user_id = $3";
    DROP_ENTRY = "DELETE FROM seat_entering WHERE room = $1 AND session = $2";
}

/// Why nothing is written.
pub(super) enum Wrong {
    /// The server or the line.
    Store(error::Fault),
    /// The database holds something else than the ledger believes.
    Seats(Fault),
}

impl From<error::Fault> for Wrong {
    fn from(fault: error::Fault) -> Self {
        Self::Store(fault)
    }
}

type Written = Result<(), Wrong>;

pub(super) async fn write(on: &Transaction<'_>, difference: &Difference) -> Written {
    let room = difference.room;
    if let Some(header) = &difference.header {
        met_one(put_header(on, CHANGE_ROOM, header).await?, CHANGE_ROOM)?;
    }
    // What goes makes place first.
    for user in &difference.slots.gone {
        exactly_one(on, DROP_SLOT, &[&room.0, &user.0]).await?;
    }
    for place in &difference.line.gone {
        exactly_one(on, DROP_WAITER, &[&room.0, &int(place.0)]).await?;
    }
    for session in &difference.entering.gone {
        exactly_one(on, DROP_ENTRY, &[&room.0, &session.0]).await?;
    }
    for (slot, address) in &difference.slots.changed {
        met_one(put_slot(on, CHANGE_SLOT, (room, slot, *address)).await?, CHANGE_SLOT)?;
    }
    for (waiter, address) in &difference.line.changed {
        put_waiter(on, CHANGE_WAITER, (room, waiter, *address)).await?;
    }
    for entry in &difference.entering.changed {
        put_entry(on, CHANGE_ENTRY, room, entry).await?;
    }
    for (slot, address) in &difference.slots.new {
        if put_slot(on, ADD_SLOT, (room, slot, *address)).await? != 1 {
            return Err(Wrong::Seats(Fault::NoPlace(room)));
        }
    }
    for (waiter, address) in &difference.line.new {
        put_waiter(on, ADD_WAITER, (room, waiter, *address)).await?;
    }
    for entry in &difference.entering.new {
        put_entry(on, ADD_ENTRY, room, entry).await?;
    }
    Ok(())
}

/// Adds a room. False when another node added it meanwhile.
pub(super) async fn add(on: &Transaction<'_>, header: &Header) -> Result<bool, Wrong> {
    Ok(put_header(on, ADD_ROOM, header).await? == 1)
}

async fn exactly_one(on: &Transaction<'_>, sql: &'static str, given: &Given<'_>) -> Written {
    met_one(change(on, sql, given).await?, sql)
}

fn met_one(met: u64, sql: &str) -> Written {
    if met == 1 {
        return Ok(());
    }
    let sql = sql.trim();
    Err(Wrong::Seats(Fault::Broken(format!("a change met {met} rows and not one: {sql}"))))
}

async fn put_header(
    on: &Transaction<'_>,
    sql: &'static str,
    header: &Header,
) -> Result<u64, error::Fault> {
    let given: &Given<'_> = &[
        &header.id.0,
        &int(header.epoch),
        &int(header.next),
        &int(header.next_place),
        &i64::from(header.capacity),
        &i64::from(header.staff_seats),
        &room_word(header.state),
        &lifetime_word(header.lifetime),
        &header.pending_until.map(|at| int(at.0)),
        &header.was_used,
    ];
    change(on, sql, given).await
}

async fn put_slot(
    on: &Transaction<'_>,
    sql: &'static str,
    (room, slot, address): (RoomId, &SlotImage, Option<IpAddr>),
) -> Result<u64, Wrong> {
    let it = slot.reservation.as_ref();
    let stay = slot.stay.as_ref();
    let sitting = stay.map(|_| documents::write_sitting(&slot.sitting)).transpose();
    let sitting = sitting.map_err(|error| Wrong::Seats(Fault::Broken(error.to_string())))?;
    let given: &Given<'_> = &[
        &room.0,
        &slot.user.0,
        &class_word(slot.class),
        &slot_word(state_of(slot)),
        &it.map(|it| int(it.generation.epoch)),
        &it.map(|it| int(it.generation.n)),
        &it.map(|it| Uuid::from_bytes(it.nonce.0)),
        &it.map(|it| it.login.0),
        &it.map(|it| int(it.deadline.0)),
        &it.map(|it| int(it.since.0)),
        &it.map(|it| i64::from(it.attempts)),
        &it.map(|it| it.offered),
        &address,
        &slot.sitting.held.as_ref().map(|held| int(held.deadline.0)),
        &stay.map(|stay| int(stay.entered.epoch)),
        &stay.map(|stay| int(stay.entered.n)),
        &stay.map(|stay| int(stay.since.0)),
        &stay.map(|stay| stay.settled),
        &sitting,
    ];
    Ok(change(on, sql, given).await?)
}

async fn put_waiter(
    on: &Transaction<'_>,
    sql: &'static str,
    (room, waiter, address): (RoomId, &Waiter, Option<IpAddr>),
) -> Written {
    let names = documents::write_streams(&waiter.streams);
    let names = names.map_err(|error| Wrong::Seats(Fault::Broken(error.to_string())))?;
    let given: &Given<'_> = &[
        &room.0,
        &int(waiter.place.0),
        &waiter.user.0,
        &waiter.login.0,
        &Uuid::from_bytes(waiter.nonce.0),
        &waiter.is_staff,
        &int(waiter.joined.0),
        &names,
        &waiter.away_deadline.map(|at| int(at.0)),
        &address,
    ];
    exactly_one(on, sql, given).await
}

async fn put_entry(
    on: &Transaction<'_>,
    sql: &'static str,
    room: RoomId,
    entry: &EntryImage,
) -> Written {
    let given: &Given<'_> = &[
        &room.0,
        &entry.session.0,
        &entry.user.0,
        &i64::from(entry.owner.node),
        &int(entry.owner.incarnation),
        &entry.ended.map(end_word),
    ];
    exactly_one(on, sql, given).await
}
