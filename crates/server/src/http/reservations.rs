//! Step 1 over HTTP: reserve and cancel.

use std::sync::Arc;

use anteroom_protocol::Code;
use anteroom_protocol::entry::{PartyReservation, PartyReserved, Reservation, Reserve};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, post};

use super::accounts::private;
use super::extract::{Address, Caller, OptionalJson, OwnOrigin, Params, RoomPath};
use super::problem::Refused;
use super::rooms::KeyParam;
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/rooms/{room}/reservations", post(reserve))
        .route("/rooms/{room}/reservations/current", delete(cancel))
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
    app.rates.attempt(who.user, room, app.clock.now())?;
    ask.key = ask.key.or(link.key);
    if let Some(users) = ask.users.take() {
        let reserved = app.entry.reserve_party(&who, room, users, &ask).await?;
        let reservations = reserved.into_iter().map(|(user, reservation)| PartyReservation {
            user_id: user.0,
            reservation: complete(reservation, &origin),
        });
        let body = PartyReserved { reservations: reservations.collect() };
        return Ok(private((StatusCode::CREATED, axum::Json(body))));
    }
    let (reservation, is_fresh) = app.entry.reserve(&who, room, &ask, address).await?;
    let status = if is_fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok(private((status, axum::Json(complete(reservation, &origin)))))
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
