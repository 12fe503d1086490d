//! What an administrator sees of the whole, and does to accounts.

use std::collections::HashMap;
use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::Code;
use anteroom_protocol::account::{Role, UserAnswer};
use anteroom_protocol::room::{RoomState, Seats};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::accounts::private;
use super::contract::{Routes, get, post, put};
use super::extract::{Caller, Json};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::entry::EntryError;
use crate::tokens::Identity;
use crate::view;

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration)
        .at(
            get("/admin/overview", "overview", "How much there is now")
                .for_whom(May::Staff)
                .answers::<Overview>(200, "Counted where each thing lives."),
            overview,
        )
        .at(
            post("/admin/users/{user}/lock", "lockUser", "Lock an account")
                .about(
                    "Ends its logins and closes its connections. Repeating it is harmless. Not \
                     one's own account, and not the last administrator's.",
                )
                .for_whom(May::Admin)
                .answers_nothing(204, "It is locked.")
                .refuses(&[Code::LastAdmin]),
            lock,
        )
        .at(
            post("/admin/users/{user}/unlock", "unlockUser", "Unlock an account")
                .about("No login of before comes back.")
                .for_whom(May::Admin)
                .answers_nothing(204, "It is unlocked."),
            unlock,
        )
        .at(
            post("/admin/users/{user}/logout", "logOutUser", "End every login of an account")
                .for_whom(May::Admin)
                .answers::<LoginsEnded>(200, "How many there were."),
            log_out,
        )
        .at(
            put("/admin/users/{user}/roles", "setRoles", "Replace the roles of an account")
                .about(
                    "In force with the next request of that user. Nobody takes administration from \
                     themselves or from the last administrator.",
                )
                .for_whom(May::Admin)
                .answers::<UserAnswer>(200, "The user with the new roles.")
                .refuses(&[Code::LastAdmin]),
            set_roles,
        )
}

/// How much there is, counted where each thing lives.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Overview {
    /// Open and pending.
    pub(super) rooms: usize,
    /// Of them, those that nobody has entered yet.
    pub(super) pending_rooms: usize,
    /// Live connections of the node that answers.
    pub(super) sessions: usize,
    /// Whose they are.
    pub(super) users_online: usize,
    /// The seats of all rooms together.
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
    Ok(private(axum::Json(LoginsEnded { logins_ended })))
}

/// How many logins an act has ended.
#[derive(Debug, JsonSchema, Serialize)]
struct LoginsEnded {
    logins_ended: usize,
}

/// `PUT /admin/users/{id}/roles`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Roles {
    /// Those the user has from now on.
    #[schemars(length(min = 1))]
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
        false => Err(forbidden(who)),
    }
}

/// Administrators; nobody else.
pub(super) fn admins_only(who: &Identity) -> Result<(), Refused> {
    if who.has(Role::Admin) { Ok(()) } else { Err(forbidden(who)) }
}

fn forbidden(who: &Identity) -> Refused {
    told_forbidden(who);
    Refused::new(Code::Forbidden)
}

/// Who asked for what only staff may see or do.
pub(in crate::http) fn told_forbidden(who: &Identity) {
    tracing::info!(event = "auth.forbidden", user = %who.user, "asked for what only staff may");
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
