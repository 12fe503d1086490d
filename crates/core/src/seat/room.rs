//! The atomic unit of one room: its state, and the few functions every step is made of.
//!
//! Places are added in `add_slot` only, which asks the permits; what the indexes or the stay
//! depend on changes in `alter` only, which drops a slot that has become empty. Every public step
//! begins with `expire` and ends with `finish`.

use super::index::Index;
use super::line::{Line, Waiter};
use super::permit::{Class, Permits};
use super::slot::{Reservation, Slot, Stay};
use super::snapshot::Elsewhere;
use super::{Change, CloseCause, End, ExpiredOutcome, Step, WaiterEnd};
use crate::ids::{Generation, LoginId, Nonce, Owner, RoomId, SessionId, UserId};
use crate::limits::CAPACITY_MAX;
use crate::maps::Map;
use crate::mutants::{self, Mutant};
use crate::time::Millis;

/// What a mutant takes for a deadline.
const NEVER: std::time::Duration = std::time::Duration::from_secs(1 << 40);

/// Whether a room takes people.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RoomState {
    /// It does.
    Open,
    /// It does not, and all seats are gone; entries that were under way have yet to learn it.
    Closing,
    /// Nothing refers to it any more: it may be dropped from memory.
    Gone,
}

/// How long a room lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lifetime {
    /// Until it is closed.
    Persistent,
    /// Until the last seat (occupied, held or reserved) goes and nobody waits.
    UntilEmpty,
}

/// How many seats a room has, and how many of them are kept for staff.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RoomSize {
    /// All its seats.
    pub capacity: u32,
    /// Those among them that only staff may have.
    pub staff_seats: u32,
}

impl RoomSize {
    /// A room of that capacity without staff seats.
    #[must_use]
    pub const fn plain(capacity: u32) -> Self {
        Self { capacity, staff_seats: 0 }
    }

    /// Whether a room may be of that size: 1 to [`CAPACITY_MAX`] seats, no more of them for staff.
    #[must_use]
    pub fn is_possible(self) -> bool {
        (1..=CAPACITY_MAX).contains(&self.capacity) && self.staff_seats <= self.capacity
    }

    /// The most seats a class may have. A room made with more staff seats than seats has only
    /// staff seats.
    #[must_use]
    pub fn limit(self, class: Class) -> u32 {
        let staff = self.staff_seats.min(self.capacity);
        match class {
            Class::Ordinary => self.capacity - staff,
            Class::Staff => staff,
        }
    }
}

/// What a room is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoomSpec {
    /// The room's number.
    pub id: RoomId,
    /// Which life of the seat store this is. Whoever drops a room from memory and makes it again
    /// must give a higher one, because generations start anew.
    pub epoch: u64,
    /// Seats, 1 to [`CAPACITY_MAX`]; out of range is brought into it.
    pub capacity: u32,
    /// How many of them are for staff only; at most `capacity`.
    pub staff_seats: u32,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// For a pending room, when it is forgotten unless somebody entered.
    pub pending_until: Option<Millis>,
}

/// The ledger of one room. The caller puts it behind one mutex; there is no lock inside.
#[derive(Debug)]
pub struct Room {
    pub(super) id: RoomId,
    pub(super) capacity: u32,
    pub(super) staff_seats: u32,
    pub(super) epoch: u64,
    pub(super) next: u64,
    pub(super) state: RoomState,
    pub(super) pending_until: Option<Millis>,
    pub(super) lifetime: Lifetime,
    /// Somebody had a seat since this ledger was made: only then can it have become empty.
    pub(super) was_used: bool,
    /// Boxed: a table has up to twice as many places as slots.
    pub(super) slots: Map<UserId, Box<Slot>>,
    pub(super) line: Line,
    pub(super) index: Index,
    pub(super) permits: Permits,
    /// Entries between `confirm` and `settle_entry` or `abort`.
    pub(super) entering: Map<SessionId, Entering>,
    /// What a restored room was not given; nothing, where the room lives in memory.
    pub(super) elsewhere: Elsewhere,
}

/// An entry under way: where its part is, or why that is gone already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entering {
    pub(super) user: UserId,
    pub(super) owner: Owner,
    pub(super) ended: Option<End>,
}

impl Room {
    /// A room nobody has a seat in.
    #[must_use]
    pub fn new(spec: RoomSpec) -> Self {
        let capacity = spec.capacity.clamp(1, CAPACITY_MAX);
        Self {
            id: spec.id,
            capacity,
            staff_seats: spec.staff_seats.min(capacity),
            epoch: spec.epoch,
            next: 0,
            state: RoomState::Open,
            pending_until: spec.pending_until,
            lifetime: spec.lifetime,
            was_used: false,
            slots: Map::default(),
            line: Line::default(),
            index: Index::default(),
            permits: Permits::default(),
            entering: Map::default(),
            elsewhere: Elsewhere::default(),
        }
    }

