//! Requests whose end is a matter of opinion, and many in one packet: what looks like one request has one
//! answer and one effect, straight and behind proxies that may be of another opinion.

use std::path::Path;
use std::time::Duration;

use anteroom_protocol::entry::Reserve;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::bytes::{Reply, exchange, exchange_for, request, statuses};
use super::{Scene, Way, by_status};
use crate::harness::{Known as _, PASSWORD};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Within so long the server has given up a body that does not come (15 s), and a proxy what it will ever say.
const LONG_ENOUGH: Duration = Duration::from_secs(25);

/// A whole request that must never be taken for one.
fn smuggled() -> String {
    let headers = [JSON, ("Connection", "close")];
    request("POST /api/v1/sessions/guest", &headers, r#"{"display_name":"smuggled"}"#)
}

/// Requests that two readers could cut differently, each with [`smuggled`] where one of them would
/// begin the next.
fn disputed() -> Vec<(String, String)> {
    let hidden = smuggled();
    let len = hidden.len();
    let with = |headers: &str, body: &str| {
        format!(
            "POST /api/v1/sessions/guest HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Content-Type: application/json\r\n{headers}\r\n\r\n{body}"
        )
    };
    let chunked = format!("{len:x}\r\n{hidden}\r\n0\r\n\r\n");
    let ends_first = format!("0\r\n\r\n{hidden}");
    let mut all = vec![
        (
            "CL before TE",
            with(
                &format!("Content-Length: {}\r\nTransfer-Encoding: chunked", len + 5),
                &ends_first,
            ),
        ),
        (
            "TE before CL",
            with(
                &format!("Transfer-Encoding: chunked\r\nContent-Length: {}", len + 5),
                &ends_first,
            ),
        ),
        ("a short CL beside TE", with("Content-Length: 4\r\nTransfer-Encoding: chunked", &chunked)),
        ("two lengths", with(&format!("Content-Length: 0\r\nContent-Length: {len}"), &hidden)),
        (
            "two lengths, turned round",
            with(&format!("Content-Length: {len}\r\nContent-Length: 0"), &hidden),
        ),
        ("two lengths in one line", with(&format!("Content-Length: 0, {len}"), &hidden)),
        (
            "HTTP/1.0 in chunks",
            with("Transfer-Encoding: chunked", &chunked).replacen("/1.1", "/1.0", 1),
        ),
        ("bytes after a header", with("X-A: b\r\n c: d\r\nContent-Length: 0", "")),
        ("a folded TE", with("Transfer-Encoding:\r\n chunked\r\nContent-Length: 0", &chunked)),
        ("two hosts", with("Host: evil.example\r\nContent-Length: 0", "")),
        ("no colon", with("Content-Length 0\r\nX", "")),
        ("a NUL in a header", with("X-A: b\0c\r\nContent-Length: 0", "")),
        ("a bare CR in a header", with("X-A: b\rContent-Length: 0", "")),
    ];
    all.extend(odd_numbers(&with, &ends_first));
    let shown = |text: &str| text.chars().take(240).collect::<String>();
    all.into_iter()
        .map(|(what, text)| {
            // Whatever comes behind is nobody's request.
            let text = if text.contains("smuggled") { text } else { text + &hidden };
            // A proxy may read these as RFC 9112 lets it (bare line feeds, words behind a size, folded lines), or
            // not mind what is in a value: it writes the message anew, and what comes behind is the client's own
            // next request, for the proxy and for the server alike.
            let lax = ["\r\n5 5\r\n", "\r\n5\n", "\r\n c: d", "\0", "\r\n Content-Length"];
            let is_lax = lax.iter().any(|it| text.contains(it));
            let text = if is_lax { text.replace("smuggled", "lax") } else { text };
            (format!("{what}: {:?}", shown(&text)), text)
        })
        .collect()
}

/// Lengths, codings and sizes of chunks that are none.
fn odd_numbers(
    with: &dyn Fn(&str, &str) -> String,
    ends_first: &str,
) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for length in
        ["+5", "-5", "0x5", "5 5", "5_0", "", "five", "18446744073709551616", "9223372036854775808"]
    {
        all.push(("a length that is none", with(&format!("Content-Length: {length}"), "{}   ")));
    }
    for name in ["Content-Length ", "Content-Length\t", " Content-Length"] {
        all.push(("space about a name", with(&format!("{name}: 0"), "")));
    }
    for coding in [
        "xchunked",
        "chunked, identity",
        "identity, gzip",
        "\u{b}chunked",
        "chunked\r\nTransfer-Encoding: identity",
        "\"chunked\"",
        "",
    ] {
        all.push(("another coding", with(&format!("Transfer-Encoding: {coding}"), ends_first)));
    }
    for size in
        ["10000000000000000", "ffffffffffffffff0", "+5", "0x5", "-1", "5 5", "", "g", "\u{ff15}"]
    {
        let body = format!("{size}\r\n{{}}   \r\n0\r\n\r\n");
        all.push(("a chunk of no size", with("Transfer-Encoding: chunked", &body)));
    }
    for end in ["5\n{}   \n0\n\n", "5\r\n{}   XX0\r\n\r\n", "5\r\n{}   0\r\n\r\n"] {
        all.push(("chunks that end otherwise", with("Transfer-Encoding: chunked", end)));
    }
    all
}

