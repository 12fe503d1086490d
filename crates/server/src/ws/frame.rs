//! Encodes server frames: unfragmented, unmasked, with the shortest header that fits.
//!
//! A frame is encoded once into [`Bytes`]; every member of a room is sent clones of the same
//! allocation. This module knows nothing of what a payload means nor of who receives it.

use bytes::{BufMut, Bytes, BytesMut};

/// The largest payload of a control frame, in bytes (RFC 6455 section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// What remains of a close frame's payload after its two-byte code.
const CLOSE_REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

const FIN: u8 = 0x80;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

/// A whole text message. The caller answers for `payload` being UTF-8.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    encode(TEXT, payload)
}

/// A whole binary message.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    encode(BINARY, payload)
}

/// A ping. A payload over [`CONTROL_BYTES_MAX`] is cut there: no peer would accept it whole.
#[must_use]
pub fn ping(payload: &[u8]) -> Bytes {
    encode(PING, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// A pong, the answer to a ping with the same payload. Cut like [`ping`].
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    encode(PONG, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// A close with a code and a reason. A reason too long for the frame is cut at the last whole
/// character that fits into 123 bytes.
///
/// `code` has to be one that may travel ([`close_code_is_valid`]); another is a fault of the
/// caller, and every client would answer it as a protocol error.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    debug_assert!(close_code_is_valid(code), "close code {code} may not be sent");
    let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)];
    let mut frame = BytesMut::with_capacity(2 + 2 + reason.len());
    put_header(&mut frame, CLOSE, 2 + reason.len());
    frame.put_u16(code);
    frame.put_slice(reason.as_bytes());
    frame.freeze()
}

/// A close without a code: the answer to a close that had none.
#[must_use]
pub fn close_without_code() -> Bytes {
    Bytes::from_static(&[FIN | CLOSE, 0])
}

/// Whether a close code may travel in a frame: those RFC 6455 and its registry define, except the
/// ones reserved for an end point's own use (1004, 1005, 1006, 1015), and 3000 to 4999.
#[must_use]
pub const fn close_code_is_valid(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// What a frame of this module carries.
#[must_use]
pub fn payload(frame: &[u8]) -> Option<&[u8]> {
    let header = match frame.get(1)? {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    frame.get(header..)
}

/// What kind of frame it is, for whoever says the same in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Ping,
    Close,
    Other,
}

/// Each frame in frames of this module, one after the other: its kind, the whole of it, and what it
/// carries.
pub(crate) fn split(mut frames: &[u8]) -> impl Iterator<Item = (Kind, &[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (header, len) = match *frames.get(1)? {
            126 => (4, u16::from_be_bytes(*frames.get(2..)?.first_chunk()?).into()),
            127 => (10, u64::from_be_bytes(*frames.get(2..)?.first_chunk()?)),
            short => (2, short.into()),
        };
        let (whole, rest) = frames.split_at_checked(header + usize::try_from(len).ok()?)?;
        frames = rest;
        let kind = match whole[0] & 0xf {
            TEXT => Kind::Text,
            PING => Kind::Ping,
            CLOSE => Kind::Close,
            _ => Kind::Other,
        };
        Some((kind, whole, &whole[header..]))
    })
}

fn encode(opcode: u8, payload: &[u8]) -> Bytes {
    const HEADER_BYTES_MAX: usize = 10;
    let mut frame = BytesMut::with_capacity(HEADER_BYTES_MAX + payload.len());
    put_header(&mut frame, opcode, payload.len());
    frame.put_slice(payload);
    frame.freeze()
}

fn put_header(frame: &mut BytesMut, opcode: u8, payload_len: usize) {
    frame.put_u8(FIN | opcode);
    if payload_len <= CONTROL_BYTES_MAX {
        frame.put_u8(payload_len as u8);
    } else if let Ok(short) = u16::try_from(payload_len) {
        frame.put_u8(126);
        frame.put_u16(short);
    } else {
        frame.put_u8(127);
        frame.put_u64(payload_len as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_as_short_as_its_length_allows() {
        for (len, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![b'x'; len];
            let frame = text(&payload);
            assert_eq!(&frame[..header.len()], header, "a payload of {len} bytes");
            assert_eq!(&frame[header.len()..], payload);
            assert_eq!(super::payload(&frame), Some(&*payload));
        }
    }

    #[test]
    fn frames_in_a_row_are_told_apart() {
        let long = vec![b'x'; 70_000];
        let row = [text(b"a"), ping(b""), text(&long[..300]), text(&long), close(4409, "replaced")];
        let found: Vec<_> =
            split(&row.concat()).map(|(kind, it, of)| (kind, it.len(), of.len())).collect();
        let (t, p, c) = (Kind::Text, Kind::Ping, Kind::Close);
        assert_eq!(found, [(t, 3, 1), (p, 2, 0), (t, 304, 300), (t, 70_010, 70_000), (c, 12, 10)]);
        assert_eq!(split(&text(&long)[..100]).count(), 0, "what is cut short is none");
    }

    #[test]
    fn each_kind_of_frame_has_its_opcode_and_no_mask() {
        assert_eq!(&binary(b"ab")[..], [0x82, 2, b'a', b'b']);
        assert_eq!(&ping(b"ab")[..], [0x89, 2, b'a', b'b']);
        assert_eq!(&pong(b"ab")[..], [0x8A, 2, b'a', b'b']);
        assert_eq!(&close(1000, "ok")[..], [0x88, 4, 0x03, 0xE8, b'o', b'k']);
        assert_eq!(&close_without_code()[..], [0x88, 0]);
    }

    #[test]
    fn a_control_payload_never_exceeds_125_bytes() {
        assert_eq!(ping(&[7; 300]).len(), 2 + 125);
        assert_eq!(pong(&[7; 300]).len(), 2 + 125);
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let exact = "r".repeat(123);
        assert_eq!(&close(4500, &exact)[4..], exact.as_bytes());

        // Three bytes each: 41 of them fill the 123 bytes, and shifted by one only 40 do.
        let korean = "방".repeat(60);
        assert_eq!(&close(4500, &korean)[4..], "방".repeat(41).as_bytes());
        let shifted = format!("a{korean}");
        let frame = close(4500, &shifted);
        assert_eq!(frame[1], 2 + 1 + 120);
        assert_eq!(&frame[4..], format!("a{}", "방".repeat(40)).as_bytes());
    }

    #[test]
    fn only_registered_and_private_close_codes_may_travel() {
        for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
            assert!(close_code_is_valid(code), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            assert!(!close_code_is_valid(code), "{code}");
        }
    }
}
