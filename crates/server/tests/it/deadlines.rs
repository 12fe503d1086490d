//! Deadlines that wait on RabbitMQ: what rings there is a hint, and the seats decide.

use std::process::Command;

use anteroom_protocol::entry::Reserve;
use serde_json::{Value, json};

use crate::harness::line::queue;
use crate::harness::{Known as _, LogEvent, Rabbit, TestServer, alive};

/// How far the server's own loop stays behind, in milliseconds.
const BEHIND: i64 = 2_000;
/// What a busy machine needs besides.
const BUSY: i64 = 8_000;

/// A server whose reservations wait two seconds, there.
async fn server(rabbit: &Rabbit) -> TestServer {
    TestServer::start(|settings| {
        settings.wait_at(rabbit).set("rabbitmq.timeout", "500ms");
        settings.set("admission.reservation_ttl", "2s").set("admission.grace", "1s");
    })
    .await
}

/// So many milliseconds after its deadline the reservation was reclaimed.
async fn reclaimed(server: &TestServer, room: i64, until: i64) -> (i64, LogEvent) {
    let expired = server.event("reservation.expired", json!({ "room": room })).await;
    (expired.at_ms() - until, expired)
}

fn signal(rabbit: &Rabbit, name: &str) {
    let kill = format!("kill -{name} {}", rabbit.pid());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Rings for a room, once for each word.
async fn ring(rabbit: &Rabbit, prefix: &str, words: &[String]) {
    let say = |word: &String| {
        format!(
            "rabbit_basic:publish(rabbit_misc:r(<<\"/\">>, exchange, <<\"{prefix}due\">>), <<\"\">>, [], <<\"{word}\">>)"
        )
    };
    let all: Vec<String> = words.iter().map(say).collect();
    rabbit.ctl(&["eval", &format!("{}.", all.join(", "))]).await;
}

#[tokio::test]
async fn each_kind_of_deadline_rings_there_before_the_server_looks_by_itself() {
    // Far enough apart that none rings for another.
    let server = TestServer::start(|settings| {
        settings.wait_at(Rabbit::shared());
        settings.set("admission.reservation_ttl", "6s").set("admission.grace", "1s");
        settings.set("admission.offer_ttl", "1s").set("admission.pending_room_ttl", "2s");
    })
    .await;
    let pending = server.pending_room(&server.user("other").await, 2).await.room.id;
    let (room, _sits) = server.room(&server.user("owner").await, 2).await;
    let [one, two] = <[_; 2]>::try_from(server.guests(2).await).unwrap();
    let reserved = one.reserve(room, &Reserve::default()).await.unwrap();
    // Waits for the seat, is offered it when the reservation is reclaimed, and lets the offer pass.
    queue(&two, room).await;
    let (reservation, _) = reclaimed(&server, room, reserved.expires_at.0).await;
    let passed = server.events(2, "reservation.expired", json!({ "room": room })).await.remove(1);
    let since = async |begun: &str, fields: Value| server.event(begun, fields).await.at_ms();
    let offer = passed.at_ms() - since("entry.offered", json!({ "room": room })).await - 1_000;

    one.enter(room).await.unwrap().close(1001).await.unwrap();
    let stay = json!({ "room": room, "user": one.id() });
    let held = since("seat.held", stay.clone()).await;
    let grace = since("seat.returned", stay).await - held - 1_000;

    let asked = since("room.queued", json!({ "room": pending })).await;
    let pending = since("room.pending_expired", json!({ "room": pending })).await - asked - 2_000;
    let late = [reservation, offer, grace, pending];
    assert!(
        late.iter().all(|late| (-50..BEHIND).contains(late)),
        "{late:?} ms after their deadlines"
    );
}

#[tokio::test]
async fn with_the_broker_away_every_deadline_is_kept_a_bounded_time_later() {
    let rabbit = Rabbit::start().await;
    let server = server(&rabbit).await;
    let (room, mut sits) = server.room(&server.user("owner").await, 2).await;
    rabbit.kill9().await;
    let guest = server.guest("guest").await;
    let reserved = guest.reserve(room, &Reserve::default()).await.unwrap();
    let (late, _) = reclaimed(&server, room, reserved.expires_at.0).await;
    assert!((BEHIND - 50..BEHIND + BUSY).contains(&late), "{late} ms after the deadline");
    let mut taken = guest.enter(room).await.unwrap();
    alive(&mut taken).await;
    alive(&mut sits).await;
}

#[tokio::test]
async fn what_rings_early_twice_or_for_nothing_changes_nothing() {
    let rabbit = Rabbit::shared();
    let prefix = rabbit.prefix();
    let server = TestServer::start(|settings| {
        settings.wait_at(rabbit).set("rabbitmq.prefix", &prefix);
        settings.set("admission.reservation_ttl", "20s");
    })
    .await;
    let (room, _sits) = server.room(&server.user("owner").await, 2).await;
    let guest = server.guest("guest").await;
    let reserved = guest.reserve(room, &Reserve::default()).await.unwrap();
    let words = [&*room.to_string(), &*room.to_string(), "999", "nonsense", ""].map(str::to_owned);
    ring(rabbit, &prefix, &words).await;
    // All of it was taken.
    let queue = format!("{prefix}due");
    while rabbit
        .ctl(&["list_queues", "--silent", "name", "messages"])
        .await
        .lines()
        .any(|line| line.split_whitespace().next() == Some(&*queue) && !line.ends_with("\t0"))
    {
        tokio::task::yield_now().await;
    }
    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.free), (1, 1, 0));
    let mut entered = guest.confirm(&reserved, Default::default()).await.unwrap();
    alive(&mut entered).await;
    assert!(server.logged("reservation.expired", json!({ "room": room })).is_empty());
}

#[tokio::test]
async fn what_rings_late_finds_the_seat_reclaimed_and_touches_nobody_elses() {
    let rabbit = Rabbit::start().await;
    let server = server(&rabbit).await;
    let (room, _sits) = server.room(&server.user("owner").await, 2).await;
    let guest = server.guest("guest").await;
    let reserved = guest.reserve(room, &Reserve::default()).await.unwrap();
    // The alarm is set by now or never will be; either way it is late.
    server.seats_when(room, |seats, _| seats.reserved == 1).await;
    signal(&rabbit, "STOP");
    let (late, _) = reclaimed(&server, room, reserved.expires_at.0).await;
    assert!((BEHIND - 50..BEHIND + BUSY).contains(&late), "{late} ms after the deadline");
    let other = server.guest("other").await;
    let again = other.reserve(room, &Reserve::default()).await.unwrap();
    signal(&rabbit, "CONT");
    let mut entered = other.confirm(&again, Default::default()).await.unwrap();
    alive(&mut entered).await;
    let expired = server.logged("reservation.expired", json!({ "room": room }));
    assert_eq!(expired.len(), 1, "reclaimed exactly once");
    assert_eq!(server.balanced(room).await.occupied, 2);
}

#[tokio::test]
async fn without_an_address_it_is_refused_in_words() {
    let refused = TestServer::refused_to_start(|settings| {
        settings.set("admission.deadlines", "rabbitmq").set("rabbitmq.url", "");
    })
    .await;
    assert!(refused.contains("rabbitmq.url"), "{refused}");
}
