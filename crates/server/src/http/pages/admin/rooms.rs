//! `/admin/rooms`: every open room with its seats; one room with everybody who has to do with it.

use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::seat::{Class, SlotImage, Waiter};
use anteroom_core::time::Millis;
use anteroom_protocol::Timestamp;
use anteroom_protocol::room::{Lifetime, RoomState, Visibility};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::super::html;
use super::super::room::picture;
use super::super::visitor::Visitor;
use super::{Did, Inside, enter, someone};
use crate::app::App;
use crate::entry::EntryError;
use crate::http::extract::{Params, RoomPath, plain_number};
use crate::http::problem::Refused;
use crate::http::rooms::name_of;
use crate::pages::admin::paged::Paged;
use crate::pages::admin::room_views::{BanRow, RoomDeskView, RoomRow, RoomsView, SeatRow, Sits};
use crate::pages::admin::views::Someone;
use crate::pages::admin::{Section, When};
use crate::rooms::RoomInfo;
use crate::tokens::Identity;
use crate::view;

/// Rooms on one page.
const PAGE: usize = 60;
/// Rows of each table on a room's page.
const SHOWN: usize = 50;

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
    let rooms = match found(&app, &params).await {
        Ok(found) => found,
        Err(refused) => return visitor.refuse(&refused),
    };
    let Inside { page, desk, .. } = inside;
    let query = params.q.trim().to_owned();
    html(StatusCode::OK, &RoomsView { page, desk, query, rooms })
}

/// One page of the rooms whose name or number is asked for, the liveliest first.
async fn found(app: &App, params: &ListParams) -> Result<Paged<RoomRow>, Refused> {
    let wanted = params.q.trim().to_lowercase();
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
    let behind = place(&params.cursor);
    rows.retain(|row| behind.is_none_or(|behind| (row.seats.occupied, row.id) < behind));
    let given = behind.map_or("", |_| &params.cursor);
    Ok(Paged::cut(rows, given, PAGE, |row| format!("{}.{}", row.seats.occupied, row.id)))
}

/// The last room of the page before: how many sat there then, and its number.
fn place(cursor: &str) -> Option<(u32, i64)> {
    let (occupied, room) = cursor.split_once('.')?;
    Some((occupied.parse().ok()?, plain_number(room)?))
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

/// What was just done, and where each table of the page begins.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RoomParams {
    #[serde(default)]
    did: String,
    #[serde(default)]
    members: String,
    #[serde(default)]
    line: String,
    #[serde(default)]
    bans: String,
}

pub(super) async fn room(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Params(params): Params<RoomParams>,
    visitor: Visitor,
) -> Response {
    let inside = match enter(&visitor, Section::Rooms) {
        Ok(inside) => inside.after(&Did { did: params.did.clone() }),
        Err(response) => return *response,
    };
    match room_view(&app, inside, room, &params).await {
        Ok(view) => html(StatusCode::OK, &view),
        Err(refused) => visitor.refuse(&refused),
    }
}

async fn room_view(
    app: &App,
    inside: Inside<'_>,
    room: RoomId,
    params: &RoomParams,
) -> Result<RoomDeskView, Refused> {
    let Inside { known, page, desk } = inside;
    let info = app.rooms.managed(&known.who, room).await?;
    let seats = app.entry.admission.seats(room).await.map_err(EntryError::from)?;
    let snapshot = app.entry.admission.snapshot(room).await.map_err(EntryError::from)?;
    let (slots, line) = snapshot.map(|it| (it.slots, it.line)).unwrap_or_default();
    let bans = banned(app, &known.who, room, &params.bans).await?;
    Ok(RoomDeskView {
        room: row(&info, seats),
        owner: someone(app, info.owner).await,
        created: When::at(Timestamp(info.created_at)),
        until_empty: info.lifetime == Lifetime::UntilEmpty,
        members: members(app, &info, slots, &params.members).await,
        line: waiting(app, room, line, &params.line).await,
        bans,
        page,
        desk,
    })
}

fn user_of(cursor: &str) -> Option<UserId> {
    Uuid::parse_str(cursor).ok().map(UserId)
}

/// Who has a seat, by user: the one order in which nobody who stays moves to another page.
async fn members(
    app: &App,
    info: &RoomInfo,
    mut slots: Vec<SlotImage>,
    cursor: &str,
) -> Paged<SeatRow> {
    let behind = user_of(cursor);
    slots.sort_unstable_by_key(|slot| slot.user);
    slots.retain(|slot| behind.is_none_or(|behind| slot.user > behind));
    let given = behind.map_or("", |_| cursor);
    let slots = Paged::cut(slots, given, SHOWN, |slot| slot.user.to_string());
    let mut rows = Vec::with_capacity(slots.rows.len());
    for slot in &slots.rows {
        rows.push(seat_row(app, info, slot).await);
    }
    Paged { rows, behind: slots.behind, next: slots.next }
}

/// The line from its head on.
async fn waiting(app: &App, room: RoomId, mut line: Vec<Waiter>, cursor: &str) -> Paged<SeatRow> {
    let behind: Option<u64> = cursor.parse().ok();
    line.retain(|waiter| behind.is_none_or(|behind| waiter.place.0 > behind));
    let given = behind.map_or("", |_| cursor);
    let line = Paged::cut(line, given, SHOWN, |waiter| waiter.place.0.to_string());
    let mut rows = Vec::with_capacity(line.rows.len());
    for waiter in &line.rows {
        let who = in_room(app, room, waiter.user).await;
        let when = Some(said(app, waiter.joined));
        rows.push(SeatRow { when, ..seat(who, Sits::Reserved) });
    }
    Paged { rows, behind: line.behind, next: line.next }
}

async fn banned(
    app: &App,
    who: &Identity,
    room: RoomId,
    cursor: &str,
) -> Result<Paged<BanRow>, Refused> {
    let behind = user_of(cursor);
    let bans = app.rooms.bans(who, room, (behind, SHOWN + 1)).await?;
    let given = behind.map_or("", |_| cursor);
    let bans = Paged::cut(bans, given, SHOWN, |ban| ban.user.to_string());
    Ok(bans.shown(|ban| BanRow {
        who: Someone { id: ban.user.to_string(), name: ban.display_name },
        since: When::at(Timestamp(ban.at)),
    }))
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
