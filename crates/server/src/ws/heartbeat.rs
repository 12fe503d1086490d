//! Whether a session's peer is still there, and whether its login still lives.
//!
//! Called by the deadline loop, once for each session when something of it is due: no timer and no
//! task per session. A peer that is silent too long is not argued with: the line is dropped, and the
//! seat is held for the grace.

use std::time::Duration;

use anteroom_core::ids::SessionId;
use anteroom_core::mutants::{self, Mutant};
use anteroom_core::seat::Parting;
use anteroom_core::time::Millis;
use anteroom_protocol::frame::ServerFrame;
use anteroom_protocol::{CloseCode, Timestamp};

use super::frame;
use super::passage::{Bounds, Connections};
use crate::hub::Link;

/// How long whoever ended a login may take to end its sessions, before it is done here.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long before its end a login is announced to end.
const LOGIN_WARNING: Duration = Duration::from_secs(120);

/// Does what is due; answers when to come again.
pub(super) async fn due(all: &Connections, id: SessionId) -> Option<Millis> {
    let session = all.entry.hub.get(id)?;
    let now = all.clock.now();
    let heard = if mutants::on(Mutant::B15SilentPeerKept) { now } else { session.heard() };
    let Bounds { ping, silence, .. } = **all.bounds.load();
    // Nobody is dropped who was not asked and given the time to answer, whatever the spans were when the silence began.
    let asked = session.asked();
    let silence_ends = heard.after(silence).max(asked.unwrap_or(now).after(silence - ping));
    if asked.is_some() && now >= silence_ends {
        drop_line(all, &session).await;
        return None;
    }
    if session.stands_still(now, silence) {
        session.end(CloseCode::SlowConsumer);
        return None;
    }
    let login_ends = login(all, &session, now).await?;
    let ping_at = heard.after(ping);
    let line = if now >= ping_at {
        if asked.is_none() {
            session.ask(now);
        }
        session.push(frame::ping(b""));
        silence_ends
    } else {
        ping_at
    };
    Some(line.min(login_ends))
}

/// The next moment at which something of the login is due; `None` when it is over.
async fn login(all: &Connections, session: &Link, now: Millis) -> Option<Millis> {
    let wall = all.clock.wall();
    let ends = all.entry.tokens.login_deadline(session.user, session.login, wall).await;
    let ends = match ends {
        Ok(ends) => ends,
        // A store that is away ends no chat that is going on: asked again with the next ping.
        Err(_) => return Some(now.after(all.bounds.load().ping)),
    };
    let Some(ends_at) = ends.or(session.login_over_at(wall)) else {
        // Ended before its time: whoever ended it is about to say so, with the right words.
        if session.is_suspect() {
            session.end(CloseCode::Unauthenticated);
            return None;
        }
        return Some(now.after(LAST_WORDS));
    };
    session.login_ends(ends_at);
    let left = u64::try_from(ends_at - wall).unwrap_or(0);
    if left == 0 {
        tracing::info!(event = "auth.login_expired", user = %session.user, login = %session.login,
            "a login ended with its token");
        session.end(CloseCode::Unauthenticated);
        return None;
    }
    let warning = u64::try_from(LOGIN_WARNING.as_millis()).unwrap_or(u64::MAX);
    if left > warning {
        return Some(Millis(now.0 + (left - warning)));
    }
    if session.warn_once(ends_at) {
        session.say(&ServerFrame::LoginExpiring { expires_at: Timestamp(ends_at) });
    }
    Some(Millis(now.0 + left))
}

/// Nobody answers: the seat is held at once; the connection's task ends by itself.
async fn drop_line(all: &Connections, session: &Link) {
    tracing::info!(event = "session.silent", session = %session.id, user = %session.user,
        room = session.room.0, "the peer is silent; the line is dropped");
    all.entry.close(session, Parting::Unclean).await;
    session.drop_line();
}