#[tokio::test]
async fn a10_what_two_readers_would_cut_differently_is_never_two_requests() {
    let scene = Scene::set().await;
    for way in &Way::all(&scene.server).await {
        let sent = disputed();
        let asking = sent.iter().map(|(_, text)| exchange_for(LONG_ENOUGH, way.port, text));
        let mut wrong = Vec::new();
        for ((what, _), (answers, is_closed)) in sent.iter().zip(join_all(asking).await) {
            let answers: Vec<u16> = answers.iter().map(|reply| reply.status).collect();
            let is_refused = answers.iter().all(|status| (400..=501).contains(status));
            // A proxy may make one good request of it, or answer what it cannot read itself; straight there is
            // one refusal, and the end.
            let done = answers.iter().filter(|status| **status < 400).count();
            let is_due =
                if way.is_straight() { is_refused && answers.len() <= 1 } else { done <= 1 };
            // How long a proxy waits for the rest of a body is its own affair.
            let is_open = way.is_straight() && !is_closed;
            if is_open || !is_due {
                wrong.push(format!("{answers:?} to {what}"));
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", way.name, wrong.join("\n"));
        let rows = scene.server.rows("users WHERE display_name = 'smuggled'", &[]);
        assert_eq!(rows, 0, "{}: somebody came in whom nobody sent", way.name);
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a11_there_is_no_http2_to_flood() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap();
    assert!(!lock.contains("name = \"h2\""), "nothing here speaks HTTP/2");
    let scene = Scene::set().await;
    // The preface, settings, then resets and empty data as fast as they go.
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for stream in 0..2_000_u32 {
        let id = (2 * stream + 1).to_be_bytes();
        flood.extend(b"\0\0\x04\x03\0");
        flood.extend(id);
        flood.extend(b"\0\0\0\x08\0\0\0\0\0");
        flood.extend(id);
    }
    let upgrade = request(
        "GET /healthz",
        &[
            ("Connection", "Upgrade, HTTP2-Settings, close"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ],
        "",
    );
    for way in &Way::all(&scene.server).await {
        let answers = statuses(way.port, &flood).await;
        assert!(
            answers.len() <= 1 && answers.iter().all(|it| *it >= 400),
            "{}: {answers:?}",
            way.name
        );
        let answers = statuses(way.port, &upgrade).await;
        assert!(!answers.contains(&101), "{}: {answers:?}", way.name);
    }
    scene.ends_well().await;
}

/// So many copies in one packet, the last of which asks for the end.
fn copies(line: &str, headers: &[(&str, &str)], body: &str) -> String {
    const COPIES: usize = 50;
    let last = request(line, &[headers, &[("Connection", "close")]].concat(), body);
    request(line, headers, body).repeat(COPIES - 1) + &last
}

fn codes(replies: &[Reply]) -> std::collections::HashMap<u16, usize> {
    by_status(replies.iter().map(|reply| reply.status))
}

#[tokio::test]
async fn a41_fifty_copies_in_one_packet_have_one_effect() {
    let scene = Scene::with(|cfg| {
        cfg.set("limits.pending_rooms_per_user", 100).set("admission.pending_room_ttl", "2s");
        cfg.set("admission.reservations_per_user", 100);
    })
    .await;
    let (server, room) = (&scene.server, scene.room);
    for (n, way) in Way::all(server).await.iter().enumerate() {
        let who = server.user(&format!("busy-{n}")).await;
        let bearer = format!("Bearer {}", who.token());
        let headers = [JSON, ("Authorization", &*bearer)];
        let path = format!("/api/v1/rooms/{room}/reservations");
        let reserved = exchange(way.port, copies(&format!("POST {path}"), &headers, "{}")).await;
        let counts = codes(&reserved);
        assert_eq!((counts[&201], counts[&200]), (1, 49), "{}: {counts:?}", way.name);
        assert_eq!(server.seats(room).await.reserved, 1, "{}: one seat", way.name);
        let ticket = |reply: &Reply| -> Value {
            serde_json::from_str::<Value>(&reply.body).unwrap()["ticket"].clone()
        };
        assert!(
            reserved.iter().all(|it| ticket(it) == ticket(&reserved[0])),
            "{}: one ticket",
            way.name
        );

        let reservation = who.reserve(room, &Reserve::default()).await.unwrap();
        let sessions =
            join_all((0..50).map(|_| who.confirm(&reservation, Default::default()))).await;
        let mut sessions: Vec<_> = sessions.into_iter().filter_map(Result::ok).collect();
        assert_eq!(sessions.len(), 1, "a ticket confirmed fifty times at once is one session");
        sessions.remove(0).leave().await.unwrap();

        who.reserve(room, &Reserve::default()).await.unwrap();
        let cancel = copies(&format!("DELETE {path}/current"), &headers, "");
        let counts = codes(&exchange(way.port, cancel).await);
        assert_eq!((counts[&204], counts[&404]), (1, 49), "{}: {counts:?}", way.name);

        let name = format!("twin-{n}");
        let body = json!({ "username": name, "password": PASSWORD }).to_string();
        let counts = codes(&exchange(way.port, copies("POST /api/v1/users", &[JSON], &body)).await);
        assert_eq!((counts[&201], counts[&409]), (1, 49), "{}: {counts:?}", way.name);
        assert_eq!(server.rows("users WHERE username = ?1", &[&&*name]), 1);

        let out = copies("DELETE /api/v1/sessions/current", &headers, "");
        let counts = codes(&exchange(way.port, out).await);
        assert_eq!((counts[&204], counts[&401]), (1, 49), "{}: {counts:?}", way.name);
        let ended = server.logged("auth.signed_out", json!({ "user": who.id() }));
        assert!(ended.len() <= 1, "{}: one end", way.name);
    }
    scene.ends_well().await;
}
