//! What can happen, drawn at random. A draw is a few small numbers; what they mean depends on what
//! has happened so far (which tickets were given, who sits where).

use std::net::IpAddr;

use anteroom_core::ids::{
    Generation, LoginId, Nonce, Owner, ResumeHash, RoomId, SessionId, StreamId, UserId,
};
use anteroom_core::seat::{Ask, Claim, PartRef, Parting, Reserved, Rival, RivalClaim, RoomSize};
use proptest::prelude::*;
use uuid::Uuid;

use crate::admission::Ticket;

/// One event, before it is known what it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub(super) after_ms: u64,
    kind: u8,
    who: u8,
    pick: u8,
    twist: u8,
    secret: u8,
}

pub(super) fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let after_ms = prop_oneof![6 => Just(0_u64), 6 => 1..12_u64, 1 => 30..200_u64];
    let pick = prop_oneof![4 => 0..2_u8, 2 => 0..5_u8, 1 => 0..40_u8];
    let draw = (after_ms, 0..112_u8, 0..16_u8, pick, 0..40_u8, 0..16_u8).prop_map(
        |(after_ms, kind, who, pick, twist, secret)| Draw {
            after_ms,
            kind,
            who,
            pick,
            twist,
            secret,
        },
    );
    prop::collection::vec(draw, 50..120)
}

/// One event.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Reserve(RoomId, Ask, Option<IpAddr>),
    Party(RoomId, Vec<Ask>),
    Cancel(RoomId, UserId),
    Withdraw(RoomId, UserId, (Generation, LoginId)),
    Connecting(Ticket),
    Confirm(RoomId, Claim),
    Settle(RoomId, UserId, SessionId),
    Heard(RoomId, UserId, SessionId),
    Abort(RoomId, UserId, SessionId),
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

/// What has happened so far.
pub(super) struct Past {
    rooms: u8,
    minted: u128,
    pub(super) tickets: Vec<(RoomId, Reserved)>,
    parts: Vec<(RoomId, PartRef, ResumeHash)>,
    entries: Vec<(RoomId, UserId, SessionId)>,
    /// Every stream that was ever attached.
    pub(super) streams: Vec<(RoomId, UserId, StreamId)>,
}

pub(super) fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) + 1))
}

fn login(user: u8, n: u8) -> LoginId {
    LoginId(Uuid::from_u128(100 + u128::from(user) * 10 + u128::from(n)))
}

/// Two lives of one node, and another node.
fn owner(n: u8) -> Owner {
    Owner { node: u32::from(n / 2), incarnation: 1 + u64::from(n % 2) }
}

/// Counted back from the newest.
fn picked<T: Clone>(all: &[T], pick: u8) -> Option<T> {
    let pick = usize::from(pick);
    if all.is_empty() { None } else { Some(all[all.len() - 1 - pick % all.len()].clone()) }
}

impl Past {
    /// Nothing yet, in a world of this many rooms, numbered from 101.
    pub(super) fn new(rooms: u8) -> Self {
        Self {
            rooms,
            minted: 1_000,
            tickets: vec![],
            parts: vec![],
            entries: vec![],
            streams: vec![],
        }
    }

    fn mint(&mut self) -> u128 {
        self.minted += 1;
        self.minted
    }

    fn room(&self, draw: Draw) -> RoomId {
        RoomId(101 + i64::from(draw.who / 4 % self.rooms))
    }

    fn secret(&self, draw: Draw) -> Option<ResumeHash> {
        match draw.secret {
            0..8 => None,
            8..15 => picked(&self.parts, draw.secret - 8).map(|(_, _, resume)| resume),
            _ => Some(ResumeHash([255; 32])),
        }
    }

    fn ask(&mut self, draw: Draw) -> Ask {
        let who = draw.who % 4;
        // What the user was given last, whatever became of it, is named now and then.
        let given = self.tickets.iter().rev().map(|(_, it)| it).find(|it| it.user == user(who));
        let over = given.filter(|_| draw.secret < 8).map(|it| Rival {
            login: it.reservation.login,
            claim: RivalClaim::Reservation(it.reservation.generation),
        });
        Ask {
            user: user(who),
            login: login(who, u8::from(draw.pick == 4)),
            over,
            nonce: Nonce(self.mint().to_be_bytes()),
            is_staff: draw.twist.is_multiple_of(3),
            resume: self.secret(draw),
        }
    }

    fn claim(&mut self, draw: Draw) -> Option<Op> {
        let (room, it) = picked(&self.tickets, draw.pick)?;
        let (session, new_resume) = (self.mint(), self.mint());
        let mut claim = Claim {
            user: it.user,
            generation: it.reservation.generation,
            nonce: it.reservation.nonce,
            login: it.reservation.login,
            session: SessionId(Uuid::from_u128(session)),
            owner: owner(draw.who % 3),
            new_resume: ResumeHash([7; 32]),
            presented: self.secret(draw),
        };
        claim.new_resume.0[..16].copy_from_slice(&new_resume.to_be_bytes());
        match draw.twist {
            0 => claim.nonce = Nonce([0; 16]),
            1 => claim.login = LoginId(Uuid::nil()),
            2 => claim.generation.n += 1,
            3 => claim.user = user(0),
            _ => {}
        }
        Some(Op::Confirm(room, claim))
    }

