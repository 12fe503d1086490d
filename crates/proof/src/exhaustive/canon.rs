//! Equivalent states are made equal: numbers that only need to be in order are counted anew from 1,
//! times that only matter as passed or not are one of two, and users change places until they stand
//! in a fixed order.

use std::hash::{DefaultHasher, Hash, Hasher};

use anteroom_core::ids::{Generation, ResumeHash};
use anteroom_core::place::Place;
use anteroom_core::seat::{PlaceNo, Sitting, SlotImage, Snapshot};
use anteroom_core::time::Millis;

use super::state::{
    Conn, Grant, LATER, NONCE, NOW, State, Stray, generation, granted, named, number, secret,
    session, user,
};

/// How many numbers a room can have in use at once.
const NUMBERS: usize = 256;

impl State {
    /// The one state that stands for all that differ from it in names only.
    pub(super) fn canonical(mut self) -> Self {
        self.forget_the_past();
        self.renumber();
        self.order_users();
        self.conns.sort_unstable();
        self.strays.sort_unstable();
        self
    }

    /// What nothing that follows depends on.
    fn forget_the_past(&mut self) {
        for room in &mut self.rooms {
            room.header.was_used = true;
            for slot in &mut room.slots {
                if let Some(it) = &mut slot.reservation {
                    (it.since, it.attempts, it.offered) = (Millis(0), 0, false);
                    it.deadline = passed_or_later(it.deadline);
                    it.nonce = NONCE;
                }
                slot.stay.iter_mut().for_each(|stay| stay.since = Millis(0));
                forget_times(&mut slot.sitting);
            }
            for (at, waiter) in (1..).zip(&mut room.line) {
                (waiter.joined, waiter.nonce, waiter.place) = (Millis(0), NONCE, PlaceNo(at));
                waiter.away_deadline = waiter.away_deadline.map(passed_or_later);
            }
            room.header.next_place = room.line.len() as u64;
        }
        let mut ugens: Vec<u64> = self.places.iter().flatten().map(|place| place.ugen).collect();
        ugens.sort_unstable();
        for place in self.places.iter_mut().flatten() {
            place.ugen = 1 + ugens.partition_point(|it| *it < place.ugen) as u64;
        }
    }

    fn renumber(&mut self) {
        let mut numbers = vec![[0_u8; NUMBERS]; self.rooms.len()];
        self.each_grant(&mut |grant| {
            numbers[usize::from(grant.room)][usize::from(grant.n)] = 1;
            grant
        });
        for (of_room, room) in numbers.iter_mut().zip(&mut self.rooms) {
            let mut last = 0;
            for number in of_room.iter_mut().filter(|number| **number > 0) {
                last += 1;
                *number = last;
            }
            room.header.next = u64::from(last);
        }
        self.each_grant(&mut |Grant { room, n }| Grant {
            room,
            n: numbers[usize::from(room)][usize::from(n)],
        });
    }

    /// Visits every generation wherever it stands, and puts another in its place.
    fn each_grant(&mut self, map: &mut dyn FnMut(Grant) -> Grant) {
        for (room, snapshot) in (0..).zip(&mut self.rooms) {
            each_grant_of_room(room, snapshot, map);
        }
        for place in self.places.iter_mut().flatten() {
            let (grant, copy) = named(place.session);
            let grant = map(grant);
            *place =
                Place { generation: generation(grant.n), session: session(grant, copy), ..*place };
        }
        for client in &mut self.clients {
            client.tickets.iter_mut().for_each(|ticket| ticket.grant = map(ticket.grant));
            client.secrets.iter_mut().for_each(|grant| *grant = map(*grant));
            if let Some(request) = &mut client.request {
                request.resume = request.resume.map(&mut *map);
                request.granted = request.granted.map(|(grant, fresh)| (map(grant), fresh));
            }
        }
        self.conns.iter_mut().for_each(|conn| each_grant_of_conn(conn, map));
        for stray in &mut self.strays {
            match stray {
                Stray::Ask { .. } => {}
                Stray::Confirm(conn) | Stray::Settle(conn) | Stray::Close(conn, _) => {
                    each_grant_of_conn(conn, map);
                }
            }
        }
    }

