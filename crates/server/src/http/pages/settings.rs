//! What its owner and moderators change about a room, and how they end it.

use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_protocol::room::{ChangeRoom, RoomState, Visibility};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::extract::{Form, Params, RoomPath};
use super::super::problem::Refused;
use super::forms::{Asked, faults, size};
use super::room::{picture, visibility};
use super::visitor::Visitor;
use super::{html, redirect};
use crate::app::App;
use crate::entry::EntryError;
use crate::pages::form::{Answers, Fault, FieldError};
use crate::pages::views::{RoomCard, RoomSettingsView};
use crate::rooms::RoomInfo;
use crate::view;

#[derive(Debug, Default, Deserialize)]
pub(super) struct SavedParam {
    #[serde(default)]
    saved: String,
}

pub(super) async fn form(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Params(asked): Params<SavedParam>,
    visitor: Visitor,
) -> Response {
    let info = match managed(&app, room, &visitor).await {
        Ok(info) => info,
        Err(response) => return *response,
    };
    match view_of(&app, &visitor, &info, &as_it_is(&info)).await {
        Ok(view) => html(StatusCode::OK, &view.saved(!asked.saved.is_empty())),
        Err(refused) => visitor.refuse(&refused),
    }
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    let (known, info) = match (visitor.known(), managed(&app, room, &visitor).await) {
        (Ok(known), Ok(info)) => (known, info),
        (Err(response), _) | (_, Err(response)) => return *response,
    };
    let (errors, status) = match read(&asked, &info) {
        Err(errors) => (errors, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(ask) => match app.rooms.change(&known.who, room, ask).await {
            Ok(_) => return redirect(&format!("/rooms/{}/settings?saved=1", room.0)),
            Err(error) => {
                let refused = Refused::from(error);
                (faults(&refused), refused.status())
            }
        },
    };
    again(&app, &visitor, &info, (asked.answers(errors), status)).await
}

pub(super) async fn close(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    visitor: Visitor,
    Form(asked): Form<Asked>,
) -> Response {
    let (known, info) = match (visitor.known(), managed(&app, room, &visitor).await) {
        (Ok(known), Ok(info)) => (known, info),
        (Err(response), _) | (_, Err(response)) => return *response,
    };
    if asked.get("sure") != "yes" {
        let mut answers = as_it_is(&info);
        answers.errors.push(FieldError::new("sure", Fault::NotSure));
        return again(&app, &visitor, &info, (answers, StatusCode::UNPROCESSABLE_ENTITY)).await;
    }
    match app.rooms.close(&known.who, room).await {
        Ok(()) => redirect("/"),
        Err(error) => visitor.refuse(&Refused::from(error)),
    }
}

/// The room, if the visitor may change it; else where they are led, or what they are told.
async fn managed(
    app: &App,
    room: RoomId,
    visitor: &Visitor,
) -> Result<Arc<RoomInfo>, Box<Response>> {
    let known = visitor.known()?;
    let managed = app.rooms.managed(&known.who, room).await;
    managed.map_err(|error| Box::new(visitor.refuse(&Refused::from(error))))
}

/// The page again, with what was sent and what is wrong with it.
async fn again(
    app: &App,
    visitor: &Visitor,
    info: &RoomInfo,
    (answers, status): (Answers, StatusCode),
) -> Response {
    match view_of(app, visitor, info, &answers).await {
        Ok(view) => html(status, &view),
        Err(refused) => visitor.refuse(&refused),
    }
}

async fn view_of(
    app: &App,
    visitor: &Visitor,
    info: &RoomInfo,
    answers: &Answers,
) -> Result<RoomSettingsView, Refused> {
    let seats = app.entry.admission.seats(info.id).await.map_err(EntryError::from)?;
    let room = RoomCard {
        id: info.id.0,
        name: info.name.clone(),
        seats: picture(&seats.map(view::seats).unwrap_or_default()),
        has_password: info.password_hash.is_some(),
    };
    let page = visitor.page_at(&format!("/rooms/{}/settings", info.id.0));
    let view = RoomSettingsView::new(page, room, answers);
    Ok(view.pending(info.state == RoomState::Pending))
}

/// What the fields say before anybody changes them.
fn as_it_is(info: &RoomInfo) -> Answers {
    let size = info.size();
    let visibility = match info.visibility {
        Visibility::Public => "public",
        Visibility::Unlisted => "unlisted",
    };
    let door = if info.password_hash.is_some() { "password" } else { "open" };
    let values = [
        ("name", info.name.clone()),
        ("capacity", size.capacity.to_string()),
        ("staff_seats", size.staff_seats.to_string()),
        ("visibility", visibility.to_owned()),
        ("door", door.to_owned()),
    ];
    let values = values.map(|(field, value)| (field.to_owned(), value)).into();
    Answers { values, errors: Vec::new() }
}

fn read(asked: &Asked, info: &RoomInfo) -> Result<ChangeRoom, Vec<FieldError>> {
    let (capacity, staff_seats) = size(asked)?;
    let password = match (asked.get("door"), asked.get("password")) {
        ("password", "") if info.password_hash.is_some() => None,
        ("password", "") => return Err(vec![FieldError::new("password", Fault::Required)]),
        ("password", password) => Some(password.to_owned()),
        (_, "") => Some(String::new()),
        _ => return Err(vec![FieldError::new("password", Fault::PasswordNotAsked)]),
    };
    Ok(ChangeRoom {
        name: Some(asked.get("name").to_owned()),
        capacity: Some(capacity),
        staff_seats: Some(staff_seats),
        visibility: Some(visibility(asked)),
        password,
    })
}
