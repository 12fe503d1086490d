//! Watches, from outside, that no room gets more seats than its capacity, nor more ordinary ones than
//! its staff seats leave.
//!
//! The strategies keep that promise in their own atomic step; this asks whether they did, and counts
//! what must stay 0. Where it is judged, and why it never cries wolf:
//!
//! A look is one reading of a room's seats, which is atomic in every strategy: capacity and slots of
//! the same instant. Nobody is thrown out when a capacity is cut, so slots above the capacity are no
//! violation by themselves. But a slot is only ever added below the capacity in force. So between two
//! looks at one room the slots can have grown to no more than the greater of what the first look saw
//! and the highest capacity that was in force since. More than that is a violation, each time. The
//! same holds of the ordinary slots alone, except where no seat is kept for staff: who came in on a
//! staff seat of before is not told apart there.
//!
//! For this to hold, looks at a room are one after the other (a lock is held from the reading to the
//! judgement), and the highest capacity is known: it is noted *before* a change is handed to the
//! strategy, and forgotten only by a look during which no change was under way. A change whose answer
//! was lost may still come; then nothing is forgotten any more, and the watch is less sharp but
//! never wrong. The first look at a room of an earlier life only learns.
//!
//! What it can miss: a seat too many that is gone again before the next look. Looks are made after
//! every step that gave a seat, soon and in the background, and with each reading of the metrics; no
//! step waits for one. On a cluster, changes of a capacity by other nodes have to be noted here too.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Change, Class, RoomSize, Seats};
use tokio::sync::Notify;

use super::{Admission, Decided, Journal};
use crate::metrics::Metrics;

/// Between two looks in the background: what a store is asked for this is bounded.
const PAUSE: Duration = Duration::from_millis(50);

/// What is known of a room since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// Slots at the last look.
    taken: Counts,
    /// The most that was in force since then, or is noted to come.
    highest: Counts,
    /// Changes of the capacity that were begun.
    changes: u64,
    /// Those of them that have no answer yet.
    under_way: u64,
}

/// Slots of a room, or how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    all: u32,
    ordinary: u32,
}

impl Counts {
    /// What there is, in whatever state.
    fn taken(seats: &Seats) -> Self {
        let all = seats.occupied.saturating_add(seats.reserved).saturating_add(seats.held);
        let staff = seats.staff.map_or(0, |staff| staff.taken);
        Self { all, ordinary: all.saturating_sub(staff) }
    }

    /// What may be added up to under the size that `seats` show.
    fn allowed(seats: &Seats) -> Self {
        let staff_seats = seats.staff.map_or(0, |staff| staff.capacity);
        let size = RoomSize { capacity: seats.capacity, staff_seats };
        match seats.staff {
            Some(_) => Self { all: size.capacity, ordinary: size.limit(Class::Ordinary) },
            None => Self::under(size),
        }
    }

    /// The same for a size that is to come.
    fn under(size: RoomSize) -> Self {
        let ordinary = match size.staff_seats {
            0 => u32::MAX,
            _ => size.limit(Class::Ordinary),
        };
        Self { all: size.capacity, ordinary }
    }

    fn max(self, other: Self) -> Self {
        Self { all: self.all.max(other.all), ordinary: self.ordinary.max(other.ordinary) }
    }
}

impl Known {
    fn new(seats: &Seats) -> Self {
        let (taken, highest) = (Counts::taken(seats), Counts::allowed(seats));
        Self { taken, highest, changes: 0, under_way: 0 }
    }

    /// Judges a look: how many slots nothing explains. `before` is what was known as it began.
    fn judge(&mut self, seats: &Seats, before: Self) -> u32 {
        let (taken, in_force) = (Counts::taken(seats), Counts::allowed(seats));
        let allowed = self.taken.max(self.highest).max(in_force);
        let was_quiet = before.under_way == 0 && before.changes == self.changes;
        self.taken = taken;
        self.highest = if was_quiet { in_force } else { self.highest.max(in_force) };
        let ordinary = taken.ordinary.saturating_sub(allowed.ordinary);
        taken.all.saturating_sub(allowed.all).max(ordinary)
    }
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<RoomId, Known>,
    /// Rooms in which a seat was given since they were looked at.
    grown: BTreeSet<RoomId>,
}

/// The watch over all rooms. Its mutex is a leaf.
pub(crate) struct CapacityWatch {
    seats: Arc<dyn Admission>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    grew: Notify,
    looking: tokio::sync::Mutex<()>,
}

