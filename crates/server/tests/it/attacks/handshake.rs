//! The way to a WebSocket: who may open one, with what, and how often.

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::{Reservation, Reserve};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use reqwest::Method;
use serde_json::json;

use super::bytes::{answer, last_request};
use super::{Scene, Way, by_status};
use crate::harness::raw::{self, Raw, frame};
use crate::harness::{Answer, Known as _, TestServer, alive, encode, refused};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What every handshake has, unless it is the point that it has not.
const UPGRADE: &[(&str, &str)] = &[
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", KEY),
];

/// A request for a WebSocket.
fn handshake(way: &Way, target: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", way.port);
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text + "\r\n"
}

/// The same reservation, presented where the way leads to.
fn over(way: &Way, reservation: &Reservation) -> Reservation {
    let websocket_url = format!("ws://127.0.0.1:{}/ws?ticket={}", way.port, reservation.ticket);
    Reservation { websocket_url, ..reservation.clone() }
}

fn same_standing(one: &Reservation, other: &Reservation) -> bool {
    (&one.ticket, one.expires_at) == (&other.ticket, other.expires_at)
}

#[tokio::test]
async fn a01_a_browser_led_here_by_another_site_opens_no_websocket() {
    let scene = Scene::with(|cfg| {
        cfg.set("server.allowed_origins", "https://good.example");
    })
    .await;
    let ways = Way::all(&scene.server).await;
    let victim = scene.server.user("victim").await;
    let reservation = victim.reserve(scene.room, &Reserve::default()).await.unwrap();
    let target = format!("/ws?ticket={}", reservation.ticket);
    let cookie = format!("anteroom_token={}", victim.token());
    for way in &ways {
        let own = format!("http://127.0.0.1:{}", way.port);
        let foreign = [
            "null".to_owned(),
            String::new(),
            "https://evil.example".into(),
            "https://good.example.evil".into(),
            "https://good.example:444".into(),
            "http://good.example".into(),
            "https://good.example/".into(),
            format!("{own}.example.evil"),
            "http://127.0.0.1:1".into(),
            own.replace("http:", "https:"),
            format!("{own}, https://evil.example"),
        ];
        let mut headers = [UPGRADE, &[("Cookie", &*cookie)]].concat();
        let none = answer(way.port, handshake(way, &target, &headers)).await;
        assert_eq!(none.status, 403, "{}: a cookie without an origin", way.name);
        for origin in &foreign {
            headers.push(("Origin", origin));
            let refusal = answer(way.port, handshake(way, &target, &headers)).await;
            assert_eq!(refusal.status, 403, "{}: {origin}", way.name);
            assert!(refusal.body.contains("\"cross_site\""), "{}: {refusal:?}", way.name);
            headers.pop();
        }
        let again = victim.reserve(scene.room, &Reserve::default()).await.unwrap();
        assert!(same_standing(&again, &reservation), "{}: the seat was not touched", way.name);
    }
    let seen = scene.server.logged("entry.connecting", json!({ "user": victim.id() }));
    assert!(seen.is_empty(), "nobody came as far as the seats");
    // From the own site and from the one that is allowed the same cookie opens one.
    let own = ConfirmOptions {
        origin: Some(scene.server.base().to_owned()),
        headers: vec![("cookie".into(), cookie)],
        ..ConfirmOptions::default()
    };
    let mut session = victim.confirm(&reservation, own).await.unwrap();
    alive(&mut session).await;
    session.leave().await.unwrap();
    scene.ends_well().await;
}

