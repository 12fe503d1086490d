//! Strategy `redis`: what holds for any strategy, and what a Redis that is away, emptied or wrongly
//! set up does to a running server.

use std::time::{Duration, Instant};

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::EntryKind;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Known as _, Redis, TestServer, alive, ended, refused, within};

#[tokio::test]
async fn a_room_holds_as_many_as_it_says_and_a_refresh_keeps_the_seat() {
    let redis = Redis::start();
    let server = redis.server(|_| {}).await;
    let (room, mut owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let first = a.enter(room).await.unwrap();
    let late = server.guest("late").await;
    refused(late.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    let resume = first.welcome().resume.clone();
    first.close(1001).await.unwrap();
    server.event("seat.held", json!({ "user": a.id() })).await;
    let body = Reserve { resume: Some(resume.clone()), ..Reserve::default() };
    let again = a.reserve(room, &body).await.unwrap();
    let options = ConfirmOptions { resume: Some(resume), ..ConfirmOptions::default() };
    let mut back = a.confirm(&again, options).await.unwrap();
    assert_eq!(back.welcome().entry, EntryKind::Refresh);
    alive(&mut back).await;
    alive(&mut owner).await;
    back.leave().await.unwrap();
    let mut taken = late.enter(room).await.unwrap();
    alive(&mut taken).await;
    assert_eq!(server.balanced(room).await.occupied, 2);
}

#[tokio::test]
async fn fifty_at_once_for_ten_seats_leave_forty_outside() {
    let redis = Redis::start();
    let server = redis.server(|_| {}).await;
    let room = server.empty_room(&server.user("owner").await, 10).await;
    let people = server.guests(50).await;
    let asked = people.iter().map(|one| async { one.reserve(room, &Reserve::default()).await });
    let answers = futures_util::future::join_all(asked).await;
    let granted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(granted, 10);
    for error in answers.into_iter().filter_map(Result::err) {
        assert_eq!(error.code(), Some(Code::RoomFull));
    }
}

#[tokio::test]
async fn after_kill_9_a_ticket_still_opens_and_a_seat_is_held() {
    let redis = Redis::start();
    let mut server = redis
        .server(|cfg| {
            cfg.set("admission.grace", "60s");
        })
        .await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 2).await;
    let late = server.user("late").await;
    let ticket = late.reserve(room, &Reserve::default()).await.unwrap();
    server.kill9().await;
    server.restart().await;
    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.held, seats.reserved, seats.free), (0, 1, 1, 0));
    let client = server.client();
    let entered = client.confirm_ticket(&ticket.ticket, ConfirmOptions::default()).await;
    alive(&mut entered.unwrap()).await;
    assert_eq!(server.open_memberships(room), 2, "both stays go on");
}

#[tokio::test]
async fn a_redis_that_is_away_is_no_full_room_and_open_chats_go_on() {
    let redis = Redis::start();
    let server = redis
        .server(|cfg| {
            cfg.set("redis.timeout", "1s").set("admission.grace", "1s");
        })
        .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 3).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    alive(&mut owner).await;
    let leaving = b.enter(room).await.unwrap();
    let early = a.reserve(room, &Reserve::default()).await.unwrap();
    redis.sleeps();
    let refusal = a.reserve(room, &Reserve::default()).await;
    refused(refusal, 503, Code::Unavailable);
    alive(&mut owner).await;
    // A connection that ends now is closed at once; its seat comes back when Redis does.
    leaving.close(1000).await.unwrap();
    redis.wakes();
    let again = within("an answer", async {
        loop {
            match a.reserve(room, &Reserve::default()).await {
                Ok(reservation) => return reservation,
                Err(error) => assert_eq!(error.code(), Some(Code::Unavailable), "{error}"),
            }
        }
    })
    .await;
    assert_eq!(again.ticket, early.ticket, "the same seat");
    let left = json!({ "user": b.id() });
    server.event("seat.returned", left).await;
    let mut session = a.confirm(&again, ConfirmOptions::default()).await.unwrap();
    alive(&mut session).await;
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.held), (2, 0, 0), "nothing leaked");
}

#[tokio::test]
async fn a_stream_that_is_refused_while_redis_is_away_leaves_nothing_to_be_taken_back() {
    let redis = Redis::start();
    let server = redis
        .server(|cfg| {
            cfg.set("redis.timeout", "1s");
        })
        .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 3).await;
    let a = server.guest("a").await;
    redis.sleeps();
    for _ in 0..3 {
        let path = format!("/rooms/{room}/waitlist/current");
        Answer::to(a.request(Method::GET, &path)).await.refuses(503, "unavailable");
    }
    redis.wakes();
    alive(&mut owner).await;
    assert!(!server.log_has("StreamLost"), "no stream was attached, so none is lost");
}

