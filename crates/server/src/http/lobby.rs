//! The live lobby: seat counts as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anteroom_protocol::room::LobbyRoom;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::broadcast::error::RecvError;

use super::contract::{Routes, get};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Body, Group, StreamEvent};
use crate::hub::lobby_room;

/// A comment this often shows both ends that the line stands.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> Routes {
    Routes::of(Group::Rooms).at(
        get("/rooms/events", "lobby", "The live lobby")
            .about(
                "First every open public room, then each change, coalesced. A comment every 15 s. \
                 The stream of a watcher that lags behind ends: ask again.",
            )
            .answer(200, "A stream that goes on.", Body::Events(LOBBY_EVENTS)),
        events,
    )
}

const LOBBY_EVENTS: &[StreamEvent] = &[StreamEvent {
    name: "room",
    about: "How a room stands now; without `seats` it is gone from the list.",
    schema: |generator| generator.subschema_for::<LobbyRoom>(),
}];

/// First the whole list, then each change. A watcher that lags behind is told to start over by
/// the end of the stream; browsers reconnect by themselves.
async fn events(
    State(app): State<Arc<App>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let presence = &app.entry.aftermath.presence;
    let changes = presence.watch_lobby();
    let at = app.entry.admission.now();
    let now: Vec<Event> = app
        .rooms
        .list("")
        .await?
        .into_iter()
        .map(|(info, seats)| {
            let seats = presence.with_countdown(info.id, seats, at);
            event(&lobby_room(&info, Some(seats)))
        })
        .collect();
    let stopping = app.stopping.clone();
    let later = stream::unfold((changes, stopping), |(mut changes, stopping)| async move {
        tokio::select! {
            change = changes.recv() => match change {
                Ok(room) => Some((event(&room), (changes, stopping))),
                Err(RecvError::Lagged(_) | RecvError::Closed) => None,
            },
            () = stopping.cancelled() => None,
        }
    });
    let all = stream::iter(now).chain(later).map(Ok);
    Ok(Sse::new(all).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn event(room: &LobbyRoom) -> Event {
    let data = serde_json::to_string(room).unwrap_or_default();
    Event::default().event("room").data(data)
}
