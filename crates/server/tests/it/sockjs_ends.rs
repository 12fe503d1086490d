//! How sessions over SockJS end, and what is left of them.

use std::time::{Duration, Instant};

use anteroom_protocol::frame::{ClientFrame, Send};
use serde_json::json;

use crate::harness::http::Http;
use crate::harness::sockjs::{RECEIVERS, SockJs};
use crate::harness::{Known as _, Settings, TestServer, alive, next_message, within};

/// Sooner than anybody is missed who does not ask.
const AT_ONCE: Duration = Duration::from_secs(3);

fn short_grace(cfg: &mut Settings) {
    cfg.set("admission.grace", "1s");
}

#[tokio::test]
async fn a_refused_ticket_is_refused_in_words_over_each_transport() {
    let server = TestServer::plain().await;
    for transport in RECEIVERS {
        let mut session = SockJs::new(&server, transport, "nonsense");
        assert_eq!(session.frame().await, "o");
        let refused = session.next("refused").await;
        assert_eq!(
            (&refused["code"], &refused["status"]),
            (&json!("no_reservation"), &json!(4403))
        );
        assert_eq!(session.end().await, (4403, "no_reservation".into()));
        assert_eq!(session.end().await, (4403, "no_reservation".into()), "and told again");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_refused_in_words() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    let guest = server.guest("guest").await;
    let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
    for odd in ["&since=yesterday", "&since=1&since=2", "&resume=a&resume=b", "&c=a&c=b"] {
        let mut session = SockJs::new(&server, "xhr", &ticket);
        session.query += odd;
        assert_eq!(session.frame().await, "o", "{odd}");
        assert_eq!(session.end().await, (4400, "bad_request".into()), "{odd}");
    }
    // Nothing of it has used the ticket.
    SockJs::opened(&server, "xhr", &ticket).await;
}

#[tokio::test]
async fn who_arrives_elsewhere_ends_a_session_over_each_transport_with_4409() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 20).await;
    let mut all = Vec::new();
    for transport in RECEIVERS {
        let guest = server.guest(transport).await;
        let (mut session, _) = SockJs::enter(&server, transport, (&guest, room)).await;
        let mut elsewhere = guest.enter(room).await.unwrap();
        assert_eq!(session.next("closing").await["code"], "replaced");
        assert_eq!(session.end().await, (4409, "replaced".into()));
        assert_eq!(
            session.send(&[json!({"type": "ping"})]).await,
            if transport == "jsonp" { 200 } else { 204 }
        );
        alive(&mut elsewhere).await;
        all.push(elsewhere);
    }
    assert_eq!(server.seats(room).await.held, 0);
}

#[tokio::test]
async fn who_leaves_gives_the_seat_back_and_is_told_goodbye() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 20).await;
    for transport in RECEIVERS {
        let guest = server.guest(transport).await;
        let (mut session, _) = SockJs::enter(&server, transport, (&guest, room)).await;
        session.send(&[json!({"type": "leave"})]).await;
        assert_eq!(session.end().await, (1000, "Normal closure".into()));
        server.event("seat.returned", json!({"user": guest.id(), "cause": "left"})).await;
    }
    assert_eq!(server.seats(room).await.held, 0);
}

#[tokio::test]
async fn who_polls_no_more_has_the_seat_held_and_then_loses_it() {
    let server = TestServer::start(|cfg| {
        short_grace(cfg);
        cfg.set("log.level", "info,anteroom=debug");
    })
    .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 2).await;
    let guest = server.guest("guest").await;
    let (session, _) = SockJs::enter(&server, "xhr", (&guest, room)).await;
    let end = json!({ "user": guest.id(), "code": 1006, "clean": false });
    let end = server.event("session.closed", end).await;
    let held = server.event("seat.held", json!({ "user": guest.id() })).await;
    let returned = server.event("seat.returned", json!({ "user": guest.id() })).await;
    assert!(returned.index > held.index);
    let opened = server.event("session.opened", json!({ "user": guest.id() })).await;
    let kept = end.at_ms() - opened.at_ms();
    assert!((4_500..9_000).contains(&kept), "kept for {kept} ms");
    // Whoever asks late is told that it is over, and in the end nothing is known of it.
    let mut late = session.ask().await;
    assert_eq!(late.rest().await, "c[3000,\"Go away!\"]\n");
    server.event("sockjs.forgotten", json!({})).await;
    assert_eq!(session.send(&[json!({"type": "ping"})]).await, 404);
    alive(&mut owner).await;
}

/// An answer is the system's as soon as it takes it; over a slow line it is read for much longer.
#[tokio::test]
async fn who_may_still_be_reading_a_large_answer_is_not_missed() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let enter = async |name: &str| {
        let guest = server.guest(name).await;
        (SockJs::enter(&server, "xhr", (&guest, room)).await.0, guest.id())
    };
    let (mut reads, _) = enter("reads").await;
    for n in 0..12 {
        owner.send(format!("{n} {}", "한".repeat(3_900))).await.unwrap();
    }
    let answer = reads.ask().await.rest().await;
    assert!(answer.len() > 100 << 10, "{} bytes", answer.len());
    // Away after it, and with next to nothing to read.
    let (_small, id) = enter("small").await;
    server.event("session.closed", json!({ "user": id, "code": 1006 })).await;
    reads.say("here I am").await;
    reads.next("ack").await;
}

