//! Several rooms under the policy of one session in all: the strategy against the one in memory,
//! whose places, whereabouts and quota are kept by other means.
//!
//! `ANTEROOM_SEAT_HISTORIES` raises the number of histories, `ANTEROOM_SEED` says from which seed on.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{LoginId, Owner, RoomId, SessionId, UserId};
use anteroom_core::seat::{
    Arrivals, Ask, Change, Claim, Lifetime, PartRef, Parting, PlaceNo, Reserved, RoomSpec,
    SessionPolicy, Terms, Waiting,
};
use anteroom_core::time::Millis;
use uuid::Uuid;

use super::{Fixture, START, login, secret, user};
use crate::admission::{Admission, Bounds, ConditionalOptions, Journal, Semaphore, Unavailable};
use crate::sweeper::{Deadlines, Due};

const USERS: u64 = 4;
const ROOMS: u64 = 3;
const EVENTS: usize = 80;

/// A call, complete.
#[derive(Clone, Debug)]
enum Call {
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
    SetCapacity(RoomId, u32),
    Wait(RoomId, Ask, Option<IpAddr>),
    StopWaiting(RoomId, UserId),
    Attach(RoomId, UserId),
    StreamLost(RoomId, UserId, PlaceNo),
    Expire(RoomId),
}

/// What came of a call, in words, and what it made known.
#[derive(Default)]
struct Came {
    answer: String,
    journal: Journal,
    ticket: Vec<Reserved>,
    is_confirmed: bool,
    place: Option<PlaceNo>,
}

async fn apply(seats: &dyn Admission, call: &Call) -> Came {
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
        Call::Attach(room, user) => {
            came.place = seats.stream_attached(room, user, told).await.unwrap();
            format!("{:?}", came.place)
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
        Call::SetCapacity(room, capacity) => {
            format!("{:?}", seats.set_capacity(room, capacity, told).await)
        }
        Call::StopWaiting(room, user) => {
            format!("{:?}", seats.stop_waiting(room, user, told).await)
        }
        Call::StreamLost(room, user, place) => {
            format!("{:?}", seats.stream_lost(room, user, place, told).await)
        }
        Call::Expire(room) => format!("{:?}", seats.expire(room, told).await),
        other => panic!("{other:?} is an arrival"),
    }
}

/// Everything that can be asked of the rooms.
async fn shown(seats: &dyn Admission, deadlines: &Deadlines, rooms: &[RoomId]) -> String {
    let mut shown = format!("{:?}", seats.seats_of(rooms).await);
    for room in rooms.iter().copied() {
        shown += &format!("\n{room} {:?}", seats.snapshot(room).await);
        shown += &format!(" {:?} {:?}", seats.members(room).await, seats.line(room).await);
        shown += &format!(" {:?}", deadlines.at(Due::Room(room)));
        for who in 0..USERS {
            let user = user(who.into());
            shown += &format!(
                "\n  {user:?} {:?} {:?} {:?} {:?} {:?}",
                seats.is_seated(room, user).await,
                seats.stay(room, user).await,
                seats.has_slot(room, user, login(who.into())).await,
                seats.standing(room, user).await,
                seats.position(room, user).await,
            );
        }
    }
    shown + &format!("\n{:?}", seats.entries_under_way().await)
}

/// Draws calls from what is known so far.
struct Driver {
    state: u64,
    rooms: Vec<RoomId>,
    minted: u128,
    tickets: Vec<(RoomId, Reserved)>,
    parts: Vec<(RoomId, PartRef)>,
    entries: Vec<(RoomId, PartRef)>,
    streams: Vec<(RoomId, UserId, PlaceNo)>,
}

impl Driver {
    fn new(seed: u64) -> Self {
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

    fn draw(&mut self, below: u64) -> u64 {
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

    fn spec(&mut self) -> RoomSpec {
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
        let nonce = anteroom_core::ids::Nonce(self.mint().to_be_bytes());
        let (is_staff, resume) = (self.draw(4) == 0, self.resume());
        Ask { user: user(who), login: login(who + of), nonce, is_staff, resume }
    }

    /// The secret of a session is made of its number.
    fn resume(&mut self) -> Option<anteroom_core::ids::ResumeHash> {
        let parts = self.parts.clone();
        match self.draw(4) {
            0 => self.pick(&parts).map(|(_, part)| secret(part.session.0.as_u128())),
            _ => None,
        }
    }

    fn from(&mut self) -> Option<IpAddr> {
        let n = u8::try_from(self.draw(4)).unwrap();
        super::address(n).filter(|_| n > 0)
    }

    fn owner(&mut self) -> Owner {
        Owner { node: 0, incarnation: 1 + self.draw(2) }
    }

    fn call(&mut self) -> Option<Call> {
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
                Call::SetCapacity(self.room(), capacity)
            }
            15..28 => Call::Wait(self.room(), self.ask(), self.from()),
            28..30 => Call::StopWaiting(self.room(), self.user()),
            30..34 => Call::Attach(self.room(), self.user()),
            34..36 => {
                let (room, user, place) = self.pick(&self.streams.clone())?;
                Call::StreamLost(room, user, place)
            }
            _ => Call::Expire(self.room()),
        })
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

