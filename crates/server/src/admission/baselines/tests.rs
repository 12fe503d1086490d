//! That the checks have something to see: the baseline without a lock sells seats twice, those with one never do.

use std::time::Duration;

use anteroom_core::ids::Nonce;
use anteroom_core::seat::{Lifetime, Terms};
use futures_util::future::join_all;
use uuid::Uuid;

use super::*;
use crate::admission::Bounds;
use crate::sweeper::Deadlines;

const ROOM: RoomId = RoomId(7);
const LOCKED: [Discipline; 4] = [
    Discipline::Global { fair: false },
    Discipline::Global { fair: true },
    Discipline::PerRoom { fair: false },
    Discipline::PerRoom { fair: true },
];

async fn specimen(discipline: Discipline, capacity: u32) -> Arc<Specimen> {
    let bounds = Bounds { per_user: 3, per_address: None };
    let terms = Terms { grace: Duration::ZERO, ..Terms::default() };
    let ledgers =
        Semaphore::new(terms, bounds, Arc::new(Clock::new()), Arc::new(Deadlines::default()));
    let specimen = Arc::new(Specimen::baseline(ledgers, discipline));
    let spec = RoomSpec {
        id: ROOM,
        epoch: 1,
        capacity,
        staff_seats: 0,
        lifetime: Lifetime::Persistent,
        pending_until: None,
    };
    specimen.add_room(spec).await.unwrap();
    specimen
}

fn ask(n: u128) -> Ask {
    let (user, login) = (UserId(Uuid::from_u128(n)), LoginId(Uuid::from_u128(n)));
    Ask { user, login, nonce: Nonce(n.to_be_bytes()), is_staff: false, resume: None, over: None }
}

/// The original's burst: 200 at once for 99 seats. How many were granted one, and how many are taken.
async fn burst(specimen: &Arc<Specimen>) -> (usize, u32) {
    let asking = (0..200).map(|n| {
        let specimen = Arc::clone(specimen);
        tokio::spawn(async move {
            specimen.reserve(ROOM, ask(n), None, &mut Journal::new()).await.is_ok()
        })
    });
    let answers = join_all(asking).await;
    let granted = answers.into_iter().filter(|answer| *answer.as_ref().unwrap()).count();
    let seats = specimen.seats(ROOM).await.unwrap().unwrap();
    (granted, seats.reserved)
}

#[tokio::test]
async fn two_who_look_before_either_acts_both_get_the_only_seat_without_a_lock() {
    let unlocked = specimen(Discipline::Unlocked, 1).await;
    let reserve = |n| {
        let unlocked = Arc::clone(&unlocked);
        async move { unlocked.reserve(ROOM, ask(n), None, &mut Journal::new()).await.is_ok() }
    };
    assert_eq!(tokio::join!(reserve(1), reserve(2)), (true, true));
    assert_eq!(unlocked.seats(ROOM).await.unwrap().unwrap().reserved, 2, "and both are counted");
    let (granted, taken) = burst(&specimen(Discipline::Unlocked, 99).await).await;
    assert!(granted > 99 && taken as usize == granted, "{granted} granted, {taken} taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_a_lock_exactly_as_many_get_a_seat_as_there_are() {
    for discipline in LOCKED {
        for _ in 0..20 {
            let got = burst(&specimen(discipline, 99).await).await;
            assert_eq!(got, (99, 99), "{discipline:?}");
        }
    }
}

#[tokio::test]
async fn a_fair_lock_lets_in_who_asked_first() {
    for discipline in [Discipline::Global { fair: true }, Discipline::PerRoom { fair: true }] {
        let specimen = specimen(discipline, 50).await;
        let got =
            join_all(
                (0..50).map(|n| {
                    let specimen = Arc::clone(&specimen);
                    async move {
                        specimen.reserve(ROOM, ask(n), None, &mut Journal::new()).await.unwrap()
                    }
                }),
            )
            .await;
        let numbers: Vec<_> = got.iter().map(|it| it.reservation.generation).collect();
        assert!(numbers.is_sorted(), "{discipline:?}: {numbers:?}");
    }
}

#[tokio::test]
async fn the_log_has_every_decision_and_tells_what_it_found_and_left() {
    let dir = tempfile::tempdir().unwrap();
    let specimen = specimen(Discipline::Global { fair: true }, 99).await;
    let mut specimen = Arc::into_inner(specimen).unwrap();
    specimen.log = Some(Log::below(dir.path()).unwrap());
    let specimen = Arc::new(specimen);
    assert_eq!(burst(&specimen).await, (99, 99));
    drop(specimen);
    let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 200);
    let mut free = 99;
    for line in &lines {
        let number = |name: &str| line[name].as_u64().unwrap();
        assert_eq!(number("before"), 99 - free);
        free -= u64::from(line["granted"] == true);
        assert_eq!((number("after"), number("capacity")), (99 - free, 99));
        assert!(number("enter_ns") >= number("start_ns"));
        assert!(number("leave_ns") >= number("enter_ns"));
    }
    assert_eq!(free, 0);
}
