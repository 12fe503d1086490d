//! The requests of a lab client, and answers of the same shape as the server's, without any of the
//! work behind them.

use memchr::memmem;

use crate::engine::check::number_after;
use crate::engine::wire;

/// What a request is answered with.
pub(crate) enum Answer {
    Guest,
    /// A room is made.
    Room,
    /// A seat in a room is promised, which is the ticket's number.
    Reservation(usize),
    /// The connection becomes a WebSocket in a room.
    Upgrade(usize),
    Unknown,
}

impl Answer {
    /// The answer to the request at the front of `bytes`, when all of it is there, and its length.
    pub(crate) fn to(bytes: &[u8]) -> Option<(Self, usize)> {
        let head = memmem::find(bytes, b"\r\n\r\n")? + 4;
        let body = number_after(&bytes[..head], b"Content-Length: ").unwrap_or(0);
        let whole = head + usize::try_from(body).ok()?;
        if bytes.len() < whole {
            return None;
        }
        let line = &bytes[..memchr::memchr(b'\r', bytes)?];
        let number = |name: &[u8]| usize::try_from(number_after(line, name)?).ok();
        let answer = if line.starts_with(b"GET /ws") {
            number(b"ticket=").map_or(Self::Unknown, Self::Upgrade)
        } else if line.starts_with(b"POST /api/v1/sessions/guest") {
            Self::Guest
        } else if line.starts_with(b"POST /api/v1/rooms/") {
            number(b"/rooms/").map_or(Self::Unknown, Self::Reservation)
        } else if line.starts_with(b"POST /api/v1/rooms ") {
            Self::Room
        } else {
            Self::Unknown
        };
        Some((answer, whole))
    }

    /// As it goes over the wire; `room` is the number of a room just made.
    pub(crate) fn bytes(&self, room: usize) -> Vec<u8> {
        match self {
            Self::Guest => json("200 OK", r#"{"token":"none"}"#),
            Self::Room => {
                let reservation = reservation(room);
                let body = format!(r#"{{"room":{{"id":{room}}},"reservation":{reservation}}}"#);
                json("201 Created", &body)
            }
            Self::Reservation(room) => json("201 Created", &reservation(*room)),
            Self::Upgrade(_) => upgrade(),
            Self::Unknown => json("404 Not Found", "{}"),
        }
    }
}

fn json(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn reservation(room: usize) -> String {
    format!(
        r#"{{"ticket":"{room}","room_id":{room},"seat":{{"generation":"0.1","takeover":false}},"expires_at":"2026-01-01T00:00:00.000Z","expires_in_ms":120000,"websocket_url":"/ws?ticket={room}"}}"#
    )
}

fn upgrade() -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: anteroom.v1\r\n\r\n",
        wire::HANDSHAKE_ACCEPT
    )
    .into_bytes();
    wire::put(&mut bytes, wire::TEXT, br#"{"type":"welcome","last_seq":0}"#);
    bytes
}
