//! Server-sent events taken apart: bytes in, events out. Pure; it knows no HTTP and no clock.

use crate::error::{Error, Result};

/// Longest line that is read, in bytes. No event of the contract comes near it.
pub(crate) const LINE_MAX: usize = 64 << 10;

/// One event: its name and its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SseEvent {
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Reads a stream of events, however it is cut into pieces.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    line: Vec<u8>,
    after_cr: bool,
    name: String,
    data: String,
    has_data: bool,
}

impl SseReader {
    /// Takes a piece and gives the events that end in it.
    ///
    /// # Errors
    /// A line longer than [`LINE_MAX`].
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<Vec<SseEvent>> {
        let mut events = Vec::new();
        for &byte in piece {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                _ if self.line.len() == LINE_MAX => {
                    return Err(Error::Protocol("an event stream with an endless line".into()));
                }
                _ => {
                    self.after_cr = false;
                    self.line.push(byte);
                }
            }
        }
        Ok(events)
    }

    /// An empty line ends an event; one that begins with a colon is a comment.
    fn line(&mut self, line: &str) -> Option<SseEvent> {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return std::mem::take(&mut self.has_data).then_some(SseEvent { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nevent: position\ndata: {\"position\":2,\ndata:\"ahead\":1}\nid: 7\n\n\
        event: gone\r\ndata: {\"code\":\"ä\"}\r\n\r\nevent: nothing\n\n";

    fn wanted() -> Vec<SseEvent> {
        let event = |name: &str, data: &str| SseEvent { name: name.into(), data: data.into() };
        vec![event("position", "{\"position\":2,\n\"ahead\":1}"), event("gone", "{\"code\":\"ä\"}")]
    }

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        for size in 1..STREAM.len() {
            let mut reader = SseReader::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let events: Vec<_> = pieces.flat_map(|piece| reader.take(piece).unwrap()).collect();
            assert_eq!(events, wanted(), "in pieces of {size}");
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut reader = SseReader::default();
        assert!(reader.take(&vec![b'x'; LINE_MAX]).is_ok());
        assert!(matches!(reader.take(b"x"), Err(Error::Protocol(_))));
    }
}
