//! Bounds: what they stop, and what they must not stop.

use anteroom_client::{Account, ConfirmOptions};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ServerFrame;
use anteroom_protocol::room::CreateRoom;
use anteroom_protocol::{CloseCode, Code};
use futures_util::SinkExt as _;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{
    Answer, Known as _, PASSWORD, TestServer, alive, ended, lacks_websocket, refused, within,
};

/// Two hundred messages and more wait for somebody who reads slowly but steadily.
#[tokio::test]
async fn bug_a_replay_above_the_outbound_bound_reaches_a_steady_reader_whole() {
    const MESSAGES: i64 = 400;
    let server = TestServer::start(|cfg| {
        cfg.set("limits.outbound_bytes", "128KiB");
    })
    .await;
    let (room, mut writer) = server.room(&server.user("owner").await, 3).await;
    let long = "한".repeat(4_000);
    for _ in 0..MESSAGES {
        within("an ack", writer.send(long.as_str())).await.unwrap();
    }
    let (chief, late) = (server.administrator().await, server.guest("late").await);
    let path = format!("/admin/users/{}/messages", late.id());
    let reservation = late.reserve(room, &Reserve::default()).await.unwrap();
    let options =
        ConfirmOptions { since: Some(0), receive_buffer: Some(16 << 10), ..Default::default() };
    let mut reader = late.confirm(&reservation, options).await.unwrap();
    let message = |frame: &ServerFrame| match frame {
        ServerFrame::Message(message) => Some(message.seq),
        _ => None,
    };
    for seq in 1..=MESSAGES {
        // One word of somebody else for each message read: the reader keeps up.
        let said = chief.request(Method::POST, &path).json(&json!({ "content": "a word" }));
        assert_eq!(Answer::to(said).await.json(), json!({ "sessions": 1 }));
        let read = within("a replayed message", reader.wait_for(message)).await;
        match read {
            Ok(read) => assert_eq!(read, seq, "in order, none missing"),
            Err(error) => panic!("cut off after {} of {MESSAGES}: {error}", seq - 1),
        }
    }
    within("an ack", writer.send("and now this")).await.unwrap();
    assert_eq!(within("the news", reader.wait_for(message)).await.unwrap(), MESSAGES + 1);
    alive(&mut reader).await;
}

/// A large room ends while another talks.
#[tokio::test]
async fn bug_closing_a_room_of_three_hundred_refuses_no_send_elsewhere() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 301).await;
    let (other, mut talking) = server.room(&server.user("other").await, 2).await;
    let guests = server.guests(300).await;
    let mut members = Vec::with_capacity(guests.len());
    for batch in guests.chunks(50) {
        let entering = join_all(batch.iter().map(|guest| guest.enter(room)));
        members.extend(within("arrivals", entering).await.into_iter().map(Result::unwrap));
    }
    let closing = async {
        owner.close_room(room).await.unwrap();
        let ends = join_all(members.iter_mut().map(ended)).await;
        assert!(ends.iter().all(|(_, closed)| closed.code == 4410), "each is told");
        server.events(300, "membership.ended", json!({ "room": room })).await;
    };
    let mut sent = 0;
    let talk = async {
        tokio::pin!(closing);
        loop {
            tokio::select! {
                biased;
                () = &mut closing => return,
                ack = talking.send("on and on") => {
                    ack.expect("no send is refused");
                    sent += 1;
                }
            }
        }
    };
    within("the end of a large room", talk).await;
    assert!(sent > 0);
    assert_eq!(server.open_memberships(room), 0);
    assert_eq!(server.open_memberships(other), 1);
    refused(guests[0].room(room).await, 410, Code::RoomClosed);
}

/// A login that fails, as a proxy hands it on.
async fn fail_to_log_in(server: &TestServer, username: &str, forwarded: Option<&str>) -> u16 {
    let body = json!({ "username": username, "password": "not the password" });
    let mut request = server.client().request(Method::POST, "/sessions").json(&body);
    if let Some(forwarded) = forwarded {
        request = request.header("x-forwarded-for", forwarded);
    }
    Answer::to(request).await.status
}

async fn behind_a_proxy() -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("limits.enabled", true)
            .set("limits.login_failures", 3)
            .set("server.trusted_proxies", "127.0.0.1");
    })
    .await
}

#[tokio::test]
async fn bug_the_last_forwarded_address_counts_also_with_a_port() {
    let server = behind_a_proxy().await;
    for n in 1..=3 {
        let forwarded = format!("10.0.0.{n}, 1.2.3.4:{}", 5_000 + n);
        assert_eq!(fail_to_log_in(&server, &format!("nobody-{n}"), Some(&forwarded)).await, 401);
    }
    for forwarded in ["10.0.0.9, 1.2.3.4:9", "1.2.3.4", "10.0.0.9,1.2.3.4"] {
        let status = fail_to_log_in(&server, "nobody-4", Some(forwarded)).await;
        assert_eq!(status, 429, "{forwarded} is the address that failed too often");
    }
    for (n, forwarded) in
        ["1.2.3.5:5000", "1.2.3.4, 1.2.3.6", "[2001:db8::1]:443"].iter().enumerate()
    {
        let status = fail_to_log_in(&server, &format!("other-{n}"), Some(forwarded)).await;
        assert_eq!(status, 401, "{forwarded} is another one");
    }
    assert_eq!(fail_to_log_in(&server, "nobody-5", None).await, 401, "and so is the peer");
}

