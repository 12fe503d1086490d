//! How a stream of the line ends, and what becomes of the place: each cause with its word, and each
//! stream given up exactly once.

use anteroom_core::limits::STREAMS_MAX;
use anteroom_protocol::Code;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::line::{gone, offer, position, queue, reaches, stand};
use crate::harness::{Answer, Known as _, TestServer, within};

#[tokio::test]
async fn a_waiter_whose_stream_stays_away_loses_the_place_and_one_who_never_came_too() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.waiter_ttl", "1s");
    })
    .await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let people = server.guests(3).await;
    let vanishing = stand(&people[0], room).await;
    queue(&people[1], room).await;
    let mut loyal = stand(&people[2], room).await;
    drop(vanishing);
    for who in &people[..2] {
        server.event("waiter.gone", json!({ "user": who.id(), "cause": "away" })).await;
    }
    reaches(&mut loyal, 1).await;
    session.leave().await.unwrap();
    offer(&mut loyal).await;
    let lost = server.logged("waiter.gone", json!({ "user": people[2].id() }));
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn a_stream_that_comes_back_in_time_finds_the_place_or_the_same_ticket() {
    let server = TestServer::plain().await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let joined = queue(&a, room).await;
    queue(&b, room).await;
    for _ in 0..5 {
        let mut stream = a.watch_line(room).await.unwrap();
        let place = position(&mut stream).await;
        assert_eq!((place.position, place.joined_at), (1, joined.joined_at));
    }
    session.leave().await.unwrap();
    let mut tickets = Vec::new();
    for _ in 0..3 {
        let mut stream = a.watch_line(room).await.unwrap();
        tickets.push(offer(&mut stream).await.ticket);
    }
    tickets.dedup();
    assert_eq!(tickets.len(), 1, "the same offer each time");
}

#[tokio::test]
async fn two_tabs_of_one_user_share_the_place_and_are_both_told() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.waiter_ttl", "1s").set("log.level", "debug");
    })
    .await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let mut other = stand(&b, room).await;
    let mut one = stand(&a, room).await;
    let mut two = stand(&a, room).await;
    let closing = stand(&a, room).await;
    drop(closing);
    server.event("waiter.stream_lost", json!({ "user": a.id() })).await;
    b.stop_waiting(room).await.unwrap();
    assert_eq!(gone(&mut other).await, Code::NotWaiting);
    reaches(&mut one, 1).await;
    reaches(&mut two, 1).await;
    session.leave().await.unwrap();
    let tickets = [offer(&mut one).await.ticket, offer(&mut two).await.ticket];
    assert_eq!(tickets[0], tickets[1]);
}

/// The streams that keep a place are few; the others take over when those have ended.
#[tokio::test]
async fn a_stream_too_many_is_told_all_the_same_and_keeps_the_place_when_the_others_end() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.waiter_ttl", "1s").set("log.level", "debug");
    })
    .await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let people = server.guests(3).await;
    let mut first = stand(&people[0], room).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS_MAX {
        streams.push(stand(&people[1], room).await);
    }
    let mut last = stand(&people[1], room).await;
    people[0].stop_waiting(room).await.unwrap();
    gone(&mut first).await;
    reaches(&mut last, 1).await;
    let mark = server.mark();
    drop(streams);
    server.event_since(mark, "waiter.stream_lost", json!({ "user": people[1].id() })).await;
    // Whoever came after that and stays away loses the place, which takes as long.
    queue(&people[2], room).await;
    server.event("waiter.gone", json!({ "user": people[2].id(), "cause": "away" })).await;
    let lost = server.logged("waiter.gone", json!({ "user": people[1].id() }));
    assert!(lost.is_empty(), "{lost:?}");
    session.leave().await.unwrap();
    offer(&mut last).await;
}

#[tokio::test]
async fn who_leaves_the_line_in_one_tab_and_joins_again_has_streams_on_the_new_place_only() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.waiter_ttl", "1s");
    })
    .await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let mut former = stand(&a, room).await;
    let mut other = stand(&b, room).await;
    a.stop_waiting(room).await.unwrap();
    assert_eq!(gone(&mut former).await, Code::NotWaiting);
    let mut new = stand(&a, room).await;
    drop(former);
    reaches(&mut other, 1).await;
    session.leave().await.unwrap();
    offer(&mut other).await;
    reaches(&mut new, 1).await;
    b.cancel(room).await.unwrap();
    offer(&mut new).await;
}

