//! Rows and what they mean: columns in, columns out.

use std::net::IpAddr;

use anteroom_core::ids::{Generation, LoginId, Nonce, Owner, RoomId, SessionId, UserId};
use anteroom_core::place::Place;
use anteroom_core::seat::{
    Class, EntryImage, Header, Lifetime, PlaceNo, Reservation, RoomState, Sitting, SlotImage,
    SlotState, Stay, Streams, Waiter,
};
use anteroom_core::time::Millis;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use uuid::Uuid;

use crate::admission::conditional::words::{
    ENDS, class_word, end_word, lifetime_word, room_word, slot_word,
};
use crate::admission::documents;

/// A value that the schema does not allow.
fn bad(column: &str) -> Error {
    Error::InvalidColumnType(0, column.to_owned(), Type::Null)
}

fn number(row: &Row<'_>, column: &str) -> Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| bad(column))
}

fn number32(row: &Row<'_>, column: &str) -> Result<u32> {
    u32::try_from(row.get::<_, i64>(column)?).map_err(|_| bad(column))
}

fn instant(row: &Row<'_>, column: &str) -> Result<Option<Millis>> {
    let at: Option<i64> = row.get(column)?;
    at.map(|at| u64::try_from(at).map(Millis).map_err(|_| bad(column))).transpose()
}

fn generation(row: &Row<'_>, epoch: &str, n: &str) -> Result<Generation> {
    Ok(Generation { epoch: number(row, epoch)?, n: number(row, n)? })
}

fn word<T: Copy>(row: &Row<'_>, column: &str, all: &[T], word: fn(T) -> &'static str) -> Result<T> {
    let text: String = row.get(column)?;
    all.iter().copied().find(|it| word(*it) == text).ok_or_else(|| bad(column))
}

pub(super) fn class(row: &Row<'_>) -> Result<Class> {
    word(row, "class", &[Class::Ordinary, Class::Staff], class_word)
}

pub(super) fn slot_state(row: &Row<'_>) -> Result<SlotState> {
    let all = [SlotState::Occupied, SlotState::Held, SlotState::Reserved];
    word(row, "state", &all, slot_word)
}

pub(super) fn header(row: &Row<'_>) -> Result<Header> {
    Ok(Header {
        id: RoomId(row.get("id")?),
        epoch: number(row, "epoch")?,
        next: number(row, "next")?,
        next_place: number(row, "next_place")?,
        capacity: number32(row, "capacity")?,
        staff_seats: number32(row, "staff_seats")?,
        state: word(row, "state", &[RoomState::Open, RoomState::Closing], room_word)?,
        lifetime: word(
            row,
            "lifetime",
            &[Lifetime::Persistent, Lifetime::UntilEmpty],
            lifetime_word,
        )?,
        pending_until: instant(row, "pending_until")?,
        was_used: row.get("was_used")?,
    })
}

pub(super) fn stay(row: &Row<'_>) -> Result<Stay> {
    Ok(Stay {
        entered: generation(row, "entered_epoch", "entered_n")?,
        since: instant(row, "entered_since")?.ok_or_else(|| bad("entered_since"))?,
        settled: row.get("settled")?,
    })
}

pub(super) fn slot(row: &Row<'_>) -> Result<(SlotImage, Option<IpAddr>)> {
    let reserved: Option<i64> = row.get("reserved_n")?;
    let sitting: Option<String> = row.get("sitting")?;
    let image = SlotImage {
        user: UserId(row.get("user")?),
        class: class(row)?,
        reservation: reserved.map(|_| reservation(row)).transpose()?,
        stay: sitting.as_ref().map(|_| stay(row)).transpose()?,
        sitting: match sitting {
            None => Sitting::default(),
            Some(text) => documents::read_sitting(&text).map_err(|_| bad("sitting"))?,
        },
    };
    Ok((image, address(row)?))
}

fn reservation(row: &Row<'_>) -> Result<Reservation> {
    Ok(Reservation {
        generation: generation(row, "reserved_epoch", "reserved_n")?,
        nonce: Nonce(row.get("nonce")?),
        login: LoginId(row.get("login")?),
        deadline: instant(row, "deadline")?.ok_or_else(|| bad("deadline"))?,
        since: instant(row, "reserved_since")?.ok_or_else(|| bad("reserved_since"))?,
        attempts: number32(row, "attempts")?,
        offered: row.get("offered")?,
    })
}

/// What of a waiter's row says how it is watched: its streams, or until when it may be without one.
fn watched(row: &Row<'_>) -> Result<(Streams, Option<Millis>)> {
    let away = instant(row, "away_deadline")?;
    if away.is_some() {
        return Ok((Streams::default(), away));
    }
    let names: Option<String> = row.get("stream_names")?;
    let streams = names.map(|text| documents::read_streams(&text)).transpose();
    let streams = streams.map_err(|_| bad("stream_names"))?.unwrap_or_default();
    // Written before streams had names: it is given its time when the rooms are taken up.
    let away = Some(Millis(u64::MAX)).filter(|_| streams.is_empty());
    Ok((streams, away))
}

pub(super) fn waiter(row: &Row<'_>) -> Result<(Waiter, Option<IpAddr>)> {
    let (streams, away_deadline) = watched(row)?;
    let waiter = Waiter {
        user: UserId(row.get("user")?),
        login: LoginId(row.get("login")?),
        nonce: Nonce(row.get("nonce")?),
        is_staff: row.get("is_staff")?,
        place: PlaceNo(number(row, "place")?),
        joined: instant(row, "joined")?.ok_or_else(|| bad("joined"))?,
        streams,
        away_deadline,
    };
    Ok((waiter, address(row)?))
}

pub(super) fn entry(row: &Row<'_>) -> Result<EntryImage> {
    let ended: Option<String> = row.get("ended")?;
    Ok(EntryImage {
        session: SessionId(row.get("session")?),
        user: UserId(row.get("user")?),
        owner: Owner { node: number32(row, "node")?, incarnation: number(row, "incarnation")? },
        ended: ended.map(|_| word(row, "ended", &ENDS, end_word)).transpose()?,
    })
}

pub(super) fn place(row: &Row<'_>) -> Result<Place> {
    Ok(Place {
        ugen: number(row, "ugen")?,
        room: RoomId(row.get("room")?),
        generation: generation(row, "epoch", "n")?,
        session: SessionId(row.get::<_, Uuid>("session")?),
    })
}

/// The bytes of an address: 4 or 16.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(it) => it.octets().to_vec(),
        IpAddr::V6(it) => it.octets().to_vec(),
    }
}

fn address(row: &Row<'_>) -> Result<Option<IpAddr>> {
    let octets: Option<Vec<u8>> = row.get("address")?;
    let Some(octets) = octets else { return Ok(None) };
    let v4 = <[u8; 4]>::try_from(&octets[..]).map(IpAddr::from);
    let address = v4.or_else(|_| <[u8; 16]>::try_from(&octets[..]).map(IpAddr::from));
    address.map(Some).map_err(|_| bad("address"))
}