#[tokio::test]
async fn who_is_kicked_while_redis_is_away_is_let_in_when_the_kick_is_through_and_stays() {
    let redis = Redis::start();
    let server = redis
        .server(|cfg| {
            cfg.set("redis.timeout", "300ms");
        })
        .await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 3).await;
    let a = server.user("a").await;
    let mut kicked = a.enter(room).await.unwrap();
    redis.sleeps();
    let member = format!("/rooms/{room}/members/{}", a.id());
    assert_eq!(Answer::to(owner.request(Method::DELETE, &member)).await.status, 204);
    assert_eq!(ended(&mut kicked).await.1.code, 4450);
    redis.wakes();
    let back = within("an answer", async {
        loop {
            match a.reserve(room, &Reserve::default()).await {
                Ok(reservation) => return reservation,
                Err(error) => assert_eq!(error.code(), Some(Code::Unavailable), "{error}"),
            }
        }
    })
    .await;
    let mut session = a.confirm(&back, ConfirmOptions::default()).await.unwrap();
    let kick = format!("Remove {{ room: RoomId({room}), user: UserId({}) }}", a.id());
    server.event("seat_store.caught_up", json!({ "duty": kick })).await;
    alive(&mut session).await;
    assert_eq!(server.balanced(room).await.occupied, 2);
}

#[tokio::test]
async fn a_redis_that_was_emptied_ends_all_sessions_before_it_gives_a_seat_again() {
    let redis = Redis::start();
    let server = redis.server(|_| {}).await;
    server.expect_error("seat_store.lost");
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 1).await;
    let late = server.user("late").await;
    let mark = server.mark();
    assert_eq!(redis.say("FLUSHALL"), "+OK");
    let refusal = late.reserve(room, &Reserve::default()).await.err().map(|error| error.code());
    assert!(matches!(refusal, Some(Some(Code::Unavailable))), "{refusal:?}");
    assert_eq!(ended(&mut session).await.1.code, 4512);
    server.event_since(mark, "seat_store.rebuilt", json!({})).await;
    let mut entered = late.enter(room).await.unwrap();
    alive(&mut entered).await;
    refused(owner.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.free), (1, 0));
    assert_eq!(server.open_memberships(room), 1, "the stay of the lost life has ended");
}

#[tokio::test]
async fn a_room_that_was_closed_while_redis_was_emptied_stays_closed_and_holds_up_nobody() {
    let redis = Redis::start();
    let server = redis.server(|_| {}).await;
    server.expect_error("seat_store.lost");
    let owner = server.user("owner").await;
    let (closed, _session) = server.room(&owner, 2).await;
    let (open, _other) = server.room(&server.user("other").await, 2).await;
    let late = server.user("late").await;
    // The rooms are not made anew before the database lets a new epoch begin.
    server.break_store("UPDATE ON meta");
    assert_eq!(redis.say("FLUSHALL"), "+OK");
    refused(late.reserve(open, &Reserve::default()).await, 503, Code::Unavailable);
    server.event("seat_store.rebuild_failed", json!({})).await;
    owner.close_room(closed).await.unwrap();
    server.mend_store();
    server.event("seat_store.rebuilt", json!({})).await;
    let answer = late.reserve(closed, &Reserve::default()).await;
    refused(answer, 410, Code::RoomClosed);
    alive(&mut late.enter(open).await.unwrap()).await;
    let ready =
        Answer::to(crate::harness::http_client().get(format!("{}/readyz", server.base()))).await;
    assert_eq!(ready.status, 200, "a room that is no more is waited for: {ready:?}");
}

#[tokio::test]
async fn a_redis_that_would_evict_seats_is_refused_at_the_start_in_words() {
    let redis = Redis::start();
    assert_eq!(redis.say("CONFIG SET maxmemory-policy allkeys-lru"), "+OK");
    let said = TestServer::refused_to_start(|cfg| {
        redis.give_to(cfg);
    })
    .await;
    assert!(said.contains("noeviction"), "{said}");
}

#[tokio::test]
async fn a_combination_that_cannot_hold_is_refused_at_the_start_in_words() {
    let said = TestServer::refused_to_start(|cfg| {
        cfg.set("admission.strategy", "redis");
    })
    .await;
    assert!(said.contains("redis.url"), "{said}");
    let said = TestServer::refused_to_start(|cfg| {
        cfg.set("cluster.bus", "redis");
    })
    .await;
    assert!(said.contains("semaphore") && said.contains("one node"), "{said}");
    let nobody = "redis://127.0.0.1:1/";
    let said = TestServer::refused_to_start(|cfg| {
        cfg.set("admission.strategy", "redis").set("redis.url", nobody);
    })
    .await;
    assert!(said.contains("127.0.0.1:1") || said.to_lowercase().contains("redis"), "{said}");
}

