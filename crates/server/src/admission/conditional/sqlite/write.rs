//! Writing what a step changed. Every statement checks how many rows it met.

use std::net::IpAddr;

use anteroom_core::ids::RoomId;
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::{EntryImage, Header, SlotImage, Waiter};
use rusqlite::{Connection, Params, named_params};

use super::rows::octets;
use crate::admission::conditional::difference::Difference;
use crate::admission::conditional::transaction::{Fault, Fetched};
use crate::admission::conditional::words::{
    class_word, end_word, int, lifetime_word, room_word, slot_word, state_of,
};
use crate::admission::documents;
use crate::mutants::seeded;

const ADD_ROOM: &str = "
    INSERT INTO rooms (id, epoch, next, next_place, capacity, staff_seats, state, lifetime,
        pending_until, was_used)
    VALUES (:id, :epoch, :next, :next_place, :capacity, :staff_seats, :state, :lifetime,
        :pending_until, :was_used)";
const CHANGE_ROOM: &str = "
    UPDATE rooms SET epoch = :epoch, next = :next, next_place = :next_place, capacity = :capacity,
        staff_seats = :staff_seats, state = :state, lifetime = :lifetime,
        pending_until = :pending_until, was_used = :was_used
    WHERE id = :id";

// The decision. Whatever the ledger believes, a place that the rows say is taken is not given.
const ADD_SLOT: &str = "
    INSERT INTO slots (room, user, class, state, reserved_epoch, reserved_n, nonce, login, deadline,
        reserved_since, attempts, offered, address, held_deadline, entered_epoch, entered_n,
        entered_since, settled, sitting)
    SELECT :room, :user, :class, :state, :reserved_epoch, :reserved_n, :nonce, :login, :deadline,
        :reserved_since, :attempts, :offered, :address, :held_deadline, :entered_epoch, :entered_n,
        :entered_since, :settled, :sitting
    FROM rooms
    WHERE id = :room AND (
        SELECT count(*) < rooms.capacity
           AND count(*) FILTER (WHERE class = :class) < CASE :class
                   WHEN 'staff' THEN min(rooms.staff_seats, rooms.capacity)
                   ELSE rooms.capacity - min(rooms.staff_seats, rooms.capacity) END
        FROM slots WHERE room = :room)";
const CHANGE_SLOT: &str = "
    UPDATE slots SET state = :state, reserved_epoch = :reserved_epoch, reserved_n = :reserved_n,
        nonce = :nonce, login = :login, deadline = :deadline, reserved_since = :reserved_since,
        attempts = :attempts, offered = :offered, address = :address,
        held_deadline = :held_deadline, entered_epoch = :entered_epoch, entered_n = :entered_n,
        entered_since = :entered_since, settled = :settled, sitting = :sitting
    WHERE room = :room AND user = :user AND class = :class";
const DROP_SLOT: &str = "DELETE FROM slots WHERE room = ?1 AND user = ?2";

const ADD_WAITER: &str = "
    INSERT INTO waiters (room, place, user, login, nonce, is_staff, joined, streams,
        stream_names, away_deadline, address)
    VALUES (:room, :place, :user, :login, :nonce, :is_staff, :joined, :streams,
        :stream_names, :away_deadline, :address)";
const CHANGE_WAITER: &str = "
    UPDATE waiters SET login = :login, nonce = :nonce, is_staff = :is_staff, joined = :joined,
        streams = :streams, stream_names = :stream_names, away_deadline = :away_deadline, address = :address
    WHERE room = :room AND place = :place AND user = :user";
const DROP_WAITER: &str = "DELETE FROM waiters WHERE room = ?1 AND place = ?2";

const ADD_ENTRY: &str = "
    INSERT INTO entering (room, session, user, node, incarnation, ended)
    VALUES (:room, :session, :user, :node, :incarnation, :ended)";
const CHANGE_ENTRY: &str = "
    UPDATE entering SET ended = :ended, node = :node, incarnation = :incarnation
    WHERE room = :room AND session = :session AND user = :user";
const DROP_ENTRY: &str = "DELETE FROM entering WHERE room = ?1 AND session = ?2";

impl std::convert::From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.to_string())
    }
}

pub(super) fn write(conn: &Connection, difference: &Difference) -> Fetched<()> {
    let room = difference.room;
    if let Some(header) = &difference.header {
        put_header(conn, CHANGE_ROOM, header)?;
    }
    // What goes makes place first.
    for user in &difference.slots.gone {
        exactly_one(conn, DROP_SLOT, (room.0, user.0))?;
    }
    for place in &difference.line.gone {
        exactly_one(conn, DROP_WAITER, (room.0, int(place.0)))?;
    }
    for session in &difference.entering.gone {
        exactly_one(conn, DROP_ENTRY, (room.0, session.0))?;
    }
    for (slot, address) in &difference.slots.changed {
        met_one(put_slot(conn, CHANGE_SLOT, room, slot, *address)?, CHANGE_SLOT)?;
    }
    for (waiter, address) in &difference.line.changed {
        put_waiter(conn, CHANGE_WAITER, room, waiter, *address)?;
    }
    for entry in &difference.entering.changed {
        put_entry(conn, CHANGE_ENTRY, room, entry)?;
    }
    for (slot, address) in &difference.slots.new {
        if put_slot(conn, ADD_SLOT, room, slot, *address)? != 1 {
            return Err(Fault::NoPlace(room));
        }
    }
    for (waiter, address) in &difference.line.new {
        put_waiter(conn, ADD_WAITER, room, waiter, *address)?;
    }
    for entry in &difference.entering.new {
        put_entry(conn, ADD_ENTRY, room, entry)?;
    }
    Ok(())
}

