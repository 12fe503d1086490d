//! People who come and go, for tests that are not about what they do.

use anteroom_core::ids::{LoginId, Nonce, ResumeHash, RoomId, SessionId, UserId};
use anteroom_core::seat::{Ask, Claim, PartRef, Reserved};
use uuid::Uuid;

use super::HERE;
use crate::admission::redis::Redis;
use crate::admission::{Admission, Journal, Refusal};

pub(super) fn ask(n: u128) -> Ask {
    Ask {
        user: UserId(Uuid::from_u128(n)),
        login: LoginId(Uuid::from_u128(n)),
        nonce: Nonce(n.to_be_bytes()),
        is_staff: false,
        resume: None,
        over: None,
    }
}

/// Reserves for the `n`th user.
pub(super) async fn reserve(seats: &Redis, room: RoomId, n: u128) -> Result<Reserved, Refusal> {
    seats.reserve(room, ask(n), None, &mut Journal::new()).await
}

pub(super) fn claim(reserved: &Reserved) -> Claim {
    let session = SessionId(Uuid::from_u128(1_000 + reserved.user.0.as_u128()));
    Claim {
        user: reserved.user,
        generation: reserved.reservation.generation,
        nonce: reserved.reservation.nonce,
        login: reserved.reservation.login,
        session,
        owner: HERE,
        new_resume: ResumeHash([9; 32]),
        presented: None,
    }
}

pub(super) fn part(claim: &Claim) -> PartRef {
    let &Claim { user, session, generation, owner, .. } = claim;
    PartRef { user, session, generation, owner }
}

/// Lets the `n`th user in, all the way.
pub(super) async fn enter(seats: &Redis, room: RoomId, n: u128) -> PartRef {
    let journal = &mut Journal::new();
    let claim = claim(&reserve(seats, room, n).await.unwrap());
    seats.confirm(room, claim, journal).await.unwrap();
    seats.settle(room, claim.user, claim.session, journal).await.unwrap();
    part(&claim)
}