#[tokio::test]
async fn two_deployments_with_one_prefix_are_told_apart() {
    let redis = Redis::start();
    let server = redis.server(|_| {}).await;
    let (room, mut owner) = server.room(&server.user("owner").await, 2).await;
    let said = TestServer::refused_to_start(|cfg| {
        redis.give_to(cfg);
    })
    .await;
    assert!(said.contains("another database") && said.contains("redis.prefix"), "{said}");
    let other = redis
        .server(|cfg| {
            cfg.set("redis.prefix", "other:");
        })
        .await;
    alive(&mut other.room(&other.user("owner").await, 2).await.1).await;
    alive(&mut owner).await;
    assert_eq!(server.balanced(room).await.occupied, 1);
}

#[tokio::test]
async fn seats_that_became_another_databases_end_the_sessions_and_nothing_is_given_until_they_are_gone()
 {
    let redis = Redis::start();
    let server = redis.server(|_| {}).await;
    server.expect_error("seat_store.lost");
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 1).await;
    let mark = server.mark();
    assert_eq!(redis.say("HSET anteroom:clock deployment 0123456789abcdef"), ":0");
    refused(owner.reserve(room, &Reserve::default()).await, 503, Code::Unavailable);
    assert_eq!(ended(&mut session).await.1.code, 4512);
    let failed = server.events(2, "seat_store.rebuild_failed", json!({})).await;
    assert!(failed.iter().all(|event| event.text("error").contains("another database")));
    refused(owner.reserve(room, &Reserve::default()).await, 503, Code::Unavailable);
    assert_eq!(server.rows("meta WHERE epoch = 1", &[]), 1, "no epoch was spent on it");
    assert_eq!(redis.say("FLUSHALL"), "+OK");
    server.event_since(mark, "seat_store.rebuilt", json!({})).await;
    alive(&mut owner.enter(room).await.unwrap()).await;
}

#[tokio::test]
async fn a_data_directory_of_the_past_is_refused_however_often_it_starts() {
    let redis = Redis::start();
    let mut server = redis.server(|_| {}).await;
    let room = server.empty_room(&server.user("owner").await, 2).await;
    server.stop().await;
    let backup = server.copied_data();
    for _ in 0..2 {
        server.restart().await;
        server.stop().await;
    }
    let newest = server.copied_data();
    server.put_data(&backup);
    for _ in 0..4 {
        let said = server.refuses_to_restart().await;
        assert!(said.contains("later life") && said.contains("backup"), "{said}");
    }
    server.put_data(&newest);
    server.restart().await;
    alive(&mut server.login("owner").await.enter(room).await.unwrap()).await;
}

/// Redis answers nobody for `span`: every request is refused in its time, chats go on, and the seat that
/// was given before is there afterwards.
async fn stalls_for(span: Duration, timeout: Duration) {
    let redis = Redis::start();
    let server = redis
        .server(|cfg| {
            cfg.set("redis.timeout", format!("{}ms", timeout.as_millis()));
        })
        .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 3).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let early = a.reserve(room, &Reserve::default()).await.unwrap();
    redis.sleeps();
    let (began, mut chats, mut longest) = (Instant::now(), 0, Duration::ZERO);
    while began.elapsed() < span {
        let asked = Instant::now();
        refused(b.reserve(room, &Reserve::default()).await, 503, Code::Unavailable);
        longest = longest.max(asked.elapsed());
        if began.elapsed() > timeout * chats {
            alive(&mut owner).await;
            chats += 1;
        }
    }
    assert!(longest < timeout * 2, "one waited {longest:?}");
    assert!(chats > 3, "{chats}");
    redis.wakes();
    let again = within("an answer", async {
        loop {
            match a.reserve(room, &Reserve::default()).await {
                Ok(reservation) => return reservation,
                Err(error) => assert_eq!(error.code(), Some(Code::Unavailable), "{error}"),
            }
        }
    })
    .await;
    assert_eq!(again.ticket, early.ticket, "the same seat");
    let seats = server.balanced(room).await;
    assert_eq!(
        (seats.occupied, seats.reserved, seats.free),
        (1, 1, 1),
        "nothing was given unheard"
    );
    assert_eq!(server.logged("seat_store.away", json!({})).len(), 1, "told once");
    server.event("seat_store.back", json!({})).await;
}

#[tokio::test]
async fn f13_a_redis_that_stalls_is_refused_in_time_and_the_seat_stands_afterwards() {
    stalls_for(Duration::from_millis(2_500), Duration::from_millis(500)).await;
}

#[tokio::test]
#[ignore = "takes half a minute: the long form of the test above"]
async fn f13_a_redis_that_stalls_for_thirty_seconds() {
    stalls_for(Duration::from_secs(30), Duration::from_secs(2)).await;
}
