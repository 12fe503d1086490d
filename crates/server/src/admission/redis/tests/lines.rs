//! The line to Redis: what is slow, late or doubled costs no seat, and nobody waits for it longer than
//! they said.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Closed, Parting, ReserveRefusal};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::faults::{at, is_undecided, until_it_answers};
use super::people::{enter, reserve};
use super::relay::Relay;
use super::store::Store;
use super::{HERE, TIMEOUT, spec};
use crate::admission::redis::Redis;
use crate::admission::{Admission as _, Journal, Refusal};

const ROOM: RoomId = RoomId(101);

/// A strategy whose line leads over a relay, with a room.
pub(super) async fn over_a_relay(
    store: &Store,
    capacity: u32,
    timeout: Duration,
) -> (Relay, Redis) {
    let relay = Relay::to(store.port()).await;
    let seats = at(relay.url(), timeout, HERE).await.unwrap();
    seats.add_room(spec(ROOM.0, capacity)).await.unwrap();
    (relay, seats)
}

/// Waits until a call is refused without having been waited for.
async fn until_known_to_be_away(seats: &Redis, timeout: Duration) {
    for _ in 0..5 {
        let started = Instant::now();
        is_undecided(&reserve(seats, ROOM, 99).await.unwrap_err());
        if started.elapsed() < timeout / 4 {
            return;
        }
    }
    panic!("every caller waits");
}

#[tokio::test]
async fn a_store_that_answers_nobody_is_waited_for_once_and_then_refused_at_once() {
    let store = Store::start();
    let timeout = Duration::from_millis(800);
    let (relay, seats) = over_a_relay(&store, 500, timeout).await;
    let sat = enter(&seats, ROOM, 1).await;
    let lines = relay.lines();
    store.stall(true);
    let started = Instant::now();
    let round = join_all((100..200).map(|n| reserve(&seats, ROOM, n))).await;
    let took = started.elapsed();
    round.iter().for_each(|refused| drop(is_undecided(refused.as_ref().unwrap_err())));
    assert!(took < timeout * 2, "each waits as long as it said, and not for one another: {took:?}");
    until_known_to_be_away(&seats, timeout).await;
    let started = Instant::now();
    for n in 100..200 {
        is_undecided(&reserve(&seats, ROOM, n).await.unwrap_err());
    }
    let took = started.elapsed();
    assert!(took < timeout / 2, "a hundred after one another are refused at once: {took:?}");
    // However many ask, one attempt at a time is made, and ever more slowly.
    let tried = relay.lines() - lines;
    assert!((1..=4).contains(&tried), "{tried} lines");
    store.stall(false);
    until_it_answers(&seats).await;
    let stands = seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((stands.occupied, stands.reserved), (1, 0), "nothing was granted to nobody");
    let closed = seats.close(ROOM, sat, Parting::Clean, &mut Journal::new()).await;
    assert_eq!(closed, Ok(Closed::Returned));
}

#[tokio::test]
async fn a_line_that_breaks_is_made_anew_once_for_all_who_wait() {
    let store = Store::start();
    let (relay, seats) = over_a_relay(&store, 500, TIMEOUT).await;
    let lines = relay.lines();
    seats.link.give_up_current();
    let round = join_all((100..200).map(|n| reserve(&seats, ROOM, n))).await;
    assert!(round.iter().all(Result::is_ok), "a moment is not worth a refusal");
    assert_eq!(relay.lines() - lines, 1);
}

