//! Decodes what a client sends: bytes in, whole messages and control frames out.
//!
//! Invariants: a violation is found at the first byte that proves it, however the stream was cut
//! into reads; nothing is allocated because a header declares a length, only because bytes came;
//! between messages a decoder owns no memory on the heap. It must not know sockets, sessions or
//! JSON, and it never answers: replies and closing belong to the caller.

mod header;
#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes, BytesMut};
use header::{Header, Opcode};

use super::frame::close_code_is_valid;

/// What one client may make the server hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message, in bytes, over all its frames.
    pub message_bytes_max: usize,
    /// The most frames one message may be cut into.
    pub frames_per_message_max: u32,
}

/// One thing a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Text(Utf8),
    Binary(Bytes),
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    Pong(Bytes),
    /// The last event: whatever follows it is discarded. To be answered with the same code, or
    /// without one if there was none.
    Close {
        code: Option<u16>,
        reason: String,
    },
}

/// Bytes known to be UTF-8. They may share the read buffer's allocation: what is kept for long is
/// better copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utf8(Bytes);

impl Utf8 {
    /// The text. Looks through the bytes once more, which for a chat message costs less than
    /// carrying two representations.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the decoder has checked every byte of a text message")
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// How a client broke the protocol or a limit. `Display` is fit for a close reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("a client frame must be masked")]
    Unmasked,
    #[error("a reserved bit is set")]
    ReservedBits,
    #[error("the opcode is reserved")]
    ReservedOpcode,
    #[error("a control frame must not be fragmented")]
    FragmentedControl,
    #[error("a control frame carries at most 125 bytes")]
    OversizedControl,
    #[error("the length is not in its shortest form")]
    LengthNotMinimal,
    #[error("the top bit of the length is set")]
    LengthTopBit,
    #[error("a continuation without a message to continue")]
    UnexpectedContinuation,
    #[error("a new message inside a fragmented one")]
    InterruptedMessage,
    #[error("a close payload of one byte")]
    TruncatedCloseCode,
    #[error("the close code is not allowed")]
    InvalidCloseCode,
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("too many frames in one message")]
    TooManyFrames,
    #[error("the message is too large")]
    TooLarge,
}

impl Violation {
    /// The code to close the connection with.
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::NotUtf8 => 1007,
            Self::TooManyFrames => 1008,
            Self::TooLarge => 1009,
            _ => 1002,
        }
    }
}

/// The state of one connection's incoming stream.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// The frame whose header has left the buffer and whose payload is not complete.
    frame: Option<Frame>,
    /// The fragmented message under way.
    message: Option<Box<Message>>,
    ended: bool,
}

#[derive(Debug)]
struct Frame {
    header: Header,
    /// Payload bytes that have come and are unmasked.
    seen: usize,
    /// Of an unfragmented text, the bytes known to be whole, valid characters.
    checked: usize,
}

#[derive(Debug)]
struct Message {
    text: bool,
    bytes: Vec<u8>,
    frames: u32,
    /// Of a text, the bytes known to be whole, valid characters.
    checked: usize,
}

impl Decoder {
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, frame: None, message: None, ended: false }
    }

    /// Takes the next event out of `buf`, or `None` when more bytes are needed.
    ///
    /// Called after each read until it answers `None`. Between calls the caller may only append to
    /// `buf`: part of an incomplete frame stays in it, already unmasked. An empty `buf` may be
    /// given up and replaced by another.
    ///
    /// # Errors
    /// The first violation of the stream. Like a close, it ends the stream: from then on
    /// everything received is discarded and the answer is `None`.
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Option<Event>, Violation> {
        if self.ended {
            buf.clear();
            return Ok(None);
        }
        let outcome = self.next_event(buf);
        if matches!(outcome, Err(_) | Ok(Some(Event::Close { .. }))) {
            self.ended = true;
            self.frame = None;
            self.message = None;
            buf.clear();
        }
        outcome
    }

    fn next_event(&mut self, buf: &mut BytesMut) -> Result<Option<Event>, Violation> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.begin_frame(buf)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let fragment = frame.is_fragment();
            let event = match &mut self.message {
                Some(message) if fragment => {
                    message.take_in(&mut frame, buf, self.limits.message_bytes_max)?;
                    None
                }
                _ => frame.finish_in_place(buf)?,
            };
            if event.is_some() {
                return Ok(event);
            }
            if frame.seen < frame.header.len {
                self.frame = Some(frame);
                return Ok(None);
            }
            if frame.header.fin
                && let Some(message) = self.message.take()
            {
                return message.finish().map(Some);
            }
        }
    }

    /// Takes a header out of `buf`, once it is complete and allowed at this point of the stream.
    fn begin_frame(&mut self, buf: &mut BytesMut) -> Result<Option<Frame>, Violation> {
        let Some((header, header_bytes)) = Header::parse(buf)? else { return Ok(None) };
        match (header.opcode, &mut self.message) {
            (Opcode::Continuation, None) => return Err(Violation::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Violation::InterruptedMessage),
            (Opcode::Continuation, Some(message)) => {
                self.limits.check_bytes(message.bytes.len(), header.len)?;
                message.frames += 1;
                self.limits.check_frames(message.frames)?;
            }
            (Opcode::Text | Opcode::Binary, None) => {
                self.limits.check_bytes(0, header.len)?;
                self.limits.check_frames(1)?;
                if !header.fin {
                    let message = Message::new(header.opcode == Opcode::Text);
                    self.message = Some(Box::new(message));
                }
            }
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => {}
        }
        buf.advance(header_bytes);
        Ok(Some(Frame { header, seen: 0, checked: 0 }))
    }
}

