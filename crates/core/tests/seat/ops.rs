//! What can happen to a room, drawn at random from a few users, logins, sessions and nodes.

use proptest::prelude::*;

/// Which of the known things of a kind is meant, counted back from the newest.
pub(crate) type Pick = usize;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Secret {
    None,
    /// The resume secret that some session was given, of this user or of another.
    Of(Pick),
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Twist {
    None,
    Nonce,
    Login,
    Generation,
    Owner,
    User,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Reserve { user: u8, login: u8, staff: bool, resume: Secret },
    Party { users: Vec<u8>, staff: bool },
    Connecting { ticket: Pick, twist: Twist },
    Confirm { ticket: Pick, twist: Twist, resume: Secret, node: u8 },
    Settle { entry: Pick },
    Abort { entry: Pick },
    Heard { session: Pick },
    Cancel { user: u8 },
    Close { session: Pick, twist: Twist, clean: bool },
    MoveOut { session: Pick },
    Fence { node: u8 },
    Supersede { user: u8, old: u8, new: u8 },
    Revoke { user: u8, login: u8 },
    Remove { user: u8 },
    CloseRoom,
    SetCapacity { capacity: u32 },
    Wait { user: u8, login: u8, staff: bool },
    StopWaiting { user: u8 },
    Attach { user: u8 },
    StreamLost { stream: Pick },
    Expire,
}

/// An operation, how long after the one before it, and whether what is due is ended first, so that
/// a refusal can be seen to change nothing.
#[derive(Clone, Debug)]
pub(crate) struct Timed {
    pub(crate) after_ms: u64,
    pub(crate) expire_first: bool,
    pub(crate) op: Op,
}

const USERS: u8 = 4;
const NODES: u8 = 3;

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![4 => 0..2_usize, 2 => 0..5_usize, 1 => 0..40_usize]
}

fn secret() -> impl Strategy<Value = Secret> {
    prop_oneof![
        4 => Just(Secret::None),
        4 => pick().prop_map(Secret::Of),
        1 => Just(Secret::Unknown),
    ]
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        20 => Just(Twist::None),
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

fn arriving() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (0..USERS, login(), prop::bool::weighted(0.3), secret())
            .prop_map(|(user, login, staff, resume)| Op::Reserve { user, login, staff, resume }),
        1 => (prop::collection::vec(0..USERS, 1..4), any::<bool>())
            .prop_map(|(users, staff)| Op::Party { users, staff }),
        2 => (pick(), twist()).prop_map(|(ticket, twist)| Op::Connecting { ticket, twist }),
        10 => (pick(), twist(), secret(), 0..NODES).prop_map(|(ticket, twist, resume, node)| {
            Op::Confirm { ticket, twist, resume, node }
        }),
        5 => pick().prop_map(|entry| Op::Settle { entry }),
        3 => pick().prop_map(|entry| Op::Abort { entry }),
        2 => pick().prop_map(|session| Op::Heard { session }),
    ]
}

fn leaving() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..USERS).prop_map(|user| Op::Cancel { user }),
        8 => (pick(), twist(), any::<bool>())
            .prop_map(|(session, twist, clean)| Op::Close { session, twist, clean }),
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
        6 => (0..USERS, login(), prop::bool::weighted(0.3))
            .prop_map(|(user, login, staff)| Op::Wait { user, login, staff }),
        1 => (0..USERS).prop_map(|user| Op::StopWaiting { user }),
        3 => (0..USERS).prop_map(|user| Op::Attach { user }),
        2 => pick().prop_map(|stream| Op::StreamLost { stream }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        60 => arriving(),
        25 => leaving(),
        20 => waiting(),
        3 => Just(Op::Expire),
        5 => (0..5_u32).prop_map(|capacity| Op::SetCapacity { capacity }),
        1 => Just(Op::CloseRoom),
    ]
}

fn timed() -> impl Strategy<Value = Timed> {
    let after_ms = prop_oneof![6 => Just(0_u64), 6 => 1..12_u64, 1 => 30..200_u64];
    (after_ms, prop::bool::weighted(0.3), op()).prop_map(|(after_ms, expire_first, op)| Timed {
        after_ms,
        expire_first,
        op,
    })
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Timed>> {
    prop::collection::vec(timed(), 1..120)
}