#[tokio::test]
async fn an_answer_that_breaks_ends_the_session_at_once() {
    let server = TestServer::start(short_grace).await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    for transport in ["xhr_streaming", "eventsource", "htmlfile"] {
        let guest = server.guest(transport).await;
        let (mut session, welcome) = SockJs::enter(&server, transport, (&guest, room)).await;
        owner.send("before").await.unwrap();
        let before = session.next("message").await;
        session.hang_up();
        let hung_up = Instant::now();
        server.event("seat.held", json!({ "user": guest.id() })).await;
        assert!(hung_up.elapsed() < AT_ONCE, "{transport}: after {:?}", hung_up.elapsed());
        let mut late = session.ask_as("xhr", &[]).await;
        assert_eq!(late.rest().await, "c[3000,\"Go away!\"]\n", "{transport}");
        owner.send("meanwhile").await.unwrap();
        // Who comes back says up to where it has read, and hears the rest.
        let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
        let mut back = SockJs::new(&server, transport, &ticket);
        back.query +=
            &format!("&since={}&resume={}", before["seq"], welcome["resume"].as_str().unwrap());
        assert_eq!(back.frame().await, "o");
        assert_eq!(back.next("welcome").await["entry"], "refresh");
        assert_eq!(back.next("message").await["content"], "meanwhile");
    }
}

#[tokio::test]
async fn who_does_not_read_is_cut_and_costs_nobody_else_anything() {
    let server = TestServer::start(short_grace).await;
    let chief = server.administrator().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let base = server.standing(&chief).await;
    let still = server.guest("still").await;
    let (session, _) = SockJs::enter(&server, "xhr", (&still, room)).await;
    let line = format!("POST {}", session.address("xhr_streaming"));
    let unread = Http::ask_slowly(server.port(), &line, &[], "", Some(16 << 10)).await;
    let cut = json!({ "user": still.id(), "code": 4508 });
    let talking = async {
        let mut n = 0;
        while server.logged("session.closed", cut.clone()).is_empty() {
            n += 1;
            let (client_id, content) = (format!("long {n}"), "한".repeat(4_000));
            let long =
                ClientFrame::Send(Send { client_id, content, content_type: None, reply_to: None });
            owner.send_frame(&long).await.unwrap();
            if n % 20 == 0 {
                alive(&mut owner).await;
            }
        }
    };
    within("the cut of a reader that stands still", talking).await;
    server.event("seat.returned", json!({ "user": still.id() })).await;
    alive(&mut owner).await;
    server.comes_to_rest(&chief, &base).await;
    // What is read in the end is what was written before, and nothing follows it.
    let mut unread = unread;
    let read = unread.rest().await;
    assert!(read.len() < 1 << 20, "{} bytes", read.len());
}

#[tokio::test]
async fn a_silent_client_is_asked_and_who_does_not_answer_is_dropped() {
    let server = TestServer::start(|cfg| {
        short_grace(cfg);
        cfg.set("heartbeat.ping", "500ms").set("heartbeat.silence", "2s");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    let guest = server.guest("guest").await;
    let (mut session, _) = SockJs::enter(&server, "xhr_streaming", (&guest, room)).await;
    // Who answers stays, however long: each new answer shows that somebody is there.
    for _ in 0..5 {
        loop {
            let frame = session.frame().await;
            if frame == "h" {
                break;
            }
            assert!(frame.starts_with('a'), "{frame}");
        }
    }
    assert!(server.logged("session.silent", json!({ "user": guest.id() })).is_empty());
    // Who asks no more is dropped for its silence, before it is missed.
    server.event("session.silent", json!({ "user": guest.id() })).await;
    server.event("seat.returned", json!({ "user": guest.id() })).await;
}

#[tokio::test]
async fn bounds_hold_as_for_a_websocket() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true)
            .set("limits.bad_frames", 3)
            .set("limits.frames_per_10s", 30);
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    let enter = async |name: &str| {
        SockJs::enter(&server, "xhr_streaming", (&server.guest(name).await, room)).await.0
    };
    let mut large = enter("large").await;
    assert_eq!(large.send(&[json!("x".repeat(65 << 10))]).await, 413);
    assert_eq!(large.end().await, (1009, "too_large".into()));

    let mut bad = enter("bad").await;
    for _ in 0..3 {
        bad.send(&[json!({"type": "nonsense"})]).await;
        assert_eq!(bad.next("error").await["code"], "bad_frame");
    }
    bad.send(&[json!({"type": "nonsense"})]).await;
    assert_eq!(bad.end().await, (4400, "bad_request".into()));

    let mut flood = enter("flood").await;
    flood.send(&vec![json!({"type": "ping"}); 40]).await;
    assert_eq!(flood.end().await, (4529, "rate_limited".into()));
}

