//! What a WebSocket may carry: frames that break the protocol or a limit, floods, and readers who do not read.

use anteroom_client::{Account, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ServerFrame;
use serde_json::json;

use super::Scene;
use super::bytes::answer;
use crate::harness::raw::{self, Raw, frame};
use crate::harness::{Known as _, alive, resident_kib, within};

/// The answer to a frame that cannot be read.
pub(super) async fn refusal(session: &mut Session, sent: &str) {
    let error = |frame: &ServerFrame| match frame {
        ServerFrame::Error(error) => Some(error.clone()),
        _ => None,
    };
    let error = within("an error frame", session.wait_for(error)).await.unwrap();
    let shown: String = sent.chars().take(80).collect();
    assert!(matches!(error.code, Code::BadFrame | Code::Invalid), "{shown}: {error:?}");
}

async fn enter(who: &Account, room: i64) -> Raw {
    let reservation = who.reserve(room, &Reserve::default()).await.unwrap();
    Raw::open(&reservation, 64 << 10).await
}

/// Each of these bytes, on a line of its own, ends that line with its code and no other's.
async fn each_ends(scene: &mut Scene, lines: Vec<(&str, Vec<u8>, u16)>) {
    let guest = scene.server.guest("guest").await;
    for (what, bytes, code) in lines {
        let mut line = enter(&guest, scene.room).await;
        line.write(&bytes).await;
        assert_eq!(line.close_code().await, code, "{what}");
        alive(&mut scene.session).await;
    }
}

/// A text frame with a mask, and other bits in its first byte.
fn first_byte(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(raw::TEXT, true, payload);
    bytes[0] = first;
    bytes
}

fn closing(payload: &[u8]) -> Vec<u8> {
    frame(raw::CLOSE, true, payload)
}

#[tokio::test]
async fn a15_frames_that_break_the_protocol_end_their_line_with_1002() {
    let mut scene = Scene::set().await;
    let code = |code: u16| closing(&code.to_be_bytes());
    let mut lines = vec![
        ("no mask", vec![0x81, 2, b'h', b'i'], 1002),
        ("no mask on a ping", vec![0x89, 0], 1002),
        ("a long ping", frame(raw::PING, true, &[b'p'; 126]), 1002),
        ("a long close", closing(&[3; 126]), 1002),
        ("a ping in pieces", frame(raw::PING, false, b"p"), 1002),
        ("a close in pieces", frame(raw::CLOSE, false, &[3, 232]), 1002),
        ("nothing to continue", frame(raw::CONTINUED, true, b"x"), 1002),
        (
            "a message inside another",
            [frame(raw::TEXT, false, b"x"), frame(raw::TEXT, true, b"y")].concat(),
            1002,
        ),
        ("a length not as short as it can be", vec![0x81, 0x80 | 126, 0, 5, 0, 0, 0, 0], 1002),
        ("the top bit of a length", [&[0x81, 0xff][..], &[0xff; 8], &[0; 4]].concat(), 1002),
        ("a close of one byte", closing(&[3]), 1002),
        ("a close with words that are none", closing(&[3, 232, 0xff]), 1007),
    ];
    for first in [0xC1, 0xA1, 0x91, 0xF1] {
        lines.push(("a reserved bit", first_byte(first, b"{}"), 1002));
    }
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        lines.push(("a reserved opcode", first_byte(0x80 | opcode, b"{}"), 1002));
    }
    for bad in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        lines.push(("a code nobody may send", code(bad), 1002));
    }
    each_ends(&mut scene, lines).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn a16_text_that_is_no_utf8_ends_its_line_with_1007_wherever_it_is_cut() {
    let mut scene = Scene::set().await;
    let bad: [&[u8]; 9] = [
        b"\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\x80",
        b"abc\xe2\x82",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\xaf",
    ];
    let mut lines = Vec::new();
    for bytes in bad {
        lines.push(("whole", frame(raw::TEXT, true, bytes), 1007));
        for cut in 0..=bytes.len() {
            let (one, other) = bytes.split_at(cut);
            let pieces = [frame(raw::TEXT, false, one), frame(raw::CONTINUED, true, other)];
            lines.push(("in pieces", pieces.concat(), 1007));
        }
    }
    // Found when it comes, not when the message ends.
    lines.push(("never ended", frame(raw::TEXT, false, b"\xed\xa0"), 1007));
    each_ends(&mut scene, lines).await;
    // A good character may be cut anywhere.
    let mut line = enter(&scene.server.guest("whole").await, scene.room).await;
    let text = r#"{"type":"send","client_id":"cut","content":"한😀"}"#.as_bytes();
    for (at, byte) in text.iter().enumerate() {
        let opcode = if at == 0 { raw::TEXT } else { raw::CONTINUED };
        line.write(&frame(opcode, at + 1 == text.len(), &[*byte])).await;
    }
    within("an ack", async {
        while !line.next().await.expect("the line stands").1.starts_with(b"{\"type\":\"ack\"") {}
    })
    .await;
    line.write(&frame(raw::TEXT, true, br#"{"type":"leave"}"#)).await;
    assert_eq!(line.close_code().await, 1000);
    scene.ends_well().await;
}

#[tokio::test]
async fn a17_a_length_that_is_only_declared_costs_no_memory() {
    let mut scene = Scene::set().await;
    let declared = |opcode: u8, length: u64| {
        let mut bytes = vec![0x80 | opcode, 0x80 | 127];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 4]);
        bytes
    };
    let longest = (1 << 63) - 1;
    each_ends(
        &mut scene,
        vec![
            ("2^63 - 1", declared(raw::TEXT, longest), 1009),
            ("binary", declared(2, longest), 1009),
            ("64 KiB and one", declared(raw::TEXT, (64 << 10) + 1), 1009),
            ("16 bits", vec![0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0], 1009),
            (
                "over many frames",
                (0..17)
                    .flat_map(|n| frame(if n == 0 { raw::TEXT } else { 0 }, false, &[b' '; 4096]))
                    .collect(),
                1009,
            ),
        ],
    )
    .await;
    // The most that is allowed, promised by many at once and never sent.
    let before = resident_kib(scene.server.pid());
    let (room, _first) = scene.server.room(&scene.server.user("crowd").await, 200).await;
    let mut lines = Vec::new();
    for guest in scene.server.guests(150).await {
        let mut line = enter(&guest, room).await;
        line.write(&declared(raw::TEXT, 64 << 10)).await;
        lines.push(line);
    }
    alive(&mut scene.session).await;
    let grown = resident_kib(scene.server.pid()).saturating_sub(before);
    assert!(grown < 150 * 64, "{grown} KiB for 150 lines: as if it were set aside");
    drop((lines, _first));
    scene.server.events(151, "membership.ended", json!({ "room": room })).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn a18_a_million_tiny_fragments_end_their_line_by_their_number() {
    const FRAGMENTS: usize = 1_000_000;
    let mut scene = Scene::set().await;
    let before = resident_kib(scene.server.pid());
    for payload in [&b""[..], b" "] {
        let guest = scene.server.guest("guest").await;
        let mut line = enter(&guest, scene.room).await;
        line.write(&frame(raw::TEXT, false, payload)).await;
        let packet = frame(raw::CONTINUED, false, payload).repeat(1_000);
        // The other side hangs up long before the last.
        for _ in 0..FRAGMENTS / 1_000 {
            if !line.write(&packet).await {
                break;
            }
        }
        let fields = json!({ "user": guest.id(), "code": 1008 });
        scene.server.event("session.closed", fields).await;
        alive(&mut scene.session).await;
    }
    let grown = resident_kib(scene.server.pid()).saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB");
    scene.ends_well().await;
}

#[tokio::test]
async fn a19_floods_end_their_own_session_and_nobody_else_s() {
    const FLOOD: usize = 10_000;
    let mut scene = Scene::with(|cfg| {
        cfg.set("limits.enabled", true).set("limits.signups_per_address", 1_000);
    })
    .await;
    let server = &scene.server;
    let (other_room, mut elsewhere) = server.room(&server.user("elsewhere").await, 3).await;
    let say = |n: usize| json!({ "type": "send", "client_id": n.to_string(), "content": "flood" });
    let kinds: [(&str, Vec<u8>); 5] = [
        ("pings", frame(raw::PING, true, b"p").repeat(FLOOD)),
        ("pongs", frame(raw::PONG, true, b"p").repeat(FLOOD)),
        ("typing", frame(raw::TEXT, true, br#"{"type":"typing"}"#).repeat(FLOOD)),
        ("pings in words", frame(raw::TEXT, true, br#"{"type":"ping"}"#).repeat(FLOOD)),
        (
            "messages",
            (0..FLOOD)
                .flat_map(|n| frame(raw::TEXT, true, say(n).to_string().as_bytes()))
                .collect(),
        ),
    ];
    for (what, flood) in kinds {
        let guest = server.guest("flooder").await;
        let mut line = enter(&guest, scene.room).await;
        let flooding = async {
            line.write(&flood).await;
            server.event("session.closed", json!({ "user": guest.id(), "code": 4529 })).await;
        };
        // In another room every word is acknowledged meanwhile.
        let talking = async {
            for _ in 0..10 {
                alive(&mut elsewhere).await;
            }
        };
        within(what, async { tokio::join!(flooding, talking) }).await;
        alive(&mut scene.session).await;
    }
    let stored = server.rows("messages WHERE content = 'flood'", &[]);
    assert!(stored <= 300, "{stored} messages of the flood were stored");
    elsewhere.leave().await.unwrap();
    assert_eq!(server.balanced(other_room).await.occupied, 0);
    scene.ends_well().await;
}

#[tokio::test]
async fn a20_compression_is_not_negotiated_and_a_packed_frame_is_refused() {
    let scene = Scene::set().await;
    let guest = scene.server.guest("guest").await;
    let reservation = guest.reserve(scene.room, &Reserve::default()).await.unwrap();
    let asked = format!(
        "GET /ws?ticket={} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame\r\n\r\n",
        reservation.ticket
    );
    let reply = answer(scene.server.port(), asked).await;
    assert_eq!((reply.status, reply.header("sec-websocket-extensions")), (101, ""));
    // 1,024 bytes for one, behind the bit that says they are packed.
    let bomb = super::requests::packed(&vec![b' '; 1 << 20]);
    let mut line = enter(&guest, scene.room).await;
    line.write(&first_byte(0xC1, &bomb)).await;
    assert_eq!(line.close_code().await, 1002);
    scene.ends_well().await;
}

#[tokio::test]
async fn a21_after_the_end_nothing_is_heard_and_what_is_unknown_is_refused_until_it_is_too_much() {
    let scene = Scene::with(|cfg| {
        cfg.set("limits.enabled", true).set("limits.bad_frames", 3);
    })
    .await;
    let server = &scene.server;
    let late = br#"{"type":"send","client_id":"late","content":"after the end"}"#;
    let late = frame(raw::TEXT, true, late);
    let guest = server.guest("guest").await;
    for end in [closing(&[3, 232]), closing(b""), frame(raw::TEXT, true, br#"{"type":"leave"}"#)] {
        let mut line = enter(&guest, scene.room).await;
        line.write(&[end, late.clone(), frame(raw::PING, true, b"?")].concat()).await;
        let code = line.close_code().await;
        assert!(matches!(code, 1000 | 1005), "{code}");
    }
    // A reset in the middle of a frame, and right behind a close.
    for bytes in [late[..20].to_vec(), closing(&[3, 232])] {
        let who = server.guest("reset").await;
        let mut line = enter(&who, scene.room).await;
        line.write(&bytes).await;
        line.reset();
        server.event("session.closed", json!({ "user": who.id() })).await;
    }
    assert_eq!(server.rows("messages WHERE content = 'after the end'", &[]), 0);
    // What the contract does not know: refused in words, the third time and no later with the door.
    let mut line = enter(&server.guest("strange").await, scene.room).await;
    for odd in [
        frame(2, true, b"binary"),
        frame(raw::TEXT, true, br#"{"type":"subscribe","room":1}"#),
        frame(raw::TEXT, true, br#"{"v":0,"op":"hello"}"#),
        frame(raw::TEXT, true, b"[\"phx_join\"]"),
    ] {
        line.write(&odd).await;
    }
    let mut refusals = 0;
    let end = within("the door", async {
        loop {
            let (opcode, payload) = line.next().await.expect("a close");
            match opcode {
                raw::CLOSE => return u16::from_be_bytes([payload[0], payload[1]]),
                raw::TEXT if payload.starts_with(b"{\"type\":\"error\"") => refusals += 1,
                _ => {}
            }
        }
    })
    .await;
    assert_eq!((refusals, end), (3, 4400));
    // A member that nobody knows is for a later version of the contract, and is passed over.
    let mut session = server.guest("newer").await.enter(scene.room).await.unwrap();
    let newer = r#"{"type":"ping","nonce":"n","color":"red"}"#;
    session.send_raw_text(newer).await.unwrap();
    let pong = |frame: &ServerFrame| matches!(frame, ServerFrame::Pong { .. }).then_some(());
    within("a pong", session.wait_for(pong)).await.unwrap();
    session.leave().await.unwrap();
    scene.ends_well().await;
}

#[tokio::test]
async fn a22_who_never_reads_is_cut_at_the_bound_and_costs_no_more_than_it() {
    const BOUND: usize = 256 << 10;
    let mut scene = Scene::with(|cfg| {
        cfg.set("limits.outbound_bytes", "256KiB");
    })
    .await;
    let server = &scene.server;
    let before = resident_kib(server.pid());
    let mut still = Vec::new();
    for name in ["deaf", "mute", "blind"] {
        let guest = server.guest(name).await;
        let reservation = guest.reserve(scene.room, &Reserve::default()).await.unwrap();
        still.push((guest, Raw::open(&reservation, 4 << 10).await));
    }
    let long = "한".repeat(4_000);
    let cut = |who: &Account| json!({ "user": who.id(), "code": 4508 });
    let mut said = 0;
    while still.iter().any(|(who, _)| server.logged("session.closed", cut(who)).is_empty()) {
        within("an ack", scene.session.send(long.as_str())).await.unwrap();
        said += long.len();
        assert!(said < 64 << 20, "nobody was cut after {said} bytes");
    }
    let grown = resident_kib(server.pid()).saturating_sub(before);
    let bound = ((3 * BOUND as u64) >> 10) + (24 << 10);
    assert!(grown < bound, "{grown} KiB for what three may have waiting");
    drop(still);
    scene.ends_well().await;
}