#[tokio::test]
async fn each_end_of_a_wait_is_told_in_its_own_word() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.logins_per_user", 1);
    })
    .await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 1).await;
    let names = ["out", "kicked", "banned", "stays"];
    let mut people = Vec::new();
    let mut streams = Vec::new();
    for name in names {
        people.push(server.user(name).await);
        streams.push(stand(people.last().unwrap(), room).await);
    }
    people[0].logout().await.unwrap();
    assert_eq!(gone(&mut streams[0]).await, Code::LoggedOut);
    owner.remove_member(room, people[1].id()).await.unwrap();
    assert_eq!(gone(&mut streams[1]).await, Code::Removed);
    owner.ban_member(room, people[2].id()).await.unwrap();
    assert_eq!(gone(&mut streams[2]).await, Code::Banned);
    reaches(&mut streams[3], 1).await;
    owner.close_room(room).await.unwrap();
    assert_eq!(gone(&mut streams[3]).await, Code::RoomClosed);
    for (who, cause) in people.iter().zip(["logged_out", "removed", "removed", "room_closed"]) {
        let end = || json!({ "user": who.id(), "cause": cause });
        // The log may be read a moment after the stream.
        server.event("waiter.gone", end()).await;
        assert_eq!(server.logged("waiter.gone", end()).len(), 1, "{cause}");
    }
}

#[tokio::test]
async fn bug_a_logout_takes_the_place_in_line_of_who_has_no_stream_and_no_seat() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.waiter_ttl", "600s");
    })
    .await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    queue(&a, room).await;
    let mut behind = stand(&b, room).await;
    a.logout().await.unwrap();
    reaches(&mut behind, 1).await;
    session.leave().await.unwrap();
    offer(&mut behind).await;
}

#[tokio::test]
async fn a_newer_login_takes_the_place_over_and_the_older_ones_stream_ends() {
    let server = TestServer::plain().await;
    let (room, session) = server.room(&server.user("owner").await, 1).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let mut old = stand(&a, room).await;
    let joined = queue(&a, room).await;
    let _b = stand(&b, room).await;
    let newer = server.login("a").await;
    assert_eq!(gone(&mut old).await, Code::Unauthenticated);
    let path = format!("/rooms/{room}/waitlist/current");
    Answer::to(a.request(Method::GET, &path)).await.refuses(401, "unauthenticated");
    let mut new = newer.watch_line(room).await.unwrap();
    let place = position(&mut new).await;
    assert_eq!((place.position, place.joined_at), (1, joined.joined_at));
    session.leave().await.unwrap();
    let offer = offer(&mut new).await;
    newer.confirm(&offer, Default::default()).await.unwrap();
}

#[tokio::test]
async fn a_login_that_runs_out_ends_its_streams() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.token_ttl", "3s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 1).await;
    let a = server.user("a").await;
    let mut stream = stand(&a, room).await;
    assert_eq!(gone(&mut stream).await, Code::Unauthenticated);
}

#[tokio::test]
async fn a_stop_ends_streams_at_once_and_a_restart_treats_the_line_as_it_does_the_seats() {
    let mut server = TestServer::start(|cfg| {
        // Kept seats and places outlast the test.
        cfg.set("admission.grace", "60s").set("admission.waiter_ttl", "60s");
    })
    .await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 1).await;
    let a = server.user("a").await;
    let mut stream = stand(&a, room).await;
    server.ask_to_stop();
    let after = within("the end of a stream", stream.next()).await;
    assert!(!matches!(after, Ok(Some(_))), "a stop is no last word: {after:?}");
    drop(session);
    assert!(server.exited().await.success());
    server.restart().await;
    let a = server.login("a").await;
    let path = format!("/rooms/{room}/waitlist/current");
    if server.keeps_seats() {
        // Whoever comes later stands behind, and who waited is still there to be offered the seat.
        assert_eq!(queue(&server.user("b").await, room).await.position, 2);
        let mut stream = stand(&a, room).await;
        server.login("owner").await.enter(room).await.unwrap().leave().await.unwrap();
        offer(&mut stream).await;
    } else {
        // The line begins anew, like the room.
        Answer::to(a.request(Method::GET, &path)).await.refuses(404, "not_waiting");
        let _owner = server.login("owner").await.enter(room).await.unwrap();
        assert_eq!(queue(&a, room).await.position, 1);
    }
}

/// A client that hangs up before the answer, in the middle of it, or that asks for the head only:
/// each attached stream is given up, so each place comes to its deadline.
#[tokio::test]
async fn bug_b25_a_stream_dropped_at_any_moment_is_given_up() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.waiter_ttl", "1s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 1).await;
    let chief = server.administrator().await;
    let base = server.standing(&chief).await;
    let address = server.base().trim_start_matches("http://").to_owned();
    for (method, reads) in [("GET", 0), ("GET", 0), ("GET", 1), ("GET", 200), ("HEAD", 50)] {
        let guest = server.guest("hasty").await;
        queue(&guest, room).await;
        let head = format!(
            "{method} /api/v1/rooms/{room}/waitlist/current HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer {}\r\n\r\n",
            guest.token()
        );
        let mut line = TcpStream::connect(&address).await.unwrap();
        line.write_all(head.as_bytes()).await.unwrap();
        let mut read = vec![0; reads];
        within("an answer", line.read_exact(&mut read)).await.unwrap();
        drop(line);
        let gone = json!({ "user": guest.id(), "cause": "away" });
        server.event("waiter.gone", gone).await;
    }
    server.comes_to_rest(&chief, &base).await;
}