#[tokio::test]
async fn f18_a_reply_later_than_its_callers_deadline_is_given_to_nobody_else() {
    let store = Store::start();
    let timeout = Duration::from_millis(700);
    let (relay, seats) = over_a_relay(&store, 500, timeout).await;
    relay.hold(true);
    let late = join_all((100..130).map(|n| reserve(&seats, ROOM, n))).await;
    late.iter().for_each(|refused| drop(is_undecided(refused.as_ref().unwrap_err())));
    relay.hold(false);
    until_it_answers(&seats).await;
    // Others go away by themselves while the answer is on its way: their connection stays in use.
    relay.hold(true);
    let (seats, answers) = (Arc::new(seats), relay.answers());
    let gone: Vec<_> = (130..160)
        .map(|n| {
            let seats = Arc::clone(&seats);
            tokio::spawn(async move { reserve(&seats, ROOM, n).await })
        })
        .collect();
    while relay.answers() < answers + 30 {
        tokio::task::yield_now().await;
    }
    gone.iter().for_each(tokio::task::JoinHandle::abort);
    let asked = join_all((160..190).map(|n| reserve(&seats, ROOM, n)));
    let (answered, ()) = tokio::join!(asked, async {
        while relay.answers() < answers + 60 {
            tokio::task::yield_now().await;
        }
        relay.hold(false);
    });
    for (n, reserved) in (160..190).zip(answered) {
        let user = reserved.unwrap().user.0.as_u128();
        assert_eq!(user, n, "the answer to another's question");
    }
    for n in 100..190 {
        let again = reserve(&seats, ROOM, n).await.unwrap();
        assert_eq!(again.user.0.as_u128(), n);
    }
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().reserved, 90, "one seat each");
}

#[tokio::test]
async fn f19_a_command_that_arrives_twice_gives_one_seat_and_returns_it_once() {
    let store = Store::start();
    let (relay, seats) = over_a_relay(&store, 3, TIMEOUT).await;
    relay.double();
    let sat = enter(&seats, ROOM, 1).await;
    enter(&seats, ROOM, 2).await;
    let stands = seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((stands.occupied, stands.reserved, stands.free), (2, 0, 1), "{stands:?}");
    let closed = seats.close(ROOM, sat, Parting::Clean, &mut Journal::new()).await;
    assert_eq!(closed, Ok(Closed::Returned));
    let close = relay.last_request();
    assert!(!close.is_empty());
    let back = enter(&seats, ROOM, 1).await;
    // The close once more, when the same user sits there again.
    let mut line = tokio::net::TcpStream::connect(("127.0.0.1", store.port())).await.unwrap();
    line.write_all(&close).await.unwrap();
    let (mut answer, mut bytes) = (String::new(), [0; 4 << 10]);
    while !answer.ends_with("}\r\n") {
        let n = line.read(&mut bytes).await.unwrap();
        assert!(n > 0, "{answer}");
        answer.push_str(std::str::from_utf8(&bytes[..n]).unwrap());
    }
    assert!(answer.contains("stale"), "{answer}");
    let stands = seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((stands.occupied, stands.free), (2, 1), "the seat that it has now stays");
    assert!(seats.is_seated(ROOM, back.user).await.unwrap());
}

#[tokio::test]
async fn f24_a_slow_line_keeps_nobody_waiting_for_anybody_else() {
    let store = Store::start();
    let (relay, seats) = over_a_relay(&store, 50, TIMEOUT).await;
    let (least, jitter) = (Duration::from_millis(200), Duration::from_millis(100));
    relay.slow_down(least, jitter);
    let started = Instant::now();
    let timed = |n| {
        let seats = &seats;
        async move {
            let began = Instant::now();
            (reserve(seats, ROOM, n).await, began.elapsed())
        }
    };
    let answers = join_all((1..=100).map(timed)).await;
    let took = started.elapsed();
    let full = Refusal::Ledger(ReserveRefusal::RoomFull);
    let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(it, _)| it.is_ok());
    assert_eq!(granted.len(), 50);
    assert!(refused.iter().all(|(it, _)| *it == Err(full.clone())));
    let mut times: Vec<Duration> = answers.iter().map(|(_, took)| *took).collect();
    times.sort();
    assert!(times[0] >= least, "the line is slow: {:?}", times[0]);
    // One after another they would take twenty seconds.
    assert!(times[98] < least * 8 && took < least * 8, "p99 {:?}, all {took:?}", times[98]);
}
