//! WebSocket frames as bytes: just enough of RFC 6455 for both ends of a bench.

use std::ops::Range;

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;

/// The key of every handshake here, and the answer that belongs to it: neither end computes a hash.
pub(crate) const HANDSHAKE_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const HANDSHAKE_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// One mask for all frames: the server has to undo it all the same.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Where a whole frame lies in a buffer that begins with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Range<usize>,
    mask: Option<[u8; 4]>,
}

impl Frame {
    /// The frame at the front of `bytes`, when all of it is there.
    pub(crate) fn at_front(bytes: &[u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        let &second = rest.first()?;
        let (len, mut start) = match second & !MASKED {
            126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
            short => (u64::from(short), 2),
        };
        let mut mask = None;
        if second & MASKED != 0 {
            mask = Some(bytes.get(start..start + 4)?.try_into().ok()?);
            start += 4;
        }
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        (end <= bytes.len()).then_some(Self { opcode: first & 0x0F, payload: start..end, mask })
    }

    /// How many bytes of the buffer it takes.
    pub(crate) fn end(&self) -> usize {
        self.payload.end
    }

    /// Takes the mask off the payload, in the buffer the frame was found in.
    pub(crate) fn unmask(&self, bytes: &mut [u8]) {
        if let Some(mask) = self.mask {
            apply(mask, &mut bytes[self.payload.clone()]);
        }
    }
}

/// Appends a frame as servers send it.
pub(crate) fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    put_header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a frame as clients send it.
pub(crate) fn put_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    put_header(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend_from_slice(payload);
    apply(MASK, &mut out[start..]);
}

/// The code in a close frame's payload; 1005 stands for none.
pub(crate) fn close_code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
}

fn put_header(out: &mut Vec<u8>, opcode: u8, len: usize, masked: u8) {
    out.push(FIN | opcode);
    if len < 126 {
        out.push(masked | len as u8);
    } else if let Ok(short) = u16::try_from(len) {
        out.push(masked | 126);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
}

fn apply(mask: [u8; 4], payload: &mut [u8]) {
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_come_back_as_they_were_put() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
            for put in [put, put_masked] {
                let mut bytes = Vec::new();
                put(&mut bytes, TEXT, &payload);
                let whole = bytes.len();
                bytes.push(b'?');
                let frame = Frame::at_front(&bytes).unwrap();
                assert_eq!((frame.opcode, frame.end()), (TEXT, whole));
                frame.unmask(&mut bytes);
                assert_eq!(bytes[frame.payload], payload);
            }
        }
    }

    #[test]
    fn a_frame_that_is_not_whole_is_none_yet() {
        let mut bytes = Vec::new();
        put_masked(&mut bytes, TEXT, &[b'x'; 300]);
        for cut in 0..bytes.len() {
            assert_eq!(Frame::at_front(&bytes[..cut]), None, "{cut} bytes");
        }
    }
}
