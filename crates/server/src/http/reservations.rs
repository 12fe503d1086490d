//! Step 1 over HTTP: reserve and cancel.

use std::sync::Arc;

use anteroom_protocol::Code;
use anteroom_protocol::entry::{PartyReservation, PartyReserved, Reservation, Reserve};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use schemars::JsonSchema;
use serde::Serialize;

use super::accounts::private;
use super::contract::{Routes, delete, post};
use super::extract::{Address, Caller, OptionalJson, OwnOrigin, Params, RoomPath};
use super::problem::Refused;
use super::rooms::KeyParam;
use crate::app::App;
use crate::documents::endpoint::{Group, May};

pub(super) fn routes() -> Routes {
    Routes::of(Group::Entry)
        .at(
            post("/rooms/{room}/reservations", "reserve", "Reserve a seat")
                .about(
                    "A seat is counted until the deadline. Who sits in the room already gets a ticket \
                     with `takeover` and no second seat. A service account names `users`, and gets a \
                     seat for all of them or for none.",
                )
                .for_whom(May::LoggedIn)
                .answers::<Reservation>(200, "The reservation that stands already; its deadline is kept.")
                .answers::<Reserved>(201, "A seat is counted.")
                .refuses(REFUSALS)
                .refuses(&[Code::Forbidden, Code::TooManyReservations]),
            reserve,
        )
        .at(
            delete("/rooms/{room}/reservations/current", "cancel", "Give a reservation back")
                .answers_nothing(204, "The seat is free.")
                .refuses(&[Code::NotFound]),
            cancel,
        )
}

/// What a seat, or a place in the line, may be refused with.
pub(super) const REFUSALS: &[Code] = &[
    Code::RoomFull,
    Code::RoomClosed,
    Code::WrongRoomPassword,
    Code::Banned,
    Code::Replaced,
    Code::AlreadySeated,
    Code::RateLimited,
    Code::Restarting,
];

/// A seat for the caller, or one for each of a party.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
enum Reserved {
    One(Reservation),
    Party(PartyReserved),
}

async fn reserve(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Address(address): Address,
    OwnOrigin(origin): OwnOrigin,
    Params(link): Params<KeyParam>,
    OptionalJson(mut ask): OptionalJson<Reserve>,
) -> Result<Response, Refused> {
    app.rates.attempt(&who, room, app.clock.now())?;
    ask.key = ask.key.or(link.key);
    if let Some(users) = ask.users.take() {
        let reserved = app.entry.reserve_party(&who, room, users, &ask).await?;
        let reservations = reserved.into_iter().map(|(user, reservation)| PartyReservation {
            user_id: user.0,
            reservation: complete(reservation, &origin),
        });
        let body = Reserved::Party(PartyReserved { reservations: reservations.collect() });
        return Ok(private((StatusCode::CREATED, axum::Json(body))));
    }
    let (reservation, is_fresh) = app.entry.reserve(&who, room, &ask, address).await?;
    let status = if is_fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok(private((status, axum::Json(Reserved::One(complete(reservation, &origin))))))
}

async fn cancel(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
) -> Result<StatusCode, Refused> {
    if app.entry.cancel(&who, room).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refused::because(Code::NotFound, "There is no open reservation."))
    }
}

/// Completes the WebSocket's address with the name under which the server was reached.
pub(super) fn complete(mut reservation: Reservation, origin: &str) -> Reservation {
    let base = origin.replacen("http", "ws", 1);
    reservation.websocket_url = format!("{base}{}", reservation.websocket_url);
    reservation
}
