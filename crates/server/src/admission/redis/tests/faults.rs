//! What must hold when Redis is slow, full, read-only, restarted, emptied or not to be trusted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anteroom_core::ids::{Owner, RoomId};
use anteroom_core::seat::{Closed, Parting, ReserveRefusal, RoomSpec, Terms};
use anteroom_core::time::Millis;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::people::{ask, claim, enter, part, reserve};
use super::relay::Relay;
use super::store::Store;
use super::{DEPLOYMENT, HERE, TIMEOUT, connected, settings, spec, unbounded};
use crate::admission::redis::{ConnectError, Redis};
use crate::admission::{
    Admission as _, ConfirmError, Journal, Refusal, SettleError, Unavailable, Whose,
};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const ROOM: RoomId = RoomId(101);

pub(super) async fn at(
    url: String,
    timeout: Duration,
    owner: Owner,
) -> Result<Redis, ConnectError> {
    let settings = settings(url, "seats:", timeout);
    let (clock, deadlines) = (Arc::new(Clock::new()), Arc::new(Deadlines::default()));
    let whose = Whose { deployment: DEPLOYMENT, owner };
    Redis::connect(&settings, (&Terms::default(), unbounded()), whose, clock, deadlines).await
}

pub(super) async fn with_room(store: &Store, capacity: u32) -> Redis {
    let seats = connected(store, "seats:", Terms::default(), unbounded()).await;
    seats.add_room(spec(ROOM.0, capacity)).await.unwrap();
    seats
}

/// Waits for the strategy to see the store again.
pub(super) async fn until_it_answers(seats: &Redis) {
    while seats.seats(ROOM).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[track_caller]
pub(super) fn is_undecided(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unavailable(Unavailable(why)) => why.clone(),
        other => panic!("decided: {other}"),
    }
}

#[tokio::test]
async fn the_retry_of_a_step_whose_answer_was_lost_gives_the_same_seat() {
    let store = Store::start();
    let relay = Relay::to(store.port()).await;
    let seats = at(relay.url(), TIMEOUT, HERE).await.unwrap();
    seats.add_room(spec(ROOM.0, 2)).await.unwrap();
    relay.lose_next_answer();
    is_undecided(&reserve(&seats, ROOM, 1).await.unwrap_err());
    let deadlines = seats.deadlines.len();
    assert_eq!(deadlines, 1, "the room is looked at again, for its deadline is not known");
    let again = reserve(&seats, ROOM, 1).await.unwrap();
    assert!(!again.fresh && again.reservation.generation.n == 1, "the same grant: {again:?}");
    let claim = claim(&again);
    relay.lose_next_answer();
    let lost = seats.confirm(ROOM, claim, &mut Journal::new()).await;
    assert!(matches!(lost, Err(ConfirmError::Unavailable(_))), "{lost:?}");
    seats.abort(ROOM, claim.user, claim.session, &mut Journal::new()).await.unwrap();
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().free, 2, "nothing of it stands");
    let sat = enter(&seats, ROOM, 2).await;
    relay.lose_next_answer();
    let lost = seats.close(ROOM, sat, Parting::Clean, &mut Journal::new()).await;
    assert!(lost.is_err(), "{lost:?}");
    let again = seats.close(ROOM, sat, Parting::Clean, &mut Journal::new()).await;
    assert_eq!(again, Ok(Closed::Stale), "returned exactly once");
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().free, 2);
}

#[tokio::test]
async fn a_stalled_store_is_answered_in_time_and_grants_nothing_afterwards() {
    let store = Store::start();
    let timeout = Duration::from_secs(2);
    let seats = at(store.url(), timeout, HERE).await.unwrap();
    seats.add_room(spec(ROOM.0, 10)).await.unwrap();
    let first = reserve(&seats, ROOM, 1).await.unwrap();
    store.stall(true);
    let started = Instant::now();
    let asked = join_all((2..7).map(|n| reserve(&seats, ROOM, n))).await;
    let (claim, mut journal) = (claim(&first), Journal::new());
    let confirmed = seats.confirm(ROOM, claim, &mut journal).await;
    let took = started.elapsed();
    assert!(took < timeout * 3, "{took:?}");
    asked.iter().for_each(|refused| drop(is_undecided(refused.as_ref().unwrap_err())));
    assert!(matches!(confirmed, Err(ConfirmError::Unavailable(_))));
    store.stall(false);
    until_it_answers(&seats).await;
    // All that was sent before has been read by now, and came too late.
    let stands = seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((stands.occupied, stands.reserved), (0, 1), "{stands:?}");
    assert_eq!(seats.entries_under_way().await, Ok(0));
    let again = reserve(&seats, ROOM, 2).await.unwrap();
    assert_eq!(again.reservation.generation.n, 2, "nothing was granted twice");
}