pub(super) fn add(conn: &Connection, header: &Header) -> Fetched<()> {
    put_header(conn, ADD_ROOM, header)
}

fn exactly_one(conn: &Connection, sql: &str, params: impl Params) -> Fetched<()> {
    met_one(conn.prepare_cached(&seeded("seats", sql))?.execute(params)?, sql)
}

fn met_one(met: usize, sql: &str) -> Fetched<()> {
    if met == 1 || mutants::on(Mutant::B30AnyNumberOfRows) {
        return Ok(());
    }
    let sql = sql.trim();
    Err(Fault::Broken(format!("a change met {met} rows and not one: {sql}")))
}

fn put_header(conn: &Connection, sql: &str, header: &Header) -> Fetched<()> {
    exactly_one(
        conn,
        sql,
        named_params! {
            ":id": header.id.0,
            ":epoch": int(header.epoch),
            ":next": int(header.next),
            ":next_place": int(header.next_place),
            ":capacity": header.capacity,
            ":staff_seats": header.staff_seats,
            ":state": room_word(header.state),
            ":lifetime": lifetime_word(header.lifetime),
            ":pending_until": header.pending_until.map(|at| int(at.0)),
            ":was_used": header.was_used,
        },
    )
}

fn put_slot(
    conn: &Connection,
    sql: &str,
    room: RoomId,
    slot: &SlotImage,
    address: Option<IpAddr>,
) -> Fetched<usize> {
    let it = slot.reservation.as_ref();
    let stay = slot.stay.as_ref();
    let sitting = stay.map(|_| documents::write_sitting(&slot.sitting)).transpose();
    let sitting = sitting.map_err(|error| Fault::Broken(error.to_string()))?;
    Ok(conn.prepare_cached(&seeded("seats", sql))?.execute(named_params! {
        ":room": room.0,
        ":user": slot.user.0,
        ":class": class_word(slot.class),
        ":state": slot_word(state_of(slot)),
        ":reserved_epoch": it.map(|it| int(it.generation.epoch)),
        ":reserved_n": it.map(|it| int(it.generation.n)),
        ":nonce": it.map(|it| it.nonce.0),
        ":login": it.map(|it| it.login.0),
        ":deadline": it.map(|it| int(it.deadline.0)),
        ":reserved_since": it.map(|it| int(it.since.0)),
        ":attempts": it.map(|it| it.attempts),
        ":offered": it.map(|it| it.offered),
        ":address": address.map(octets),
        ":held_deadline": slot.sitting.held.as_ref().map(|held| int(held.deadline.0)),
        ":entered_epoch": stay.map(|stay| int(stay.entered.epoch)),
        ":entered_n": stay.map(|stay| int(stay.entered.n)),
        ":entered_since": stay.map(|stay| int(stay.since.0)),
        ":settled": stay.map(|stay| stay.settled),
        ":sitting": sitting,
    })?)
}

fn put_waiter(
    conn: &Connection,
    sql: &str,
    room: RoomId,
    waiter: &Waiter,
    address: Option<IpAddr>,
) -> Fetched<()> {
    let names = documents::write_streams(&waiter.streams);
    let names = names.map_err(|error| Fault::Broken(error.to_string()))?;
    exactly_one(
        conn,
        sql,
        named_params! {
            ":room": room.0,
            ":place": int(waiter.place.0),
            ":user": waiter.user.0,
            ":login": waiter.login.0,
            ":nonce": waiter.nonce.0,
            ":is_staff": waiter.is_staff,
            ":joined": int(waiter.joined.0),
            ":streams": int(waiter.streams.len() as u64),
            ":stream_names": names,
            ":away_deadline": waiter.away_deadline.map(|at| int(at.0)),
            ":address": address.map(octets),
        },
    )
}

fn put_entry(conn: &Connection, sql: &str, room: RoomId, entry: &EntryImage) -> Fetched<()> {
    exactly_one(
        conn,
        sql,
        named_params! {
            ":room": room.0,
            ":session": entry.session.0,
            ":user": entry.user.0,
            ":node": entry.owner.node,
            ":incarnation": int(entry.owner.incarnation),
            ":ended": entry.ended.map(end_word),
        },
    )
}