impl Limits {
    fn check_bytes(&self, gathered: usize, coming: usize) -> Result<(), Violation> {
        if coming > self.message_bytes_max.saturating_sub(gathered) {
            return Err(Violation::TooLarge);
        }
        Ok(())
    }

    fn check_frames(&self, frames: u32) -> Result<(), Violation> {
        if frames > self.frames_per_message_max {
            return Err(Violation::TooManyFrames);
        }
        Ok(())
    }
}

impl Frame {
    /// Whether the payload is a part of a message, to be gathered outside the read buffer.
    fn is_fragment(&self) -> bool {
        match self.header.opcode {
            Opcode::Continuation => true,
            Opcode::Text | Opcode::Binary => !self.header.fin,
            Opcode::Close | Opcode::Ping | Opcode::Pong => false,
        }
    }

    /// Unmasks and checks what has come of a payload that is an event of its own. The event takes
    /// the payload out of `buf` without copying it.
    fn finish_in_place(&mut self, buf: &mut BytesMut) -> Result<Option<Event>, Violation> {
        assert!(buf.len() >= self.seen, "bytes of an incomplete frame were taken from the buffer");
        let end = buf.len().min(self.header.len);
        header::unmask(&mut buf[self.seen..end], self.header.mask, self.seen);
        self.seen = end;
        if self.header.opcode == Opcode::Text {
            self.checked += valid_utf8_bytes(&buf[self.checked..end])?;
        }
        if end < self.header.len {
            return Ok(None);
        }
        let payload = buf.split_to(end).freeze();
        let event = match self.header.opcode {
            Opcode::Text if self.checked < end => return Err(Violation::NotUtf8),
            Opcode::Text => Event::Text(Utf8(payload)),
            Opcode::Ping => Event::Ping(payload),
            Opcode::Pong => Event::Pong(payload),
            Opcode::Close => close_event(&payload)?,
            Opcode::Binary | Opcode::Continuation => Event::Binary(payload),
        };
        Ok(Some(event))
    }
}

impl Message {
    fn new(text: bool) -> Self {
        Self { text, bytes: Vec::new(), frames: 1, checked: 0 }
    }

    /// Moves what has come of a fragment out of `buf`, so that only this copy of it remains.
    fn take_in(
        &mut self,
        frame: &mut Frame,
        buf: &mut BytesMut,
        bytes_max: usize,
    ) -> Result<(), Violation> {
        let count = buf.len().min(frame.header.len - frame.seen);
        let part = &mut buf[..count];
        header::unmask(part, frame.header.mask, frame.seen);
        let needed = self.bytes.len() + count;
        if needed > self.bytes.capacity() {
            // Doubling as a vector does, but never past the limit that the header was held to.
            let capacity = needed.max(self.bytes.capacity() * 2).min(bytes_max);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(part);
        buf.advance(count);
        frame.seen += count;
        if self.text {
            self.checked += valid_utf8_bytes(&self.bytes[self.checked..])?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Event, Violation> {
        if !self.text {
            return Ok(Event::Binary(self.bytes.into()));
        }
        if self.checked < self.bytes.len() {
            return Err(Violation::NotUtf8);
        }
        Ok(Event::Text(Utf8(self.bytes.into())))
    }
}

fn close_event(payload: &[u8]) -> Result<Event, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return match payload {
            [] => Ok(Event::Close { code: None, reason: String::new() }),
            _ => Err(Violation::TruncatedCloseCode),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !close_code_is_valid(code) {
        return Err(Violation::InvalidCloseCode);
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Event::Close { code: Some(code), reason: reason.to_owned() })
}

/// How many bytes are whole characters. A character that is only begun may still be completed by
/// bytes to come; one that no continuation could complete is refused at once.
fn valid_utf8_bytes(bytes: &[u8]) -> Result<usize, Violation> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(_) => Err(Violation::NotUtf8),
    }
}
