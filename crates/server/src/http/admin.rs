//! What an administrator sees of the whole, and does to accounts.

use std::collections::HashMap;
use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::Code;
use anteroom_protocol::account::{Role, UserAnswer};
use anteroom_protocol::room::{RoomState, Seats};
use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post, put};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::accounts::private;
use super::extract::{Caller, Json};
use super::problem::Refused;
use crate::app::App;
use crate::entry::EntryError;
use crate::tokens::Identity;
use crate::view;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/admin/overview", get(overview))
        .route("/admin/users/{user}/lock", post(lock))
        .route("/admin/users/{user}/unlock", post(unlock))
        .route("/admin/users/{user}/logout", post(log_out))
        .route("/admin/users/{user}/roles", put(set_roles))
}

/// How much there is, counted where each thing lives.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    pub(super) rooms: usize,
    pub(super) pending_rooms: usize,
    pub(super) sessions: usize,
    pub(super) users_online: usize,
    pub(super) seats: Seats,
    /// Confirmed entries that are neither settled nor undone: 0 at rest.
    entries_under_way: usize,
    /// Things the deadline loop waits for: one for each room with a deadline and each session.
    deadlines: usize,
}

/// The user of the path. What is no id is nobody.
pub(super) struct UserPath(pub(super) UserId);

impl<S: Send + Sync> FromRequestParts<S> for UserPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let captured = <Path<HashMap<String, String>> as FromRequestParts<S>>::from_request_parts(
            parts, state,
        );
        let Ok(Path(captured)) = captured.await else { return Err(Refused::new(Code::NotFound)) };
        let id = captured.get("user").and_then(|text| Uuid::parse_str(text).ok());
        id.map(|id| Self(UserId(id))).ok_or_else(|| Refused::new(Code::NotFound))
    }
}

async fn lock(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
) -> Result<StatusCode, Refused> {
    app.people.lock(&who, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unlock(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
) -> Result<StatusCode, Refused> {
    app.people.unlock(&who, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn log_out(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
) -> Result<Response, Refused> {
    let logins_ended = app.people.log_out(&who, user).await?;
    Ok(private(axum::Json(serde_json::json!({ "logins_ended": logins_ended }))))
}

/// `PUT /admin/users/{id}/roles`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    roles: Vec<Role>,
}

async fn set_roles(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
    Json(ask): Json<Roles>,
) -> Result<Response, Refused> {
    let user = app.people.set_roles(&who, user, ask.roles).await?;
    Ok(private(axum::Json(UserAnswer { user: view::user(&user, false) })))
}

async fn overview(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response, Refused> {
    staff_only(&who)?;
    Ok(private(axum::Json(counted(&app).await?)))
}

/// Moderators and administrators; nobody else.
pub(super) fn staff_only(who: &Identity) -> Result<(), Refused> {
    match who.has(Role::Admin) || who.has(Role::Moderator) {
        true => Ok(()),
        false => Err(Refused::new(Code::Forbidden)),
    }
}

/// Administrators; nobody else.
pub(super) fn admins_only(who: &Identity) -> Result<(), Refused> {
    if who.has(Role::Admin) { Ok(()) } else { Err(Refused::new(Code::Forbidden)) }
}

/// How much there is now.
pub(super) async fn counted(app: &App) -> Result<Overview, Refused> {
    let rooms = app.entry.rooms.all();
    let mut sum = Seats::default();
    let ids: Vec<RoomId> = rooms.iter().map(|room| room.id).collect();
    let all = app.entry.admission.seats_of(&ids).await.map_err(EntryError::from)?;
    for seats in all.into_iter().flatten() {
        sum.capacity += seats.capacity;
        sum.occupied += seats.occupied;
        sum.reserved += seats.reserved;
        sum.held += seats.held;
        sum.free += seats.free;
        sum.waiting += seats.waiting;
    }
    let under_way = app.entry.admission.entries_under_way().await.map_err(EntryError::from)?;
    let counts = app.entry.hub.counts();
    Ok(Overview {
        rooms: rooms.len(),
        pending_rooms: rooms.iter().filter(|room| room.state == RoomState::Pending).count(),
        sessions: counts.sessions,
        users_online: counts.users,
        seats: sum,
        entries_under_way: under_way,
        deadlines: app.deadlines.len(),
    })
}
