//! A WebSocket by hand: frames of any shape out, frames as they come in. Reads no faster than it is
//! asked to, and costs little, so that there can be many.

use std::net::Ipv4Addr;

use anteroom_protocol::SUBPROTOCOL;
use anteroom_protocol::entry::Reservation;
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::waiting::within;

pub(crate) const CONTINUED: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

pub(crate) const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// What comes after the handshake.
pub(crate) struct Raw {
    stream: TcpStream,
    unread: BytesMut,
}

impl Raw {
    /// Presents the ticket of a reservation and reads up to the `welcome`; the kernel takes about `receive_buffer` bytes unread.
    pub(crate) async fn open(reservation: &Reservation, receive_buffer: u32) -> Self {
        let (_, rest) = reservation.websocket_url.split_once("://").expect("an absolute address");
        let (address, path) = rest.split_once('/').expect("a path");
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(receive_buffer).unwrap();
        socket.bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
        // What is written apart is sent apart, as far as that is ours to say.
        stream.set_nodelay(true).unwrap();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("an upgrade", stream.read_u8()).await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let mut line = Self { stream, unread: BytesMut::new() };
        let (_, first) = within("a welcome", line.next()).await.expect("a frame");
        assert!(first.starts_with(b"{\"type\":\"welcome\""), "{first:?}");
        line
    }

    /// The next frame: its opcode and payload. `None` at the end of the line.
    pub(crate) async fn next(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some((start, end)) = whole_frame(&self.unread) {
                let [first, second, ..] = *self.unread else { unreachable!("a whole frame") };
                assert_eq!(first & 0xF0, FIN, "a server's frame is whole and has no reserved bits");
                assert_eq!(second & MASKED, 0, "a server masks nothing");
                let opcode = first & 0x0F;
                let mut frame = self.unread.split_to(end).freeze();
                frame.advance(start);
                return Some((opcode, frame));
            }
            self.unread.reserve(64 << 10);
            if self.stream.read_buf(&mut self.unread).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Takes one byte off the line; false at its end.
    pub(crate) async fn read_a_byte(&mut self) -> bool {
        self.stream.read_exact(&mut [0]).await.is_ok()
    }

    /// Writes these bytes as they are; false when the line is broken.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Ends the line without a word: the other side meets a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// The code of the close that the server sends; what comes before is passed over. 1006 without.
    pub(crate) async fn close_code(&mut self) -> u16 {
        within("a close", async {
            while let Some((opcode, payload)) = self.next().await {
                if opcode == CLOSE {
                    return payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                }
            }
            1006
        })
        .await
    }
}

/// Where the payload of the frame at the front begins and ends, when all of it is there.
fn whole_frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let (len, start) = match *bytes.get(1)? {
        126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let end = start + usize::try_from(len).ok()?;
    (bytes.len() >= end).then_some((start, end))
}

/// A frame as clients send it: the last of its message, or not. A mask of zeros leaves the payload as it is.
pub(crate) fn frame(opcode: u8, is_last: bool, payload: &[u8]) -> Vec<u8> {
    masked(opcode | if is_last { FIN } else { 0 }, [0; 4], payload)
}

/// A frame with this first byte, whatever it says, under this mask.
pub(crate) fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short) if short < 126 => bytes.push(MASKED | payload.len() as u8),
        Ok(short) => {
            bytes.push(MASKED | 126);
            bytes.extend_from_slice(&short.to_be_bytes());
        }
        Err(_) => {
            bytes.push(MASKED | 127);
            bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The number of a `message` frame; `None` for any other.
pub(crate) fn seq_of(payload: &[u8]) -> Option<i64> {
    let name = b"\"seq\":";
    let front = payload.strip_prefix(b"{\"type\":\"message\",")?;
    let at = front.windows(name.len()).position(|some| some == name)? + name.len();
    let digits: Vec<u8> = front[at..].iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}
