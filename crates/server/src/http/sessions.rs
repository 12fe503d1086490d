//! `GET /admin/sessions`: who is connected, where, and by which node.

use std::sync::Arc;

use anteroom_core::ids::{RoomId, SessionId, UserId};
use anteroom_protocol::page::Page;
use anteroom_protocol::room::MemberUser;
use anteroom_protocol::{Code, Timestamp};
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::accounts::private;
use super::admin::staff_only;
use super::contract::{Given, RoomNumber, Routes, get};
use super::entries::given;
use super::extract::{Caller, Params, plain_number};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::sessions::{LiveSession, SessionQuery, sessions};

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        get("/admin/sessions", "sessions", "Who is connected, where, and by which node")
            .for_whom(May::Staff)
            .answers::<Page<Shown>>(200, "One page of them.")
            .refuses(&[Code::Invalid]),
        list,
    )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct SessionParams {
    /// Only of this room.
    #[schemars(with = "Option<Given<RoomNumber>>")]
    room: Option<String>,
    /// Only of this user.
    #[schemars(with = "Option<Given<Uuid>>")]
    user: Option<String>,
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[schemars(regex(
        pattern = r"^([1-9][0-9]{0,17}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$"
    ))]
    cursor: Option<String>,
}

/// A live session. Its address is not kept anywhere, so it is not told.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "LiveSession")]
pub(super) struct Shown {
    pub(super) session: Uuid,
    pub(super) user: MemberUser,
    pub(super) room_id: i64,
    /// The number of the node; 0 where there is one alone.
    pub(super) node: u32,
    /// Since when the user has been in the room.
    pub(super) since: Timestamp,
}

async fn list(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(params): Params<SessionParams>,
) -> Result<Response, Refused> {
    staff_only(&who)?;
    let limit = page_limit(params.limit)?;
    let uuid = |text: &str| Uuid::parse_str(text).ok();
    let query = SessionQuery {
        room: given("room", params.room.as_deref(), plain_number)?.map(RoomId),
        user: given("user", params.user.as_deref(), uuid)?.map(UserId),
        after: given("cursor", params.cursor.as_deref(), cursor)?,
        limit: limit + 1,
    };
    let mut found = sessions(&app.entry, query).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(|it| format!("{}.{}", it.room, it.id));
    let mut items = Vec::with_capacity(found.len());
    for session in found {
        items.push(shown(&app, session).await);
    }
    Ok(private(axum::Json(Page { items, next_cursor })))
}

/// The last session of the page before.
pub(super) fn cursor(text: &str) -> Option<(RoomId, SessionId)> {
    let (room, session) = text.split_once('.')?;
    Some((RoomId(plain_number(room)?), SessionId(Uuid::parse_str(session).ok()?)))
}

/// A session with the name of its user.
pub(super) async fn shown(app: &App, session: LiveSession) -> Shown {
    Shown {
        session: session.id.0,
        user: MemberUser {
            id: session.user.0,
            name: super::rooms::name_of(app, session.room, session.user).await,
        },
        room_id: session.room.0,
        node: session.owner.node,
        since: Timestamp(app.entry.admission.shown(session.since, &app.clock)),
    }
}
