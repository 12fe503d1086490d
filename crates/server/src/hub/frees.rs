//! When the first of the seats that are kept for somebody goes back.

use anteroom_core::ids::RoomId;
use anteroom_core::seat::SlotImage;
use anteroom_core::time::Millis;
use anteroom_protocol::room::Seats;

use crate::admission::Admission;

/// In rooms up to this size every seat is drawn, and so is its countdown. To look costs what a room is large.
const DRAWN_SEATS_MAX: u32 = 60;

/// On the clock of the strategy; `None` where no seat is kept for somebody who is not there, where the room is
/// large, or where nobody knows just now.
pub(super) async fn first(
    room: RoomId,
    seats: &Seats,
    admission: &dyn Admission,
) -> Option<Millis> {
    if seats.reserved + seats.held == 0 || seats.capacity > DRAWN_SEATS_MAX {
        return None;
    }
    let snapshot = admission.snapshot(room).await.ok()??;
    snapshot.slots.iter().filter_map(frees).min()
}

/// A seat goes back once nothing keeps it any more.
fn frees(slot: &SlotImage) -> Option<Millis> {
    if !slot.sitting.live.is_empty() {
        return None;
    }
    let held = slot.sitting.held.as_ref().map(|held| held.deadline);
    held.max(slot.reservation.map(|reservation| reservation.deadline))
}

/// What is told of it: how long from now.
pub(super) fn told(seats: Seats, frees: Option<Millis>, now: Millis) -> Seats {
    let left = |at: Millis| u64::try_from(at.since(now).as_millis()).unwrap_or(u64::MAX);
    Seats { frees_in_ms: frees.map(left), ..seats }
}
