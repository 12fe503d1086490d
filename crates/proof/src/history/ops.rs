//! What can happen to a room, drawn at random from a few users, logins, sessions and nodes.

use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Arrivals, Lifetime, RoomSpec, SessionPolicy, Terms};
use anteroom_core::time::Millis;
use proptest::prelude::*;

/// Which of the known things of a kind is meant, counted back from the newest.
pub(super) type Pick = usize;

#[derive(Clone, Copy, Debug)]
pub(super) enum Secret {
    None,
    /// The resume secret that some session was given, of this user or of another.
    Of(Pick),
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Twist {
    None,
    Nonce,
    Login,
    Generation,
    Owner,
    User,
}

/// `over` names what of another login was told to stand in the way last; `again` is a stream that the
/// same user has had, and not a new one.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Reserve { user: u8, login: u8, staff: bool, resume: Secret, over: bool },
    Party { users: Vec<u8>, staff: bool, over: bool },
    Connecting { ticket: Pick, twist: Twist },
    Confirm { ticket: Pick, twist: Twist, resume: Secret, node: u8 },
    Settle { entry: Pick },
    Abort { entry: Pick },
    Heard { session: Pick },
    Cancel { user: u8 },
    Withdraw { ticket: Pick, twist: Twist },
    Close { session: Pick, twist: Twist, clean: bool },
    MoveOut { session: Pick },
    Fence { node: u8 },
    Supersede { user: u8, old: u8, new: u8 },
    Revoke { user: u8, login: u8 },
    Remove { user: u8 },
    CloseRoom,
    SetCapacity { capacity: u32, staff_seats: u32 },
    Wait { user: u8, login: u8, staff: bool, over: bool },
    StopWaiting { user: u8 },
    Attach { user: u8, node: u8, again: Option<Pick> },
    StreamLost { stream: Pick },
    Expire,
}

/// Fewest operations in a history as it is drawn.
pub const EVENTS_MIN: usize = 50;
pub(super) const EVENTS_MAX: usize = 160;

/// An operation, how long after the one before it, and whether what is due is ended first, so that
/// a refusal can be seen to change nothing.
#[derive(Clone, Debug)]
pub struct Timed {
    pub(super) after_ms: u64,
    pub(super) expire_first: bool,
    pub(super) op: Op,
}

const USERS: u8 = 4;
const NODES: u8 = 3;

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![4 => 0..2_usize, 2 => 0..5_usize, 1 => 0..40_usize]
}

fn secret() -> impl Strategy<Value = Secret> {
    prop_oneof![
        8 => Just(Secret::None),
        5 => pick().prop_map(Secret::Of),
        1 => Just(Secret::Unknown),
    ]
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        40 => Just(Twist::None),
        1 => Just(Twist::Nonce),
        1 => Just(Twist::Login),
        1 => Just(Twist::Generation),
        1 => Just(Twist::Owner),
        1 => Just(Twist::User),
    ]
}

fn login() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(0_u8), 1 => Just(1_u8)]
}

/// Most who are told of another login ask again for what it has.
fn over() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.8)
}

fn arriving() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (0..USERS, login(), prop::bool::weighted(0.3), secret(), over()).prop_map(
            |(user, login, staff, resume, over)| Op::Reserve { user, login, staff, resume, over }
        ),
        1 => (prop::collection::vec(0..USERS, 1..4), any::<bool>(), over())
            .prop_map(|(users, staff, over)| Op::Party { users, staff, over }),
        2 => (pick(), twist()).prop_map(|(ticket, twist)| Op::Connecting { ticket, twist }),
        16 => (pick(), twist(), secret(), 0..NODES).prop_map(|(ticket, twist, resume, node)| {
            Op::Confirm { ticket, twist, resume, node }
        }),
        8 => pick().prop_map(|entry| Op::Settle { entry }),
        3 => pick().prop_map(|entry| Op::Abort { entry }),
        2 => pick().prop_map(|session| Op::Heard { session }),
    ]
}