#[tokio::test]
async fn a_full_store_refuses_seats_and_still_takes_them_back() {
    let store = Store::start();
    let seats = with_room(&store, 10).await;
    let sat = enter(&seats, ROOM, 1).await;
    let reserved = reserve(&seats, ROOM, 2).await.unwrap();
    let entering = reserve(&seats, ROOM, 3).await.unwrap();
    seats.confirm(ROOM, claim(&entering), &mut Journal::new()).await.unwrap();
    store.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let before = seats.snapshot(ROOM).await.unwrap();
    assert!(is_undecided(&reserve(&seats, ROOM, 4).await.unwrap_err()).contains("OOM"));
    let confirmed = seats.confirm(ROOM, claim(&reserved), &mut Journal::new()).await;
    assert!(matches!(confirmed, Err(ConfirmError::Unavailable(_))), "{confirmed:?}");
    assert_eq!(seats.snapshot(ROOM).await.unwrap(), before, "no half step");
    let journal = &mut Journal::new();
    let (user, session) = (entering.user, claim(&entering).session);
    assert_eq!(seats.settle(ROOM, user, session, journal).await, Ok(vec![]));
    for part in [sat, part(&claim(&entering))] {
        assert_eq!(seats.close(ROOM, part, Parting::Clean, journal).await, Ok(Closed::Returned));
    }
    assert!(seats.cancel(ROOM, reserved.user, journal).await.unwrap().is_some());
    store.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().free, 10);
    reserve(&seats, ROOM, 4).await.unwrap();
}

#[tokio::test]
async fn scripts_that_were_flushed_are_loaded_again() {
    let store = Store::start();
    let seats = with_room(&store, 2).await;
    let first = reserve(&seats, ROOM, 1).await.unwrap();
    store.command::<()>(&["SCRIPT", "FLUSH"]).await;
    let again = reserve(&seats, ROOM, 1).await.unwrap();
    assert_eq!(again.reservation, first.reservation);
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().reserved, 1, "counted once");
}

#[tokio::test]
async fn a_replica_decides_nothing_and_a_primary_again_goes_on() {
    let store = Store::start();
    let seats = with_room(&store, 2).await;
    let sat = enter(&seats, ROOM, 1).await;
    // A primary that does not exist: what the replica has stays as it is.
    store.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let journal = &mut Journal::new();
    is_undecided(&reserve(&seats, ROOM, 2).await.unwrap_err());
    assert!(seats.close(ROOM, sat, Parting::Clean, journal).await.is_err());
    assert!(seats.seats(ROOM).await.is_err(), "what it shows may be old");
    store.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    until_it_answers(&seats).await;
    assert_eq!(seats.close(ROOM, sat, Parting::Clean, journal).await, Ok(Closed::Returned));
    reserve(&seats, ROOM, 2).await.unwrap();
}

#[tokio::test]
async fn a_password_set_under_way_refuses_and_does_nothing() {
    let store = Store::start();
    let seats = with_room(&store, 2).await;
    store.command::<()>(&["CONFIG", "SET", "requirepass", "secret"]).await;
    seats.link.give_up_current();
    let why = is_undecided(&reserve(&seats, ROOM, 1).await.unwrap_err());
    assert!(why.contains("NOAUTH") || why.contains("Authentication"), "{why}");
}

