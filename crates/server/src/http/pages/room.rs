//! The lobby, a new room, and the room itself.

use std::sync::Arc;

use anteroom_protocol::room::{CreateRoom, Lifetime, Seats, Visibility};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::super::extract::{Address, Form, Params, RoomPath};
use super::super::problem::Refused;
use super::forms::{Asked, faults, size};
use super::packing::open_page;
use super::visitor::Visitor;
use super::{html, redirect};
use crate::app::App;
use crate::entry::EntryError;
use crate::pages::form::{Answers, FieldError, FormKind};
use crate::pages::seats;
use crate::pages::views::{FormView, LobbyView, RoomCard, RoomView};
use crate::view;

/// Rooms shown at once in the lobby.
const LOBBY_PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct LobbyParams {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct KeyParam {
    key: Option<String>,
}

/// The seats of a room as its pages draw them.
pub(super) fn picture(seats: &Seats) -> seats::Seats {
    let taken = seats.occupied + seats.reserved + seats.held;
    let left = seats.capacity.saturating_sub(taken);
    let staff = seats.staff.map_or(0, |staff| staff.capacity.saturating_sub(staff.taken));
    seats::Seats {
        staff_free: staff.min(left),
        capacity: seats.capacity,
        occupied: seats.occupied,
        reserved: seats.reserved,
        held: seats.held,
        waiting: seats.waiting,
    }
}

pub(super) async fn lobby(
    State(app): State<Arc<App>>,
    Params(params): Params<LobbyParams>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Response {
    let mut found = match app.rooms.list(&params.q).await {
        Ok(found) => found,
        Err(error) => return visitor.refuse(&Refused::from(error)),
    };
    // The liveliest first; among equals the newest.
    found.sort_by_key(|(info, seats)| std::cmp::Reverse((seats.occupied, info.id)));
    let start = params.cursor.parse::<usize>().unwrap_or(0);
    let end = start.saturating_add(LOBBY_PAGE);
    let next_cursor = (end < found.len()).then(|| end.to_string());
    let rooms = found
        .iter()
        .skip(start)
        .take(LOBBY_PAGE)
        .map(|(info, seats)| RoomCard {
            id: info.id.0,
            name: info.name.clone(),
            seats: picture(seats),
            has_password: info.password_hash.is_some(),
        })
        .collect();
    let page = visitor.page();
    let continued = start > 0;
    open_page(&headers, &LobbyView { page, rooms, query: params.q, continued, next_cursor })
}

/// The room page. It takes no seat: its script asks for one.
pub(super) async fn room(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Params(params): Params<KeyParam>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Response {
    let known = match visitor.known() {
        Ok(known) => known,
        Err(response) => return *response,
    };
    let info = match app.entry.visible(&known.who, room, params.key.as_deref()).await {
        Ok(info) => info,
        Err(error) => return visitor.refuse(&Refused::from(error)),
    };
    let seats = match app.entry.admission.seats(room).await {
        Ok(seats) => seats.map(view::seats).unwrap_or_default(),
        Err(error) => return visitor.refuse(&Refused::from(EntryError::from(error))),
    };
    let view = RoomView {
        page: visitor.page(),
        id: room.0,
        name: info.name.clone(),
        seats: picture(&seats),
        key: params.key,
        manages: app.entry.is_staff(&known.who, &info),
    };
    match view.key {
        Some(_) => html(StatusCode::OK, &view),
        None => open_page(&headers, &view),
    }
}

pub(super) async fn new(visitor: Visitor) -> Response {
    match visitor.known() {
        Ok(_) => form(&visitor, &Answers::default(), StatusCode::OK),
        Err(response) => *response,
    }
}

fn form(visitor: &Visitor, answers: &Answers, status: StatusCode) -> Response {
    let page = visitor.page_at("/rooms/new");
    html(status, &FormView::new(page, FormKind::NewRoom, answers, "/"))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Address(address): Address,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    let known = match visitor.known() {
        Ok(known) => known,
        Err(response) => return *response,
    };
    let ask = match read(&asked) {
        Ok(ask) => ask,
        Err(errors) => {
            let answers = asked.answers(errors);
            return form(&visitor, &answers, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    match app.rooms.create(&known.who, ask, address).await {
        Ok((room, _)) => {
            let key = room.key.map(|key| format!("?key={key}")).unwrap_or_default();
            redirect(&format!("/rooms/{}{key}", room.id))
        }
        Err(error) => {
            let refused = Refused::from(error);
            form(&visitor, &asked.answers(faults(&refused)), refused.status())
        }
    }
}

fn read(asked: &Asked) -> Result<CreateRoom, Vec<FieldError>> {
    let (capacity, staff_seats) = size(asked)?;
    Ok(CreateRoom {
        name: asked.get("name").to_owned(),
        capacity,
        staff_seats,
        visibility: visibility(asked),
        password: Some(asked.get("password").to_owned()).filter(|text| !text.is_empty()),
        lifetime: match asked.get("lifetime") {
            "until_empty" => Lifetime::UntilEmpty,
            _ => Lifetime::Persistent,
        },
    })
}

pub(super) fn visibility(asked: &Asked) -> Visibility {
    match asked.get("visibility") {
        "unlisted" => Visibility::Unlisted,
        _ => Visibility::Public,
    }
}