#[tokio::test]
async fn bug_a_forwarded_address_that_is_none_counts_as_the_proxy() {
    for last in ["unknown", "_hidden", "", "1.2.3.4.5"] {
        let server = behind_a_proxy().await;
        for n in 1..=3 {
            let forwarded = format!("10.0.0.{n}, {last}");
            let status = fail_to_log_in(&server, &format!("nobody-{n}"), Some(&forwarded)).await;
            assert_eq!(status, 401);
        }
        let again = format!("10.0.0.4, {last}");
        let status = fail_to_log_in(&server, "nobody-4", Some(&again)).await;
        assert_eq!(status, 429, "{again}: the client's own word does not count");
        assert_eq!(fail_to_log_in(&server, "nobody-5", None).await, 429, "it is the peer");
        assert_eq!(fail_to_log_in(&server, "nobody-6", Some("10.0.0.1")).await, 401);
    }
}

/// Asks for a seat from an address of its own.
async fn ask(who: &Account, room: i64, password: &str, from: &str) -> Answer {
    let request = who.request(Method::POST, &format!("/rooms/{room}/reservations"));
    let body = json!({ "password": password });
    Answer::to(request.header("x-forwarded-for", from).json(&body)).await
}

#[tokio::test]
async fn bug_a_room_password_cannot_be_guessed_without_end() {
    const GUESSES_MAX: usize = 40;
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("server.trusted_proxies", "127.0.0.1");
    })
    .await;
    let owner = server.user("owner").await;
    let body = CreateRoom {
        name: "Behind a door".into(),
        capacity: 9,
        password: Some(PASSWORD.into()),
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let room = created.room.id;
    let _owner = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    let (guesser, friend) = (server.guest("guesser").await, server.guest("friend").await);
    let mut refusal = None;
    for n in 0..GUESSES_MAX {
        let answer = ask(&guesser, room, &format!("guess {n}"), "10.0.0.1").await;
        if answer.status != 403 {
            refusal = Some((n, answer));
            break;
        }
        answer.refuses(403, "wrong_room_password");
    }
    let Some((guesses, answer)) = refusal else {
        panic!("{GUESSES_MAX} wrong passwords and no end")
    };
    assert!(guesses >= 3, "a few slips are allowed");
    answer.refuses(429, "rate_limited");
    let wait: u64 = answer.header("retry-after").parse().expect("says how long to wait");
    assert!(wait >= 1);
    let again = ask(&guesser, room, PASSWORD, "10.0.0.1").await;
    again.refuses(429, "rate_limited");
    let granted = ask(&friend, room, PASSWORD, "10.0.0.2").await;
    assert_eq!(granted.status, 201, "who knows it is not kept out: {granted:?}");
}

#[tokio::test]
async fn bug_guesses_of_a_room_password_made_at_once_are_no_more_than_one_by_one() {
    const ALLOWED: usize = 5;
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("limits.room_password_failures", ALLOWED);
    })
    .await;
    let owner = server.user("owner").await;
    let body = CreateRoom {
        name: "Behind a door".into(),
        capacity: 9,
        password: Some(PASSWORD.into()),
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let _owner = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    let guesser = server.guest("guesser").await;
    let guesses: Vec<String> = (0..40).map(|n| format!("guess {n}")).collect();
    let asked = guesses.iter().map(|guess| ask(&guesser, created.room.id, guess, "10.0.0.1"));
    let answers = join_all(asked).await;
    let judged = answers.iter().filter(|answer| answer.status == 403).count();
    assert_eq!(judged, ALLOWED, "the rest learn nothing");
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 40 - ALLOWED);
}

#[tokio::test]
async fn bug_a_flood_of_control_frames_ends_like_any_other() {
    if lacks_websocket("a flood of control frames", "there are none") {
        return;
    }
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("limits.frames_per_10s", 60);
    })
    .await;
    let (room, mut observer) = server.room(&server.user("owner").await, 5).await;
    let flood: [fn() -> Message; 2] =
        [|| Message::Ping(vec![7; 8].into()), || Message::Pong(vec![7; 8].into())];
    for control in flood {
        let mut session = server.guest("flooder").await.enter(room).await.unwrap();
        for _ in 0..200 {
            // The server may hang up while this is still being written.
            let socket = session.socket_mut().expect("a WebSocket");
            if socket.send(control()).await.is_err() {
                break;
            }
        }
        let end = async {
            session.send_raw_text(r#"{"type":"ping"}"#).await.ok();
            ended(&mut session).await
        };
        let end = tokio::time::timeout(std::time::Duration::from_secs(5), end).await;
        let (words, closed) = end.expect("a flood of control frames ends the session");
        assert_eq!(closed.code, CloseCode::RateLimited.status());
        assert_eq!(words.map(|words| words.code), Some(Code::RateLimited), "in words");
    }
    alive(&mut observer).await;
}