    /// The most seats a class may have.
    pub(super) fn limit(&self, class: Class) -> usize {
        let size = RoomSize { capacity: self.capacity, staff_seats: self.staff_seats };
        size.limit(class) as usize
    }

    /// How many places of a class could be given now.
    ///
    /// Bounded by the room as well as by the class: after a cut of the capacity, or a change of the
    /// staff seats, one class may still sit on what the other would be given.
    pub(super) fn free(&self, class: Class) -> usize {
        let of_class = self.limit(class).saturating_sub(self.occupancy_of(class));
        if mutants::on(Mutant::B01EntryUnderWayNotCounted) {
            return of_class + self.entering.len();
        }
        of_class.min((self.capacity as usize).saturating_sub(self.occupancy()))
    }

    /// The only place where a slot comes into being. `false`: there is no place of that class.
    pub(super) fn add_slot(&mut self, user: UserId, class: Class) -> bool {
        if self.free(class) == 0 || self.slots.contains_key(&user) {
            return false;
        }
        let limit =
            self.limit(class) - (self.occupancy_of(class) - self.permits.outstanding(class));
        let limit = match mutants::on(Mutant::B01EntryUnderWayNotCounted) {
            true => limit + self.entering.len(),
            false => limit,
        };
        let Some(permit) = self.permits.try_acquire(class, limit) else {
            return false;
        };
        self.was_used = true;
        self.slots.insert(user, Box::new(Slot::new(permit)));
        true
    }

    /// The only place where a slot changes, and where one goes.
    ///
    /// If no part sits there any more, the stay ends: journalled once, with `cause`.
    pub(super) fn alter<R>(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        cause: End,
        change: impl FnOnce(&mut Slot) -> R,
    ) -> Option<R> {
        let slot = self.slots.get_mut(&user)?;
        let before = slot.marks();
        let youngest = slot.sitting.youngest();
        let answer = change(slot);
        let after = slot.marks();
        self.index.slot(user, before, after);
        if let Some(until) = after.held.filter(|_| before.held != after.held) {
            step.tell(Change::Held { user, until });
        }
        if slot.sitting.is_empty()
            && let (Some(Stay { entered, settled, .. }), Some(last)) = (slot.stay.take(), youngest)
        {
            step.tell(Change::Returned { user, entered, last, settled, cause });
        }
        if after.state.is_none() {
            self.slots.remove(&user);
        }
        Some(answer)
    }

    /// Gives `user`, who has a slot, a new reservation; an older one is dropped.
    pub(super) fn grant(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        login: LoginId,
        nonce: Nonce,
        offered: bool,
    ) -> Reservation {
        let ttl = if offered { step.terms.offer_ttl } else { step.terms.reservation_ttl };
        self.next += 1;
        let generation = Generation { epoch: self.epoch, n: self.next };
        if mutants::on(Mutant::B18GrantNumberReused) {
            self.next = 1;
        }
        let ttl = if mutants::on(Mutant::B19ReservationWithoutDeadline) { NEVER } else { ttl };
        let deadline = self.bounded_by_pending(step.now, step.now.after(ttl));
        let since = step.now;
        let new = Reservation { generation, nonce, login, deadline, since, attempts: 0, offered };
        let old =
            self.alter(step, user, End::Superseded, |slot| slot.reservation.replace(Box::new(new)));
        if let Some(old) = old.flatten() {
            let generation = old.generation;
            step.tell(Change::Dropped { user, generation, cause: End::Superseded });
        }
        step.tell(match offered {
            true => Change::Offered { user, reservation: new },
            false => Change::Reserved { user, generation },
        });
        new
    }

    /// A reservation in a pending room ends no later than the room. A pending room past its time
    /// still stands only because somebody is just entering; the TTL alone counts there.
    fn bounded_by_pending(&self, now: Millis, deadline: Millis) -> Millis {
        self.pending_until
            .filter(|until| now < *until)
            .map_or(deadline, |until| deadline.min(until))
    }

    /// Takes everything `user` has in a slot. Returns the sessions that sat there, at any depth.
    pub(super) fn end_slot(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        cause: End,
    ) -> Vec<SessionId> {
        let taken = self.alter(step, user, cause, |slot| {
            (slot.reservation.take(), std::mem::take(&mut slot.sitting))
        });
        let Some((reservation, sitting)) = taken else {
            return Vec::new();
        };
        if let Some(generation) = reservation.map(|it| it.generation) {
            step.tell(Change::Dropped { user, generation, cause });
        }
        let sessions = sitting.sessions(|_| true);
        self.mark_ended(&sessions, cause);
        sessions
    }

