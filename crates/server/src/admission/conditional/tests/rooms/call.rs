//! A call of the strategy, complete, and what came of it.

use std::net::IpAddr;

use anteroom_core::ids::{LoginId, Owner, RoomId, SessionId, StreamId, UserId};
use anteroom_core::seat::{Ask, Attachment, Claim, PartRef, Parting, Reserved, RoomSize, Waiting};

use crate::admission::{Admission, Journal, Unavailable};

/// A call, complete.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Reserve(RoomId, Ask, Option<IpAddr>),
    Party(RoomId, Vec<Ask>),
    Cancel(RoomId, UserId),
    Confirm(RoomId, Claim),
    Settle(RoomId, UserId, SessionId),
    Abort(RoomId, UserId, SessionId),
    Heard(RoomId, UserId, SessionId),
    Close(RoomId, PartRef, Parting),
    Supersede(UserId, LoginId, LoginId),
    Revoke(UserId, LoginId),
    Remove(RoomId, UserId),
    Fence(Owner),
    CloseRoom(RoomId),
    SetCapacity(RoomId, RoomSize),
    Wait(RoomId, Ask, Option<IpAddr>),
    StopWaiting(RoomId, UserId),
    Attach(RoomId, UserId, StreamId),
    StreamLost(RoomId, UserId, StreamId),
    Expire(RoomId),
}

/// What came of a call, in words, and what it made known.
#[derive(Default)]
pub(super) struct Came {
    pub(super) answer: String,
    pub(super) journal: Journal,
    pub(super) ticket: Vec<Reserved>,
    pub(super) is_confirmed: bool,
    pub(super) is_attached: bool,
}

pub(super) async fn apply(seats: &dyn Admission, call: &Call) -> Came {
    let mut came = Came::default();
    let told = &mut came.journal;
    came.answer = match call.clone() {
        Call::Reserve(room, ask, from) => {
            let answer = seats.reserve(room, ask, from, told).await;
            came.ticket.extend(answer.as_ref().ok());
            format!("{answer:?}")
        }
        Call::Party(room, party) => {
            let answer = seats.reserve_party(room, party, told).await;
            came.ticket.extend(answer.iter().flatten());
            format!("{answer:?}")
        }
        Call::Confirm(room, claim) => {
            let answer = seats.confirm(room, claim, told).await;
            came.is_confirmed = answer.is_ok();
            format!("{answer:?}")
        }
        Call::Wait(room, ask, from) => {
            let answer = seats.wait(room, ask, from, told).await;
            if let Ok(Waiting::Reserved(it)) = &answer {
                came.ticket.push(*it);
            }
            format!("{answer:?}")
        }
        Call::Attach(room, user, stream) => {
            let attached = seats.stream_attached(room, user, stream, told).await;
            came.is_attached = attached == Ok(Attachment::Attached);
            format!("{attached:?}")
        }
        other => apply_ending(seats, &other, told).await,
    };
    came
}

async fn apply_ending(seats: &dyn Admission, call: &Call, told: &mut Journal) -> String {
    // Rooms come in no order, and so do the sessions in them.
    let sorted = |ended: Result<Vec<SessionId>, Unavailable>| {
        let mut ended = ended.unwrap();
        ended.sort_unstable();
        format!("{ended:?}")
    };
    match call.clone() {
        Call::Cancel(room, user) => format!("{:?}", seats.cancel(room, user, told).await),
        Call::Settle(room, user, session) => {
            format!("{:?}", seats.settle(room, user, session, told).await)
        }
        Call::Abort(room, user, session) => {
            format!("{:?}", seats.abort(room, user, session, told).await)
        }
        Call::Heard(room, user, session) => {
            format!("{:?}", seats.heard(room, user, session).await)
        }
        Call::Close(room, part, parting) => {
            format!("{:?}", seats.close(room, part, parting, told).await)
        }
        Call::Supersede(user, old, new) => sorted(seats.supersede(user, old, new, told).await),
        Call::Revoke(user, login) => sorted(seats.revoke_login(user, login, told).await),
        Call::Remove(room, user) => sorted(seats.remove(room, user, told).await),
        Call::Fence(owner) => sorted(seats.fence(owner, told).await),
        Call::CloseRoom(room) => sorted(seats.close_room(room, told).await),
        Call::SetCapacity(room, size) => {
            format!("{:?}", seats.set_capacity(room, size, told).await)
        }
        Call::StopWaiting(room, user) => {
            format!("{:?}", seats.stop_waiting(room, user, told).await)
        }
        Call::StreamLost(room, user, stream) => {
            format!("{:?}", seats.stream_lost(room, user, stream, told).await)
        }
        Call::Expire(room) => format!("{:?}", seats.expire(room, told).await),
        other => panic!("{other:?} is an arrival"),
    }
}