    fn learn(&mut self, call: &Call, came: &Came) {
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
            Call::Attach(room, user) => {
                self.streams.extend(came.place.map(|place| (*room, *user, place)));
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

fn told(journal: &Journal) -> Vec<String> {
    let mut told: Vec<_> = journal.iter().map(|(room, it)| format!("{room} {it:?}")).collect();
    told.sort_unstable();
    told
}

/// What a history saw: one in which nobody ever moved has shown nothing.
#[derive(Debug, Default)]
struct Seen {
    moved: u64,
    refused_elsewhere: u64,
    over_quota: u64,
    offered: u64,
}

async fn play(seed: u64, seen: &mut Seen) {
    let mut driver = Driver::new(seed);
    let terms = Terms {
        reservation_ttl: Duration::from_millis(60),
        offer_ttl: Duration::from_millis(25),
        grace: Duration::from_millis(30),
        waiter_ttl: Duration::from_millis(40),
        sessions: [SessionPolicy::One, SessionPolicy::OnePerRoom][usize::from(driver.draw(8) == 0)],
        arrivals: [Arrivals::ReplaceOld, Arrivals::RefuseNew][usize::from(driver.draw(4) == 0)],
    };
    let bounds = Bounds { per_user: 2, per_address: Some(3) };
    let it = Fixture::with(terms, bounds, ConditionalOptions::default());
    let memory_deadlines = Arc::new(Deadlines::default());
    let memory =
        Semaphore::new(terms, bounds, Arc::clone(&it.clock), Arc::clone(&memory_deadlines));
    let mut now = START;
    let mut calls = vec![];
    for at in 0..EVENTS {
        while driver.rooms.len() < usize::try_from(ROOMS).unwrap() {
            let spec = driver.spec();
            memory.add_room(spec).await.unwrap();
            it.seats.add_room(spec).await.unwrap();
            driver.rooms.push(spec.id);
        }
        now = Millis(now.0 + if driver.draw(10) == 0 { driver.draw(70) } else { driver.draw(4) });
        it.clock.set(now);
        let Some(call) = driver.call() else { continue };
        let expected = apply(&memory, &call).await;
        let came = apply(&it.seats, &call).await;
        calls.push((now, call.clone()));
        let why = || format!("seed {seed}, event {at}, {terms:?}, {calls:#?}");
        assert_eq!(came.answer, expected.answer, "the answer; {}", why());
        // Rooms that nothing is due in for the call are not looked at by one of the two.
        let rooms = driver.rooms.clone();
        let (mut its, mut theirs) = (came.journal.clone(), expected.journal.clone());
        for room in &rooms {
            it.seats.expire(*room, &mut its).await.unwrap();
            memory.expire(*room, &mut theirs).await.unwrap();
        }
        assert_eq!(told(&its), told(&theirs), "the journal; {}", why());
        let stands = shown(&it.seats, &it.deadlines, &rooms).await;
        assert_eq!(stands, shown(&memory, &memory_deadlines, &rooms).await, "{}", why());
        seen.over_quota += u64::from(came.answer.contains("TooMany"));
        seen.over_quota += u64::from(came.answer.contains("AddressBusy"));
        seen.refused_elsewhere += u64::from(came.answer.contains("Replaced"));
        let its = told(&its);
        seen.moved += u64::try_from(its.iter().filter(|it| it.contains("Moved")).count()).unwrap();
        seen.offered += u64::from(its.iter().any(|it| it.contains("Offered")));
        driver.learn(&call, &came);
        let mut standing = vec![];
        for room in rooms {
            if memory.seats(room).await.unwrap().is_some() {
                standing.push(room);
            }
        }
        driver.rooms = standing;
    }
}

#[tokio::test]
async fn users_who_move_between_rooms_are_kept_as_in_memory() {
    let number = |name| std::env::var(name).ok().map(|it| it.parse::<u64>().expect("a number"));
    let count = number("ANTEROOM_SEAT_HISTORIES").unwrap_or(40);
    let seed = number("ANTEROOM_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    let mut seen = Seen::default();
    for n in 0..count {
        play(seed.wrapping_add(n), &mut seen).await;
    }
    println!("{seen:?} from seed {seed}");
    let Seen { moved, refused_elsewhere, over_quota, offered } = seen;
    assert!(moved > 0 && refused_elsewhere > 0 && over_quota > 0 && offered > 0);
}
