//! The decoder of frames, given a stream in pieces, against a plain reading of the whole; and the encoder back
//! through the same.

use anteroom::ws::decode::{Decoder, Event, Limits, Violation};
use anteroom::ws::frame;
use bytes::BytesMut;

use crate::draw::Draw;

/// Small, so that they are met.
const LIMITS: Limits = Limits { message_bytes_max: 300, frames_per_message_max: 4 };

/// What a stream came to.
type Outcome = (Vec<Event>, Option<Violation>);

pub fn run(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let sizes: [u8; 4] = draw.array();
    let stream = draw.0;
    let whole = in_pieces(stream, &[u8::MAX]);
    assert_eq!(in_pieces(stream, &sizes), whole, "it depends on how the stream is cut");
    let plain = plainly(stream);
    assert_eq!((shown(&whole.0), whole.1), (plain.0, plain.1), "not as a plain reading");
    for event in &whole.0 {
        encoded(event);
    }
}

fn in_pieces(mut stream: &[u8], sizes: &[u8]) -> Outcome {
    let mut decoder = Decoder::new(LIMITS);
    let (mut buf, mut events) = (BytesMut::new(), Vec::new());
    let mut sizes = sizes.iter().cycle();
    while !stream.is_empty() {
        let size = sizes.next().map_or(1, |size| usize::from(*size).max(1));
        let (piece, rest) = stream.split_at(size.min(stream.len()));
        stream = rest;
        buf.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buf) {
                Ok(None) => break,
                Ok(Some(event)) => events.push(event),
                Err(violation) => return (events, Some(violation)),
            }
        }
        if matches!(events.last(), Some(Event::Close { .. })) {
            buf.extend_from_slice(rest);
            assert_eq!(decoder.decode(&mut buf), Ok(None), "something follows the close");
            break;
        }
    }
    (events, None)
}

/// An event as its opcode and what it carries.
type Shown = (u8, Vec<u8>);

fn shown(events: &[Event]) -> Vec<Shown> {
    let one = |event: &Event| match event {
        Event::Text(text) => (1, text.as_bytes().to_vec()),
        Event::Binary(bytes) => (2, bytes.to_vec()),
        Event::Ping(bytes) => (9, bytes.to_vec()),
        Event::Pong(bytes) => (10, bytes.to_vec()),
        Event::Close { code, reason } => {
            let code = code.map(u16::to_be_bytes);
            (8, [code.as_ref().map_or(&[][..], |it| it), reason.as_bytes()].concat())
        }
    };
    events.iter().map(one).collect()
}

/// RFC 6455 section 5 read from the front, with nothing kept between frames but the message under way.
fn plainly(stream: &[u8]) -> (Vec<Shown>, Option<Violation>) {
    let (mut events, mut rest) = (Vec::new(), stream);
    let mut message: Option<(u8, Vec<u8>, u32)> = None;
    loop {
        match plain_frame(rest, &mut message) {
            Err(violation) => return (events, Some(violation)),
            Ok(None) => return (events, None),
            Ok(Some((event, used))) => {
                let is_end = matches!(event, Some((8, _)));
                events.extend(event);
                if is_end {
                    return (events, None);
                }
                rest = &rest[used..];
            }
        }
    }
}