/// Nobody has read it, so nobody knows whether one message in it is too large.
#[tokio::test]
async fn a_request_that_is_too_large_is_refused_and_its_session_goes_on() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.frame_bytes", "4KiB");
    })
    .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let pings = |count| {
        let ping = json!({"type": "ping"}).to_string() + &" ".repeat(3_000);
        json!(vec![ping; count]).to_string()
    };
    for transport in ["xhr", "jsonp"] {
        let guest = server.guest(transport).await;
        let (mut session, _) = SockJs::enter(&server, transport, (&guest, room)).await;
        assert_eq!(session.send_raw(&pings(100), &[]).await.status, 413, "{transport}");
        session.say("and it goes on").await;
        assert_eq!(next_message(&mut owner).await.content, "and it goes on");
        // What clients send at once is taken, also where frames are small.
        let taken = if transport == "jsonp" { 200 } else { 204 };
        assert_eq!(session.send_raw(&pings(20), &[]).await.status, taken, "{transport}");
        session.next("pong").await;
    }
}

#[tokio::test]
async fn there_are_no_more_sessions_than_may_be_and_who_was_refused_is_forgotten_once_told() {
    const SESSIONS: usize = 20;
    let server = TestServer::start(|cfg| {
        cfg.set("server.connections_max", SESSIONS).set("log.level", "info,anteroom=debug");
    })
    .await;
    let mut refused = SockJs::new(&server, "xhr", "nonsense");
    assert_eq!(refused.end().await, (4403, "no_reservation".into()));
    let told = Instant::now();
    server.event("sockjs.forgotten", json!({})).await;
    assert!(told.elapsed() < AT_ONCE, "{:?}", told.elapsed());

    let (room, _owner) = server.room(&server.user("owner").await, 40).await;
    let guests = server.guests(SESSIONS + 1).await;
    let (last, others) = guests.split_last().unwrap();
    let mut sessions = Vec::new();
    for guest in others {
        sessions.push(SockJs::enter(&server, "xhr", (guest, room)).await.0);
    }
    let ticket = last.reserve(room, &Default::default()).await.unwrap().ticket;
    let answer = SockJs::new(&server, "xhr", &ticket).ask().await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    // When there is room again, the ticket is as good as before.
    sessions[0].send(&[json!({"type": "leave"})]).await;
    server.events(2, "sockjs.forgotten", json!({})).await;
    SockJs::opened(&server, "xhr", &ticket).await;
}

#[tokio::test]
async fn whoever_hears_is_told_when_the_server_stops() {
    let mut server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    let mut sessions = Vec::new();
    for transport in ["xhr_streaming", "eventsource", "htmlfile", "xhr"] {
        let guest = server.guest(transport).await;
        let (mut session, _) = SockJs::enter(&server, transport, (&guest, room)).await;
        if transport == "xhr" {
            // Whoever polls is told all in the answer that is waited for: none is given after it.
            let answer = session.ask().await;
            session.begin(answer).await;
        }
        sessions.push(session);
    }
    server.ask_to_stop();
    let ends = futures_util::future::join_all(sessions.iter_mut().map(SockJs::end));
    let ends = within("the ends", ends).await;
    for end in ends {
        assert_eq!(end, (1012, "restarting".into()));
    }
    assert!(server.exited().await.success());
    assert!(server.logged("server.stopped_hard", json!({})).is_empty());
}

/// A client that polls is between two requests at any moment.
#[tokio::test]
async fn who_asks_right_after_the_stop_is_told_and_who_never_asks_does_not_hold_it_up() {
    let mut server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    let enter = async |name: &str| {
        let guest = server.guest(name).await;
        SockJs::enter(&server, "xhr", (&guest, room)).await.0
    };
    let (mut asks, _never) = (enter("asks").await, enter("never").await);
    server.ask_to_stop();
    server.events(2, "session.closed", json!({ "code": 1012 })).await;
    asks.hang_up();
    assert_eq!(within("the end", asks.end()).await, (1012, "restarting".into()));
    let asked = Instant::now();
    assert!(server.exited().await.success());
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(server.logged("server.stopped_hard", json!({})).is_empty());
}

#[tokio::test]
async fn everything_comes_back_to_where_it_was() {
    let server = TestServer::start(short_grace).await;
    let chief = server.administrator().await;
    let (room, _owner) = server.room(&server.user("owner").await, 60).await;
    let base = server.standing(&chief).await;
    let mut kept = Vec::new();
    for (n, guest) in server.guests(20).await.iter().enumerate() {
        let (mut session, _) = SockJs::enter(&server, RECEIVERS[n % 5], (guest, room)).await;
        if n % 2 == 0 {
            session.hang_up();
        }
        kept.push(session);
    }
    drop(kept);
    server.events(20, "seat.returned", json!({})).await;
    server.comes_to_rest(&chief, &base).await;
}
