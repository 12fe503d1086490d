//! Requests that are too large, or of another kind than they should be.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::bytes::{answer, exchange, last_request, request, statuses};
use super::{Scene, Way};
use crate::harness::TestServer;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const MEBIBYTE: usize = 1 << 20;

/// Processor time that the process has used so far, in milliseconds.
pub(super) fn cpu_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| -> u64 { fields[at].parse().unwrap() };
    // The kernel shows ticks of 10 ms, whatever it counts in.
    (ticks(11) + ticks(12)) * 10
}

#[tokio::test]
async fn a09_heads_without_end_are_refused_and_cost_nothing() {
    const TIMES: u64 = 4;
    let scene = Scene::set().await;
    let head = |more: &str| format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let many: String = (0..2_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let heads = [
        ("a header of 1 MB", head(&format!("X-Long: {}\r\n", "a".repeat(MEBIBYTE)))),
        ("2,000 headers", head(&many)),
        ("a name of 1 MB", head(&format!("{}: b\r\n", "A".repeat(MEBIBYTE)))),
        ("a first line of 1 MB", format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(MEBIBYTE))),
        ("a first line without end", "A".repeat(MEBIBYTE)),
        ("spaces", head(&format!("X: {}y\r\n", " ".repeat(MEBIBYTE)))),
        ("cookies", head(&format!("Cookie: {}\r\n", "a=b; ".repeat(MEBIBYTE / 5)))),
    ];
    let before = cpu_ms(scene.server.pid());
    for way in &Way::all(&scene.server).await {
        for (what, head) in &heads {
            for _ in 0..TIMES {
                // The answer can be lost when the other side hangs up on what is still being sent.
                let statuses = statuses(way.port, head).await;
                let is_refusal = |it: &u16| matches!(it, 400 | 408 | 414 | 431);
                let is_well = statuses.len() <= 1 && statuses.iter().all(is_refusal);
                assert!(is_well, "{}, {what}: {statuses:?}", way.name);
            }
        }
    }
    let used = cpu_ms(scene.server.pid()) - before;
    assert!(used < 50 * TIMES * 3 * heads.len() as u64, "{used} ms of a processor");
    scene.ends_well().await;
}

