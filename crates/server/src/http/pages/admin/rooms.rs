//! `/admin/rooms`: every open room with its seats; one room with everybody who has to do with it.

use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::seat::{Class, SlotImage, Snapshot};
use anteroom_core::time::Millis;
use anteroom_protocol::Timestamp;
use anteroom_protocol::room::{Lifetime, RoomState, Visibility};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::html;
use super::super::room::picture;
use super::super::visitor::Visitor;
use super::{Did, Inside, enter, someone};
use crate::app::App;
use crate::entry::EntryError;
use crate::http::extract::{Params, RoomPath};
use crate::http::problem::Refused;
use crate::http::rooms::name_of;
use crate::pages::admin::views::{
    BanRow, RoomDeskView, RoomRow, RoomsView, SeatRow, Sits, Someone,
};
use crate::pages::admin::{Section, When};
use crate::rooms::RoomInfo;
use crate::view;

/// Rooms on one page.
const PAGE: usize = 60;
/// People of one room on its page, and bans.
const SHOWN: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListParams {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    did: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListParams>,
    visitor: Visitor,
) -> Response {
    let inside = match enter(&visitor, Section::Rooms) {
        Ok(inside) => inside.after(&Did { did: params.did.clone() }),
        Err(response) => return *response,
    };
    let start = params.cursor.parse::<usize>().unwrap_or(0);
    let (rooms, has_more) = match found(&app, &params.q, start).await {
        Ok(found) => found,
        Err(refused) => return visitor.refuse(&refused),
    };
    let next_cursor = has_more.then(|| (start + PAGE).to_string());
    let Inside { page, desk, .. } = inside;
    let query = params.q.trim().to_owned();
    html(StatusCode::OK, &RoomsView { page, desk, query, rooms, next_cursor })
}

/// One page of the rooms whose name or number is asked for, the liveliest first.
async fn found(app: &App, query: &str, start: usize) -> Result<(Vec<RoomRow>, bool), Refused> {
    let wanted = query.trim().to_lowercase();
    let mut all = app.entry.rooms.all();
    all.retain(|info| {
        wanted.is_empty()
            || info.name.to_lowercase().contains(&wanted)
            || info.id.0.to_string() == wanted
    });
    let ids: Vec<RoomId> = all.iter().map(|info| info.id).collect();
    let seats = app.entry.admission.seats_of(&ids).await.map_err(EntryError::from)?;
    let mut rows: Vec<RoomRow> =
        all.iter().zip(seats).map(|(info, seats)| row(info, seats)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.seats.occupied, row.id)));
    let has_more = rows.len() > start.saturating_add(PAGE);
    Ok((rows.into_iter().skip(start).take(PAGE).collect(), has_more))
}

fn row(info: &RoomInfo, seats: Option<anteroom_core::seat::Seats>) -> RoomRow {
    RoomRow {
        id: info.id.0,
        name: info.name.clone(),
        seats: picture(&seats.map(view::seats).unwrap_or_default()),
        has_password: info.password_hash.is_some(),
        is_unlisted: info.visibility == Visibility::Unlisted,
        is_pending: info.state == RoomState::Pending,
    }
}

pub(super) async fn room(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Params(did): Params<Did>,
    visitor: Visitor,
) -> Response {
    let inside = match enter(&visitor, Section::Rooms) {
        Ok(inside) => inside.after(&did),
        Err(response) => return *response,
    };
    match room_view(&app, inside, room).await {
        Ok(view) => html(StatusCode::OK, &view),
        Err(refused) => visitor.refuse(&refused),
    }
}

async fn room_view(app: &App, inside: Inside<'_>, room: RoomId) -> Result<RoomDeskView, Refused> {
    let Inside { known, page, desk } = inside;
    let info = app.rooms.managed(&known.who, room).await?;
    let seats = app.entry.admission.seats(room).await.map_err(EntryError::from)?;
    let snapshot = app.entry.admission.snapshot(room).await.map_err(EntryError::from)?;
    let (mut members, mut line) = (Vec::new(), Vec::new());
    if let Some(Snapshot { slots, line: waiting, .. }) = snapshot {
        for slot in slots.iter().take(SHOWN) {
            members.push(seat_row(app, &info, slot).await);
        }
        for waiter in waiting.iter().take(SHOWN) {
            let who = in_room(app, room, waiter.user).await;
            let when = Some(said(app, waiter.joined));
            line.push(SeatRow { when, ..seat(who, Sits::Reserved) });
        }
    }
    let bans = app.rooms.bans(&known.who, room, (None, SHOWN)).await?;
    let bans = bans
        .into_iter()
        .map(|ban| BanRow {
            who: Someone { id: ban.user.to_string(), name: ban.display_name },
            since: When::at(Timestamp(ban.at)),
        })
        .collect();
    Ok(RoomDeskView {
        room: row(&info, seats),
        owner: someone(app, info.owner).await,
        created: When::at(Timestamp(info.created_at)),
        until_empty: info.lifetime == Lifetime::UntilEmpty,
        members,
        line,
        bans,
        page,
        desk,
    })
}

fn seat(who: Someone, sits: Sits) -> SeatRow {
    SeatRow { who, sits, when: None, is_owner: false, on_staff_seat: false }
}

async fn seat_row(app: &App, info: &RoomInfo, slot: &SlotImage) -> SeatRow {
    let sitting = &slot.sitting;
    let (sits, when) = match (sitting.live.is_empty(), &sitting.held) {
        (false, _) => (Sits::Here, slot.stay.map(|stay| stay.since)),
        (true, Some(held)) => (Sits::Held, Some(held.deadline)),
        (true, None) => (Sits::Reserved, slot.reservation.map(|it| it.deadline)),
    };
    SeatRow {
        when: when.map(|at| said(app, at)),
        is_owner: slot.user == info.owner,
        on_staff_seat: slot.class == Class::Staff,
        ..seat(in_room(app, info.id, slot.user).await, sits)
    }
}

fn said(app: &App, at: Millis) -> When {
    When::at(Timestamp(app.entry.admission.shown(at, &app.clock)))
}

async fn in_room(app: &App, room: RoomId, user: UserId) -> Someone {
    match name_of(app, room, user).await {
        name if name.is_empty() => someone(app, user).await,
        name => Someone { id: user.to_string(), name },
    }
}
