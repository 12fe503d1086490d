//! The same frames in the form that a session's transport needs, made at most once for everybody.
//!
//! Frames are made as a plain WebSocket carries them. Where a room has a member whose transport speaks
//! SockJS, the first such member makes the other form, and all the others take the same bytes.

use std::cell::OnceCell;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::sockjs::frame as sockjs;

/// How a session's transport writes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Plain,
    /// As SockJS over a WebSocket.
    Framed,
    /// As pieces that wait for a response.
    Pieces,
}

impl Form {
    /// Frames in this form.
    pub(crate) fn of(self, plain: Bytes) -> Bytes {
        match self {
            Self::Plain => plain,
            Self::Framed => sockjs::framed(&plain),
            Self::Pieces => sockjs::pieces(&plain),
        }
    }
}

/// Frames that many sessions are told, whatever their transports.
#[derive(Debug)]
pub(crate) struct Shared {
    plain: Bytes,
    framed: OnceCell<Bytes>,
    pieces: OnceCell<Bytes>,
}

impl Shared {
    /// Plain frames for many.
    pub(crate) fn new(plain: Bytes) -> Self {
        Self { plain, framed: OnceCell::new(), pieces: OnceCell::new() }
    }

    pub(super) fn in_form(&self, form: Form) -> Bytes {
        let made = match form {
            Form::Plain => return self.plain.clone(),
            Form::Framed => &self.framed,
            Form::Pieces => &self.pieces,
        };
        made.get_or_init(|| form.of(self.plain.clone())).clone()
    }
}

/// Numbered frames of one room that one commit made durable, encoded once for everyone.
#[derive(Debug)]
pub(crate) struct Batch {
    plain: Joined,
    framed: OnceLock<Joined>,
    pieces: OnceLock<Joined>,
}

/// Frames in a row.
#[derive(Debug)]
struct Joined {
    bytes: Bytes,
    /// For each frame its `seq` and where it ends in `bytes`.
    ends: Vec<(i64, usize)>,
}

impl Batch {
    /// Joins frames in rising order of `seq`.
    pub(crate) fn new(frames: &[(i64, Bytes)]) -> Self {
        let plain = Joined::new(frames.iter().map(|(seq, frame)| (*seq, frame)));
        Self { plain, framed: OnceLock::new(), pieces: OnceLock::new() }
    }

    /// How many bytes it has in its plain form.
    pub(super) fn len(&self) -> usize {
        self.plain.bytes.len()
    }

    /// What a session that has seen everything up to `cursor` still lacks, and its new cursor.
    pub(super) fn after(&self, cursor: i64, form: Form) -> Option<(Bytes, i64)> {
        // Nothing is made for who lacks nothing.
        if self.plain.ends.last()?.0 <= cursor {
            return None;
        }
        let joined = match form {
            Form::Plain => &self.plain,
            Form::Framed => self.framed.get_or_init(|| self.plain.in_form(form)),
            Form::Pieces => self.pieces.get_or_init(|| self.plain.in_form(form)),
        };
        joined.after(cursor)
    }
}

impl Joined {
    fn new<'a>(frames: impl Iterator<Item = (i64, &'a Bytes)> + Clone) -> Self {
        let mut bytes = Vec::with_capacity(frames.clone().map(|(_, frame)| frame.len()).sum());
        let ends = frames
            .map(|(seq, frame)| {
                bytes.extend_from_slice(frame);
                (seq, bytes.len())
            })
            .collect();
        Self { bytes: bytes.into(), ends }
    }

    fn in_form(&self, form: Form) -> Self {
        let mut start = 0;
        let mut frames = Vec::with_capacity(self.ends.len());
        for (seq, end) in &self.ends {
            frames.push((*seq, form.of(self.bytes.slice(start..*end))));
            start = *end;
        }
        Self::new(frames.iter().map(|(seq, frame)| (*seq, frame)))
    }

    fn after(&self, cursor: i64) -> Option<(Bytes, i64)> {
        let seen = self.ends.partition_point(|(seq, _)| *seq <= cursor);
        let last = self.ends.last()?.0;
        if seen == self.ends.len() {
            return None;
        }
        let start = if seen == 0 { 0 } else { self.ends[seen - 1].1 };
        Some((self.bytes.slice(start..), last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::frame;

    #[test]
    fn a_form_is_made_once_for_everybody_and_only_when_somebody_needs_it() {
        let batch = Batch::new(&[(3, frame::text(b"a")), (4, frame::text(b"b"))]);
        assert!(batch.after(0, Form::Plain).is_some());
        assert!(batch.after(4, Form::Pieces).is_none());
        assert!(batch.pieces.get().is_none() && batch.framed.get().is_none());
        let (one, cursor) = batch.after(0, Form::Pieces).unwrap();
        let (other, _) = batch.after(0, Form::Pieces).unwrap();
        assert_eq!((&one[..], cursor), (&br#","a","b""#[..], 4));
        assert_eq!(one.as_ptr(), other.as_ptr(), "the very same bytes");
        assert_eq!(&batch.after(3, Form::Pieces).unwrap().0[..], br#","b""#);
        assert!(batch.framed.get().is_none());

        let shared = Shared::new(frame::text(b"a"));
        assert!(shared.framed.get().is_none());
        let (one, other) = (shared.in_form(Form::Framed), shared.in_form(Form::Framed));
        assert_eq!(one.as_ptr(), other.as_ptr());
        assert!(shared.pieces.get().is_none());
    }
}
