//! What a verb costs: round trips, and time.

use std::time::Instant;

use anteroom_core::ids::{LoginId, Owner, RoomId, StreamId};
use anteroom_core::seat::{Parting, RoomSize, Terms};
use uuid::Uuid;

use super::people::{ask, claim, enter, part, reserve};
use super::store::Store;
use super::{connected, spec, unbounded};
use crate::admission::redis::Redis;
use crate::admission::redis::scripts::ALL;
use crate::admission::{Admission as _, Journal, Ticket};

const ROOM: RoomId = RoomId(101);
const OTHER: RoomId = RoomId(102);

/// The commands that clients sent so far, without those of the scripts themselves.
async fn sent(store: &Store) -> Vec<(String, u64)> {
    let info: String = store.command(&["INFO", "commandstats"]).await;
    let calls = info.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(':')?;
        Some((name.to_owned(), rest.strip_prefix("calls=")?.split(',').next()?.parse().ok()?))
    });
    calls.filter(|(name, _): &(String, u64)| name.starts_with("eval")).collect()
}

/// Every verb once, those that cross rooms included.
async fn every_verb(seats: &Redis) {
    let journal = &mut Journal::new();
    let user = |n| ask(n).user;
    let sat = enter(seats, ROOM, 1).await;
    let reserved = reserve(seats, OTHER, 1).await.unwrap();
    let moving = claim(&reserved);
    seats
        .connecting(&Ticket::of(OTHER, reserved.user, &reserved.reservation), journal)
        .await
        .unwrap();
    let session = anteroom_core::ids::SessionId(Uuid::from_u128(77));
    let moving = anteroom_core::seat::Claim { session, ..moving };
    seats.confirm(OTHER, moving, journal).await.unwrap();
    let ended = seats.settle(OTHER, user(1), session, journal).await.unwrap();
    assert_eq!(ended, [sat.session], "the former room's part ended in the same step");
    seats.heard(OTHER, user(1), session).await.unwrap();
    seats.abort(OTHER, user(1), session, journal).await.unwrap();
    seats.close(OTHER, part(&moving), Parting::Unclean, journal).await.unwrap();
    seats.reserve_party(ROOM, vec![ask(2), ask(3)], journal).await.unwrap();
    seats.cancel(ROOM, user(2), journal).await.unwrap();
    let third = seats.standing(ROOM, user(3)).await.unwrap().unwrap().reservation;
    seats.withdraw(ROOM, user(3), (third.generation, third.login), journal).await.unwrap();
    let (old, new) = (LoginId(Uuid::from_u128(1)), LoginId(Uuid::from_u128(9)));
    seats.supersede(user(1), old, new, journal).await.unwrap();
    seats.revoke_login(user(1), new, journal).await.unwrap();
    seats.remove(ROOM, user(1), journal).await.unwrap();
    seats.fence(Owner { node: 3, incarnation: 1 }, journal).await.unwrap();
    seats.take_up(Owner { node: 3, incarnation: 1 }, journal).await.unwrap();
    seats.wait(ROOM, ask(4), None, journal).await.unwrap();
    let stream = StreamId { owner: Owner { node: 3, incarnation: 1 }, n: 1 };
    seats.stream_attached(ROOM, user(4), stream, journal).await.unwrap();
    seats.stream_lost(ROOM, user(4), stream, journal).await.unwrap();
    seats.stop_waiting(ROOM, user(4), journal).await.unwrap();
    seats.set_capacity(ROOM, RoomSize::plain(4), journal).await.unwrap();
    seats.expire(ROOM, journal).await.unwrap();
    seats.seats_of(&[ROOM, OTHER]).await.unwrap();
    assert_eq!(seats.overdue().await.unwrap(), []);
    seats.members(ROOM).await.unwrap();
    assert_eq!(seats.sessions_of(user(4)).await.unwrap(), []);
    seats.line(ROOM).await.unwrap();
    seats.snapshot(ROOM).await.unwrap();
    seats.entries_under_way().await.unwrap();
    seats.close_room(ROOM, journal).await.unwrap();
}

/// How many calls `every_verb` makes.
const CALLS: u64 = 33;

#[tokio::test]
async fn each_verb_is_one_script_and_nothing_else() {
    let store = Store::start();
    let seats = connected(&store, "seats:", Terms::default(), unbounded()).await;
    seats.add_room(spec(ROOM.0, 5)).await.unwrap();
    seats.add_room(spec(OTHER.0, 5)).await.unwrap();
    store.command::<()>(&["CONFIG", "RESETSTAT"]).await;
    every_verb(&seats).await;
    assert_eq!(sent(&store).await, [("evalsha".to_owned(), CALLS)]);
    assert_eq!(ALL.len(), 30 + 1, "a new verb is called above; one is the tests' own");
}

/// The processor time that the store has used, in microseconds.
async fn worked(store: &Store) -> f64 {
    let info: String = store.command(&["INFO", "cpu"]).await;
    let used = info.lines().filter_map(|line| {
        let (name, seconds) = line.trim_end().split_once(':')?;
        ["used_cpu_user", "used_cpu_sys"].contains(&name).then(|| seconds.parse::<f64>().unwrap())
    });
    used.sum::<f64>() * 1e6
}

/// Prints figures: `cargo test --release -p anteroom --lib admission::redis::tests::cost -- --ignored
/// --nocapture`.
#[tokio::test]
#[ignore = "prints figures; for a release build"]
async fn cost_of_an_entry_and_its_end() {
    const CYCLES: u32 = 2_000;
    let store = Store::start();
    let seats = connected(&store, "seats:", Terms::default(), unbounded()).await;
    seats.add_room(spec(ROOM.0, 30)).await.unwrap();
    for stretch in 0..3 {
        let (before, started) = (worked(&store).await, Instant::now());
        for n in 1..=CYCLES {
            let sat = enter(&seats, ROOM, n.into()).await;
            seats.close(ROOM, sat, Parting::Clean, &mut Journal::new()).await.unwrap();
        }
        let took = started.elapsed().as_secs_f64() * 1e6 / f64::from(CYCLES);
        let store_took = (worked(&store).await - before) / f64::from(CYCLES);
        println!(
            "stretch {stretch}: reserve + confirm + settle + close {took:.0} us one after \
                  another, {store_took:.0} us of them the store's processor"
        );
    }
}
