//! Waiting for a seat over HTTP: the line, and what a waiter is told as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anteroom_protocol::Code;
use anteroom_protocol::entry::{Gone, Position, Reservation, Reserve, Wait, Waiting};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{Response, Sse};
use futures_util::stream::{self, Stream};
use serde::Serialize;

use super::accounts::private;
use super::contract::{Routes, delete, get, post};
use super::extract::{Address, Caller, OptionalJson, OwnOrigin, Params, RoomPath};
use super::problem::Refused;
use super::reservations::{REFUSALS, complete};
use super::rooms::KeyParam;
use crate::app::App;
use crate::documents::endpoint::{Body, Group, May, StreamEvent};
use crate::entry::Told;

/// A comment this often shows both ends that the line stands.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> Routes {
    Routes::of(Group::Waiting)
        .at(
            post("/rooms/{room}/waitlist", "wait", "Take a place in the line")
                .about("Where a place is free it is answered with an offer. Asking again keeps the place.")
                .for_whom(May::LoggedIn)
                .answers::<Waiting>(200, "What one has already.")
                .answers::<Waiting>(201, "A place in the line, or a seat.")
                .refuses(REFUSALS)
                .refuses(&[Code::TooManyReservations]),
            wait,
        )
        .at(
            get("/rooms/{room}/waitlist/current", "watchLine", "What a waiter is told")
                .about(
                    "Full state first, then each change, a comment every 15 s; ends after `offer` or \
                     `gone`. Who stays away longer than `admission.waiter_ttl` loses the place.",
                )
                .for_whom(May::LoggedIn)
                .answer(200, "A stream that goes on.", Body::Events(LINE_EVENTS))
                .refuses(&[Code::NotWaiting, Code::RoomClosed]),
            watch,
        )
        .at(
            delete("/rooms/{room}/waitlist/current", "stopWaiting", "Give a place in the line up")
                .for_whom(May::LoggedIn)
                .answers_nothing(204, "It is given up.")
                .refuses(&[Code::NotWaiting]),
            stop,
        )
}

const LINE_EVENTS: &[StreamEvent] = &[
    StreamEvent {
        name: "position",
        about: "The place in the line.",
        schema: |generator| generator.subschema_for::<Position>(),
    },
    StreamEvent {
        name: "offer",
        about: "A seat is counted for the waiter: a reservation. The stream ends.",
        schema: |generator| generator.subschema_for::<Reservation>(),
    },
    StreamEvent {
        name: "gone",
        about: "The place is gone. The stream ends.",
        schema: |generator| generator.subschema_for::<Gone>(),
    },
];

async fn wait(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Address(address): Address,
    OwnOrigin(origin): OwnOrigin,
    Params(link): Params<KeyParam>,
    OptionalJson(ask): OptionalJson<Wait>,
) -> Result<Response, Refused> {
    app.rates.attempt(&who, room, app.clock.now())?;
    let key = ask.key.or(link.key);
    let ask = Reserve { password: ask.password, key, ..Reserve::default() };
    let (waiting, is_fresh) = app.entry.wait(&who, room, &ask, address).await?;
    let waiting = match waiting {
        Waiting::Offered { offer } => Waiting::Offered { offer: complete(offer, &origin) },
        in_line => in_line,
    };
    let status = if is_fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok(private((status, axum::Json(waiting))))
}

/// The state first, then each change, until the seat is offered or the place is gone.
async fn watch(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    OwnOrigin(origin): OwnOrigin,
    Params(link): Params<KeyParam>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let told = app.entry.watch_line(&who, room, link.key.as_deref()).await?;
    let events = stream::unfold((told, origin), |(mut told, origin)| async move {
        let event = event(told.next().await?, &origin);
        Some((Ok(event), (told, origin)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

async fn stop(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
) -> Result<StatusCode, Refused> {
    if app.entry.stop_waiting(&who, room).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refused::because(Code::NotWaiting, "You do not stand in the line of this room."))
}

fn event(told: Told, origin: &str) -> Event {
    match told {
        Told::Position(position) => named("position", &position),
        Told::Offer(offer) => named("offer", &complete(offer, origin)),
        Told::Gone(code) => named("gone", &Gone { code }),
    }
}

fn named(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}
