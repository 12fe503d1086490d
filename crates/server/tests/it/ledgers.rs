//! The races at the ledger itself, and the proof that they would find an overfilled room: the same
//! driver convicts a ledger that checks and acts in two steps, and acquits the real one.

use std::collections::HashSet;
use std::sync::{Barrier, Mutex};

use anteroom_core::ids::{LoginId, Nonce, RoomId, UserId};
use anteroom_core::seat::{Ask, Lifetime, Room, RoomSpec, Step, Terms};
use anteroom_core::time::Millis;
use uuid::Uuid;

/// A room's ledger, as a race sees it.
trait TrySeat: Sync {
    /// Asks for a seat. A ledger that looks first and acts later calls `gap` in between.
    fn try_seat(&self, user: u128, gap: &(dyn Fn() + Sync)) -> bool;
    /// Gives a seat back.
    fn give_back(&self, user: u128);
    /// How many seats are taken.
    fn taken(&self) -> usize;
}

/// The real one, shared as the server shares it: one mutex around one room.
struct Locked(Mutex<Room>);

impl Locked {
    fn new(capacity: u32) -> Self {
        let room = Room::new(RoomSpec {
            id: RoomId(101),
            epoch: 1,
            capacity,
            staff_seats: 0,
            lifetime: Lifetime::Persistent,
            pending_until: None,
        });
        Self(Mutex::new(room))
    }

    fn step<T>(&self, act: impl FnOnce(&mut Room, &mut Step<'_>) -> T) -> T {
        let terms = Terms::default();
        let mut journal = Vec::new();
        let mut room = self.0.lock().unwrap();
        let answer = act(&mut room, &mut Step::new(Millis(1_000), &terms, &mut journal));
        room.check();
        answer
    }
}

impl TrySeat for Locked {
    fn try_seat(&self, user: u128, _gap: &(dyn Fn() + Sync)) -> bool {
        let ask = Ask {
            user: UserId(Uuid::from_u128(user)),
            login: LoginId(Uuid::from_u128(user)),
            nonce: Nonce(user.to_be_bytes()),
            is_staff: false,
            resume: None,
            over: None,
        };
        self.step(|room, step| room.reserve(step, &ask).is_ok())
    }

    fn give_back(&self, user: u128) {
        self.step(|room, step| room.cancel(step, UserId(Uuid::from_u128(user))));
    }

    fn taken(&self) -> usize {
        self.0.lock().unwrap().seats().reserved as usize
    }
}

/// Each step is locked, the two together are not: what a room must not be.
struct CheckThenAct {
    capacity: usize,
    seats: Mutex<HashSet<u128>>,
}

impl CheckThenAct {
    fn new(capacity: u32) -> Self {
        Self { capacity: capacity as usize, seats: Mutex::default() }
    }
}

impl TrySeat for CheckThenAct {
    fn try_seat(&self, user: u128, gap: &(dyn Fn() + Sync)) -> bool {
        if self.taken() >= self.capacity {
            return false;
        }
        gap();
        self.seats.lock().unwrap().insert(user)
    }

    fn give_back(&self, user: u128) {
        self.seats.lock().unwrap().remove(&user);
    }

    fn taken(&self) -> usize {
        self.seats.lock().unwrap().len()
    }
}

/// One race of the issue.
#[derive(Clone, Copy, Debug)]
struct Race {
    capacity: u32,
    seated: u32,
    contenders: u32,
}

const RACES: [Race; 4] = [
    Race { capacity: 10, seated: 10, contenders: 200 },
    Race { capacity: 10, seated: 0, contenders: 200 },
    Race { capacity: 10, seated: 9, contenders: 2 },
    Race { capacity: 10, seated: 0, contenders: 15 },
];

impl Race {
    fn free(self) -> usize {
        (self.capacity - self.seated) as usize
    }

    /// Runs it; how many were let in. All start together, and whoever comes to the gap waits there
    /// for everybody else, so that a ledger with a gap has no luck to hope for.
    fn admitted(self, ledger: &dyn TrySeat) -> usize {
        for user in 0..self.seated {
            assert!(ledger.try_seat(u128::from(user), &|| {}), "the room is not full yet");
        }
        let all = Barrier::new(self.contenders as usize);
        let gap = Barrier::new(self.contenders as usize);
        let wait_in_gap = || {
            gap.wait();
        };
        std::thread::scope(|scope| {
            let contend = |n: u32| {
                let (all, wait_in_gap) = (&all, &wait_in_gap);
                scope.spawn(move || {
                    all.wait();
                    ledger.try_seat(1_000 + u128::from(n), wait_in_gap)
                })
            };
            let threads: Vec<_> = (0..self.contenders).map(contend).collect();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        })
    }
}

#[test]
fn behaviour_b02_the_ledger_admits_exactly_as_many_as_there_are_free_seats() {
    for race in RACES {
        for _ in 0..20 {
            let ledger = Locked::new(race.capacity);
            assert_eq!(
                race.admitted(&ledger),
                race.free().min(race.contenders as usize),
                "{race:?}"
            );
            assert_eq!(ledger.taken(), race.capacity as usize, "{race:?}");
        }
    }
}

#[test]
fn a_ledger_that_checks_and_then_acts_is_convicted_by_every_race_for_a_free_seat() {
    for race in RACES.into_iter().filter(|race| race.free() > 0) {
        let ledger = CheckThenAct::new(race.capacity);
        let admitted = race.admitted(&ledger);
        assert!(admitted > race.free(), "{race:?} admitted {admitted} and convicts nobody");
        assert!(ledger.taken() > race.capacity as usize, "{race:?}");
    }
}

#[test]
fn behaviour_b02_ten_thousand_duels_for_the_last_seat_have_one_winner_each() {
    let duels = 10_000;
    let ledger = Locked::new(1);
    let (start, end) = (Barrier::new(2), Barrier::new(2));
    let fight = |user: u128| {
        let (mut wins, mut is_exclusive) = (0_u32, true);
        for _ in 0..duels {
            start.wait();
            let won = ledger.try_seat(user, &|| {});
            end.wait();
            // Not asserted here: the other thread would wait for this one for ever.
            is_exclusive &= ledger.taken() == 1;
            start.wait();
            if won {
                wins += 1;
                ledger.give_back(user);
            }
            end.wait();
        }
        (wins, is_exclusive)
    };
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| fight(1));
        let two = scope.spawn(|| fight(2));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one.0 + two.0, duels, "{one:?} to {two:?}");
    assert!(one.1 && two.1, "one seat, one holder");
    assert_eq!(ledger.taken(), 0);
}
