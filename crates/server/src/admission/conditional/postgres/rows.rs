//! Rows and what they mean: columns in, columns out.

use std::net::IpAddr;

use anteroom_core::ids::{Generation, LoginId, Nonce, Owner, RoomId, SessionId, UserId};
use anteroom_core::place::Place;
use anteroom_core::seat::{
    Class, EntryImage, Header, Lifetime, PlaceNo, Reservation, RoomState, Sitting, SlotImage,
    SlotState, Stay, Waiter,
};
use anteroom_core::time::Millis;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::admission::conditional::words::{
    ENDS, class_word, end_word, lifetime_word, room_word, slot_word,
};
use crate::admission::documents;
use crate::storage::StorageError;
use crate::storage::postgres::ask::{optional_word, whole, word};
use crate::storage::postgres::error::{Fault, Step};

/// A value that nobody here writes.
fn bad(column: &str) -> Fault {
    StorageError::Failed(format!("the column {column} holds what nobody wrote there")).into()
}

fn instant(row: &Row, column: &str) -> Step<Option<Millis>> {
    let at: Option<i64> = row.try_get(column)?;
    at.map(|at| u64::try_from(at).map(Millis).map_err(|_| bad(column))).transpose()
}

fn surely(row: &Row, column: &str) -> Step<Millis> {
    instant(row, column)?.ok_or_else(|| bad(column))
}

fn generation(row: &Row, epoch: &str, n: &str) -> Step<Generation> {
    Ok(Generation { epoch: whole(row, epoch)?, n: whole(row, n)? })
}

/// Finds the one that is written so.
fn of<T: Copy>(all: &[T], written: fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|it| written(*it) == text)
}

pub(super) fn class(row: &Row) -> Step<Class> {
    word(row, "class", |text| of(&[Class::Ordinary, Class::Staff], class_word, text))
}

pub(super) fn slot_state(row: &Row) -> Step<SlotState> {
    let parse = |text: &str| {
        of(&[SlotState::Occupied, SlotState::Held, SlotState::Reserved], slot_word, text)
    };
    word(row, "state", parse)
}

pub(super) fn header(row: &Row) -> Step<Header> {
    Ok(Header {
        id: RoomId(row.try_get("id")?),
        epoch: whole(row, "epoch")?,
        next: whole(row, "next")?,
        next_place: whole(row, "next_place")?,
        capacity: whole(row, "capacity")?,
        staff_seats: whole(row, "staff_seats")?,
        state: word(row, "state", |it| of(&[RoomState::Open, RoomState::Closing], room_word, it))?,
        lifetime: word(row, "lifetime", |text| {
            of(&[Lifetime::Persistent, Lifetime::UntilEmpty], lifetime_word, text)
        })?,
        pending_until: instant(row, "pending_until")?,
        was_used: row.try_get("was_used")?,
    })
}

pub(super) fn stay(row: &Row) -> Step<Stay> {
    Ok(Stay {
        entered: generation(row, "entered_epoch", "entered_n")?,
        since: surely(row, "entered_since")?,
        settled: row.try_get("settled")?,
    })
}

pub(super) fn slot(row: &Row) -> Step<(SlotImage, Option<IpAddr>)> {
    let reserved: Option<i64> = row.try_get("reserved_n")?;
    let sitting: Option<&str> = row.try_get("sitting")?;
    let image = SlotImage {
        user: UserId(row.try_get("user_id")?),
        class: class(row)?,
        reservation: reserved.map(|_| reservation(row)).transpose()?,
        stay: sitting.map(|_| stay(row)).transpose()?,
        sitting: match sitting {
            None => Sitting::default(),
            Some(text) => documents::read_sitting(text).map_err(|_| bad("sitting"))?,
        },
    };
    Ok((image, row.try_get("address")?))
}

fn nonce(row: &Row) -> Step<Nonce> {
    Ok(Nonce(row.try_get::<_, Uuid>("nonce")?.into_bytes()))
}

fn reservation(row: &Row) -> Step<Reservation> {
    Ok(Reservation {
        generation: generation(row, "reserved_epoch", "reserved_n")?,
        nonce: nonce(row)?,
        login: LoginId(row.try_get("login")?),
        deadline: surely(row, "deadline")?,
        since: surely(row, "reserved_since")?,
        attempts: whole(row, "attempts")?,
        offered: row.try_get("offered")?,
    })
}

pub(super) fn waiter(row: &Row) -> Step<(Waiter, Option<IpAddr>)> {
    let names: &str = row.try_get("stream_names")?;
    let waiter = Waiter {
        user: UserId(row.try_get("user_id")?),
        login: LoginId(row.try_get("login")?),
        nonce: nonce(row)?,
        is_staff: row.try_get("is_staff")?,
        place: PlaceNo(whole(row, "place")?),
        joined: surely(row, "joined")?,
        streams: documents::read_streams(names).map_err(|_| bad("stream_names"))?,
        away_deadline: instant(row, "away_deadline")?,
    };
    Ok((waiter, row.try_get("address")?))
}

pub(super) fn entry(row: &Row) -> Step<EntryImage> {
    Ok(EntryImage {
        session: SessionId(row.try_get("session")?),
        user: UserId(row.try_get("user_id")?),
        owner: Owner { node: whole(row, "node")?, incarnation: whole(row, "incarnation")? },
        ended: optional_word(row, "ended", |text| of(&ENDS, end_word, text))?,
    })
}

pub(super) fn place(row: &Row) -> Step<Place> {
    Ok(Place {
        ugen: whole(row, "ugen")?,
        room: RoomId(row.try_get("room")?),
        generation: generation(row, "epoch", "n")?,
        session: SessionId(row.try_get("session")?),
    })
}

/// A column of one number that says how many.
pub(super) fn count(row: &Row) -> Step<usize> {
    let count: i64 = row.try_get(0)?;
    usize::try_from(count).map_err(|_| bad("count"))
}

pub(super) fn rooms(rows: &[Row]) -> Step<Vec<RoomId>> {
    rows.iter().map(|row| Ok(RoomId(row.try_get(0)?))).collect()
}