    fn order_users(&mut self) {
        let keys: Vec<u64> = (0..self.clients.len() as u8).map(|who| self.key(who)).collect();
        if keys.is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|at| keys[*at]);
        let mut now_called = vec![0; order.len()];
        for (new, old) in (0..).zip(&order) {
            now_called[*old] = new;
        }
        let renamed = |old: u8| now_called[usize::from(old)];
        self.clients = order.iter().map(|at| self.clients[*at].clone()).collect();
        if !self.places.is_empty() {
            self.places = order.iter().map(|at| std::mem::take(&mut self.places[*at])).collect();
        }
        for room in &mut self.rooms {
            room.slots.iter_mut().for_each(|slot| slot.user = user(renamed(number(slot.user))));
            room.line.iter_mut().for_each(|it| it.user = user(renamed(number(it.user))));
            room.entering.iter_mut().for_each(|it| it.user = user(renamed(number(it.user))));
            room.slots.sort_unstable_by_key(|slot| slot.user);
        }
        self.conns.iter_mut().for_each(|conn| conn.user = renamed(conn.user));
        for stray in &mut self.strays {
            match stray {
                Stray::Ask { user, .. } => *user = renamed(*user),
                Stray::Confirm(conn) | Stray::Settle(conn) | Stray::Close(conn, _) => {
                    conn.user = renamed(conn.user);
                }
            }
        }
    }

    /// All that concerns one user, without the name. Users of equal keys are alike.
    fn key(&self, who: u8) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.clients[usize::from(who)].hash(&mut hasher);
        for room in &self.rooms {
            let slot = room.slots.iter().find(|slot| slot.user == user(who));
            slot.map(|slot| (slot.reservation, &slot.sitting, slot.stay)).hash(&mut hasher);
            room.line.iter().position(|it| it.user == user(who)).hash(&mut hasher);
        }
        let mut mine: Vec<Conn> = self.conns.iter().copied().filter(|it| it.user == who).collect();
        mine.sort_unstable();
        mine.iter_mut().for_each(|conn| conn.user = 0);
        mine.hash(&mut hasher);
        for stray in &self.strays {
            let mut nameless = *stray;
            let whose = match &mut nameless {
                Stray::Ask { user, .. } => std::mem::take(user),
                Stray::Confirm(conn) | Stray::Settle(conn) | Stray::Close(conn, _) => {
                    std::mem::take(&mut conn.user)
                }
            };
            (whose == who).then_some(nameless).hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn passed_or_later(deadline: Millis) -> Millis {
    if deadline.0 <= NOW { Millis(0) } else { Millis(LATER) }
}

fn forget_times(sitting: &mut Sitting) {
    sitting.held.iter_mut().for_each(|held| held.deadline = passed_or_later(held.deadline));
    for before in sitting.live.iter_mut().filter_map(|part| part.replaced.as_mut()) {
        forget_times(before);
    }
}

fn each_grant_of_conn(conn: &mut Conn, map: &mut dyn FnMut(Grant) -> Grant) {
    conn.grant = map(conn.grant);
    conn.presented = conn.presented.map(map);
}

fn each_grant_of_room(room: u8, snapshot: &mut Snapshot, map: &mut dyn FnMut(Grant) -> Grant) {
    for slot in &mut snapshot.slots {
        let SlotImage { reservation, sitting, stay, .. } = slot;
        if let Some(it) = reservation {
            it.generation = renumbered(room, it.generation, map);
        }
        if let Some(it) = stay {
            it.entered = renumbered(room, it.entered, map);
        }
        each_grant_of_sitting(room, sitting, map);
    }
    for entry in &mut snapshot.entering {
        let (grant, copy) = named(entry.session);
        entry.session = session(map(grant), copy);
    }
}

fn each_grant_of_sitting(room: u8, sitting: &mut Sitting, map: &mut dyn FnMut(Grant) -> Grant) {
    if let Some(held) = &mut sitting.held {
        held.generation = renumbered(room, held.generation, map);
        held.resume = rehashed(held.resume, map);
        held.former = held.former.map(|former| rehashed(former, map));
    }
    for part in &mut sitting.live {
        part.generation = renumbered(room, part.generation, map);
        let (grant, copy) = named(part.session);
        part.session = session(map(grant), copy);
        part.resume = rehashed(part.resume, map);
        part.former.iter_mut().for_each(|former| **former = rehashed(**former, map));
        if let Some(before) = &mut part.replaced {
            each_grant_of_sitting(room, before, map);
        }
    }
}

fn renumbered(room: u8, it: Generation, map: &mut dyn FnMut(Grant) -> Grant) -> Generation {
    // Grants are counted anew after every step, so their numbers stay small.
    generation(map(Grant { room, n: it.n as u8 }).n)
}

fn rehashed(hash: ResumeHash, map: &mut dyn FnMut(Grant) -> Grant) -> ResumeHash {
    secret(map(granted(hash)))
}
