//! The words and numbers that both databases hold.

use anteroom_core::seat::{Class, End, Lifetime, RoomState, SlotImage, SlotState};

/// An integer as the database holds it. Larger ones stand for "never", and the largest does too.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) const fn class_word(class: Class) -> &'static str {
    match class {
        Class::Ordinary => "ordinary",
        Class::Staff => "staff",
    }
}

pub(super) const fn slot_word(state: SlotState) -> &'static str {
    match state {
        SlotState::Occupied => "occupied",
        SlotState::Held => "held",
        SlotState::Reserved => "reserved",
    }
}

/// A room that is gone is about to lose its row.
pub(super) const fn room_word(state: RoomState) -> &'static str {
    match state {
        RoomState::Open => "open",
        RoomState::Closing | RoomState::Gone => "closing",
    }
}

pub(super) const fn lifetime_word(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Persistent => "persistent",
        Lifetime::UntilEmpty => "until_empty",
    }
}

pub(super) const fn end_word(end: End) -> &'static str {
    match end {
        End::Left => "left",
        End::Lost => "lost",
        End::HeldExpired => "held_expired",
        End::Replaced => "replaced",
        End::Moved => "moved",
        End::Removed => "removed",
        End::LoggedOut => "logged_out",
        End::Superseded => "superseded",
        End::RoomClosed => "room_closed",
        End::Aborted => "aborted",
        End::Fenced => "fenced",
        End::Cancelled => "cancelled",
    }
}

/// Every way that something ends.
pub(super) const ENDS: [End; 12] = [
    End::Left,
    End::Lost,
    End::HeldExpired,
    End::Replaced,
    End::Moved,
    End::Removed,
    End::LoggedOut,
    End::Superseded,
    End::RoomClosed,
    End::Aborted,
    End::Fenced,
    End::Cancelled,
];

/// What a slot counts as.
pub(super) fn state_of(slot: &SlotImage) -> SlotState {
    match (&slot.sitting.live[..], &slot.sitting.held) {
        ([], None) => SlotState::Reserved,
        ([], Some(_)) => SlotState::Held,
        _ => SlotState::Occupied,
    }
}