pub(super) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn a12_bodies_that_are_too_large_packed_or_lied_about_are_refused() {
    let scene = Scene::set().await;
    let bomb = packed(&vec![b' '; 64 * MEBIBYTE]);
    let large = format!(r#"{{"display_name":"{}"}}"#, "x".repeat(10 * MEBIBYTE));
    let line = "POST /api/v1/sessions/guest";
    for way in &Way::all(&scene.server).await {
        let refusals = statuses(way.port, last_request(line, &[JSON], &large)).await;
        assert!(refusals.iter().all(|it| *it == 413), "{}, 10 MB: {refusals:?}", way.name);
        // Without a length, in chunks that never end.
        let mut chunks = format!(
            "{line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        chunks += &chunk.repeat(2 * MEBIBYTE / 0x1000);
        let refusals = statuses(way.port, chunks + "0\r\n\r\n").await;
        assert!(refusals.iter().all(|it| *it == 413), "{}, chunks: {refusals:?}", way.name);
        for coding in ["gzip", "deflate", "br", "identity, gzip"] {
            let mut bytes = format!(
                "{line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n\
                 Content-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
                bomb.len()
            )
            .into_bytes();
            bytes.extend_from_slice(&bomb);
            let refusals = statuses(way.port, bytes).await;
            // It is never unpacked: as it comes it is no JSON.
            let is_due = refusals.iter().all(|it| matches!(it, 400 | 413 | 415));
            assert!(is_due, "{}, {coding}: {refusals:?}", way.name);
        }
        let kind = ("Content-Type", "application/json; charset=utf-16");
        let said = "{\"display_name\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes);
        let said = String::from_utf8(said.collect()).unwrap();
        let refusal = answer(way.port, last_request(line, &[kind], &said)).await;
        assert_eq!(refusal.status, 400, "{}: {refusal:?}", way.name);
    }
    // More was promised than comes: nobody waits for it for long, and nothing was done.
    let mut cut = request(line, &[JSON], r#"{"display_name":"cut"}"#);
    cut = cut.replace("Content-Length: 22", "Content-Length: 500");
    assert_ne!(cut, request(line, &[JSON], r#"{"display_name":"cut"}"#));
    let refusals = exchange(scene.server.port(), cut).await;
    assert!(refusals.iter().all(|it| it.status == 400), "{refusals:?}");
    assert_eq!(scene.server.rows("users WHERE display_name = 'cut'", &[]), 0);
    scene.ends_well().await;
}

#[tokio::test]
async fn a13_json_that_readers_differ_about_is_refused_by_all_of_them() {
    let scene = Scene::set().await;
    let deep = |open: &str, close: &str| open.repeat(30_000) + &close.repeat(30_000);
    let room = |capacity: &str| format!(r#"{{"name":"odd","capacity":{capacity}}}"#);
    let mut bodies: Vec<String> = vec![
        deep("[", "]"),
        r#"{"name":"#.to_owned() + &deep("[", "]") + "}",
        r#"{"a":"#.repeat(10_000) + "1" + &"}".repeat(10_000),
        r#"{"name":"odd","name":"other","capacity":3}"#.into(),
        r#"{"name":"odd","capacity":3,"capacity":4}"#.into(),
        r#"{"name":"odd","capacity":3,"capa\u0063ity":4}"#.into(),
        "\u{feff}".to_owned() + &room("3"),
        room("3") + "{}",
        room("3") + "\0",
        "// x\n".to_owned() + &room("3"),
        r#"{'name':'odd','capacity':3}"#.into(),
        r#"{"name":"odd","capacity":3,}"#.into(),
        r#"{"name":"\ud800","capacity":3}"#.into(),
        r#"{"name":"\udc00\ud800","capacity":3}"#.into(),
        r#"{"name":"\u00","capacity":3}"#.into(),
        "{\"name\":\"a\nb\",\"capacity\":3}".into(),
    ];
    let numbers =
        ["NaN", "Infinity", "-Infinity", "1e999", "9007199254740993", "3.0", "3e0", "03", "+3"];
    bodies.extend(numbers.iter().map(|number| room(number)));
    bodies.extend(["0x3", "\"3\"", "[3]", "true", "-0", "null"].iter().map(|it| room(it)));
    let bearer = format!("Bearer {}", scene.owner.token());
    let headers = [JSON, ("Authorization", &*bearer)];
    for way in &Way::all(&scene.server).await {
        for body in &bodies {
            let refusal =
                answer(way.port, last_request("POST /api/v1/rooms", &headers, body)).await;
            let shown: String = body.chars().take(80).collect();
            assert!(matches!(refusal.status, 400 | 422), "{}, {shown}: {refusal:?}", way.name);
            assert!(refusal.body.contains("\"code\""), "{}, {shown}: {refusal:?}", way.name);
        }
        let mut bytes = last_request("POST /api/v1/rooms", &headers, &room("3")).into_bytes();
        let at = bytes.windows(3).position(|some| some == b"odd").unwrap();
        for bad in [[0xff, 0xfe, 0xfd], [0xed, 0xa0, 0x80], [0xc0, 0xaf, b'x']] {
            bytes[at..at + 3].copy_from_slice(&bad);
            assert_eq!(answer(way.port, &bytes).await.status, 400, "{}: {bad:?}", way.name);
        }
    }
    assert_eq!(scene.server.rows("creation_queue", &[]), 0);
    // The other reader of JSON is that of frames: the same verdict.
    let mut session = scene.server.guest("talker").await.enter(scene.room).await.unwrap();
    for frame in [
        deep("[", "]"),
        r#"{"type":"send","client_id":"a","content":"x","content":"y"}"#.into(),
        r#"{"type":"read","seq":1e999}"#.into(),
        r#"{"type":"read","seq":1.5}"#.into(),
        r#"{"type":"read","seq":"1"}"#.into(),
        r#"{"type":"send","client_id":"a","content":"\ud800"}"#.into(),
        "\u{feff}{\"type\":\"ping\"}".into(),
        "{\"type\":\"ping\"}{\"type\":\"ping\"}".into(),
    ] {
        session.send_raw_text(frame.clone()).await.unwrap();
        super::frames::refusal(&mut session, &frame).await;
    }
    session.leave().await.unwrap();
    assert_eq!(scene.server.rows("messages WHERE content IN ('x', 'y')", &[]), 0);
    scene.ends_well().await;
}

async fn fails_from(way: &Way, username: &str, headers: &[(&str, &str)]) -> u16 {
    let body = json!({ "username": username, "password": "not the password" }).to_string();
    let headers = [&[JSON], headers].concat();
    answer(way.port, last_request("POST /api/v1/sessions", &headers, &body)).await.status
}

#[tokio::test]
async fn a14_odd_methods_are_refused_and_nobody_says_of_himself_where_he_comes_from() {
    let scene = Scene::set().await;
    let bearer = format!("Bearer {}", scene.owner.token());
    let room = format!("/api/v1/rooms/{}", scene.room);
    for way in &Way::all(&scene.server).await {
        for method in ["TRACE", "TRACK", "CONNECT", "PROPFIND", "get", "X", "DEBUG", "PURGE", "PUT"]
        {
            let line = format!("{method} {room}");
            let secret = ("X-Secret", "echoed");
            let reply = answer(way.port, last_request(&line, &[secret], "")).await;
            assert!(matches!(reply.status, 400 | 401 | 404 | 405 | 501), "{}: {reply:?}", way.name);
            assert!(!reply.body.contains("echoed"), "{}, {method}: {reply:?}", way.name);
        }
        // The method is the one of the first line, and so is the path.
        for header in [
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-HTTP-Method", "DELETE"),
            ("X-Method-Override", "DELETE"),
            ("X-Original-URL", "/api/v1/admin/overview"),
            ("X-Rewrite-URL", "/api/v1/admin/overview"),
        ] {
            let headers = [("Authorization", &*bearer), header];
            let asked = last_request(&format!("GET {room}?_method=DELETE"), &headers, "");
            let reply = answer(way.port, asked).await;
            let room: Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(room["room"]["state"], "open", "{}: {reply:?}", way.name);
        }
    }
    // Straight to a server that trusts nobody, and through proxies whose word it takes: what a client says
    // of its own address counts for nothing.
    for at in 0..3 {
        let server = TestServer::start(|cfg| {
            cfg.set("limits.enabled", true).set("limits.login_failures", 3);
            if at > 0 {
                cfg.set("server.trusted_proxies", "127.0.0.1");
            }
        })
        .await;
        let [straight, nginx, haproxy] = Way::all(&server).await;
        spoof([&straight, &nginx, &haproxy][at]).await;
    }
    scene.ends_well().await;
}

async fn spoof(way: &Way) {
    for (at, headers) in [
        vec![("X-Forwarded-For", "10.0.0.1")],
        vec![("X-Forwarded-For", "10.0.0.2"), ("X-Forwarded-For", "10.0.0.3")],
        vec![
            ("X-Real-IP", "10.0.0.4"),
            ("Forwarded", "for=10.0.0.5"),
            ("True-Client-IP", "10.0.0.6"),
        ],
    ]
    .iter()
    .enumerate()
    {
        let status = fails_from(way, &format!("nobody-{at}"), headers).await;
        assert_eq!(status, 401, "{}: {headers:?}", way.name);
    }
    for headers in [vec![("X-Forwarded-For", "10.9.9.9")], vec![("Client-IP", "10.9.9.9")], vec![]]
    {
        let status = fails_from(way, "nobody-else", &headers).await;
        assert_eq!(status, 429, "{}: it is the same address, whatever it says", way.name);
    }
}