#[tokio::test]
async fn a02_what_is_no_handshake_is_told_what_one_is() {
    let scene = Scene::set().await;
    let without = |name: &str| -> Vec<_> {
        UPGRADE.iter().copied().filter(|(key, _)| *key != name).collect()
    };
    let with =
        |name: &'static str, value: &'static str| [&without(name)[..], &[(name, value)]].concat();
    for way in &Way::all(&scene.server).await {
        for (what, headers, status) in [
            ("no key", without("Sec-WebSocket-Key"), 400),
            ("a short key", with("Sec-WebSocket-Key", "c2hvcnQ="), 400),
            ("a key that is no base64", with("Sec-WebSocket-Key", "*"), 400),
            ("two keys", [UPGRADE, &[("Sec-WebSocket-Key", KEY)]].concat(), 400),
            ("version 12", with("Sec-WebSocket-Version", "12"), 426),
            ("no version", without("Sec-WebSocket-Version"), 426),
            ("no upgrade", without("Upgrade"), 426),
            ("another upgrade", with("Upgrade", "h2c"), 426),
        ] {
            let refusal = answer(way.port, handshake(way, "/ws", &headers)).await;
            let is_due = refusal.status == status || (!way.is_straight() && refusal.status == 400);
            assert!(is_due, "{}, {what}: {refusal:?}", way.name);
            if refusal.status == 426 {
                assert_eq!(refusal.header("sec-websocket-version"), "13", "{}", way.name);
            }
        }
        let post = handshake(way, "/ws", UPGRADE).replacen("GET", "POST", 1);
        let refusal = answer(way.port, post).await;
        assert!(matches!(refusal.status, 400 | 405), "{}: {refusal:?}", way.name);
        if way.is_straight() {
            let old = handshake(way, "/ws", UPGRADE).replacen("HTTP/1.1", "HTTP/1.0", 1);
            assert_eq!(answer(way.port, old).await.status, 400);
        }
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a03_a_secret_in_the_query_is_written_down_nowhere() {
    let scene = Scene::with(|cfg| {
        cfg.set("log.level", "trace");
    })
    .await;
    let mut secrets = Vec::new();
    let mut told = String::new();
    let ways = Way::all(&scene.server).await;
    for way in &ways {
        let guest = scene.server.guest("guest").await;
        // An access token is none of the query's: who sends it there is nobody.
        for target in ["/api/v1/me?token=", "/api/v1/me?access_token=", "/profile?anteroom_token="]
        {
            let asked = last_request(&format!("GET {target}{}", guest.token()), &[], "");
            let refusal = answer(way.port, asked).await;
            assert!(matches!(refusal.status, 401 | 303), "{}: {refusal:?}", way.name);
            told += &refusal.body;
        }
        let reservation = guest.reserve(scene.room, &Reserve::default()).await.unwrap();
        let here = over(way, &reservation);
        let mut line = Raw::open(&here, 64 << 10).await;
        line.write(&frame(raw::TEXT, true, br#"{"type":"leave"}"#)).await;
        assert_eq!(line.close_code().await, 1000, "{}", way.name);
        // The same ticket again, in places where it can only be refused.
        let again = format!("/ws?ticket={}", reservation.ticket);
        let foreign = [UPGRADE, &[("Origin", "https://evil.example")]].concat();
        for asked in [
            handshake(way, &again, &foreign),
            handshake(way, &again, &[("Connection", "close")]),
            last_request(&format!("GET /api/v1/rooms?cursor={}", reservation.ticket), &[], ""),
            last_request(&format!("GET /api/v1/none?ticket={}", reservation.ticket), &[], ""),
        ] {
            let refusal = answer(way.port, asked).await;
            assert!(refusal.status >= 400, "{}: {refusal:?}", way.name);
            told += &refusal.body;
        }
        let page = last_request(&format!("GET /?ticket={}", reservation.ticket), &[], "");
        let page = answer(way.port, page).await;
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{}: no Referer", way.name);
        secrets.extend([reservation.ticket.clone(), guest.token().to_string()]);
    }
    told += &scene.server.metrics().await.text;
    for secret in &secrets {
        // Cut anywhere: the signature alone must not stand anywhere either.
        let end = &secret[secret.len() - 40..];
        assert!(!scene.server.log_has(end), "in the log: {:?}", scene.server.lines_with(end));
        assert!(!told.contains(end), "in an answer or a metric");
        for way in &ways {
            assert!(!way.log().contains(end), "in the log of {}", way.name);
        }
    }
    let logged = ways.iter().filter(|way| way.log().contains("/ws")).count();
    assert_eq!(logged, 2, "both proxies write down what was asked for, without the query");
    scene.ends_well().await;
}

#[tokio::test]
async fn a04_no_secret_is_echoed_as_a_subprotocol() {
    let scene = Scene::set().await;
    for way in &Way::all(&scene.server).await {
        let guest = scene.server.guest("guest").await;
        for (offered, spoken) in [
            ("bearer.a-secret, anteroom.v1".to_owned(), "anteroom.v1"),
            (format!("anteroom.v1, bearer.{}", guest.token()), "anteroom.v1"),
            ("bearer.a-secret".into(), ""),
            ("Anteroom.V1, anteroom.v10".into(), ""),
        ] {
            let reservation = guest.reserve(scene.room, &Reserve::default()).await.unwrap();
            let headers = [UPGRADE, &[("Sec-WebSocket-Protocol", &*offered)]].concat();
            let target = format!("/ws?ticket={}", encode(&reservation.ticket));
            let reply = answer(way.port, handshake(way, &target, &headers)).await;
            assert_eq!(reply.status, 101, "{}: {offered}", way.name);
            assert_eq!(reply.header("sec-websocket-protocol"), spoken, "{}: {offered}", way.name);
        }
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a05_a_ticket_opens_one_session_and_no_second() {
    let scene = Scene::set().await;
    let guest = scene.server.guest("guest").await;
    let reservation = guest.reserve(scene.room, &Reserve::default()).await.unwrap();
    let mut session = guest.confirm(&reservation, ConfirmOptions::default()).await.unwrap();
    for way in &Way::all(&scene.server).await {
        let outcome = guest.confirm(&over(way, &reservation), ConfirmOptions::default()).await;
        refused(outcome, 4403, Code::NoReservation);
        alive(&mut session).await;
    }
    session.leave().await.unwrap();
    let outcome = guest.confirm(&reservation, ConfirmOptions::default()).await;
    refused(outcome, 4403, Code::NoReservation);
    scene.ends_well().await;
}

/// The ticket with one character changed; the last holds bits that belong to nothing.
fn bent(ticket: &str, n: usize) -> String {
    let mut bytes = ticket.to_owned().into_bytes();
    let at = n % (bytes.len() - 1);
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

async fn present(server: &TestServer, ticket: &str, headers: &[(&str, &str)]) -> u16 {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let options = ConfirmOptions { headers, ..ConfirmOptions::default() };
    let outcome = server.client().confirm_ticket(ticket, options).await;
    outcome.err().and_then(|error| error.status()).expect("refused")
}

#[tokio::test]
async fn a06_two_thousand_wrong_tickets_change_nothing_and_are_slowed_down() {
    const TICKETS: usize = 2_000;
    let scene = Scene::set().await;
    let server = &scene.server;
    let (victim, thief) = (server.user("victim").await, server.user("thief").await);
    let genuine = victim.reserve(scene.room, &Reserve::default()).await.unwrap();
    let others = thief.reserve(scene.room, &Reserve::default()).await.unwrap();
    // The victim's, beside somebody else's login.
    let bearer = format!("Bearer {}", thief.token());
    for _ in 0..20 {
        assert_eq!(present(server, &genuine.ticket, &[("authorization", &bearer)]).await, 4403);
    }
    for empty in ["", " ", "AAAA", &"A".repeat(genuine.ticket.len())] {
        assert_eq!(present(server, empty, &[]).await, 4403, "{empty:?}");
    }
    // The thief's own, with the victim's half put in.
    let (one, other) = (&genuine.ticket[..60], &others.ticket[60..]);
    assert_eq!(present(server, &format!("{one}{other}"), &[]).await, 4403);
    for n in 0..TICKETS {
        assert_eq!(present(server, &bent(&genuine.ticket, n), &[]).await, 4403);
    }
    let again = victim.reserve(scene.room, &Reserve::default()).await.unwrap();
    assert!(same_standing(&again, &genuine), "owner, deadline and secret are what they were");
    victim.confirm(&genuine, ConfirmOptions::default()).await.unwrap().leave().await.unwrap();
    thief.cancel(scene.room).await.unwrap();

    // With the bounds on: after so many from one address they are refused before the upgrade.
    let bounded = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("limits.bad_proofs", 20);
    })
    .await;
    let mut statuses = Vec::new();
    for n in 0..40 {
        statuses.push(present(&bounded, &bent(&genuine.ticket, n), &[]).await);
    }
    let statuses = by_status(statuses);
    assert_eq!((statuses[&4403], statuses[&429]), (20, 20), "{statuses:?}");
    scene.ends_well().await;
}

#[tokio::test]
async fn a07_no_step_can_be_left_out_or_taken_for_another_room() {
    let scene = Scene::set().await;
    let server = &scene.server;
    let (other_room, there) = server.room(&server.user("neighbour").await, 3).await;
    let guest = server.guest("guest").await;
    // Step 2 alone.
    let reservation = guest.reserve(scene.room, &Reserve::default()).await.unwrap();
    for query in [
        String::new(),
        format!("?room={}", scene.room),
        format!("?room_id={}&ticket=", scene.room),
        format!("?user={}", guest.id()),
    ] {
        let websocket_url = format!("ws://127.0.0.1:{}/ws{query}", server.port());
        let alone = Reservation { websocket_url, ..reservation.clone() };
        let outcome = guest.confirm(&alone, ConfirmOptions::default()).await;
        refused(outcome, 4403, Code::NoReservation);
    }
    // Step 1 of one room for another: the number stands in the ticket, under its seal.
    let mut bytes = BASE64URL.decode(&reservation.ticket).unwrap();
    let here = scene.room.to_be_bytes();
    let at = bytes.windows(8).position(|some| some == here).expect("the room's number");
    bytes[at..at + 8].copy_from_slice(&other_room.to_be_bytes());
    assert_eq!(present(server, &BASE64URL.encode(bytes), &[]).await, 4403);
    // Named beside the ticket, another room is not heard of.
    let mut named = reservation.clone();
    named.websocket_url += &format!("&room={other_room}&room_id={other_room}");
    let mut session = guest.confirm(&named, ConfirmOptions::default()).await.unwrap();
    assert_eq!(session.welcome().room.id, scene.room);
    alive(&mut session).await;
    let history = guest.request(Method::GET, &format!("/rooms/{other_room}/messages"));
    Answer::to(history).await.refuses(403, "forbidden");
    session.leave().await.unwrap();
    assert_eq!(server.seats(other_room).await.occupied, 1);
    there.leave().await.unwrap();
    scene.ends_well().await;
}