    /// Lets the entries under way among `sessions` learn why their part is gone.
    pub(super) fn mark_ended(&mut self, sessions: &[SessionId], cause: End) {
        for session in sessions {
            if mutants::on(Mutant::B04EndIsNotNoted) {
                continue;
            }
            if let Some(entering) = self.entering.get_mut(session) {
                entering.ended = Some(cause);
            }
        }
    }

    pub(super) fn take_waiter(
        &mut self,
        step: &mut Step<'_>,
        user: UserId,
        cause: WaiterEnd,
    ) -> bool {
        let gone = self.unline(user).is_some();
        if gone {
            step.tell(Change::WaiterGone { user, cause });
        }
        gone
    }

    fn unline(&mut self, user: UserId) -> Option<Waiter> {
        let waiter = self.line.take(user)?;
        self.index.deadline(user, super::index::Due::Waiter, waiter.away_deadline, None);
        Some(waiter)
    }

    /// What every step ends with: the room's own end, then offers to the line.
    pub(super) fn finish(&mut self, step: &mut Step<'_>) {
        self.end_if_over(step);
        self.offer_free_places(step);
        let entering = self.entering.len() + self.elsewhere.entering;
        if self.state == RoomState::Closing && self.occupancy() == 0 && entering == 0 {
            self.state = RoomState::Gone;
        }
    }

    fn end_if_over(&mut self, step: &mut Step<'_>) {
        if self.state != RoomState::Open {
            return;
        }
        if let Some(until) = self.pending_until {
            let is_waited_for =
                self.someone_is_live() && !mutants::on(Mutant::B06PendingRoomEndsUnderAnEntry);
            if until <= step.now && !is_waited_for {
                self.end_room(step, CloseCause::PendingExpired);
            }
            return;
        }
        let was_used = self.was_used || mutants::on(Mutant::B21UnusedLooksEmpty);
        let emptied = was_used && self.occupancy() == 0 && self.waiting() == 0;
        if self.lifetime == Lifetime::UntilEmpty && emptied {
            self.end_room(step, CloseCause::Empty);
        }
    }

    /// Linear in the slots, asked of pending rooms only.
    pub(super) fn someone_is_live(&self) -> bool {
        self.slots.values().any(|slot| !slot.sitting.live.is_empty())
    }

    fn offer_free_places(&mut self, step: &mut Step<'_>) {
        while self.state == RoomState::Open
            && let Some((user, class)) = self.next_to_seat()
            && let Some(waiter) = self.unline(user)
            && self.add_slot(user, class)
        {
            self.grant(step, user, waiter.login, waiter.nonce, true);
            if mutants::on(Mutant::B24OneOfferPerStep) {
                break;
            }
        }
    }

    /// Staff seats go to the first of the staff, other seats to the head.
    pub(super) fn next_to_seat(&self) -> Option<(UserId, Class)> {
        let staff = self.line.first_staff().filter(|_| self.free(Class::Staff) > 0);
        let head = || self.line.head().filter(|_| self.free(Class::Ordinary) > 0);
        let staff = staff.map(|waiter| (waiter.user, Class::Staff));
        staff.or_else(|| head().map(|waiter| (waiter.user, Class::Ordinary)))
    }

    /// Closes the room: every seat, reservation and place in the line goes in this step.
    pub(super) fn end_room(&mut self, step: &mut Step<'_>, cause: CloseCause) -> Vec<SessionId> {
        self.state = RoomState::Closing;
        let mut users: Vec<UserId> = self.slots.keys().copied().collect();
        users.sort_unstable();
        let mut sessions = Vec::new();
        for user in users {
            if cause == CloseCause::PendingExpired {
                self.expire_reservation(step, user);
            }
            if mutants::on(Mutant::B06ReservationOutlivesItsRoom) && !self.is_seated(user) {
                continue;
            }
            sessions.extend(self.end_slot(step, user, End::RoomClosed));
        }
        while let Some(user) = self.line.head().map(|waiter| waiter.user) {
            self.take_waiter(step, user, WaiterEnd::RoomClosed);
        }
        step.tell(Change::Closed { cause });
        sessions
    }

    /// Reclaims the reservation of `user` as expired.
    pub(super) fn expire_reservation(&mut self, step: &mut Step<'_>, user: UserId) {
        let taken = self.alter(step, user, End::HeldExpired, |slot| slot.reservation.take());
        let Some(taken) = taken.flatten() else {
            return;
        };
        let Reservation { generation, attempts, offered, .. } = *taken;
        let outcome = match attempts {
            0 => ExpiredOutcome::NeverConnected,
            _ => ExpiredOutcome::AfterFailedAttempt,
        };
        step.tell(Change::Expired { user, generation, outcome, offered });
    }
}