/// The event of the frame at the front, if it ends a message or is one, and how long it is.
#[expect(clippy::type_complexity, reason = "said in the line above")]
fn plain_frame(
    bytes: &[u8],
    message: &mut Option<(u8, Vec<u8>, u32)>,
) -> Result<Option<(Option<Shown>, usize)>, Violation> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let (is_last, opcode) = (first >= &0x80, first & 0x0F);
    if first & 0x70 != 0 {
        return Err(Violation::ReservedBits);
    }
    if !matches!(opcode, 0..=2 | 8..=10) {
        return Err(Violation::ReservedOpcode);
    }
    let is_control = opcode >= 8;
    if is_control && !is_last {
        return Err(Violation::FragmentedControl);
    }
    let Some(second) = bytes.get(1) else { return Ok(None) };
    if second < &0x80 {
        return Err(Violation::Unmasked);
    }
    let short = usize::from(second & 0x7F);
    if is_control && short > 125 {
        return Err(Violation::OversizedControl);
    }
    let wide = [0, 2, 8][usize::from(short > 125) + usize::from(short > 126)];
    let Some(length) = bytes.get(2..2 + wide) else { return Ok(None) };
    let length = length.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let length = if wide == 0 { short as u64 } else { length };
    if length >> 63 == 1 {
        return Err(Violation::LengthTopBit);
    }
    if wide == 2 && length < 126 || wide == 8 && length <= 0xFFFF {
        return Err(Violation::LengthNotMinimal);
    }
    let Some(mask) = bytes.get(2 + wide..6 + wide) else { return Ok(None) };
    match (&mut *message, opcode) {
        (None, 0) => return Err(Violation::UnexpectedContinuation),
        (Some(_), 1 | 2) => return Err(Violation::InterruptedMessage),
        _ => {}
    }
    if !is_control {
        let (before, frames) = message.as_ref().map_or((0, 0), |it| (it.1.len(), it.2));
        if before as u64 + length > LIMITS.message_bytes_max as u64 {
            return Err(Violation::TooLarge);
        }
        if frames + 1 > LIMITS.frames_per_message_max {
            return Err(Violation::TooManyFrames);
        }
    }
    let body = &bytes[6 + wide..];
    let there = body.len().min(length as usize);
    let body: Vec<u8> = body[..there].iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b).collect();
    let is_whole = there as u64 == length;
    let used = 6 + wide + there;
    if is_control {
        return if is_whole { plain_control(opcode, body, used).map(Some) } else { Ok(None) };
    }
    let (kind, mut gathered, frames) = message.take().unwrap_or((opcode, Vec::new(), 0));
    gathered.extend(body);
    let is_over = is_whole && is_last;
    if kind == 1
        && let Err(error) = std::str::from_utf8(&gathered)
        && (error.error_len().is_some() || is_over)
    {
        return Err(Violation::NotUtf8);
    }
    if is_over {
        return Ok(Some((Some((kind, gathered)), used)));
    }
    *message = Some((kind, gathered, frames + 1));
    Ok(is_whole.then_some((None, used)))
}

fn plain_control(
    opcode: u8,
    body: Vec<u8>,
    used: usize,
) -> Result<(Option<Shown>, usize), Violation> {
    if opcode == 8 && !body.is_empty() {
        let [a, b, reason @ ..] = &body[..] else { return Err(Violation::TruncatedCloseCode) };
        let code = u16::from_be_bytes([*a, *b]);
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            return Err(Violation::InvalidCloseCode);
        }
        if std::str::from_utf8(reason).is_err() {
            return Err(Violation::NotUtf8);
        }
    }
    Ok((Some((opcode, body)), used))
}

/// What the server would say it in is read as the same, once a client's mask is put on it.
fn encoded(event: &Event) {
    let said = match event {
        Event::Text(text) => frame::text(text.as_bytes()),
        Event::Binary(bytes) => frame::binary(bytes),
        Event::Ping(bytes) => frame::ping(bytes),
        Event::Pong(bytes) => frame::pong(bytes),
        Event::Close { code: Some(code), reason } => frame::close(*code, reason),
        Event::Close { code: None, .. } => frame::close_without_code(),
    };
    let carried = frame::payload(&said).expect("a whole frame");
    let mut masked = BytesMut::from(&said[..said.len() - carried.len()]);
    masked[1] |= 0x80;
    masked.extend_from_slice(&[0; 4]);
    masked.extend_from_slice(carried);
    let read = Decoder::new(LIMITS).decode(&mut masked);
    assert_eq!(read, Ok(Some(event.clone())), "not what was said");
}
