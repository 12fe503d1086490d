//! Who may not come back to a room, and letting them back in.

use std::sync::Arc;

use anteroom_core::ids::UserId;
use anteroom_protocol::account::Role;
use anteroom_protocol::page::Page;
use anteroom_protocol::{Code, Timestamp};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::accounts::private;
use super::admin::UserPath;
use super::contract::{Given, Routes, delete, get};
use super::extract::{Caller, Params, RoomPath};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::storage::BanRecord;

pub(super) fn routes() -> Routes {
    Routes::of(Group::Rooms)
        .at(
            get("/rooms/{room}/bans", "bans", "Who may not come back")
                .for_whom(May::Owner)
                .answers::<Page<Banned>>(200, "One page of them.")
                .refuses(&[Code::RoomClosed, Code::Invalid]),
            list,
        )
        .at(
            delete("/rooms/{room}/bans/{user}", "liftBan", "Let somebody come back")
                .for_whom(May::Owner)
                .answers_nothing(204, "The user may come back.")
                .refuses(&[Code::RoomClosed]),
            lift,
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct ListParams {
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[schemars(with = "Option<Given<Uuid>>")]
    cursor: Option<String>,
}

/// Somebody who may not come back to a room.
#[derive(Debug, JsonSchema, Serialize)]
struct Banned {
    user: BannedUser,
    /// Who said so.
    by: Uuid,
    since: Timestamp,
}

/// The user of a ban.
#[derive(Debug, JsonSchema, Serialize)]
struct BannedUser {
    id: Uuid,
    /// What they log in by, for staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The display name.
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
