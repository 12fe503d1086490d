//! `GET /metrics`: what is counted, for Prometheus.
//!
//! No login: it is answered on the listener for administration, or on the main one while that is
//! loopback. A request that a proxy brought along came from elsewhere, whatever its last hop was, and
//! is told that there is nothing.

use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_protocol::Code;
use anteroom_protocol::room::RoomState;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, FORWARDED};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};

use super::contract::{Routes, get};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Body, Group};
use crate::metrics::{self, SeatSums, Standing};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(super) fn routes() -> Routes {
    Routes::of(Group::Operation).at(
        get("/metrics", "metrics", "What is counted, for Prometheus")
            .about(
                "Answered on the listener for administration, or on the main one while that is \
                 loopback; never through a proxy.",
            )
            .answer(200, "`docs/metrics.md` names them.", Body::Text(metrics::CONTENT_TYPE))
            .refuses(&[Code::NotFound]),
        read,
    )
}

async fn read(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Refused> {
    if headers.contains_key(FORWARDED) || headers.contains_key(FORWARDED_FOR) {
        return Err(Refused::new(Code::NotFound));
    }
    let text = app.metrics.render(&standing(&app).await);
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text).into_response())
}

/// How everything stands now: one reading of the seats, and two counts.
async fn standing(app: &App) -> Standing {
    let rooms = app.entry.rooms.all();
    let ids: Vec<RoomId> = rooms.iter().map(|room| room.id).collect();
    let pending = rooms.iter().filter(|room| room.state == RoomState::Pending).count();
    let (seats, parts) =
        tokio::join!(app.capacity.look(&ids), app.readiness.look(&app.entry, &app.clock));
    Standing {
        seats: seats.ok().map(|all| sum(all.into_iter().flatten())),
        sessions: app.entry.hub.counts().sessions,
        rooms_open: rooms.len() - pending,
        rooms_pending: pending,
        parts: parts.into_iter().map(|it| (it.part, it.kind, it.is_ready)).collect(),
    }
}

fn sum(all: impl Iterator<Item = anteroom_core::seat::Seats>) -> SeatSums {
    all.fold(SeatSums::default(), |sum, seats| SeatSums {
        free: sum.free + u64::from(seats.free),
        reserved: sum.reserved + u64::from(seats.reserved),
        occupied: sum.occupied + u64::from(seats.occupied),
        held: sum.held + u64::from(seats.held),
        waiting: sum.waiting + u64::from(seats.waiting),
    })
}
