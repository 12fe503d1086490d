//! `/admin/people`: accounts by name; one account, its roles and where its person is.

use std::sync::Arc;

use anteroom_core::ids::RoomId;
use anteroom_protocol::page::Page as Listed;
use anteroom_protocol::{Code, Timestamp};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::html;
use super::super::visitor::Visitor;
use super::{Did, Inside, enter};
use crate::app::App;
use crate::entry::EntryError;
use crate::http::admin::UserPath;
use crate::http::extract::Params;
use crate::http::people::{PeopleParams, page as page_of};
use crate::http::problem::Refused;
use crate::http::sessions::cursor as session_of;
use crate::pages::admin::paged::Paged;
use crate::pages::admin::views::{PeopleView, PersonRow, PersonView, SessionRow};
use crate::pages::admin::{Section, When};
use crate::sessions::{LiveSession, SessionQuery, sessions};
use crate::storage::UserRecord;

/// Sessions of one person on their page.
const SHOWN: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListParams {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

/// What was just done, and where the sessions begin.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PersonParams {
    #[serde(default)]
    did: String,
    #[serde(default)]
    cursor: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListParams>,
    visitor: Visitor,
) -> Response {
    let Inside { known, page, desk } = match enter(&visitor, Section::People) {
        Ok(inside) => inside,
        Err(response) => return *response,
    };
    let query = params.q.trim().to_owned();
    let cursor = Some(params.cursor.clone());
    let asked = PeopleParams { q: query.clone(), limit: None, cursor };
    let Listed { items, next_cursor } = match page_of(&app, &asked).await {
        Ok(found) => found,
        Err(refused) => return visitor.refuse(&refused),
    };
    let people = Paged { rows: items, behind: params.cursor, next: next_cursor };
    let people = people.shown(|record| row(&record, &known.user));
    html(StatusCode::OK, &PeopleView { page, desk, query, people })
}

fn row(record: &UserRecord, reader: &UserRecord) -> PersonRow {
    PersonRow {
        id: record.id.to_string(),
        username: record.username.clone(),
        name: record.display_name.clone(),
        roles: record.roles.clone(),
        created: When::at(Timestamp(record.created_at)),
        locked: record.locked_at.map(|at| When::at(Timestamp(at))),
        is_self: record.id == reader.id,
    }
}

pub(super) async fn person(
    State(app): State<Arc<App>>,
    user: Result<UserPath, Refused>,
    Params(params): Params<PersonParams>,
    visitor: Visitor,
) -> Response {
    let inside = match enter(&visitor, Section::People) {
        Ok(inside) => inside.after(&Did { did: params.did }),
        Err(response) => return *response,
    };
    let view = match user {
        Ok(user) => view(&app, inside, user, &params.cursor).await,
        Err(refused) => Err(refused),
    };
    match view {
        Ok(view) => html(StatusCode::OK, &view),
        Err(refused) => visitor.refuse(&refused),
    }
}

async fn view(
    app: &App,
    inside: Inside<'_>,
    UserPath(user): UserPath,
    cursor: &str,
) -> Result<PersonView, Refused> {
    let Inside { known, page, desk } = inside;
    let record = app.entry.storage.user(user).await?;
    let record = record.ok_or_else(|| Refused::new(Code::NotFound))?;
    let after = session_of(cursor);
    let query = SessionQuery { room: None, user: Some(user), after, limit: SHOWN + 1 };
    let live = sessions(&app.entry, query).await.map_err(EntryError::from)?;
    let given = after.map_or("", |_| cursor);
    let live = Paged::cut(live, given, SHOWN, |it| format!("{}.{}", it.room, it.id));
    Ok(PersonView {
        person: row(&record, &known.user),
        sessions: live.shown(|session| session_row(app, &session)),
        page,
        desk,
    })
}

fn session_row(app: &App, session: &LiveSession) -> SessionRow {
    let RoomId(room) = session.room;
    let info = app.entry.rooms.get(session.room);
    SessionRow {
        room,
        room_name: info.as_ref().map_or_else(|| room.to_string(), |info| info.name.clone()),
        node: session.owner.node,
        since: When::at(Timestamp(app.entry.admission.shown(session.since, &app.clock))),
        may_remove: info.is_some_and(|info| info.owner != session.user),
    }
}
