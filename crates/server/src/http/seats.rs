//! The seats of one room as an administrator sees them: slot by slot, and the line.

use std::sync::Arc;

use anteroom_core::ids::UserId;
use anteroom_core::seat::{Class, SlotImage, Waiter};
use anteroom_core::time::Millis;
use anteroom_protocol::account::Role;
use anteroom_protocol::room::Seats;
use anteroom_protocol::{Code, Timestamp};
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::accounts::private;
use super::contract::{Routes, get};
use super::extract::{Caller, RoomPath};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::entry::EntryError;
use crate::view;

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        get("/admin/rooms/{room}/seats", "seats", "The seats of a room, one by one, and the line")
            .for_whom(May::Staff)
            .answers::<RoomSeats>(200, "As they are now."),
        seats,
    )
}

/// A room's seats, one by one.
#[derive(JsonSchema, Serialize)]
struct RoomSeats {
    room_id: i64,
    /// How seats are decided.
    strategy: &'static str,
    seats: Seats,
    slots: Vec<Slot>,
    line: Vec<InLine>,
    /// Confirmed, neither settled nor undone.
    entries_under_way: usize,
}

/// What one user has in the room. No secret of it is told.
#[derive(JsonSchema, Serialize)]
struct Slot {
    user_id: Uuid,
    /// Whose seats it is counted among.
    #[schemars(extend("enum" = ["ordinary", "staff"]))]
    class: &'static str,
    #[schemars(extend("enum" = ["occupied", "held", "reserved"]))]
    state: &'static str,
    /// Live connections.
    sessions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation: Option<OpenReservation>,
}

/// A reservation that stands.
#[derive(JsonSchema, Serialize)]
struct OpenReservation {
    generation: String,
    expires_at: Timestamp,
    /// How often a connection presented its ticket.
    attempts: u32,
    /// Whether it was offered to a waiter.
    offered: bool,
}

/// Somebody in the line.
#[derive(JsonSchema, Serialize)]
struct InLine {
    user_id: Uuid,
    joined_at: Timestamp,
    /// Streams that keep the place.
    streams: usize,
    /// When the place is lost unless a stream comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    away_until: Option<Timestamp>,
}

async fn seats(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
) -> Result<Response, Refused> {
    if !who.has(Role::Admin) && !who.has(Role::Moderator) {
        return Err(Refused::new(Code::Forbidden));
    }
    let admission = app.entry.admission.as_ref();
    let snapshot = admission.snapshot(room).await.map_err(EntryError::from)?;
    let counted = admission.seats(room).await.map_err(EntryError::from)?;
    let (Some(snapshot), Some(counted)) = (snapshot, counted) else {
        return Err(Refused::new(Code::RoomNotFound));
    };
    let at = |at: Millis| Timestamp(admission.shown(at, &app.clock));
    Ok(private(axum::Json(RoomSeats {
        room_id: room.0,
        strategy: admission.name(),
        seats: view::seats(counted),
        entries_under_way: snapshot.entering.len(),
        slots: snapshot.slots.iter().map(|slot| shown(slot, at)).collect(),
        line: snapshot.line.iter().map(|waiter| in_line(waiter, at)).collect(),
    })))
}

fn shown(slot: &SlotImage, at: impl Fn(Millis) -> Timestamp) -> Slot {
    let UserId(user_id) = slot.user;
    let sitting = &slot.sitting;
    Slot {
        user_id,
        class: match slot.class {
            Class::Ordinary => "ordinary",
            Class::Staff => "staff",
        },
        state: match (sitting.live.is_empty(), &sitting.held) {
            (false, _) => "occupied",
            (true, Some(_)) => "held",
            (true, None) => "reserved",
        },
        sessions: sitting.live.len(),
        since: slot.stay.map(|stay| at(stay.since)),
        held_until: sitting.held.as_ref().map(|held| at(held.deadline)),
        reservation: slot.reservation.map(|reservation| OpenReservation {
            generation: reservation.generation.to_string(),
            expires_at: at(reservation.deadline),
            attempts: reservation.attempts,
            offered: reservation.offered,
        }),
    }
}

fn in_line(waiter: &Waiter, at: impl Fn(Millis) -> Timestamp) -> InLine {
    InLine {
        user_id: waiter.user.0,
        joined_at: at(waiter.joined),
        streams: waiter.streams.len(),
        away_until: waiter.away_deadline.map(at),
    }
}