#[tokio::test]
async fn a_store_that_came_back_empty_answers_nothing_until_rooms_are_added_in_a_new_epoch() {
    let store = Store::start();
    let seats = with_room(&store, 1).await;
    seats.add_room(spec(102, 1)).await.unwrap();
    let old = enter(&seats, ROOM, 1).await;
    store.command::<()>(&["FLUSHALL"]).await;
    assert_eq!(
        is_undecided(&reserve(&seats, ROOM, 2).await.unwrap_err()),
        "the seat store was lost"
    );
    tokio::time::timeout(TIMEOUT, seats.lost()).await.unwrap();
    for _ in 0..2 {
        is_undecided(&reserve(&seats, ROOM, 2).await.unwrap_err());
        assert!(seats.seats(ROOM).await.is_err() && seats.seats_of(&[RoomId(102)]).await.is_err());
        assert!(seats.close(ROOM, old, Parting::Clean, &mut Journal::new()).await.is_err());
    }
    assert!(seats.add_room(spec(ROOM.0, 1)).await.is_err(), "in the same epoch: numbers repeat");
    seats.add_room(RoomSpec { epoch: 8, ..spec(ROOM.0, 1) }).await.unwrap();
    let reserved = reserve(&seats, ROOM, 2).await.unwrap();
    assert_eq!(reserved.reservation.generation.epoch, 8);
    assert!(seats.seats(RoomId(102)).await.is_err(), "not added again yet");
    assert!(seats.ping().await.is_err(), "not ready");
    seats.add_room(RoomSpec { epoch: 8, ..spec(102, 1) }).await.unwrap();
    assert!(seats.ping().await.is_err(), "there may be more rooms, which this node does not know");
    seats.rebuilt().await;
    assert_eq!(seats.ping().await, Ok(()));
    let stale = seats.close(ROOM, old, Parting::Clean, &mut Journal::new()).await;
    assert_eq!(stale, Ok(Closed::Stale), "a late close of a lost grant is inert");
    let told = seats.lost();
    futures_util::pin_mut!(told);
    assert!(futures_util::poll!(told).is_pending(), "one loss is told once");
}

#[tokio::test]
async fn a_loss_that_others_saw_is_one_and_told_once() {
    let store = Store::start();
    let seats = with_room(&store, 1).await;
    assert!(seats.lose());
    assert!(seats.ping().await.is_err(), "not ready");
    assert_eq!(
        is_undecided(&reserve(&seats, ROOM, 1).await.unwrap_err()),
        "the seat store was lost"
    );
    // What it sees by itself as well is no second one.
    store.command::<()>(&["FLUSHALL"]).await;
    assert!(seats.seats_of(&[]).await.is_ok());
    tokio::time::timeout(TIMEOUT, seats.lost()).await.unwrap();
    {
        let told = seats.lost();
        futures_util::pin_mut!(told);
        assert!(futures_util::poll!(told).is_pending(), "one loss is told once");
    }
    seats.add_room(RoomSpec { epoch: 8, ..spec(ROOM.0, 1) }).await.unwrap();
    seats.rebuilt().await;
    assert_eq!(seats.ping().await, Ok(()));
    assert_eq!(reserve(&seats, ROOM, 1).await.unwrap().reservation.generation.epoch, 8);
}

#[tokio::test]
async fn a_store_that_lost_its_last_moments_is_lost_and_one_that_kept_all_goes_on() {
    let mut store = Store::with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    let seats = with_room(&store, 3).await;
    let sat = enter(&seats, ROOM, 1).await;
    store.restart();
    until_it_answers(&seats).await;
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().occupied, 1, "it kept everything");
    let journal = &mut Journal::new();
    assert_eq!(seats.close(ROOM, sat, Parting::Clean, journal).await, Ok(Closed::Returned));
    store.restart();
    until_it_answers(&seats).await;
    let kept = reserve(&seats, ROOM, 1).await.unwrap();
    // From here on nothing is kept: like a replica that lagged behind and took over.
    store.command::<()>(&["CONFIG", "SET", "appendonly", "no"]).await;
    store.command::<()>(&["SAVE"]).await;
    let lost = reserve(&seats, ROOM, 2).await.unwrap();
    store.restart();
    let answer = loop {
        let answer = reserve(&seats, ROOM, 3).await;
        if !matches!(&answer, Err(Refusal::Unavailable(Unavailable(why))) if !why.contains("lost"))
        {
            break answer;
        }
    };
    is_undecided(&answer.unwrap_err());
    seats.add_room(RoomSpec { epoch: 8, ..spec(ROOM.0, 3) }).await.unwrap();
    let new = reserve(&seats, ROOM, 3).await.unwrap();
    assert!(new.reservation.generation > lost.reservation.generation, "no number twice");
    assert_eq!(reserve(&seats, ROOM, 1).await.unwrap().reservation, kept.reservation);
}

