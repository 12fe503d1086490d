//! What frames from the client do. Each frame is an event handed to its handler; the read loop
//! knows none of them.

use anteroom_core::ids::MessageId;
use anteroom_core::limits::CLIENT_ID_CHARS_MAX;
use anteroom_core::time::Millis;
use anteroom_protocol::frame::{ClientFrame, FrameError, Send, ServerFrame};
use anteroom_protocol::message::TEXT_PLAIN;
use anteroom_protocol::{CloseCode, Code};
use uuid::Uuid;

use super::passage::Connections;
use crate::hub::Link;
use crate::messages::{Append, Wish, check_content};
use crate::storage::Alteration::{Delete, Edit};

/// Frames that are none of the contract's are counted over this span, in milliseconds.
const BAD_FRAMES_MS: u64 = 60_000;
/// Frames are counted over this span, in milliseconds.
const FRAMES_MS: u64 = 10_000;

/// What the connection does next.
pub(super) enum Flow {
    Continue,
    /// The user leaves: the seat is free at once.
    Leave,
    /// The server ends the session.
    End(CloseCode),
}

/// What is remembered of a conversation from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    frames: Window,
    bad_frames: Window,
    is_heard: bool,
}

impl Conversation {
    /// True once: for the first frame that came.
    pub(crate) fn is_first(&mut self) -> bool {
        !std::mem::replace(&mut self.is_heard, true)
    }
}

/// Counts events in fixed spans of time.
#[derive(Debug, Default)]
struct Window {
    began: Millis,
    count: usize,
}

impl Window {
    /// Counts one more; how many there are in this span.
    fn count(&mut self, now: Millis, span_ms: u64) -> usize {
        if now.0.saturating_sub(self.began.0) >= span_ms {
            *self = Self { began: now, count: 0 };
        }
        self.count += 1;
        self.count
    }
}

/// Handles one text frame.
pub(super) fn text(all: &Connections, session: &Link, talk: &mut Conversation, text: &str) -> Flow {
    if let Some(code) = control(all, talk) {
        return Flow::End(code);
    }
    // Only an object is a frame: an array would be read for one as well, its first item for the type.
    if text.trim_ascii_start().starts_with('[') {
        let detail = "The frame is no JSON object.";
        return bad_frame(all, session, talk, detail).map_or(Flow::Continue, Flow::End);
    }
    let frame = match serde_json::from_str::<ClientFrame>(text) {
        Ok(frame) => frame,
        Err(error) => {
            let detail = format!("The frame cannot be read: {error}.");
            return bad_frame(all, session, talk, &detail).map_or(Flow::Continue, Flow::End);
        }
    };
    match frame {
        ClientFrame::Send(send) => say(all, session, send),
        ClientFrame::Ping { nonce } => {
            let nonce = nonce.map(|text| text.chars().take(CLIENT_ID_CHARS_MAX).collect());
            session.say(&ServerFrame::Pong { nonce });
        }
        ClientFrame::Typing {} => {
            let passing = &all.entry.aftermath.presence.passing;
            passing.typing(&all.entry.hub, session.room, session.user, all.clock.now());
        }
        ClientFrame::Read { seq } => read(all, session, seq),
        ClientFrame::Edit { id, content } => edit(all, session, id, content),
        ClientFrame::Delete { id } => log(all, session, MessageId(id), Wish::Alter(Delete)),
        ClientFrame::Leave {} => return Flow::Leave,
    }
    Flow::Continue
}

/// Counts a frame, whatever it is. `Some` when the peer floods.
pub(super) fn control(all: &Connections, talk: &mut Conversation) -> Option<CloseCode> {
    let frames = talk.frames.count(all.clock.now(), FRAMES_MS);
    all.bounds
        .load()
        .frames_per_10s
        .is_some_and(|max| frames > max)
        .then_some(CloseCode::RateLimited)
}

/// Answers a frame that is none of the contract's. `Some` when there were too many.
pub(super) fn bad_frame(
    all: &Connections,
    session: &Link,
    talk: &mut Conversation,
    detail: &str,
) -> Option<CloseCode> {
    let bad = talk.bad_frames.count(all.clock.now(), BAD_FRAMES_MS);
    if all.bounds.load().bad_frames.is_some_and(|max| bad > max) {
        return Some(CloseCode::BadRequest);
    }
    refuse(session, Code::BadFrame, detail, None);
    None
}

fn say(all: &Connections, session: &Link, send: Send) {
    if let Err(detail) = check(&send, all.bounds.load().content_chars_max) {
        refuse(session, Code::Invalid, &detail, Some(send.client_id));
        return;
    }
    if let Some(seq) = send.reply_to
        && !was_told(all, session, seq)
    {
        let detail = "reply_to is the seq of something said in the room.";
        refuse(session, Code::Invalid, detail, Some(send.client_id));
        return;
    }
    let wish = Wish::Say {
        client_id: send.client_id,
        reply_to: send.reply_to,
        content_type: send.content_type.unwrap_or_else(|| TEXT_PLAIN.to_owned()),
        content: send.content,
    };
    log(all, session, MessageId(Uuid::now_v7()), wish);
}

pub(super) fn check(send: &Send, chars_max: usize) -> Result<(), String> {
    let id = send.client_id.chars().count();
    if id == 0 || id > CLIENT_ID_CHARS_MAX {
        return Err(format!("client_id has 1 to {CLIENT_ID_CHARS_MAX} characters."));
    }
    if send.client_id.contains('\0') {
        return Err("client_id has no character U+0000.".to_owned());
    }
    check_content(&send.content, send.content_type.as_deref(), chars_max)
}

/// Whose the message is, and what it is, is looked at where nobody can change it meanwhile: in the
/// transaction that stores the edit.
fn edit(all: &Connections, session: &Link, id: Uuid, content: String) {
    match check_content(&content, None, all.bounds.load().content_chars_max) {
        Ok(()) => log(all, session, MessageId(id), Wish::Alter(Edit(content))),
        Err(detail) => refuse(session, Code::Invalid, &detail, Some(id.to_string())),
    }
}

/// Hands a wish to the log, whose answer comes once it is durable.
fn log(all: &Connections, session: &Link, id: MessageId, what: Wish) {
    let (session, created_at) = (Link::clone(session), all.clock.wall());
    if let Err(append) = all.log.append(Append { session, id, what, created_at }) {
        let detail = "The server cannot take more right now.";
        refuse(&append.session, Code::Unavailable, detail, Some(append.reference()));
    }
}

/// Whether a number is that of something told in the session's room.
fn was_told(all: &Connections, session: &Link, seq: i64) -> bool {
    let last = all.entry.rooms.get(session.room).map_or(0, |info| info.last_seq());
    (1..=last).contains(&seq)
}

/// A mark stands on something that was told.
fn read(all: &Connections, session: &Link, seq: i64) {
    if was_told(all, session, seq) {
        all.entry.aftermath.presence.passing.read(session.room, session.user, seq);
    } else {
        refuse(session, Code::Invalid, "seq is that of something said in the room.", None);
    }
}

fn refuse(session: &Link, code: Code, detail: &str, reference: Option<String>) {
    session.say(&ServerFrame::Error(FrameError { code, detail: detail.to_owned(), reference }));
}
