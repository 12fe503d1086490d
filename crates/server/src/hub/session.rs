//! One live connection, as everyone but its own task sees it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{Generation, LoginId, Owner, RoomId, SessionId, UserId};
use anteroom_core::seat::PartRef;
use anteroom_core::time::Millis;
use anteroom_protocol::CloseCode;
use anteroom_protocol::frame::{Ending, ServerFrame};
use anteroom_protocol::room::MemberUser;
use bytes::Bytes;

use super::form::{Batch, Shared};
use super::outbox::{Outbox, Pushed};
use crate::ws::frame;

/// A connection that has, or is about to have, a seat.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) name: Arc<str>,
    pub(crate) login: LoginId,
    pub(crate) room: RoomId,
    pub(crate) generation: Generation,
    pub(crate) owner: Owner,
    pub(crate) outbox: Outbox,
    /// When the peer was last heard, on the server's clock.
    heard: AtomicU64,
    /// When the peer was last asked whether it is there.
    asked: AtomicU64,
    /// The end of the login that the peer was warned of.
    warned_of: AtomicI64,
    /// When the login ends, as far as it is known; wall-clock milliseconds.
    login_ends: AtomicI64,
    /// The login was found dead before its time.
    is_suspect: AtomicBool,
    /// What was written when something was first seen waiting, and when that was.
    still: Mutex<Option<(u64, Millis)>>,
}

/// What makes a session.
pub(crate) struct NewSession {
    pub(crate) part: PartRef,
    pub(crate) name: Arc<str>,
    pub(crate) login: LoginId,
    pub(crate) room: RoomId,
    pub(crate) outbox: Outbox,
    pub(crate) now: Millis,
}

impl Session {
    pub(crate) fn new(new: NewSession) -> Self {
        Self {
            id: new.part.session,
            user: new.part.user,
            name: new.name,
            login: new.login,
            room: new.room,
            generation: new.part.generation,
            owner: new.part.owner,
            outbox: new.outbox,
            heard: AtomicU64::new(new.now.0),
            asked: AtomicU64::new(0),
            warned_of: AtomicI64::new(0),
            login_ends: AtomicI64::new(i64::MAX),
            is_suspect: AtomicBool::new(false),
            still: Mutex::default(),
        }
    }

    /// How the ledger knows this session.
    pub(crate) fn part(&self) -> PartRef {
        PartRef {
            user: self.user,
            session: self.id,
            generation: self.generation,
            owner: self.owner,
        }
    }

    /// The user as the others see one.
    pub(crate) fn member(&self) -> MemberUser {
        MemberUser { id: self.user.0, name: self.name.to_string() }
    }

    /// Notes that the peer is alive.
    pub(crate) fn hear(&self, now: Millis) {
        self.heard.store(now.0, Ordering::Relaxed);
    }

    /// When the peer was last heard.
    pub(crate) fn heard(&self) -> Millis {
        Millis(self.heard.load(Ordering::Relaxed))
    }

    /// Notes that the peer is asked whether it is there.
    pub(crate) fn ask(&self, now: Millis) {
        self.asked.store(now.0, Ordering::Relaxed);
    }

    /// When the peer was last asked, if it was not heard since.
    pub(crate) fn asked(&self) -> Option<Millis> {
        let asked = Millis(self.asked.load(Ordering::Relaxed));
        (asked > self.heard()).then_some(asked)
    }

    /// Why the server ends the session, once it does.
    pub(crate) fn ending(&self) -> Option<CloseCode> {
        self.outbox.ending()
    }

    /// Says why and closes with the code: in a `closing` frame, or in a `refused` frame where the
    /// `welcome` was not queued yet. Only the first call has an effect.
    pub(crate) fn end(&self, code: CloseCode) {
        // A peer that does not read would never see the words behind a full queue.
        let cut = code == CloseCode::SlowConsumer;
        self.outbox.finish_in_words(Some(code), cut, |was_welcomed| farewell(code, was_welcomed));
    }

