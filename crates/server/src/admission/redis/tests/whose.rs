//! Seats belong to one database, and to its latest life: nobody else is let near them.

use std::sync::Arc;

use anteroom_core::ids::{Owner, RoomId};
use anteroom_core::seat::{RoomSpec, Terms};
use uuid::Uuid;

use super::faults::{at, is_undecided, with_room};
use super::people::{enter, reserve};
use super::store::Store;
use super::{DEPLOYMENT, HERE, TIMEOUT, settings, spec, unbounded};
use crate::admission::redis::{ConnectError, Redis};
use crate::admission::{Admission as _, Journal, Whose};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const ROOM: RoomId = RoomId(101);
const STRANGER: Whose = Whose { deployment: Uuid::from_u128(0xb), owner: HERE };

async fn connect(store: &Store, prefix: &str, whose: Whose) -> Result<Redis, ConnectError> {
    let settings = settings(store.url(), prefix, TIMEOUT);
    let (clock, deadlines) = (Arc::new(Clock::new()), Arc::new(Deadlines::default()));
    Redis::connect(&settings, (&Terms::default(), unbounded()), whose, clock, deadlines).await
}

const fn life(incarnation: u64) -> Owner {
    Owner { incarnation, ..HERE }
}

#[tokio::test]
async fn another_database_with_the_same_prefix_is_refused_in_words_and_changes_nothing() {
    let store = Store::start();
    let seats = with_room(&store, 1).await;
    enter(&seats, ROOM, 1).await;
    let (before, keys) = (seats.snapshot(ROOM).await.unwrap(), store.keys().await);
    let said = connect(&store, "seats:", STRANGER).await.err().unwrap().to_string();
    assert!(said.contains("another database") && said.contains("`seats:`"), "{said}");
    assert!(said.contains(&DEPLOYMENT.simple().to_string()), "{said}");
    assert!(said.contains("redis.prefix of its own") && said.contains("delete the keys"), "{said}");
    assert_eq!((seats.snapshot(ROOM).await.unwrap(), store.keys().await), (before, keys));
    let other = connect(&store, "other:", STRANGER).await.unwrap();
    other.add_room(spec(ROOM.0, 1)).await.unwrap();
    reserve(&other, ROOM, 2).await.unwrap();
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().occupied, 1);
}

#[tokio::test]
async fn an_empty_prefix_is_taken_over_and_a_stranger_found_there_later_is_refused() {
    let store = Store::start();
    let seats = with_room(&store, 1).await;
    enter(&seats, ROOM, 1).await;
    store.command::<()>(&["FLUSHALL"]).await;
    let stranger = connect(&store, "seats:", STRANGER).await.unwrap();
    stranger.add_room(spec(ROOM.0, 1)).await.unwrap();
    for _ in 0..2 {
        let why = is_undecided(&reserve(&seats, ROOM, 2).await.unwrap_err());
        assert!(why.contains("another database") || why.contains("lost"), "{why}");
    }
    // Whoever sat there has no seat any more: the sessions end, and nothing is given.
    tokio::time::timeout(TIMEOUT, seats.lost()).await.unwrap();
    let renewed = RoomSpec { epoch: 8, ..spec(ROOM.0, 1) };
    let why = seats.add_room(renewed).await.unwrap_err().0;
    assert!(why.contains("another database"), "{why}");
    reserve(&stranger, ROOM, 3).await.unwrap();
    drop(stranger);
    store.command::<()>(&["FLUSHALL"]).await;
    seats.add_room(renewed).await.unwrap();
    reserve(&seats, ROOM, 2).await.unwrap();
}

#[tokio::test]
async fn a_database_that_forgot_its_last_lives_is_refused_however_often_it_starts() {
    let store = Store::start();
    let seats = at(store.url(), TIMEOUT, life(9)).await.unwrap();
    seats.add_room(spec(ROOM.0, 2)).await.unwrap();
    enter(&seats, ROOM, 1).await;
    for restored in [6, 9] {
        let said = at(store.url(), TIMEOUT, life(restored)).await.err().unwrap().to_string();
        assert!(said.contains("later life") && said.contains("backup"), "{said}");
        assert!(said.contains("number 9") && said.contains("redis.prefix"), "{said}");
    }
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().occupied, 1);
    drop(seats);
    at(store.url(), TIMEOUT, life(10)).await.unwrap();
}

#[tokio::test]
async fn of_two_lives_at_once_the_earlier_one_decides_nothing_any_more() {
    let store = Store::start();
    let copied = with_room(&store, 1).await;
    let sat = enter(&copied, ROOM, 1).await;
    let copy = at(store.url(), TIMEOUT, life(2)).await.unwrap();
    reserve(&copied, ROOM, 1).await.unwrap();
    copy.add_room(RoomSpec { epoch: 8, ..spec(ROOM.0, 1) }).await.unwrap();
    copy.take_up(life(2), &mut Journal::new()).await.unwrap();
    let before = copy.snapshot(ROOM).await.unwrap();
    let why = is_undecided(&reserve(&copied, ROOM, 2).await.unwrap_err());
    assert!(why.contains("a copy of it is in use"), "{why}");
    let journal = &mut Journal::new();
    assert!(copied.close(ROOM, sat, anteroom_core::seat::Parting::Clean, journal).await.is_err());
    assert!(copied.ping().await.is_err());
    assert_eq!(copy.snapshot(ROOM).await.unwrap(), before);
    tokio::time::timeout(TIMEOUT, copied.lost()).await.unwrap();
}
