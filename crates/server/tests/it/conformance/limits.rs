//! 9: what a client may send, at each limit and one step over it.

use anteroom_client::Account;
use anteroom_protocol::CloseCode;
use anteroom_protocol::entry::Reserve;
use serde_json::{Value, json};

use crate::harness::raw::{self, Raw, frame};
use crate::harness::{TestServer, alive, within};

const FRAME_BYTES: usize = 64 << 10;
const FRAGMENTS: usize = 1_024;

async fn enter(who: &Account, room: i64) -> Raw {
    let reservation = who.reserve(room, &Reserve::default()).await.unwrap();
    Raw::open(&reservation, 64 << 10).await
}

/// The answer to what `client_id` names: an `ack` or an `error`.
async fn answer(line: &mut Raw, client_id: &str) -> Value {
    within("an answer", async {
        loop {
            let (opcode, payload) = line.next().await.expect("the line stands");
            if opcode != raw::TEXT {
                continue;
            }
            let frame: Value = serde_json::from_slice(&payload).unwrap();
            let name = if frame["type"] == "ack" { "client_id" } else { "ref" };
            if matches!(frame["type"].as_str(), Some("ack" | "error")) && frame[name] == client_id {
                return frame;
            }
        }
    })
    .await
}

fn send(client_id: &str, content: &str) -> String {
    json!({ "type": "send", "client_id": client_id, "content": content }).to_string()
}

/// A `send` frame of exactly so many bytes.
fn sized(client_id: &str, bytes: usize) -> Vec<u8> {
    let mut text = send(client_id, "fits").into_bytes();
    text.resize(bytes, b' ');
    text
}

/// A `send` frame cut into so many fragments.
fn cut_up(client_id: &str, fragments: usize) -> Vec<u8> {
    let text = send(client_id, &"x".repeat(3_000)).into_bytes();
    let (most, last) = text.split_at(fragments - 1);
    let mut bytes = Vec::new();
    for (n, byte) in most.iter().enumerate() {
        let opcode = if n == 0 { raw::TEXT } else { raw::CONTINUED };
        bytes.extend(frame(opcode, false, &[*byte]));
    }
    bytes.extend(frame(raw::CONTINUED, true, last));
    bytes
}

#[tokio::test]
async fn what_is_at_a_limit_is_taken_and_what_is_over_it_refused() {
    let server = TestServer::plain().await;
    let (room, mut other) = server.room(&server.user("owner").await, 2).await;
    let guest = server.guest("guest").await;
    let mut line = enter(&guest, room).await;
    let (id_at, id_over) = ("i".repeat(64), "i".repeat(65));
    for (client_id, content, is_taken) in [
        ("one", "x".to_owned(), true),
        ("none", String::new(), false),
        ("at", "한".repeat(4_000), true),
        ("over", "한".repeat(4_001), false),
        // Of characters, not of bytes or halves of pairs.
        ("wide", "😀".repeat(4_000), true),
        ("wider", "😀".repeat(4_001), false),
        (&id_at, "x".into(), true),
        (&id_over, "x".into(), false),
    ] {
        line.write(&frame(raw::TEXT, true, send(client_id, &content).as_bytes())).await;
        let answer = answer(&mut line, client_id).await;
        let wanted = if is_taken { "ack" } else { "error" };
        assert_eq!(answer["type"], wanted, "{client_id}: {answer}");
        assert!(is_taken || answer["code"] == "invalid", "{answer}");
    }
    line.write(&frame(raw::TEXT, true, &sized("whole", FRAME_BYTES))).await;
    assert_eq!(answer(&mut line, "whole").await["type"], "ack");
    line.write(&cut_up("in-pieces", FRAGMENTS)).await;
    assert_eq!(answer(&mut line, "in-pieces").await["type"], "ack");
    let payload = [b'p'; 125];
    line.write(&frame(raw::PING, true, &payload)).await;
    let pong = async { while line.next().await.expect("a pong").0 != raw::PONG {} };
    within("a pong", pong).await;
    alive(&mut other).await;
}

/// Where a message may be larger than what is usual, it may be cut as often for its size.
#[tokio::test]
async fn twice_as_large_a_message_may_be_cut_into_twice_as_many_frames() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.frame_bytes", "128KiB").set("admission.grace", "0s");
    })
    .await;
    let (room, mut other) = server.room(&server.user("owner").await, 2).await;
    let guest = server.guest("guest").await;
    let mut line = enter(&guest, room).await;
    line.write(&cut_up("in-pieces", 2 * FRAGMENTS)).await;
    assert_eq!(answer(&mut line, "in-pieces").await["type"], "ack");
    line.write(&cut_up("over", 2 * FRAGMENTS + 1)).await;
    assert_eq!(line.close_code().await, 1008);
    alive(&mut other).await;
}

#[tokio::test]
async fn what_breaks_a_limit_of_the_line_ends_that_line_with_its_code() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let (room, mut other) = server.room(&server.user("owner").await, 2).await;
    let guest = server.guest("guest").await;
    for (what, bytes, code) in [
        ("bytes", frame(raw::TEXT, true, &sized("over", FRAME_BYTES + 1)), 1009),
        ("fragments", cut_up("over", FRAGMENTS + 1), 1008),
        ("control", frame(raw::PING, true, &[b'p'; 126]), 1002),
        ("control in pieces", frame(raw::PING, false, b"p"), 1002),
    ] {
        let mut line = enter(&guest, room).await;
        line.write(&bytes).await;
        assert_eq!(line.close_code().await, code, "{what}");
        alive(&mut other).await;
    }
    assert_eq!(server.rows("messages WHERE content = 'fits'", &[]), 0);
}

#[tokio::test]
async fn as_many_frames_as_are_allowed_in_ten_seconds_are_taken_and_one_more_is_not() {
    const FRAMES: usize = 40;
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("limits.frames_per_10s", FRAMES);
    })
    .await;
    let (room, _other) = server.room(&server.user("owner").await, 2).await;
    let mut line = enter(&server.guest("guest").await, room).await;
    for n in 0..FRAMES {
        line.write(&frame(raw::TEXT, true, send(&n.to_string(), "x").as_bytes())).await;
    }
    let last = (FRAMES - 1).to_string();
    assert_eq!(answer(&mut line, &last).await["type"], "ack", "as many as allowed");
    line.write(&frame(raw::TEXT, true, send("over", "x").as_bytes())).await;
    assert_eq!(line.close_code().await, CloseCode::RateLimited.status());
    assert_eq!(server.rows("messages WHERE client_id = 'over'", &[]), 0);
}
