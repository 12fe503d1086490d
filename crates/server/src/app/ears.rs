//! What other nodes tell is applied here, where everything is at hand.
//!
//! News are hints: each is applied to what this node has, and what it means is read from where it was
//! decided. Nothing of it is told on.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{LoginId, RoomId, SessionId, UserId};
use anteroom_protocol::{CloseCode, Code};
use bytes::Bytes;
use opentelemetry::trace::SpanContext;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::App;
use crate::cluster::{COMPARED_EVERY, Cause, Heard, News};
use crate::entry::waiter_end;
use crate::traces;

/// How often deadlines are looked for that no node has seen to.
const OVERDUE_EVERY: Duration = Duration::from_secs(1);
/// Before what was missed is looked for again, when a store was away.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens until the bus is gone.
pub(super) async fn listen(app: Arc<App>, mut arriving: mpsc::Receiver<Heard>) {
    while let Some(heard) = arriving.recv().await {
        match heard {
            Heard::Published(room, frames) => app.delivery.heard(room, frames),
            Heard::News(news) => hear(&app, news).await,
            Heard::Missed => look_at_everything(&app).await,
        }
    }
}

/// Compares with the store what was told in the rooms here, from time to time.
pub(super) async fn compare(app: Arc<App>) {
    let mut next = Instant::now() + COMPARED_EVERY;
    loop {
        tokio::time::sleep_until(next).await;
        if let Err(error) = app.delivery.compare().await {
            tracing::debug!(event = "bus.not_compared", %error, "the store cannot be read");
        }
        next = Instant::now() + COMPARED_EVERY;
    }
}

/// Ends what is due where the node that would have ended it is gone.
pub(super) async fn watch_deadlines(app: Arc<App>) {
    let mut next = Instant::now() + OVERDUE_EVERY;
    loop {
        tokio::time::sleep_until(next).await;
        match app.entry.admission.overdue().await {
            Ok(rooms) => {
                for room in rooms {
                    app.entry.expire(room).await;
                }
            }
            Err(error) => tracing::debug!(event = "seat_store.unavailable", %error,
                "what is overdue is looked for later"),
        }
        next = Instant::now() + OVERDUE_EVERY;
    }
}

async fn hear(app: &Arc<App>, news: News) {
    let entry = &app.entry;
    match news {
        News::Seats { rooms } => {
            rooms.into_iter().for_each(|room| entry.aftermath.presence.mark_here(RoomId(room)));
        }
        News::Room { room } => match entry.duties.look_at_room(RoomId(room)).await {
            Ok(_) => entry.aftermath.presence.mark_here(RoomId(room)),
            Err(error) => {
                tracing::debug!(event = "bus.not_applied", room, %error, "read later");
            }
        },
        News::Ended { sessions, status, trace } => {
            let sessions: Vec<SessionId> = sessions.into_iter().map(SessionId).collect();
            if let Some(code) = code_of(status) {
                entry.hub.end_here(&sessions, code, cause_of(&trace).as_ref()).for_each(drop);
            }
        }
        News::LoginEnded { user, login, status, trace } => {
            if let Some(code) = code_of(status) {
                let (user, login) = (UserId(user), LoginId(login));
                entry.hub.end_login_here(user, login, code, cause_of(&trace).as_ref());
                let word = code.code().unwrap_or(Code::Unauthenticated);
                entry.aftermath.line.end_login(user, login, word);
            }
        }
        News::UserEnded { room, user, status, trace } => {
            if let Some(code) = code_of(status) {
                let (room, user) = (RoomId(room), UserId(user));
                entry.hub.end_user_here(room, user, code, cause_of(&trace).as_ref());
                let word = code.code().unwrap_or(Code::Removed);
                entry.aftermath.line.end_user_in(room, user, word);
            }
        }
        News::RoomEnded { room, status, trace } => {
            if let Some(code) = code_of(status) {
                entry.hub.end_room_here(RoomId(room), code, cause_of(&trace).as_ref());
                let word = code.code().unwrap_or(Code::RoomClosed);
                entry.aftermath.line.end_room(RoomId(room), word);
            }
        }
        News::Direct { user, frame } => {
            entry.hub.push_to_user_here(UserId(user), &Bytes::from(frame));
        }
        News::Passing { room, typing, read } => {
            let typing = typing.into_iter().map(UserId).collect();
            let read = read.into_iter().map(|(user, seq)| (UserId(user), seq)).collect();
            entry.aftermath.presence.passing.heard(&entry.hub, RoomId(room), typing, read);
        }
        News::Line { room, user } => {
            entry.aftermath.line.look_again(RoomId(room), UserId(user));
        }
        News::WaiterGone { room, user, why } => {
            let (room, user) = (RoomId(room), UserId(user));
            match waiter_end(&why) {
                Some(end) => entry.aftermath.line.gone(room, user, end, entry.clock.now()),
                None => entry.aftermath.line.look_again(room, user),
            }
        }
        News::Marks { room } => {
            let passing = &entry.aftermath.presence.passing;
            passing.tell_marks(RoomId(room), &*entry.aftermath.bus);
        }
        // A listener makes `Heard::Missed` of it.
        News::Silence => {}
    }
}

/// Anything may have been missed: what is shared is read again, until it could be.
async fn look_at_everything(app: &Arc<App>) {
    let entry = &app.entry;
    loop {
        let looked = async {
            entry.duties.look_at_rooms().await?;
            app.delivery.compare().await
        };
        match looked.await {
            Ok(()) => break,
            Err(error) => {
                tracing::warn!(event = "bus.not_compared", %error,
                    "what the other nodes did meanwhile cannot be read yet");
                tokio::time::sleep_until(Instant::now() + AGAIN).await;
            }
        }
    }
    // Sessions whose part ended meanwhile, and what the rooms are to be told.
    entry.look_again();
    if let Err(error) = app.rooms.agree_on_sizes().await {
        tracing::debug!(event = "bus.not_compared", %error, "sizes are compared the next time");
    }
}

fn cause_of(trace: &Cause) -> Option<SpanContext> {
    trace.as_deref().and_then(traces::parse)
}

fn code_of(status: u16) -> Option<CloseCode> {
    CloseCode::from_status(status)
}
