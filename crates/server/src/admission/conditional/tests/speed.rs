//! What a verb costs, and that it costs the same among many rooms and in front of a long line.
//!
//! Not a test that can fail on a clock: it prints figures, each the tenth part of the quickest, so
//! that what else the machine does has less of a say. Run it with
//! `cargo test -p anteroom --lib admission::conditional::tests::speed -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Change, Parting};

use super::{Fixture, ROOM, ask, claim, spec, user};
use crate::admission::{Admission, Journal};

const CYCLES: u32 = 1_000;

/// The slowest of the quickest tenth, in microseconds.
fn micros(mut spent: Vec<Duration>) -> u128 {
    spent.sort_unstable();
    spent[spent.len() / 10].as_micros()
}

/// The verbs of an entry and its end, one after another, in the last of `rooms` rooms.
async fn entry(it: &Fixture, room: RoomId) -> [Vec<Duration>; 4] {
    let mut spent = [const { Vec::new() }; 4];
    let mut journal = Journal::new();
    for n in 0..CYCLES {
        let who = 500_000 + u128::from(n);
        let mut started = Instant::now();
        let mut lap = |at: usize, started: &mut Instant| {
            spent[at].push(started.elapsed());
            *started = Instant::now();
        };
        let reserved = it.seats.reserve(room, ask(who), None, &mut journal).await.unwrap();
        lap(0, &mut started);
        let claim = claim(&reserved, who);
        it.seats.confirm(room, claim, &mut journal).await.unwrap();
        lap(1, &mut started);
        it.seats.settle(room, user(who), claim.session, &mut journal).await.unwrap();
        lap(2, &mut started);
        let part = anteroom_core::seat::PartRef {
            user: claim.user,
            session: claim.session,
            generation: claim.generation,
            owner: claim.owner,
        };
        it.seats.close(room, part, Parting::Clean, &mut journal).await.unwrap();
        lap(3, &mut started);
    }
    spent
}

#[tokio::test]
#[ignore = "prints figures"]
async fn cost_among_many_rooms() {
    for rooms in [10, 10_000] {
        let it = Fixture::new();
        for room in 0..rooms {
            it.seats.add_room(spec(RoomId(room), 30)).await.unwrap();
            it.reserve(RoomId(room), 1_000 + u128::try_from(room).unwrap()).await.unwrap();
        }
        let [reserve, confirm, settle, close] = entry(&it, RoomId(rooms - 1)).await.map(micros);
        println!(
            "{rooms} rooms: reserve {reserve} confirm {confirm} settle {settle} close {close} us"
        );
    }
}

#[tokio::test]
#[ignore = "prints figures"]
async fn cost_in_a_room_of_many_seats() {
    for seats in [10, 1_000, 9_000] {
        let it = Fixture::new().room(10_000).await;
        for who in 0..seats {
            it.reserve(ROOM, who).await.unwrap();
        }
        let [reserve, confirm, settle, close] = entry(&it, ROOM).await.map(micros);
        println!(
            "{seats} slots: reserve {reserve} confirm {confirm} settle {settle} close {close} us"
        );
        let mut spent = Vec::new();
        for _ in 0..CYCLES {
            let started = Instant::now();
            it.seats.seats(ROOM).await.unwrap();
            spent.push(started.elapsed());
        }
        println!("{seats} slots: seats {} us", micros(spent));
    }
}

#[tokio::test]
#[ignore = "prints figures"]
async fn cost_in_front_of_a_long_line() {
    for waiting in [10_u128 + u128::from(CYCLES), 9_990] {
        let it = Fixture::new().room(10).await;
        let mut journal = Journal::new();
        for who in 0..10 {
            it.reserve(ROOM, who).await.unwrap();
        }
        let mut joining = Vec::new();
        for who in 100..100 + waiting {
            let started = Instant::now();
            it.seats.wait(ROOM, ask(who), None, &mut journal).await.unwrap();
            joining.push(started.elapsed());
        }
        let joining = micros(joining.split_off(joining.len() * 9 / 10));
        // A seat is freed, and offered to the head, who frees it in turn.
        let (mut spent, mut next) = (Vec::new(), user(0));
        for _ in 0..CYCLES {
            journal.clear();
            let started = Instant::now();
            it.seats.cancel(ROOM, next, &mut journal).await.unwrap();
            spent.push(started.elapsed());
            let Some((_, Change::Offered { user, .. })) = journal.last() else {
                panic!("an offer")
            };
            next = *user;
        }
        let freed = micros(spent);
        println!("{waiting} waiting: freed seat {freed} us; joining at the end {joining} us");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn cost_when_many_ask_at_once() {
    let it = std::sync::Arc::new(Fixture::new());
    for room in 0..50 {
        it.seats.add_room(spec(RoomId(room), 30)).await.unwrap();
    }
    let started = Instant::now();
    let asked: Vec<_> = (0..1_000_u32)
        .map(|n| {
            let it = std::sync::Arc::clone(&it);
            tokio::spawn(async move { it.reserve(RoomId(i64::from(n % 50)), n.into()).await })
        })
        .collect();
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    println!("1000 reserves at once: {} us each", started.elapsed().as_micros() / 1_000);
}
