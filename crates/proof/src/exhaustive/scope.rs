//! How much of the world a run looks at. Every scope is searched to its end.

use std::time::Duration;

use anteroom_core::seat::{Arrivals, Lifetime, RoomSpec, SessionPolicy, Terms};

use super::state::{Budget, EPOCH, room_id};

/// The bounds of one search.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// What it is called in reports and in the state file.
    pub name: &'static str,
    pub(super) users: u8,
    pub(super) rooms: u8,
    pub(super) capacity: u32,
    /// Requests to reserve per user.
    pub(super) asks: u8,
    /// Requests to wait per user.
    pub(super) waits: u8,
    /// How often one ticket may be presented.
    pub(super) uses: u8,
    /// How many connections there may be at once.
    pub(super) conns: usize,
    /// Whether clients present resume secrets, the newest and the one before it.
    pub(super) resumes: bool,
    /// Whether a request to reserve is three steps: check, room, check.
    pub(super) splits_requests: bool,
    pub(super) has_grace: bool,
    pub(super) cancels: bool,
    /// Whether seats are kept for staff, of whom nobody comes, and given back to everyone.
    pub(super) keeps_staff_seats: bool,
    pub(super) sessions: SessionPolicy,
    /// What a node does about a confirm that was not answered.
    pub(super) undo: Undo,
    pub(super) faults: Budget,
}

/// What a node does when the answer to its confirm does not come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Undo {
    /// First the reservation is withdrawn, so that a confirm still on its way finds nothing.
    WithdrawThenAbort,
    /// The entry is aborted, and a confirm still on its way is nobody's.
    AbortOnly,
}

impl Scope {
    pub(super) fn spec(&self, room: u8) -> RoomSpec {
        RoomSpec {
            id: room_id(room),
            epoch: EPOCH,
            capacity: self.capacity,
            staff_seats: 0,
            lifetime: Lifetime::Persistent,
            pending_until: None,
        }
    }

    pub(super) fn terms(&self) -> Terms {
        let soon = Duration::from_secs(1);
        Terms {
            reservation_ttl: soon,
            offer_ttl: soon,
            grace: if self.has_grace { soon } else { Duration::ZERO },
            waiter_ttl: soon,
            sessions: self.sessions,
            arrivals: Arrivals::ReplaceOld,
        }
    }

    pub(super) fn is_one_in_all(&self) -> bool {
        self.sessions == SessionPolicy::One
    }
}

const CALM: Budget = Budget { network: 0, crashes: 0, naps: 0, revokes: 0, resizes: 0, closes: 0 };

const PLAIN: Scope = Scope {
    name: "plain",
    users: 3,
    rooms: 1,
    capacity: 1,
    asks: 1,
    waits: 0,
    uses: 1,
    conns: 2,
    resumes: false,
    splits_requests: false,
    has_grace: true,
    cancels: false,
    keeps_staff_seats: false,
    sessions: SessionPolicy::OnePerRoom,
    undo: Undo::WithdrawThenAbort,
    faults: CALM,
};

/// A world in which nodes undo too little, to show that it matters: it breaks.
pub const HASTY: Scope = Scope {
    name: "hasty: an unanswered confirm is only aborted",
    users: 1,
    undo: Undo::AbortOnly,
    faults: Budget { network: 1, ..CALM },
    ..PLAIN
};

/// The scopes that a test searches in a few seconds.
pub const SHORT: &[Scope] = &[
    Scope {
        name: "short: a call goes astray",
        users: 2,
        uses: 2,
        faults: Budget { network: 1, ..CALM },
        ..PLAIN
    },
    Scope { name: "short: a tab is reloaded", users: 1, asks: 3, resumes: true, ..PLAIN },
    Scope {
        name: "short: a node dies or sleeps",
        users: 2,
        asks: 2,
        conns: 1,
        faults: Budget { crashes: 1, naps: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "short: a node dies or sleeps beside another",
        users: 2,
        faults: Budget { crashes: 1, naps: 1, ..CALM },
        ..PLAIN
    },
    Scope { name: "short: the line", asks: 0, waits: 1, cancels: true, ..PLAIN },
    Scope { name: "short: the line is asked past", users: 2, waits: 1, cancels: true, ..PLAIN },
    Scope {
        name: "short: a login is revoked",
        users: 2,
        splits_requests: true,
        faults: Budget { revokes: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "short: a newer login overtakes a request",
        users: 1,
        asks: 2,
        splits_requests: true,
        faults: Budget { revokes: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "short: a login is revoked in the line",
        users: 2,
        asks: 0,
        waits: 1,
        faults: Budget { revokes: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "short: the capacity changes",
        asks: 0,
        waits: 1,
        faults: Budget { resizes: 2, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "short: seats are kept for staff and given back",
        users: 2,
        waits: 1,
        conns: 1,
        keeps_staff_seats: true,
        faults: Budget { resizes: 2, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "short: two rooms, one session in all",
        users: 1,
        resumes: true,
        rooms: 2,
        asks: 2,
        sessions: SessionPolicy::One,
        ..PLAIN
    },
];

/// The scopes that take minutes, each of them less than ten on two idle cores.
pub const LONG: &[Scope] = &[
    Scope {
        name: "tabs are reloaded, a call goes astray",
        users: 2,
        asks: 2,
        resumes: true,
        faults: Budget { network: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "tickets are presented twice",
        users: 2,
        asks: 2,
        uses: 2,
        resumes: true,
        ..PLAIN
    },
    Scope {
        name: "calls go astray",
        users: 2,
        asks: 2,
        faults: Budget { network: 2, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "a node dies or sleeps, a call goes astray",
        users: 2,
        asks: 2,
        faults: Budget { network: 1, crashes: 1, naps: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "a node dies or sleeps under tabs that are reloaded",
        users: 2,
        asks: 2,
        resumes: true,
        faults: Budget { crashes: 1, naps: 1, ..CALM },
        ..PLAIN
    },
    Scope { name: "the line in front of one seat", waits: 1, cancels: true, conns: 1, ..PLAIN },
    Scope { name: "the line in front of two seats", capacity: 2, waits: 1, conns: 1, ..PLAIN },
    Scope {
        name: "the line, and nodes die or sleep",
        users: 2,
        waits: 1,
        faults: Budget { crashes: 1, naps: 1, network: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "logins are revoked",
        users: 2,
        asks: 2,
        splits_requests: true,
        faults: Budget { revokes: 2, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "a login is revoked, a call goes astray",
        users: 2,
        asks: 2,
        splits_requests: true,
        faults: Budget { network: 1, revokes: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "the capacity changes and the room closes",
        asks: 0,
        waits: 1,
        faults: Budget { resizes: 3, closes: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "seats are kept for staff and given back",
        capacity: 2,
        asks: 0,
        waits: 1,
        keeps_staff_seats: true,
        faults: Budget { resizes: 3, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "no grace, a call goes astray",
        users: 2,
        asks: 2,
        has_grace: false,
        faults: Budget { network: 1, ..CALM },
        ..PLAIN
    },
    Scope {
        name: "two sessions on one seat",
        users: 2,
        asks: 3,
        conns: 3,
        sessions: SessionPolicy::Many(2),
        ..PLAIN
    },
    Scope {
        name: "two rooms, one session in all",
        users: 2,
        rooms: 2,
        asks: 2,
        sessions: SessionPolicy::One,
        ..PLAIN
    },
];