#[tokio::test]
async fn a_clock_that_is_set_back_moves_no_deadline_and_one_set_forward_overfills_nothing() {
    let store = Store::start();
    let seats = with_room(&store, 1).await;
    let set = |at: Millis| seats.reading.store(at.0, Ordering::Relaxed);
    // Later than anything the store has seen so far.
    let (start, hour) = (seats.now().after(TIMEOUT), Duration::from_secs(3_600));
    set(start);
    let reserved = reserve(&seats, ROOM, 1).await.unwrap();
    assert_eq!(reserved.reservation.deadline, start.after(Duration::from_secs(120)));
    let back = |ms: u64| Millis(start.0 - 3_600_000 + ms);
    set(back(0));
    let again = reserve(&seats, ROOM, 1).await.unwrap();
    assert_eq!(again.reservation, reserved.reservation, "it stands, with the same deadline");
    set(back(119_999));
    assert!(!reserve(&seats, ROOM, 1).await.unwrap().fresh, "as long as it was given for");
    let full = reserve(&seats, ROOM, 2).await.unwrap_err();
    assert_eq!(full, Refusal::Ledger(ReserveRefusal::RoomFull));
    set(back(120_000));
    let next = reserve(&seats, ROOM, 2).await.unwrap();
    set(start.after(hour));
    let (confirmed, journal) = (claim(&next), &mut Journal::new());
    assert!(seats.confirm(ROOM, confirmed, journal).await.is_err(), "early, and gone");
    reserve(&seats, ROOM, 3).await.unwrap();
    let full = reserve(&seats, ROOM, 4).await.unwrap_err();
    assert_eq!(full, Refusal::Ledger(ReserveRefusal::RoomFull), "never two for one");
}

#[tokio::test]
async fn a_clock_that_runs_ahead_of_what_was_measured_costs_one_more_question() {
    let store = Store::start();
    let seats = with_room(&store, 2).await;
    // As if the machine of the store had been set an hour forward since.
    seats.measured.fetch_sub(3_600_000, Ordering::Relaxed);
    reserve(&seats, ROOM, 1).await.unwrap();
    assert!(seats.measured.load(Ordering::Relaxed).abs() < 60_000, "measured again");
}

#[tokio::test]
async fn a_server_that_cannot_keep_seats_is_refused_in_words() {
    let store = Store::start();
    store.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let refused =
        |url: String| async move { at(url, TIMEOUT, HERE).await.err().unwrap().to_string() };
    let said = refused(store.url()).await;
    assert!(said.contains("maxmemory-policy") && said.contains("noeviction"), "{said}");
    store.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    store.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert!(refused(store.url()).await.contains("replica"));
    let cluster = Store::with(&["--save", "", "--appendonly", "no", "--cluster-enabled", "yes"]);
    assert!(refused(cluster.url()).await.contains("cluster_enabled:1"));
    assert!(refused(String::new()).await.contains("redis.url"));
    assert!(refused("redis://127.0.0.1:1/".to_owned()).await.contains("does not answer"));
}

#[tokio::test]
async fn a_new_life_of_a_node_ends_what_the_earlier_one_left_and_drops_rooms_it_does_not_know() {
    let store = Store::start();
    let next = Owner { incarnation: 2, ..HERE };
    let earlier = with_room(&store, 3).await;
    earlier.add_room(spec(102, 3)).await.unwrap();
    let sat = enter(&earlier, ROOM, 1).await;
    let entering = claim(&reserve(&earlier, ROOM, 2).await.unwrap());
    earlier.confirm(ROOM, entering, &mut Journal::new()).await.unwrap();
    reserve(&earlier, RoomId(102), 3).await.unwrap();
    // Another node's room and session are none of its business.
    let neighbour = at(store.url(), TIMEOUT, Owner { node: 4, incarnation: 1 });
    let neighbour = neighbour.await.unwrap();
    neighbour.add_room(spec(103, 3)).await.unwrap();
    drop(earlier);
    let seats = at(store.url(), TIMEOUT, next).await.unwrap();
    seats.add_room(RoomSpec { epoch: 8, ..spec(ROOM.0, 3) }).await.unwrap();
    let journal = &mut Journal::new();
    seats.take_up(next, journal).await.unwrap();
    let stands = seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((stands.held, stands.occupied), (1, 0), "{stands:?}, {journal:?}");
    assert_eq!(seats.entries_under_way().await, Ok(0));
    assert_eq!(seats.seats(RoomId(102)).await, Ok(None), "nobody added it in this life");
    assert!(seats.seats(RoomId(103)).await.unwrap().is_some());
    assert_eq!(seats.close(ROOM, sat, Parting::Clean, journal).await, Ok(Closed::Stale));
    let settled = seats.settle(ROOM, entering.user, entering.session, journal).await;
    assert!(matches!(settled, Err(SettleError::Ended(_))), "{settled:?}");
    let keys = store.keys().await;
    assert!(!keys.iter().any(|key| key.contains("102")), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key.contains("user:")).count(), 2, "{keys:?}");
    let reserved = seats.reserve(ROOM, ask(7), None, journal).await.unwrap();
    assert_eq!(reserved.reservation.generation.epoch, 8);
}
