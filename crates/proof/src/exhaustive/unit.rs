//! The calls that reach a room: the real ledger makes the step, and the step is judged.

use std::collections::BTreeSet;

use anteroom_core::ids::{Generation, SessionId, UserId};
use anteroom_core::place::{Place, Places};
use anteroom_core::seat::{
    Ask, Change, ConfirmRefusal, End, Entry, Header, Parting, ReserveRefusal, Reserved, Room,
    RoomState, Snapshot, Step, Terms, WaitRefusal, Waiting,
};
use anteroom_core::time::Millis;

use super::reached::Reached;
use super::state::{
    Broken, Conn, Grant, NONCE, NOW, Stage, State, Ticket, generation, login, named, number,
    room_id, secret, under, user,
};
use super::world::World;

/// Most tickets a client keeps; the oldest goes first.
const TICKETS_MAX: usize = 2;

type Stays = BTreeSet<(UserId, Generation)>;

fn stays(room: &Snapshot) -> Stays {
    room.slots.iter().filter_map(|slot| Some((slot.user, slot.stay?.entered))).collect()
}

/// What is remembered of a room over a step of it.
struct Before {
    users: Vec<UserId>,
    line: Vec<UserId>,
    seats_for_all: usize,
    stays: Stays,
}

impl State {
    /// Makes one step of one room with the real ledger, judges it, and hands offers to clients.
    pub(super) fn call<R>(
        &mut self,
        world: &World,
        room: u8,
        act: impl FnOnce(&mut Room, &mut Step<'_>) -> R,
    ) -> R {
        let at = usize::from(room);
        let shown = &self.rooms[at];
        let before = Before {
            users: shown.slots.iter().map(|slot| slot.user).collect(),
            line: shown.line.iter().map(|waiter| waiter.user).collect(),
            seats_for_all: seats_for_all(&shown.header),
            stays: stays(shown),
        };
        // Restored from what another step left: a store may lie between any two steps.
        let mut ledger = Room::restore(std::mem::replace(&mut self.rooms[at], world.nowhere()));
        let mut journal = Vec::new();
        let answer = act(&mut ledger, &mut Step::new(Millis(NOW), &world.terms, &mut journal));
        self.rooms[at] = ledger.snapshot();
        self.judge(room, &ledger, &before, &journal);
        self.follow(world, room, &journal);
        answer
    }

    /// I1, I3 and I8 of one step.
    fn judge(&mut self, room: u8, ledger: &Room, before: &Before, journal: &[Change]) {
        let after = &self.rooms[usize::from(room)];
        let was_added = after.slots.iter().any(|slot| !before.users.contains(&slot.user));
        let most = before.seats_for_all.max(seats_for_all(&after.header));
        if was_added && after.slots.len() > most {
            self.broken = Some(Broken::Capacity);
        }
        if !returned_once(&before.stays, &stays(after), journal) {
            self.broken = Some(Broken::Return);
        }
        let is_new = |user: UserId| {
            !before.users.contains(&user) && after.slots.iter().any(|slot| slot.user == user)
        };
        let passed_by =
            before.line.iter().filter(|user| after.line.iter().any(|waiter| waiter.user == **user));
        let stands_at = |user: UserId| before.line.iter().position(|it| *it == user);
        // Whoever waited and still waits saw nobody seated who had stood behind, or not at all.
        let overtaken = passed_by.map(|user| stands_at(*user)).any(|at| {
            let mut seated = after.slots.iter().map(|slot| slot.user).filter(|user| is_new(*user));
            seated.any(|user| stands_at(user).is_none_or(|its| Some(its) > at))
        });
        let told = |user: UserId| {
            journal.iter().any(|change| {
                matches!(change, Change::Offered { user: of, .. } | Change::WaiterGone { user: of, .. }
                    if *of == user)
            })
        };
        let mut gone =
            before.line.iter().filter(|user| after.line.iter().all(|it| it.user != **user));
        let lost = gone.any(|user| !told(*user));
        if overtaken || lost {
            self.broken = Some(Broken::Overtaken);
        }
        let is_open = ledger.state() == RoomState::Open;
        if is_open && has_place(after) && !after.line.is_empty() {
            self.broken = Some(Broken::Grantable);
        }
    }

    fn follow(&mut self, world: &World, room: u8, journal: &[Change]) {
        for change in journal {
            match *change {
                Change::Offered { user, reservation } => {
                    world.reached.note(Reached::OFFERED);
                    let grant = Grant { room, n: reservation.generation.n as u8 };
                    self.keep_ticket(world, number(user), grant, under(reservation.login));
                }
                Change::Expired { .. } => world.reached.note(Reached::EXPIRED),
                Change::Entered { entry: Entry::Refresh, .. } => {
                    world.reached.note(Reached::RESUMED);
                }
                Change::Returned { user, last, .. } if !self.places.is_empty() => {
                    self.with_places(user, |places| places.forget_stay(user, room_id(room), last));
                }
                _ => {}
            }
        }
    }

    /// The client learns of a reservation, under the login that the room has it.
    pub(super) fn keep_ticket(&mut self, world: &World, who: u8, grant: Grant, login: u8) {
        let client = self.client(who);
        if let Some(known) = client.tickets.iter_mut().find(|ticket| ticket.grant == grant) {
            known.login = login;
            return;
        }
        client.tickets.push(Ticket { grant, login, uses: world.scope.uses });
        if client.tickets.len() > TICKETS_MAX {
            client.tickets.remove(0);
        }
    }

    /// The real record of places, made from the plain one and put back.
    fn with_places<R>(&mut self, whose: UserId, act: impl FnOnce(&mut Places) -> R) -> R {
        let listed = &mut self.places[usize::from(number(whose))];
        let mut places = Places::default();
        for place in listed.drain(..) {
            let taken = places.take(whose, place);
            debug_assert!(taken.is_ok(), "they are in rising order");
        }
        let answer = act(&mut places);
        if let Some(last) = places.current(whose).copied() {
            listed.extend(places.settle(whose, last.session));
            listed.push(last);
        }
        answer
    }

    // ---- the verbs ----

    pub(super) fn reserve(
        &mut self,
        world: &World,
        room: u8,
        who: u8,
        login: u8,
        resume: Option<Grant>,
    ) -> Result<Reserved, ReserveRefusal> {
        if self.is_stale_elsewhere(room, who, resume) {
            return Err(ReserveRefusal::Replaced);
        }
        let before = self.standing(room, user(who)).0;
        let is_good = self.client(who).revoked <= login;
        let mut ask = ask(who, login, resume);
        let mut answer = self.call(world, room, |ledger, step| ledger.reserve(step, &ask));
        if let Err(ReserveRefusal::Contested(rival)) = answer
            && is_good
        {
            ask.over = Some(rival);
            answer = self.call(world, room, |ledger, step| ledger.reserve(step, &ask));
        } else if answer.is_ok_and(|it| it.fresh) && before.is_some() && !is_good {
            // Whatever stands here, an ended login takes nothing away.
            self.broken = Some(Broken::Taken);
        }
        if answer == Err(ReserveRefusal::RoomFull) {
            world.reached.note(Reached::FULL);
            let room = &self.rooms[usize::from(room)];
            if has_place(room) && room.line.is_empty() {
                self.broken = Some(Broken::Grantable);
            }
        }
        answer
    }

    /// The client gets the answer to its request.
    pub(super) fn take_answer(&mut self, world: &World, room: u8, reserved: &Reserved) {
        let it = &reserved.reservation;
        let grant = Grant { room, n: it.generation.n as u8 };
        self.keep_ticket(world, number(reserved.user), grant, under(it.login));
    }

    pub(super) fn wait(&mut self, world: &World, room: u8, who: u8) {
        let mut ask = ask(who, self.clients[usize::from(who)].login, None);
        let mut answer = self.call(world, room, |ledger, step| ledger.wait(step, &ask));
        // Its own login is the newest there is.
        if let Err(WaitRefusal::Contested(rival)) = answer {
            ask.over = Some(rival);
            answer = self.call(world, room, |ledger, step| ledger.wait(step, &ask));
        }
        if let Ok(Waiting::Reserved(reserved)) = answer {
            self.take_answer(world, room, &reserved);
        }
    }

    /// `Err`: refused, and nothing was done.
    pub(super) fn confirm(&mut self, world: &World, conn: &Conn) -> Result<(), ConfirmRefusal> {
        let (room, claim) = (conn.grant.room, conn.claim());
        if self.is_stale_elsewhere(room, conn.user, conn.presented) {
            return Err(ConfirmRefusal::Replaced);
        }
        let before = self.standing(room, claim.user);
        let is_stale = self.is_stale_here(world, conn);
        let answer = self.call(world, room, |ledger, step| ledger.confirm(step, &claim));
        if answer.is_ok() && is_stale {
            self.broken = Some(Broken::Stale);
        }
        let after = self.standing(room, claim.user);
        // An offer may have come of what was due.
        let is_kept = before.0.is_none() || before.0 == after.0;
        if answer.is_err() && !(is_kept && before.1 == after.1) {
            self.broken = Some(Broken::Refused);
        }
        let answer = answer?;
        if !self.places.is_empty() {
            let highest = self.places.iter().flatten().map(|place| place.ugen).max();
            let place = Place {
                ugen: highest.unwrap_or(0) + 1,
                room: room_id(room),
                generation: answer.generation,
                session: claim.session,
            };
            // The highest number there is cannot be refused.
            let _ = self.with_places(claim.user, |places| places.take(claim.user, place));
        }
        Ok(())
    }

    /// The resume rule, asked of the plain values: the user has as many parts there as the policy
    /// allows, and the secret that is presented is none of theirs.
    fn is_stale_here(&self, world: &World, conn: &Conn) -> bool {
        let slots = &self.rooms[usize::from(conn.grant.room)].slots;
        let slot = slots.iter().find(|slot| slot.user == user(conn.user));
        let (Some(slot), Some(presented)) = (slot, conn.presented.map(secret)) else {
            return false;
        };
        let held = slot.sitting.held.as_ref().filter(|held| Millis(NOW) < held.deadline);
        let of_held = held.map(|held| (held.resume, held.former));
        let parts = slot.sitting.live.iter();
        let parts = parts.map(|part| (part.resume, part.former.as_deref().copied()));
        let current: Vec<_> = parts.chain(of_held).collect();
        let fits =
            current.iter().any(|(now, former)| *now == presented || *former == Some(presented));
        current.len() >= world.terms.sessions.parts_per_slot() && !fits
    }

    /// The generation of a user's reservation that is not due, and the sessions that sit there.
    fn standing(&self, room: u8, whose: UserId) -> (Option<Generation>, Vec<SessionId>) {
        let slots = &self.rooms[usize::from(room)].slots;
        let Some(slot) = slots.iter().find(|slot| slot.user == whose) else {
            return (None, vec![]);
        };
        let in_time = slot.reservation.filter(|it| Millis(NOW) < it.deadline);
        let sessions = slot.sitting.live.iter().map(|part| part.session).collect();
        (in_time.map(|it| it.generation), sessions)
    }

    pub(super) fn settle(&mut self, world: &World, conn: &Conn) -> Result<(), End> {
        let session = conn.session();
        let settled =
            self.call(world, conn.grant.room, |ledger, step| ledger.settle_entry(step, session));
        if settled.is_err() && !self.places.is_empty() {
            self.with_places(user(conn.user), |places| {
                places.forget(user(conn.user), session);
            });
        }
        let replaced = settled?;
        if !replaced.is_empty() {
            world.reached.note(Reached::REPLACED);
        }
        self.doom(&replaced);
        Ok(())
    }

    /// The second half of settling: one former place in another room is given up, if there is one.
    pub(super) fn leave_elsewhere(&mut self, world: &World, conn: &Conn) {
        let whose = user(conn.user);
        let former = self.with_places(whose, |places| places.settle(whose, conn.session()));
        for place in former {
            let room = (place.room.0 - room_id(0).0) as u8;
            if room == conn.grant.room {
                continue;
            }
            let moved = self
                .call(world, room, |ledger, step| ledger.move_out(step, whose, place.generation));
            if moved {
                world.reached.note(Reached::MOVED);
                self.doom(&[place.session]);
            }
        }
    }

    /// Whether there was something to undo.
    pub(super) fn abort(&mut self, world: &World, conn: &Conn) -> bool {
        let session = conn.session();
        let aborted = self.call(world, conn.grant.room, |ledger, step| ledger.abort(step, session));
        if !self.places.is_empty() {
            let whose = user(conn.user);
            self.with_places(whose, |places| places.forget(whose, session));
        }
        aborted.is_ok()
    }

    pub(super) fn withdraw(&mut self, world: &World, who: u8, grant: Grant, of: u8) {
        self.call(world, grant.room, |ledger, step| {
            ledger.withdraw(step, user(who), generation(grant.n), login(of))
        });
    }

    pub(super) fn close(&mut self, world: &World, conn: &Conn, clean: bool) {
        let parting = if clean { Parting::Clean } else { Parting::Unclean };
        let (room, part) = (conn.grant.room, conn.part());
        let before = self.standing(room, part.user);
        self.call(world, room, |ledger, step| ledger.close(step, &part, parting));
        let after = self.standing(room, part.user);
        let mut others = before.1.iter().filter(|session| **session != part.session);
        let is_kept = before.0.is_none() || before.0 == after.0;
        if !is_kept || !others.all(|session| after.1.contains(session)) {
            self.broken = Some(Broken::Refused);
        }
    }

    /// These sessions have ended in the room: their nodes will learn, and tell them.
    pub(super) fn doom(&mut self, sessions: &[SessionId]) {
        for session in sessions {
            let (grant, copy) = named(*session);
            let mut those =
                self.conns.iter_mut().filter(|conn| conn.grant == grant && conn.copy == copy);
            if let Some(conn) = those.find(|conn| conn.stage == Stage::Live) {
                conn.stage = Stage::Doomed;
            }
        }
    }

    /// Policy `one`: the user sits in another room, and the secret is not that seat's.
    fn is_stale_elsewhere(&self, room: u8, who: u8, resume: Option<Grant>) -> bool {
        let place = self.places.get(usize::from(who)).and_then(|listed| listed.last());
        let (Some(place), Some(resume)) = (place, resume) else { return false };
        let elsewhere = (place.room.0 - room_id(0).0) as u8;
        let Some(there) = self.rooms.get(usize::from(elsewhere)) else { return false };
        let ledger = Room::restore(there.clone());
        let presented = secret(resume);
        let moves = ledger.lets_move(user(who), Some(&presented), &Terms::default());
        elsewhere != room && moves.is_err()
    }
}

/// The most seats that those who are not staff may have, reckoned apart from the ledger. Nobody in
/// this world is staff.
fn seats_for_all(header: &Header) -> usize {
    header.capacity.saturating_sub(header.staff_seats) as usize
}

/// Whether somebody could have a place.
fn has_place(room: &Snapshot) -> bool {
    room.slots.len() < seats_for_all(&room.header)
}

fn ask(who: u8, of: u8, resume: Option<Grant>) -> Ask {
    Ask {
        user: user(who),
        login: login(of),
        nonce: NONCE,
        is_staff: false,
        resume: resume.map(secret),
        over: None,
    }
}

/// Stays before, and those that began, less those returned, are the stays after; none twice.
fn returned_once(before: &Stays, after: &Stays, journal: &[Change]) -> bool {
    let mut open = before.clone();
    let began = journal.iter().all(|change| match *change {
        Change::Entered { user, generation, entry: Entry::First, .. } => {
            open.insert((user, generation))
        }
        _ => true,
    });
    let ended = journal.iter().all(|change| match *change {
        Change::Returned { user, entered, .. } => open.remove(&(user, entered)),
        _ => true,
    });
    began && ended && open == *after
}