    /// The same for a session that was never let in: in a `refused` frame.
    pub(crate) fn refuse(&self, code: CloseCode) {
        self.outbox.finish(Some(code), farewell(code, false), true);
    }

    /// Drops the line without a word: nobody is there to read one.
    pub(crate) fn drop_line(&self) {
        self.outbox.finish(Some(CloseCode::GoingAway), Vec::new(), true);
    }

    /// Notes when the login ends.
    pub(crate) fn login_ends(&self, at: i64) {
        self.login_ends.store(at, Ordering::Relaxed);
    }

    /// The end of the login, if it was known to end by `wall`.
    pub(crate) fn login_over_at(&self, wall: i64) -> Option<i64> {
        Some(self.login_ends.load(Ordering::Relaxed)).filter(|ends| *ends <= wall)
    }

    /// False the first time it is asked.
    pub(crate) fn is_suspect(&self) -> bool {
        self.is_suspect.swap(true, Ordering::Relaxed)
    }

    /// Whether something has waited for the socket since `span` ago, and none of it left.
    pub(crate) fn stands_still(&self, now: Millis, span: Duration) -> bool {
        let waiting = self.outbox.waiting_at();
        let mut still = self.still.lock().unwrap_or_else(PoisonError::into_inner);
        match (waiting, *still) {
            (Some(written), Some((seen, since))) if written == seen => now >= since.after(span),
            (Some(written), _) => {
                *still = Some((written, now));
                false
            }
            (None, _) => {
                *still = None;
                false
            }
        }
    }

    /// Whether the peer has yet to be warned that its login ends at `ends_at` (wall-clock
    /// milliseconds). A refresh moves the end, and the warning with it.
    pub(crate) fn warn_once(&self, ends_at: i64) -> bool {
        self.warned_of.swap(ends_at, Ordering::Relaxed) != ends_at
    }

    /// Sends one frame; a session that does not read is cut. Whether it was taken.
    pub(crate) fn push(&self, frame: Bytes) -> bool {
        self.after_push(self.outbox.push(frame))
    }

    /// The same with a frame that others are sent too.
    pub(crate) fn push_shared(&self, frame: &Shared) -> bool {
        self.after_push(self.outbox.push_shared(frame))
    }

    /// Sends what is this session's own, and what of the batch it has not seen.
    pub(crate) fn deliver(&self, own: Bytes, batch: &Arc<Batch>) {
        let _ = self.after_push(self.outbox.deliver(own, batch));
    }

    /// Encodes and sends one frame.
    pub(crate) fn say(&self, frame: &ServerFrame) {
        self.push(encode(frame));
    }

    fn after_push(&self, pushed: Pushed) -> bool {
        if pushed == Pushed::Overflow {
            self.end(CloseCode::SlowConsumer);
        }
        pushed == Pushed::Taken
    }
}

/// A frame as bytes for the wire. The contract's types always serialise; an empty frame would be
/// seen as a fault by every client test.
pub(crate) fn encode(frame: &ServerFrame) -> Bytes {
    let json = serde_json::to_vec(frame).unwrap_or_default();
    frame::text(&json)
}

/// What such bytes say.
pub(crate) fn decode(frame: &Bytes) -> Option<ServerFrame> {
    serde_json::from_slice(frame::payload(frame)?).ok()
}

/// The last words of a session that was entered (`closing`) or refused, and the close frame.
pub(crate) fn farewell(code: CloseCode, was_entered: bool) -> Vec<Bytes> {
    let detail = crate::edge::close_text(code);
    let mut frames = Vec::with_capacity(2);
    if let Some(word) = code.code() {
        let ending = Ending { code: word, status: code.status(), detail: detail.to_owned() };
        let frame =
            if was_entered { ServerFrame::Closing(ending) } else { ServerFrame::Refused(ending) };
        frames.push(encode(&frame));
    }
    let reason = code.code().map_or("", |word| word.as_str());
    frames.push(frame::close(code.status(), reason));
    frames
}
