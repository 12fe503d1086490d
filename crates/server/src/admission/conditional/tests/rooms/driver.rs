//! Draws calls at random, from what the answers so far made known.

use std::net::IpAddr;

use anteroom_core::ids::{Nonce, Owner, ResumeHash, RoomId, SessionId, StreamId, UserId};
use anteroom_core::seat::{
    Ask, Change, Claim, Lifetime, PartRef, Parting, Reserved, Rival, RivalClaim, RoomSize, RoomSpec,
};
use uuid::Uuid;

use super::call::{Call, Came};
use super::{ROOMS, USERS};
use crate::admission::conditional::tests::{address, login, secret, user};

/// Draws calls from what is known so far.
pub(super) struct Driver {
    state: u64,
    pub(super) rooms: Vec<RoomId>,
    minted: u128,
    tickets: Vec<(RoomId, Reserved)>,
    parts: Vec<(RoomId, PartRef)>,
    entries: Vec<(RoomId, PartRef)>,
    streams: Vec<(RoomId, UserId, StreamId)>,
}

impl Driver {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            rooms: vec![],
            minted: 0,
            tickets: vec![],
            parts: vec![],
            entries: vec![],
            streams: vec![],
        }
    }

    pub(super) fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    fn mint(&mut self) -> u128 {
        self.minted += 1;
        self.minted
    }

    /// One of the last, mostly.
    fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let back = if self.draw(4) > 0 { self.draw(3) } else { self.draw(30) };
        let back = usize::try_from(back).unwrap().min(all.len().checked_sub(1)?);
        Some(all[all.len() - 1 - back])
    }

    pub(super) fn spec(&mut self) -> RoomSpec {
        let capacity = u32::try_from(1 + self.draw(3)).unwrap();
        let lifetime = match self.draw(5) {
            0 => Lifetime::UntilEmpty,
            _ => Lifetime::Persistent,
        };
        let staff_seats = u32::from(self.draw(4) == 0);
        RoomSpec {
            id: RoomId(i64::try_from(100 + self.mint()).unwrap()),
            epoch: 1,
            capacity,
            staff_seats,
            lifetime,
            pending_until: None,
        }
    }

    fn room(&mut self) -> RoomId {
        let at = self.draw(ROOMS);
        self.rooms[usize::try_from(at).unwrap()]
    }

    fn user(&mut self) -> UserId {
        user(self.draw(USERS).into())
    }

    fn ask(&mut self) -> Ask {
        let who = u128::from(self.draw(USERS));
        let of = if self.draw(5) == 0 { 100 } else { 0 };
        let nonce = Nonce(self.mint().to_be_bytes());
        let (is_staff, resume) = (self.draw(4) == 0, self.resume());
        // What the user was given last, whatever became of it, is named now and then.
        let names = self.draw(2) == 0;
        let given = self.tickets.iter().rev().map(|(_, it)| it).find(|it| it.user == user(who));
        let over = given.filter(|_| names).map(|it| Rival {
            login: it.reservation.login,
            claim: RivalClaim::Reservation(it.reservation.generation),
        });
        Ask { user: user(who), login: login(who + of), nonce, is_staff, resume, over }
    }

    /// The secret of a session is made of its number.
    fn resume(&mut self) -> Option<ResumeHash> {
        let parts = self.parts.clone();
        match self.draw(4) {
            0 => self.pick(&parts).map(|(_, part)| secret(part.session.0.as_u128())),
            _ => None,
        }
    }

    fn from(&mut self) -> Option<IpAddr> {
        let n = u8::try_from(self.draw(4)).unwrap();
        address(n).filter(|_| n > 0)
    }

    fn owner(&mut self) -> Owner {
        Owner { node: 0, incarnation: 1 + self.draw(2) }
    }

    pub(super) fn call(&mut self) -> Option<Call> {
        Some(match self.draw(100) {
            0..24 => Call::Reserve(self.room(), self.ask(), self.from()),
            24..26 => Call::Party(self.room(), vec![self.ask(), self.ask()]),
            26..48 => self.confirm()?,
            48..60 => {
                let (room, part) = self.entry()?;
                Call::Settle(room, part.user, part.session)
            }
            60..64 => {
                let (room, part) = self.entry()?;
                Call::Abort(room, part.user, part.session)
            }
            64..66 => {
                let (room, part) = self.pick(&self.parts.clone())?;
                Call::Heard(room, part.user, part.session)
            }
            66..78 => {
                let (room, part) = self.pick(&self.parts.clone())?;
                let parting = [Parting::Clean, Parting::Unclean][usize::from(self.draw(2) == 0)];
                Call::Close(room, part, parting)
            }
            _ => self.rarer()?,
        })
    }

    fn rarer(&mut self) -> Option<Call> {
        Some(match self.draw(40) {
            0..3 => Call::Cancel(self.room(), self.user()),
            3..6 => {
                let who = u128::from(self.draw(USERS));
                Call::Supersede(user(who), login(who), login(who + 100))
            }
            6..9 => {
                let who = u128::from(self.draw(USERS));
                Call::Revoke(user(who), login(who))
            }
            9..10 => Call::Remove(self.room(), self.user()),
            10..11 => Call::Fence(self.owner()),
            11..12 => Call::CloseRoom(self.room()),
            12..15 => {
                let capacity = u32::try_from(self.draw(5)).unwrap();
                let staff_seats = u32::try_from(self.draw(3)).unwrap();
                Call::SetCapacity(self.room(), RoomSize { capacity, staff_seats })
            }
            15..28 => Call::Wait(self.room(), self.ask(), self.from()),
            28..30 => Call::StopWaiting(self.room(), self.user()),
            30..34 => Call::Attach(self.room(), self.user(), self.stream()),
            34..36 => {
                let (room, user, stream) = self.pick(&self.streams.clone())?;
                Call::StreamLost(room, user, stream)
            }
            _ => Call::Expire(self.room()),
        })
    }

    /// A new stream, or sometimes one that was there before.
    fn stream(&mut self) -> StreamId {
        let again = self.pick(&self.streams.clone()).filter(|_| self.draw(3) == 0);
        let new = StreamId { owner: self.owner(), n: u64::try_from(self.mint()).unwrap() };
        again.map_or(new, |(_, _, stream)| stream)
    }

    fn confirm(&mut self) -> Option<Call> {
        let (room, it) = self.pick(&self.tickets.clone())?;
        let session = SessionId(Uuid::from_u128(self.mint()));
        let claim = Claim {
            user: it.user,
            generation: it.reservation.generation,
            nonce: it.reservation.nonce,
            login: it.reservation.login,
            session,
            owner: self.owner(),
            new_resume: secret(session.0.as_u128()),
            presented: self.resume(),
        };
        Some(Call::Confirm(room, claim))
    }

    fn entry(&mut self) -> Option<(RoomId, PartRef)> {
        let entry = self.pick(&self.entries.clone())?;
        self.entries.retain(|it| *it != entry);
        Some(entry)
    }

    pub(super) fn learn(&mut self, call: &Call, came: &Came) {
        match call {
            Call::Reserve(room, ..) | Call::Party(room, _) | Call::Wait(room, ..) => {
                self.tickets.extend(came.ticket.iter().map(|it| (*room, *it)));
            }
            Call::Confirm(room, claim) if came.is_confirmed => {
                let &Claim { user, session, generation, owner, .. } = claim;
                let part = (*room, PartRef { user, session, generation, owner });
                self.parts.push(part);
                self.entries.push(part);
            }
            Call::Attach(room, user, stream) if came.is_attached => {
                self.streams.push((*room, *user, *stream));
            }
            _ => {}
        }
        for (room, change) in &came.journal {
            if let Change::Offered { user, reservation } = *change {
                let (takeover, fresh) = (false, true);
                self.tickets.push((*room, Reserved { user, reservation, takeover, fresh }));
            }
        }
    }
}
