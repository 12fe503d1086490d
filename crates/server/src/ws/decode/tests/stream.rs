//! Writes streams as clients do and feeds them in every way of cutting them.

use bytes::{Bytes, BytesMut};

use crate::ws::decode::{Decoder, Event, Limits, Utf8, Violation};

pub(super) const FIN: u8 = 0x80;
pub(super) const CONTINUATION_OF: u8 = 0x0;
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

pub(super) const LIMITS: Limits =
    Limits { message_bytes_max: 1 << 20, frames_per_message_max: 1000 };

/// A masked frame whose first byte is given whole.
pub(super) fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header_only(first, payload.len() as u64);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The header of a masked frame, mask included.
pub(super) fn header_only(first: u8, len: u64) -> Vec<u8> {
    let mut header = vec![first];
    match len {
        0..=125 => header.push(0x80 | len as u8),
        126..=0xFFFF => {
            header.push(0x80 | 126);
            header.extend((len as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(len.to_be_bytes());
        }
    }
    header.extend(MASK);
    header
}

pub(super) fn ping(payload: &[u8]) -> Vec<u8> {
    client_frame(FIN | 0x9, payload)
}

pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    client_frame(FIN | 0xA, payload)
}

pub(super) fn text(text: &str) -> Event {
    Event::Text(Utf8(Bytes::copy_from_slice(text.as_bytes())))
}

pub(super) fn binary(bytes: &[u8]) -> Event {
    Event::Binary(Bytes::copy_from_slice(bytes))
}

pub(super) fn close(code: Option<u16>, reason: &str) -> Event {
    Event::Close { code, reason: reason.to_owned() }
}

/// Bytes a decoder has set aside for the fragmented message under way.
pub(super) fn gathered_capacity(decoder: &Decoder) -> usize {
    decoder.message.as_ref().map_or(0, |message| message.bytes.capacity())
}

pub(super) type Outcome = (Vec<Event>, Option<Violation>);

/// Feeds `stream` in reads of the given sizes, over and over, until it is used up.
pub(super) fn feed(
    limits: Limits,
    mut stream: &[u8],
    reads: impl Iterator<Item = usize>,
) -> Outcome {
    let mut decoder = Decoder::new(limits);
    let mut buf = BytesMut::new();
    let mut events = Vec::new();
    for read in reads {
        let (chunk, rest) = stream.split_at(read.clamp(1, stream.len().max(1)).min(stream.len()));
        stream = rest;
        buf.extend_from_slice(chunk);
        loop {
            let outcome = decoder.decode(&mut buf);
            assert!(gathered_capacity(&decoder) <= limits.message_bytes_max);
            match outcome {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => {
                    buf.extend_from_slice(stream);
                    assert_eq!(decoder.decode(&mut buf), Ok(None), "after a violation");
                    assert!(buf.is_empty(), "what follows a violation is discarded");
                    return (events, Some(violation));
                }
            }
        }
        if stream.is_empty() {
            break;
        }
    }
    (events, None)
}

pub(super) fn outcome(stream: &[u8]) -> Outcome {
    outcome_under(LIMITS, stream)
}

/// What a stream means, after asserting that it means the same however it is cut.
pub(super) fn outcome_under(limits: Limits, stream: &[u8]) -> Outcome {
    let whole = feed(limits, stream, std::iter::once(stream.len()));
    for read in [1, 2, 3, 5, 7, 64, 997, 1460] {
        let cut = feed(limits, stream, std::iter::repeat(read));
        assert!(cut == whole, "reads of {read} bytes: {:?}, whole: {:?}", cut.1, whole.1);
    }
    whole
}
