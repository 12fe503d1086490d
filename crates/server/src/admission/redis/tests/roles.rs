//! Servers that must not decide, by their role or for the moment: no seat, no half step, and it goes on
//! when the right one answers.

use anteroom_core::ids::RoomId;
use anteroom_core::seat::RoomSpec;

use super::faults::{is_undecided, until_it_answers, with_room};
use super::lines::over_a_relay;
use super::people::{claim, reserve};
use super::store::Store;
use super::{TIMEOUT, spec};
use crate::admission::redis::Redis;
use crate::admission::{Admission as _, Journal};

const ROOM: RoomId = RoomId(101);

#[tokio::test]
async fn f16_an_old_primary_that_is_reached_again_admits_nobody() {
    let (old, new) = (Store::start(), Store::start());
    new.command::<()>(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]).await;
    let (relay, seats) = over_a_relay(&old, 2, TIMEOUT).await;
    let kept = reserve(&seats, ROOM, 1).await.unwrap();
    while new.command::<i64>(&["HLEN", "seats:room:101:slots"]).await == 0 {
        tokio::task::yield_now().await;
    }
    // What comes from here on reaches the old primary alone.
    new.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    let lost = reserve(&seats, ROOM, 2).await.unwrap();
    relay.turn_to(new.port());
    until_it_is_lost(&seats).await;
    let renewed = RoomSpec { epoch: 8, ..spec(ROOM.0, 2) };
    seats.add_room(renewed).await.unwrap();
    let third = reserve(&seats, ROOM, 3).await.unwrap();
    assert!(third.reservation.generation > lost.reservation.generation, "no number twice");
    assert_eq!(reserve(&seats, ROOM, 1).await.unwrap().reservation, kept.reservation);
    // The old one still answers, has a free seat by its own count, and believes that it is primary.
    relay.turn_to(old.port());
    assert_eq!(until_it_is_lost(&seats).await, "the seat store was lost");
    // Demoted, it is refused for what it is.
    old.command::<()>(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]).await;
    let added = loop {
        let added = seats.add_room(RoomSpec { epoch: 9, ..renewed }).await.unwrap_err().0;
        if added.contains("redis.url") {
            break added;
        }
    };
    assert!(added.contains("replica") && added.contains("must name the primary"), "{added}");
    assert_eq!(new.command::<i64>(&["HLEN", "seats:room:101:slots"]).await, 2);
}

/// Asks until the strategy has found out; what it says then.
async fn until_it_is_lost(seats: &Redis) -> String {
    loop {
        let why = match reserve(seats, ROOM, 4).await {
            Err(refusal) => is_undecided(&refusal),
            Ok(granted) => panic!("granted out of what was lost: {granted:?}"),
        };
        if why.contains("lost") {
            return why;
        }
    }
}

#[tokio::test]
async fn f22_words_of_a_server_that_must_not_decide_are_no_answer_and_no_half_step() {
    let store = Store::start();
    let (relay, seats) = over_a_relay(&store, 2, TIMEOUT).await;
    let standing = reserve(&seats, ROOM, 1).await.unwrap();
    let words = [
        "LOADING Redis is loading the dataset in memory",
        "MOVED 3999 127.0.0.1:6381",
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    ];
    for said in words {
        let (before, lines) = (seats.snapshot(ROOM).await.unwrap(), relay.lines());
        relay.answer_next(said);
        let why = is_undecided(&reserve(&seats, ROOM, 2).await.unwrap_err());
        let code = said.split(' ').next().unwrap();
        assert!(why.to_uppercase().contains(code), "{said}: {why}");
        until_it_answers(&seats).await;
        assert_eq!(seats.snapshot(ROOM).await.unwrap(), before, "{said}");
        assert_eq!(relay.lines(), lines + 1, "{said}: the server is looked at anew");
        relay.answer_next(said);
        let confirmed = seats.confirm(ROOM, claim(&standing), &mut Journal::new()).await;
        assert!(confirmed.is_err());
        until_it_answers(&seats).await;
        assert_eq!(seats.snapshot(ROOM).await.unwrap(), before, "{said}");
    }
    reserve(&seats, ROOM, 2).await.unwrap();
}

#[tokio::test]
async fn f22_a_replica_without_its_primary_and_a_node_of_a_cluster_decide_nothing() {
    let store = Store::start();
    let cluster = Store::with(&["--save", "", "--appendonly", "no", "--cluster-enabled", "yes"]);
    let (relay, seats) = over_a_relay(&store, 2, TIMEOUT).await;
    store.command::<()>(&["CONFIG", "SET", "replica-serve-stale-data", "no"]).await;
    store.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    is_undecided(&reserve(&seats, ROOM, 1).await.unwrap_err());
    assert!(seats.seats(ROOM).await.is_err());
    store.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    until_it_answers(&seats).await;
    relay.turn_to(cluster.port());
    let why = loop {
        let why = is_undecided(&reserve(&seats, ROOM, 1).await.unwrap_err());
        if why.contains("cluster") {
            break why;
        }
    };
    assert!(why.contains("cluster_enabled:1"), "{why}");
    relay.turn_to(store.port());
    until_it_answers(&seats).await;
    reserve(&seats, ROOM, 1).await.unwrap();
}

#[tokio::test]
async fn f22_a_store_that_still_loads_decides_nothing_and_goes_on_when_it_has() {
    let mut store = Store::with(&["--save", "", "--appendonly", "no"]);
    let seats = with_room(&store, 3).await;
    let kept = reserve(&seats, ROOM, 1).await.unwrap();
    let more = "for n = 1, 20000 do redis.call('SET', 'other' .. n, n) end";
    store.command::<()>(&["EVAL", more, "0"]).await;
    store.command::<()>(&["SAVE"]).await;
    store.restart_loading();
    let why = loop {
        let why = is_undecided(&reserve(&seats, ROOM, 2).await.unwrap_err());
        if why.contains("loading") {
            break why;
        }
    };
    assert!(why.contains("loading its data"), "{why}");
    store.command::<()>(&["CONFIG", "SET", "key-load-delay", "0"]).await;
    until_it_answers(&seats).await;
    assert_eq!(reserve(&seats, ROOM, 1).await.unwrap().reservation, kept.reservation);
    reserve(&seats, ROOM, 2).await.unwrap();
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().reserved, 2);
}