impl CapacityWatch {
    /// Watches the rooms of `seats`.
    pub(crate) fn new(seats: Arc<dyn Admission>, metrics: Arc<Metrics>) -> Self {
        Self {
            seats,
            metrics,
            state: Mutex::default(),
            grew: Notify::new(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after steps that gave seats, for ever.
    pub(crate) async fn run(&self) {
        loop {
            self.grew.notified().await;
            let rooms: Vec<RoomId> = std::mem::take(&mut self.lock().grown).into_iter().collect();
            if self.look(&rooms).await.is_err() {
                // Whatever grew is still there at the next step, or when the metrics are read.
                tracing::debug!(event = "capacity.not_seen", rooms = rooms.len(), "nobody can say");
            }
            pause().await;
        }
    }

    /// Reads the seats of rooms, in their order, and judges what it sees.
    ///
    /// # Errors
    /// The seat store cannot say.
    pub(crate) async fn look(&self, rooms: &[RoomId]) -> Decided<Vec<Option<Seats>>> {
        let _one_by_one = self.looking.lock().await;
        let before: Vec<Option<Known>> = {
            let state = self.lock();
            rooms.iter().map(|room| state.known.get(room).copied()).collect()
        };
        let seen = self.seats.seats_of(rooms).await.inspect_err(|_| self.metrics.unavailable())?;
        for ((room, before), seats) in rooms.iter().zip(before).zip(&seen) {
            self.judge(*room, before, seats.as_ref());
        }
        Ok(seen)
    }

    fn judge(&self, room: RoomId, before: Option<Known>, seats: Option<&Seats>) {
        let mut state = self.lock();
        let Some(seats) = seats else {
            state.known.remove(&room);
            return;
        };
        let (Some(known), Some(before)) = (state.known.get_mut(&room), before) else {
            state.known.entry(room).or_insert_with(|| Known::new(seats));
            return;
        };
        let excess = known.judge(seats, before);
        drop(state);
        if excess > 0 {
            self.metrics.violated(excess);
            tracing::error!(
                event = "capacity.violated",
                room = room.0,
                excess,
                capacity = seats.capacity,
                taken = Counts::taken(seats).all,
                staff = ?seats.staff,
                "a room has more seats taken than it may have"
            );
        }
    }

    /// A step was taken: whether it gave a seat is in what it journalled.
    pub(super) fn follow(&self, journal: &[(RoomId, Change)]) {
        let closed = |(room, change): &(RoomId, Change)| match change {
            Change::Closed { .. } => Some(*room),
            _ => None,
        };
        // A closed room is not looked at again, and gives no more seats.
        for room in journal.iter().filter_map(closed) {
            let mut state = self.lock();
            state.known.remove(&room);
            state.grown.remove(&room);
        }
        let gave =
            |change: &Change| matches!(change, Change::Reserved { .. } | Change::Offered { .. });
        let mut grown = journal.iter().filter(|(_, change)| gave(change)).peekable();
        if grown.peek().is_none() {
            return;
        }
        self.lock().grown.extend(grown.map(|(room, _)| *room));
        self.grew.notify_one();
    }

    /// A size is about to be changed.
    pub(super) fn changing(&self, room: RoomId, size: RoomSize) {
        if let Some(known) = self.lock().known.get_mut(&room) {
            known.highest = known.highest.max(Counts::under(size));
            known.changes += 1;
            known.under_way += 1;
        }
    }

    /// The change was answered.
    pub(super) fn changed(&self, room: RoomId) {
        if let Some(known) = self.lock().known.get_mut(&room) {
            known.under_way = known.under_way.saturating_sub(1);
        }
    }
}

/// What a step added to a journal that was so long before.
pub(super) fn added(journal: &Journal, before: usize) -> &[(RoomId, Change)] {
    journal.get(before..).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "bounds how often is looked; nothing waits for it")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    use anteroom_core::seat::{Lifetime, RoomSpec, StaffSeats, Terms};

    use super::*;
    use crate::admission::{Bounds, Semaphore};
    use crate::clock::Clock;

    fn seats(capacity: u32, taken: u32) -> Seats {
        Seats {
            capacity,
            occupied: taken,
            reserved: 0,
            held: 0,
            free: capacity.saturating_sub(taken),
            waiting: 0,
            staff: None,
        }
    }

    fn look(known: &mut Known, capacity: u32, taken: u32) -> u32 {
        let before = *known;
        known.judge(&seats(capacity, taken), before)
    }

    #[test]
    fn a_seat_above_the_capacity_is_counted_once_and_each_further_one_again() {
        let mut known = Known::new(&seats(3, 0));
        assert_eq!(look(&mut known, 3, 3), 0);
        assert_eq!(look(&mut known, 3, 5), 2);
        assert_eq!(look(&mut known, 3, 5), 0, "counted already");
        assert_eq!(look(&mut known, 3, 4), 0, "somebody left");
        assert_eq!(look(&mut known, 3, 5), 1, "and somebody was let in");
    }

    /// So many of the seats are for staff, and so many of the taken ones theirs.
    fn kept(seats: Seats, capacity: u32, taken: u32) -> Seats {
        Seats { staff: Some(StaffSeats { capacity, taken }), ..seats }
    }

    #[test]
    fn an_ordinary_seat_that_staff_seats_do_not_leave_is_counted() {
        let mut known = Known::new(&kept(seats(4, 0), 2, 0));
        let mut look = |seats: Seats| {
            let before = known;
            known.judge(&seats, before)
        };
        assert_eq!(look(kept(seats(4, 4), 2, 2)), 0);
        assert_eq!(look(kept(seats(4, 4), 2, 1)), 1, "three sit on two ordinary seats");
        assert_eq!(look(seats(4, 4)), 0, "none is kept any more");
        assert_eq!(look(kept(seats(4, 4), 3, 0)), 0, "keeping some throws nobody out");
        assert_eq!(look(kept(seats(4, 2), 3, 0)), 0, "two left");
        assert_eq!(look(kept(seats(4, 3), 3, 0)), 1, "and one was let in past the one seat");
    }

    #[test]
    fn seats_that_were_given_to_everyone_and_kept_again_unseen_explain_who_sits_there() {
        let mut known = Known::new(&kept(seats(4, 2), 2, 0));
        known.highest = known.highest.max(Counts::under(RoomSize::plain(4)));
        known.changes = 2;
        let before = known;
        assert_eq!(known.judge(&kept(seats(4, 4), 2, 0), before), 0);
    }

    #[test]
    fn a_cut_throws_nobody_out_and_lets_nobody_in() {
        let mut known = Known::new(&seats(10, 10));
        known.highest.all = 10;
        assert_eq!(look(&mut known, 4, 10), 0, "the cut itself");
        assert_eq!(look(&mut known, 4, 7), 0);
        assert_eq!(look(&mut known, 4, 8), 1, "a new seat above the capacity");
    }

    #[test]
    fn a_rise_and_a_cut_between_two_looks_explain_what_came_between() {
        let mut known = Known::new(&seats(2, 2));
        for capacity in [9, 1] {
            known.highest = known.highest.max(Counts::under(RoomSize::plain(capacity)));
            known.changes += 1;
        }
        assert_eq!(look(&mut known, 1, 8), 0, "eight sat down under nine");
        assert_eq!(look(&mut known, 1, 9), 1, "the nine are forgotten after a quiet look");
    }

    #[test]
    fn a_change_under_way_is_not_forgotten_by_a_look() {
        let mut known = Known::new(&seats(2, 2));
        known.highest = Counts::under(RoomSize::plain(5));
        known.changes = 1;
        known.under_way = 1;
        assert_eq!(look(&mut known, 2, 2), 0, "not in force yet");
        assert_eq!(look(&mut known, 2, 4), 0, "in force and cut again, unseen");
        known.under_way = 0;
        assert_eq!(look(&mut known, 2, 4), 0);
        assert_eq!(look(&mut known, 2, 5), 1);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_room_that_was_closed() {
        let room = RoomId(101);
        let terms = Terms::default();
        let bounds = Bounds { per_user: 3, per_address: None };
        let clock = Arc::new(Clock::new());
        let ledgers = Semaphore::new(terms, bounds, clock, Arc::default());
        let ledgers: Arc<dyn Admission> = Arc::new(ledgers);
        let spec = RoomSpec {
            id: room,
            epoch: 1,
            capacity: 2,
            staff_seats: 0,
            lifetime: Lifetime::Persistent,
            pending_until: None,
        };
        ledgers.add_room(spec).await.unwrap();
        let watch = CapacityWatch::new(Arc::clone(&ledgers), Arc::new(Metrics::new("semaphore")));
        watch.look(&[room]).await.unwrap();
        watch.lock().grown.insert(room);
        let mut journal = Journal::new();
        ledgers.close_room(room, &mut journal).await.unwrap();
        watch.follow(&journal);
        let state = watch.lock();
        assert!(state.known.is_empty() && state.grown.is_empty(), "{state:?}");
    }
}
