//! Who may not come back to a room, and letting them back in.

use std::sync::Arc;

use anteroom_core::ids::UserId;
use anteroom_protocol::Timestamp;
use anteroom_protocol::account::Role;
use anteroom_protocol::page::Page;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::accounts::private;
use super::admin::UserPath;
use super::extract::{Caller, Params, RoomPath};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::app::App;
use crate::storage::BanRecord;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/rooms/{room}/bans", get(list))
        .route("/rooms/{room}/bans/{user}", delete(lift))
}

#[derive(Debug, Default, Deserialize)]
struct ListParams {
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct Banned {
    user: BannedUser,
    by: Uuid,
    since: Timestamp,
}

#[derive(Debug, Serialize)]
struct BannedUser {
    id: Uuid,
    /// What they log in by, for staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    name: String,
}

async fn list(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Params(params): Params<ListParams>,
) -> Result<Response, Refused> {
    let limit = page_limit(params.limit)?;
    let after = match params.cursor.as_deref() {
        None | Some("") => None,
        Some(cursor) => Some(Uuid::parse_str(cursor).map(UserId).map_err(|_| {
            Refused::field("cursor", "unknown", "This is not a cursor of this list.")
        })?),
    };
    let mut found = app.rooms.bans(&who, room, (after, limit + 1)).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(|last| last.user.to_string());
    let is_staff = who.has(Role::Admin) || who.has(Role::Moderator);
    let items: Vec<Banned> = found.into_iter().map(|ban| shown(ban, is_staff)).collect();
    Ok(private(axum::Json(Page { items, next_cursor })))
}

fn shown(ban: BanRecord, is_staff: bool) -> Banned {
    let username = Some(ban.username).filter(|_| is_staff);
    Banned {
        user: BannedUser { id: ban.user.0, username, name: ban.display_name },
        by: ban.by.0,
        since: Timestamp(ban.at),
    }
}

async fn lift(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    UserPath(user): UserPath,
) -> Result<StatusCode, Refused> {
    app.rooms.unban(&who, room, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
