//! RFC 6455 over raw connections to the real `/ws`, a module for each group of cases of the Autobahn suite. What
//! this server does otherwise than an echo, because its contract says so, is asserted as the contract has it:
//! texts are JSON, a binary message is answered with an `error` frame, a message has 64 KiB at most.
//!
//! The suite itself is run against the same code by `cargo xtask conformance` (docs/conformance.md).

mod closing;
mod cut_up;
mod fragments;
mod framing;
mod limits;
mod opcodes;
mod opening;
mod pings;
mod reserved_bits;
mod utf8;

use anteroom_client::{Account, Session};
use anteroom_protocol::entry::{Reservation, Reserve};
use serde_json::{Value, json};

use crate::harness::raw::{self, FIN, Raw, masked};
use crate::harness::{TestServer, alive, within};

/// As good as any.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
/// Enough for a message as large as a frame may be.
const CONTENT_CHARS: usize = 65_536;

/// A room in which somebody sits who must notice nothing, and somebody who comes in again and again.
struct Scene {
    server: TestServer,
    room: i64,
    guest: Account,
    other: Session,
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::start(|cfg| {
            cfg.set("admission.grace", "0s").set("messages.content_chars_max", CONTENT_CHARS);
        })
        .await;
        let (room, other) = server.room(&server.user("owner").await, 2).await;
        let guest = server.guest("guest").await;
        Self { server, room, guest, other }
    }

    async fn reserve(&self) -> Reservation {
        self.guest.reserve(self.room, &Reserve::default()).await.unwrap()
    }

    async fn line(&self) -> Raw {
        Raw::open(&self.reserve().await, 256 << 10).await
    }

    /// A new line on which these bytes are said; the code with which the server closes it, after which nothing
    /// comes.
    async fn closes(&self, bytes: &[u8]) -> u16 {
        let mut line = self.line().await;
        line.write(bytes).await;
        closed(&mut line).await
    }

    /// How many messages there are of each of these words, after everything that was said so far.
    async fn stored<const N: usize>(&mut self, contents: [&str; N]) -> [i64; N] {
        // The log takes things in their order.
        alive(&mut self.other).await;
        contents.map(|it| self.server.rows("messages WHERE content = ?1", &[&it]))
    }

    async fn noticed_nothing(mut self) {
        alive(&mut self.other).await;
    }
}

/// The code of the close, and that the connection ends with it.
async fn closed(line: &mut Raw) -> u16 {
    let code = line.close_code().await;
    assert_eq!(within("the end of the line", line.next()).await, None, "nothing follows a close");
    code
}

/// A text of a client, or the last part of one.
fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    masked(FIN | raw::TEXT, MASK, payload.as_ref())
}

/// The `client_id` under which these words are said.
fn id_of(content: &str) -> String {
    if content.len() <= 60 { content.to_owned() } else { content.len().to_string() }
}

/// A message for the room.
fn send(content: &str) -> String {
    json!({ "type": "send", "client_id": id_of(content), "content": content }).to_string()
}

/// The next frame of this type.
async fn next(line: &mut Raw, kind: &str) -> Value {
    within(kind, async {
        loop {
            let (opcode, payload) = line.next().await.expect("the line stands");
            assert_ne!(opcode, raw::CLOSE, "closed while {kind} was awaited: {payload:?}");
            if opcode != raw::TEXT {
                continue;
            }
            let frame: Value = serde_json::from_slice(&payload).unwrap();
            if frame["type"] == kind {
                return frame;
            }
        }
    })
    .await
}

/// What was said comes back to who said it.
async fn comes_back(line: &mut Raw, content: &str) {
    let message = next(line, "message").await;
    let came = message["content"].as_str().unwrap_or_default();
    assert!(came == content, "{} bytes came back of {}", came.len(), content.len());
}

/// The line stands, and everything on it was read up to here.
async fn stands(line: &mut Raw) {
    line.write(&text(r#"{"type":"ping","nonce":"still there"}"#)).await;
    assert_eq!(next(line, "pong").await["nonce"], "still there");
}
