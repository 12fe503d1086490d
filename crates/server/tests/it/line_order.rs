//! The order of the line under a crowd: first come, first served, whoever leaves or vanishes.

use std::collections::HashMap;

use anteroom_client::{Account, LineStream};
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::harness::line::{offer, queue, stand};
use crate::harness::{Known as _, LogEvent, TestServer, within};

const WAITERS: usize = 50;

/// A number that looks random and is the same each time.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// What each waiter does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// Takes the seat, and leaves it at once.
    Takes,
    /// Leaves the line.
    Leaves,
    /// Vanishes without a word.
    Vanishes,
    /// Lets the offer lapse.
    Sleeps,
}

async fn take(who: &Account, stream: &mut LineStream) {
    let seat = offer(stream).await;
    let session = within("an entry", who.confirm(&seat, Default::default())).await.unwrap();
    session.leave().await.unwrap();
}

#[tokio::test]
async fn b41_fifty_waiters_are_served_in_order_whoever_leaves_or_vanishes() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.waiter_ttl", "1s").set("admission.offer_ttl", "1s");
    })
    .await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let people = server.guests(WAITERS).await;
    let mut streams = Vec::new();
    let mut order: HashMap<Uuid, usize> = HashMap::new();
    for (n, who) in people.iter().enumerate() {
        streams.push(Some(stand(who, room).await));
        order.insert(who.id(), n);
    }
    let mut dice = 7;
    let manners: Vec<Manner> = (0..WAITERS)
        .map(|_| match draw(&mut dice) % 8 {
            0 | 1 => Manner::Leaves,
            2 => Manner::Vanishes,
            3 => Manner::Sleeps,
            _ => Manner::Takes,
        })
        .collect();
    for (n, who) in people.iter().enumerate() {
        match manners[n] {
            Manner::Leaves => who.stop_waiting(room).await.unwrap(),
            Manner::Vanishes => drop(streams[n].take()),
            Manner::Takes | Manner::Sleeps => {}
        }
    }
    for (n, who) in people.iter().enumerate().filter(|(n, _)| manners[*n] == Manner::Vanishes) {
        let gone = json!({ "user": who.id(), "cause": "away" });
        assert!(server.event("waiter.gone", gone).await.index > 0, "{n}");
    }
    session.leave().await.unwrap();
    let serving =
        people.iter().zip(&mut streams).zip(&manners).map(|((who, stream), manner)| async move {
            match (manner, stream) {
                (Manner::Takes, Some(stream)) => take(who, stream).await,
                (Manner::Sleeps, Some(stream)) => drop(offer(stream).await),
                _ => {}
            }
        });
    within("everybody's turn", join_all(serving)).await;

    let served = server.logged("entry.offered", json!({ "room": room }));
    let served: Vec<usize> =
        served.iter().map(|event| order[&event.text("user").parse().unwrap()]).collect();
    let due: Vec<usize> =
        (0..WAITERS).filter(|n| matches!(manners[*n], Manner::Takes | Manner::Sleeps)).collect();
    assert_eq!(served, due, "in the order in which they came, each once");
    let seats = server.seats_when(room, |seats, _| seats.free == 1).await;
    assert_eq!((seats.waiting, seats.reserved), (0, 0));
}

/// Every freed seat wakes one waiter, also when many are freed at once by different hands.
#[tokio::test]
async fn seats_freed_at_once_wake_as_many_waiters_and_no_more() {
    const SEATS: usize = 8;
    let server = TestServer::plain().await;
    let (room, session) = server.room(&server.user("owner").await, SEATS as u32 + 1).await;
    let seated = server.fill(room, SEATS).await;
    let people = server.guests(2 * SEATS).await;
    for who in &people {
        queue(who, room).await;
    }
    let mut streams = join_all(people.iter().map(|who| who.watch_line(room))).await;
    let leaving = seated.into_iter().map(|session| async { session.leave().await.unwrap() });
    join_all(leaving).await;
    let offers = streams.iter_mut().take(SEATS).map(|stream| offer(stream.as_mut().unwrap()));
    within("as many offers as seats", join_all(offers)).await;
    // The steps of several hands are logged as they come; the ledger numbers its grants.
    let mut offered = server.events(SEATS, "entry.offered", json!({ "room": room })).await;
    let grant = |event: &LogEvent| -> u64 {
        event.text("generation").split('.').next_back().unwrap().parse().unwrap()
    };
    offered.sort_by_key(grant);
    let offered: Vec<String> = offered.iter().map(|event| event.text("user")).collect();
    let first: Vec<String> = people[..SEATS].iter().map(|who| who.id().to_string()).collect();
    assert_eq!(offered, first);
    assert_eq!(server.seats(room).await.waiting as usize, SEATS);
    session.leave().await.unwrap();
    offer(streams[SEATS].as_mut().unwrap()).await;
}