    fn close(&self, draw: Draw) -> Option<Op> {
        let (room, mut part, _) = picked(&self.parts, draw.pick)?;
        match draw.twist {
            0 => part.generation.n += 1,
            1 => part.owner.incarnation += 1,
            2 => part.user = user(0),
            _ => {}
        }
        let parting = if draw.secret.is_multiple_of(2) { Parting::Clean } else { Parting::Unclean };
        Some(Op::Close(room, part, parting))
    }

    fn connecting(&self, draw: Draw) -> Option<Op> {
        let (room, it) = picked(&self.tickets, draw.pick)?;
        let mut ticket = Ticket::of(room, it.user, &it.reservation);
        if draw.twist == 0 {
            ticket.nonce = Nonce([0; 16]);
        }
        Some(Op::Connecting(ticket))
    }

    /// What a draw means now; `None`: there is nothing yet that it could be about.
    pub(super) fn op(&mut self, draw: Draw) -> Option<Op> {
        let (room, who) = (self.room(draw), draw.who % 4);
        let address = (draw.twist < 30).then(|| IpAddr::from([10, 0, 0, draw.twist % 2]));
        Some(match draw.kind {
            0..20 => Op::Reserve(room, self.ask(draw), address),
            20..22 => {
                let people = 1 + draw.twist % 3;
                let mut next = |n| self.ask(Draw { who: draw.who + n, secret: 0, ..draw });
                Op::Party(room, (0..people).map(&mut next).collect())
            }
            22..26 => self.connecting(draw)?,
            26..46 => self.claim(draw)?,
            46..56 => self.take_entry(draw).map(|(room, user, it)| Op::Settle(room, user, it))?,
            56..61 => self.take_entry(draw).map(|(room, user, it)| Op::Abort(room, user, it))?,
            61..65 => {
                let (room, part, _) = picked(&self.parts, draw.pick)?;
                Op::Heard(room, part.user, part.session)
            }
            65..68 => Op::Cancel(room, user(who)),
            68..70 => {
                let (room, it) = picked(&self.tickets, draw.pick)?;
                let grant = (it.reservation.generation, it.reservation.login);
                Op::Withdraw(room, it.user, grant)
            }
            70..82 => self.close(draw)?,
            82..84 => Op::Fence(owner(draw.who % 3)),
            84..87 => Op::Supersede(user(who), login(who, 0), login(who, 1)),
            87..90 => Op::Revoke(user(who), login(who, u8::from(draw.twist > 30))),
            90..92 => Op::Remove(room, user(who)),
            92..102 => Op::Wait(room, Ask { resume: None, ..self.ask(draw) }, address),
            102..103 => Op::StopWaiting(room, user(who)),
            103..106 => Op::Attach(room, user(who), self.stream(draw)),
            106..108 => {
                let (room, user, stream) = picked(&self.streams, draw.pick)?;
                Op::StreamLost(room, user, stream)
            }
            108..109 => Op::Expire(room),
            109..111 => {
                let capacity = u32::from(draw.twist % 5);
                let staff_seats = u32::from(draw.twist / 5 % 3);
                Op::SetCapacity(room, RoomSize { capacity, staff_seats })
            }
            _ if draw.twist < 10 => Op::CloseRoom(room),
            _ => Op::Expire(room),
        })
    }

    /// A new stream, or sometimes one that was there before.
    fn stream(&mut self, draw: Draw) -> StreamId {
        let again = picked(&self.streams, draw.pick).filter(|_| draw.twist < 12);
        let n = u64::try_from(self.mint()).unwrap();
        again.map_or(StreamId { owner: owner(draw.who % 3), n }, |(_, _, stream)| stream)
    }

    fn take_entry(&mut self, draw: Draw) -> Option<(RoomId, UserId, SessionId)> {
        let entry = picked(&self.entries, draw.pick)?;
        self.entries.retain(|it| *it != entry);
        Some(entry)
    }

    /// Notes that a claim was confirmed.
    pub(super) fn entered(&mut self, room: RoomId, claim: &Claim) {
        let &Claim { user, session, generation, owner, .. } = claim;
        self.parts.push((room, PartRef { user, session, generation, owner }, claim.new_resume));
        self.entries.push((room, user, session));
    }

    /// What ends everything: entries under way, streams, connections.
    pub(super) fn ends(&mut self) -> Vec<Op> {
        let entries = std::mem::take(&mut self.entries).into_iter();
        let mut ops: Vec<Op> = entries.map(|(room, user, it)| Op::Abort(room, user, it)).collect();
        let streams = std::mem::take(&mut self.streams).into_iter();
        ops.extend(streams.map(|(room, user, stream)| Op::StreamLost(room, user, stream)));
        let parts = self.parts.iter();
        ops.extend(parts.map(|(room, part, _)| Op::Close(*room, *part, Parting::Unclean)));
        ops
    }
}
