//! What may be asked of a room: its name, its size, its password.

use anteroom_core::limits::CAPACITY_MAX;
use anteroom_core::seat::RoomSize;
use anteroom_protocol::FieldProblem;
use anteroom_protocol::room::{ChangeRoom, RoomState};

use super::{RoomError, RoomInfo};
use crate::accounts::names;

/// The name of a room after a change that may be made to it.
pub(super) fn checked_change(info: &RoomInfo, ask: &ChangeRoom) -> Result<String, RoomError> {
    let had = info.size();
    let size = RoomSize {
        capacity: ask.capacity.unwrap_or(had.capacity),
        staff_seats: ask.staff_seats.unwrap_or(had.staff_seats),
    };
    let name = ask.name.as_deref().unwrap_or(&info.name);
    let name = checked_name(name, size, ask.password.as_deref())?;
    if info.state == RoomState::Pending {
        return Err(RoomError::Forbidden);
    }
    Ok(name)
}

/// Checks the fields of a room together, so that a person sees all that is wrong at once.
pub(super) fn checked_name(
    name: &str,
    size: RoomSize,
    password: Option<&str>,
) -> Result<String, RoomError> {
    let mut wrong = Vec::new();
    let name = names::room_name(name)
        .map_err(|fault| {
            wrong.push(FieldProblem {
                field: "name".to_owned(),
                code: fault.as_str().to_owned(),
                detail: "A room's name has 1 to 80 visible characters.".to_owned(),
            });
        })
        .ok();
    if !(1..=CAPACITY_MAX).contains(&size.capacity) {
        wrong.push(FieldProblem {
            field: "capacity".to_owned(),
            code: "out_of_range".to_owned(),
            detail: format!("A room has 1 to {CAPACITY_MAX} seats."),
        });
    } else if !size.is_possible() {
        wrong.push(FieldProblem {
            field: "staff_seats".to_owned(),
            code: "out_of_range".to_owned(),
            detail: "No more seats can be kept for staff than the room has.".to_owned(),
        });
    }
    if password.is_some_and(|text| text.chars().count() > 128) {
        wrong.push(FieldProblem {
            field: "password".to_owned(),
            code: "too_long".to_owned(),
            detail: "At most 128 characters.".to_owned(),
        });
    }
    match name {
        Some(name) if wrong.is_empty() => Ok(name),
        _ => Err(RoomError::Invalid(wrong)),
    }
}
