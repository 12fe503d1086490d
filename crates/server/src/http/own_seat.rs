//! `GET /rooms/{room}/seats/current`: what the caller has in a room, and for how long.

use std::sync::Arc;

use anteroom_core::seat::SlotImage;
use anteroom_core::time::Millis;
use anteroom_protocol::Code;
use anteroom_protocol::room::{OwnSeat, OwnSeatState};
use axum::extract::State;
use axum::response::Response;

use super::accounts::private;
use super::contract::{Routes, get};
use super::extract::{Caller, RoomPath};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::Group;
use crate::entry::EntryError;

pub(super) fn routes() -> Routes {
    Routes::of(Group::Entry).at(
        get("/rooms/{room}/seats/current", "ownSeat", "What one has in a room")
            .answers::<OwnSeat>(200, "A seat, and for how long yet.")
            .refuses(&[Code::NotFound]),
        own,
    )
}

async fn own(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
) -> Result<Response, Refused> {
    let admission = app.entry.admission.as_ref();
    let nothing = || Refused::because(Code::NotFound, "You have no seat in this room.");
    // A cheap look first: whoever has nothing there makes no large room be read.
    let is_seated = admission.is_seated(room, who.user).await.map_err(EntryError::from)?;
    if !is_seated && admission.standing(room, who.user).await.map_err(EntryError::from)?.is_none() {
        return Err(nothing());
    }
    let snapshot = admission.snapshot(room).await.map_err(EntryError::from)?;
    let slot = snapshot.and_then(|it| it.slots.into_iter().find(|slot| slot.user == who.user));
    let seat = slot.ok_or_else(nothing)?;
    Ok(private(axum::Json(shown(&seat, admission.now()))))
}

fn shown(slot: &SlotImage, now: Millis) -> OwnSeat {
    let left = |at: Millis| u64::try_from(at.since(now).as_millis()).unwrap_or(u64::MAX);
    let (state, until) = match (&slot.sitting.held, slot.reservation) {
        _ if !slot.sitting.live.is_empty() => (OwnSeatState::Occupied, None),
        (Some(held), _) => (OwnSeatState::Held, Some(held.deadline)),
        (None, reservation) => (OwnSeatState::Reserved, reservation.map(|it| it.deadline)),
    };
    OwnSeat { state, expires_in_ms: until.map(left) }
}
