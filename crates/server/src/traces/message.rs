//! The way of a message: from its sender into the store, and from there to whoever is in the room, on every
//! node.
//!
//! Which messages are recorded is worked out from room and number, so nothing is noted of the others, and
//! every node that passes one on knows its trace without being told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anteroom_core::ids::RoomId;
use opentelemetry::trace::{SpanContext, SpanKind};

use super::Traces;
use super::ids::below;
use super::span::{Draft, key, number};
use crate::clock::stamp;

/// A message that is recorded.
pub(crate) struct Said {
    room: RoomId,
    seq: i64,
    /// When it came, in milliseconds on the wall clock.
    came: i64,
    root: SpanContext,
}

/// Some of what is passed on together is recorded.
pub(crate) struct Passing {
    room: RoomId,
    recorded: Vec<(i64, SpanContext)>,
    from: SystemTime,
}

impl Traces {
    /// Something was stored in a room under this number; `None` where that is not recorded.
    pub(crate) fn said(&self, room: RoomId, seq: i64, came: i64) -> Option<Said> {
        let root = self.0.as_ref()?.ids.message(room, seq)?;
        Some(Said { room, seq, came, root })
    }

    /// These were stored by one commit, and told.
    pub(crate) fn stored(&self, said: Vec<Said>, commit: (SystemTime, SystemTime), batch: usize) {
        let Some(inner) = &self.0 else { return };
        for Said { room, seq, came, root } in said {
            let mut step = Draft::new("anteroom.message.commit", SpanKind::Internal, commit);
            step.attributes.push(number(key::BATCH, i64::try_from(batch).unwrap_or(i64::MAX)));
            inner.exporter.take(step.under(below(&root), Some(&root)));
            let came = UNIX_EPOCH + Duration::from_millis(u64::try_from(came).unwrap_or(0));
            let from = came.min(commit.0);
            let mut own = Draft::new("anteroom.message.send", SpanKind::Internal, (from, stamp()));
            own.attributes.extend([number(key::ROOM, room.0), number(key::SEQ, seq)]);
            inner.exporter.take(own.under(root, None));
        }
    }

    /// These are about to be passed on; `None` where none of them is recorded.
    pub(crate) fn passing<T>(&self, room: RoomId, frames: &[(i64, T)]) -> Option<Passing> {
        let ids = &self.0.as_ref()?.ids;
        let recorded = frames.iter().filter_map(|(seq, _)| Some((*seq, ids.message(room, *seq)?)));
        let recorded: Vec<_> = recorded.collect();
        (!recorded.is_empty()).then(|| Passing { room, recorded, from: stamp() })
    }

    /// They were, in this step; to so many sessions, where it is they who were told.
    pub(crate) fn passed(
        &self,
        passing: Option<Passing>,
        (name, kind): (&'static str, SpanKind),
        sessions: Option<usize>,
    ) {
        let (Some(inner), Some(Passing { room, recorded, from })) = (&self.0, passing) else {
            return;
        };
        let until = stamp();
        for (seq, root) in recorded {
            let mut step = Draft::new(name, kind.clone(), (from, until));
            step.attributes.extend([number(key::ROOM, room.0), number(key::SEQ, seq)]);
            let sessions = sessions.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
            step.attributes.extend(sessions.map(|count| number(key::SESSIONS, count)));
            inner.exporter.take(step.under(below(&root), Some(&root)));
        }
    }
}