fn leaving() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..USERS).prop_map(|user| Op::Cancel { user }),
        1 => (pick(), twist()).prop_map(|(ticket, twist)| Op::Withdraw { ticket, twist }),
        8 => (pick(), twist(), any::<bool>())
            .prop_map(|(session, twist, clean)| Op::Close { session, twist, clean }),
        1 => (5..60_usize, any::<bool>())
            .prop_map(|(session, clean)| Op::Close { session, twist: Twist::None, clean }),
        2 => pick().prop_map(|session| Op::MoveOut { session }),
        1 => (0..NODES).prop_map(|node| Op::Fence { node }),
        2 => (0..USERS, login(), login())
            .prop_map(|(user, old, new)| Op::Supersede { user, old, new }),
        2 => (0..USERS, login()).prop_map(|(user, login)| Op::Revoke { user, login }),
        1 => (0..USERS).prop_map(|user| Op::Remove { user }),
    ]
}

fn waiting() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..USERS, login(), prop::bool::weighted(0.3), over())
            .prop_map(|(user, login, staff, over)| Op::Wait { user, login, staff, over }),
        1 => (0..USERS).prop_map(|user| Op::StopWaiting { user }),
        8 => (0..USERS, 0..NODES, prop::option::weighted(0.3, pick()))
            .prop_map(|(user, node, again)| Op::Attach { user, node, again }),
        4 => pick().prop_map(|stream| Op::StreamLost { stream }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        300 => arriving(),
        50 => leaving(),
        50 => waiting(),
        12 => Just(Op::Expire),
        12 => (0..6_u32, 0..3_u32)
            .prop_map(|(capacity, staff_seats)| Op::SetCapacity { capacity, staff_seats }),
        1 => Just(Op::CloseRoom),
    ]
}

/// From one instant to a suspended machine: the clock may jump far, and never back.
fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![
        60 => Just(0_u64),
        30 => 1..8_u64,
        3 => 30..200_u64,
        1 => 1_000..600_000_u64,
        1 => 3_600_000..1_000_000_000_u64,
    ]
}

pub(super) fn timed() -> impl Strategy<Value = Timed> {
    (pause(), prop::bool::weighted(0.3), op()).prop_map(|(after_ms, expire_first, op)| Timed {
        after_ms,
        expire_first,
        op,
    })
}

pub(super) fn events() -> impl Strategy<Value = Vec<Timed>> {
    prop::collection::vec(timed(), EVENTS_MIN..EVENTS_MAX)
}

pub(super) fn terms() -> impl Strategy<Value = Terms> {
    let parts = prop_oneof![2 => Just(1_u32), 1 => Just(2), 1 => Just(3)];
    let grace_ms = prop_oneof![1 => Just(0_u64), 4 => Just(30)];
    (parts, grace_ms, prop::bool::weighted(0.25)).prop_map(|(parts, grace_ms, refuses)| Terms {
        reservation_ttl: Duration::from_millis(60),
        offer_ttl: Duration::from_millis(25),
        grace: Duration::from_millis(grace_ms),
        waiter_ttl: Duration::from_millis(40),
        sessions: SessionPolicy::Many(parts),
        arrivals: if refuses { Arrivals::RefuseNew } else { Arrivals::ReplaceOld },
    })
}

pub(super) fn spec() -> impl Strategy<Value = RoomSpec> {
    let pending = prop_oneof![3 => Just(None), 1 => (20..90_u64).prop_map(|at| Some(Millis(at)))];
    (1..4_u32, 0..2_u32, prop::bool::weighted(0.2), pending).prop_map(
        |(capacity, staff_seats, until_empty, pending_until)| RoomSpec {
            id: RoomId(101),
            epoch: 7,
            capacity,
            staff_seats,
            lifetime: if until_empty { Lifetime::UntilEmpty } else { Lifetime::Persistent },
            pending_until,
        },
    )
}
