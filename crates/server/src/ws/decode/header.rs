//! Reads one frame header and undoes the mask.
//!
//! Everything refused here is wrong whatever came before; what depends on the message under way is
//! the decoder's to judge. Bytes are judged in the order in which they arrive, so the refusal is
//! the same whether a header comes whole or byte by byte.

use super::Violation;
use crate::ws::frame::{BINARY, CLOSE, CONTROL_BYTES_MAX, PING, PONG, TEXT};

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const CONTINUATION: u8 = 0x0;
const MASKED: u8 = 0x80;
const SHORT_LENGTH: u8 = 0x7F;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: [u8; 4],
    /// Payload bytes the client declares: nothing may be allocated by it.
    pub(super) len: usize,
}

impl Header {
    /// The header at the start of `bytes` and its own size, or `None` while it is incomplete.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let fin = first & FIN != 0;
        let opcode = Opcode::parse(first)?;
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl);
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        if second & MASKED == 0 {
            return Err(Violation::Unmasked);
        }
        let short = second & SHORT_LENGTH;
        if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
            return Err(Violation::OversizedControl);
        }
        let Some((len, rest)) = parse_length(short, rest)? else { return Ok(None) };
        let Some((&mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        Ok(Some((Self { fin, opcode, mask, len }, bytes.len() - rest.len())))
    }
}

impl Opcode {
    fn parse(first: u8) -> Result<Self, Violation> {
        if first & RESERVED != 0 {
            return Err(Violation::ReservedBits);
        }
        match first & OPCODE {
            CONTINUATION => Ok(Self::Continuation),
            TEXT => Ok(Self::Text),
            BINARY => Ok(Self::Binary),
            CLOSE => Ok(Self::Close),
            PING => Ok(Self::Ping),
            PONG => Ok(Self::Pong),
            _ => Err(Violation::ReservedOpcode),
        }
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The payload length and what follows it, or `None` while it is incomplete.
fn parse_length(short: u8, rest: &[u8]) -> Result<Option<(usize, &[u8])>, Violation> {
    let (len, smallest, rest) = match short {
        126 => {
            let Some((long, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*long)), CONTROL_BYTES_MAX as u64 + 1, rest)
        }
        127 => {
            let Some((long, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(*long), u64::from(u16::MAX) + 1, rest)
        }
        _ => return Ok(Some((usize::from(short), rest))),
    };
    if len > i64::MAX as u64 {
        return Err(Violation::LengthTopBit);
    }
    if len < smallest {
        return Err(Violation::LengthNotMinimal);
    }
    // What no address space can hold is too large under every limit.
    let len = usize::try_from(len).map_err(|_| Violation::TooLarge)?;
    Ok(Some((len, rest)))
}

/// Undoes the mask on `bytes`, which begin `offset` bytes into the payload.
pub(super) fn unmask(bytes: &mut [u8], mut mask: [u8; 4], offset: usize) {
    mask.rotate_left(offset % 4);
    // Whole words first: the compiler turns this into vector instructions.
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}
