//! Rooms: list, create, read, change, close, members.

use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_core::limits::{PAGE_DEFAULT, PAGE_MAX};
use anteroom_core::seat::{self, SlotState};
use anteroom_protocol::page::Page;
use anteroom_protocol::room::{
    ChangeRoom, CreateRoom, Member, MemberUser, Room, RoomAnswer, RoomCreated, SeatState, Seats,
};
use anteroom_protocol::{Code, Timestamp};
use aws_lc_rs::digest;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Deserialize;

use super::accounts::private;
use super::admin::UserPath;
use super::contract::{Routes, delete, get, patch, post};
use super::extract::{Address, Caller, Json, OwnOrigin, Params, RoomPath};
use super::problem::Refused;
use super::reservations::complete;
use crate::app::App;
use crate::documents::endpoint::{Endpoint, Group, May};
use crate::entry::EntryError;
use crate::rooms::{RoomInfo, view_of};

pub(super) fn routes() -> Routes {
    Routes::of(Group::Rooms)
        .at(
            listed(get("/rooms", "rooms", "Open public rooms, with live seats"))
                .for_whom(May::LoggedIn),
            list,
        )
        .at(
            listed(get("/public/rooms", "publicRooms", "The same list, for other sites"))
                .about("No login; any origin may read it. Without owners."),
            public_list,
        )
        .at(
            post("/rooms", "createRoom", "Make a room, and reserve its creator's seat")
                .about(
                    "The room is pending until somebody really enters, and is forgotten if nobody \
                     does in time.",
                )
                .for_whom(May::LoggedIn)
                .answers::<RoomCreated>(201, "It is in the creation queue.")
                .refuses(&[Code::RateLimited, Code::TooManyReservations, Code::Replaced])
                .refuses(&[Code::Restarting]),
            create,
        )
        .at(
            get("/rooms/{room}", "room", "One room")
                .for_whom(May::LoggedIn)
                .answers::<RoomAnswer>(200, "As the caller may see it.")
                .refuses(&[Code::RoomClosed]),
            read,
        )
        .at(
            patch("/rooms/{room}", "changeRoom", "Change a room's settings")
                .for_whom(May::Owner)
                .answers::<RoomAnswer>(200, "As it is now.")
                .refuses(&[Code::RoomClosed]),
            change,
        )
        .at(
            delete("/rooms/{room}", "closeRoom", "Close a room")
                .about("Its connections close with 4410; its number is never used again.")
                .for_whom(May::Owner)
                .answers_nothing(204, "It is closed.")
                .refuses(&[Code::RoomClosed]),
            close,
        )
        .and(of_members())
        .and(super::bans::routes())
}

fn of_members() -> Routes {
    Routes::of(Group::Rooms)
        .at(
            get("/rooms/{room}/members", "members", "Who sits in a room")
                .for_whom(May::Seated)
                .answers::<Page<Member>>(200, "One page of them.")
                .refuses(&[Code::RoomClosed, Code::Invalid]),
            members,
        )
        .at(
            delete("/rooms/{room}/members/{user}", "removeMember", "Take somebody out of a room")
                .about("That user's connections in the room close with 4450.")
                .for_whom(May::Owner)
                .answers_nothing(204, "The user is out.")
                .refuses(&[Code::RoomClosed]),
            remove_member,
        )
}

fn listed(endpoint: Endpoint) -> Endpoint {
    endpoint
        .hears("If-None-Match", "The `ETag` of the list that one has.")
        .answers::<Page<Room>>(200, "One page of them.")
        .with("ETag", "Names this very list.")
        .answers_nothing(304, "The list is still the one that was named.")
        .with("ETag", "Names this very list.")
        .refuses(&[Code::Invalid])
}

/// `GET /rooms` parameters.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct ListParams {
    /// A part of the name.
    #[serde(default)]
    q: String,
    /// `newest` when absent.
    #[schemars(extend("enum" = ["name", "occupied", "newest"]))]
    sort: Option<String>,
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[schemars(with = "Option<u32>")]
    cursor: Option<String>,
}

/// `GET /rooms/{room}/members` parameters.
#[derive(Debug, Default, Deserialize, JsonSchema)]
struct MemberParams {
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[schemars(with = "Option<u32>")]
    cursor: Option<String>,
}

/// The key of an unlisted room, as its link carries it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct KeyParam {
    /// The key of an unlisted room.
    pub(super) key: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct BanParam {
    /// For good.
    #[serde(default)]
    ban: bool,
}

async fn list(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Params(params): Params<ListParams>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let page = page_of_rooms(&app, &params).await?;
    Ok(tagged(&headers, &page, "no-cache"))
}

async fn public_list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListParams>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let page = page_of_rooms(&app, &params).await?;
    let mut response = tagged(&headers, &page, "public, max-age=2");
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

async fn page_of_rooms(app: &App, params: &ListParams) -> Result<Page<Room>, Refused> {
    let mut found = app.rooms.list(&params.q).await?;
    sort(&mut found, params.sort.as_deref())?;
    let page = slice(found, params.limit, params.cursor.as_deref())?;
    let items = page.items.into_iter().map(|(info, seats)| view_of(&info, seats)).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// One page of a list that is at hand as a whole; the cursor is how many came before.
fn slice<T>(all: Vec<T>, limit: Option<usize>, cursor: Option<&str>) -> Result<Page<T>, Refused> {
    let limit = page_limit(limit)?;
    let start = match cursor {
        None => 0,
        Some(cursor) => cursor.parse::<usize>().map_err(|_| {
            Refused::field("cursor", "unknown", "This is not a cursor of this list.")
        })?,
    };
    let end = start.saturating_add(limit);
    let next_cursor = (end < all.len()).then(|| end.to_string());
    Ok(Page { items: all.into_iter().skip(start).take(limit).collect(), next_cursor })
}

fn sort(found: &mut [(Arc<RoomInfo>, Seats)], by: Option<&str>) -> Result<(), Refused> {
    match by {
        None | Some("newest") => found.sort_by_key(|(info, _)| std::cmp::Reverse(info.id)),
        Some("name") => found.sort_by_cached_key(|(info, _)| (info.name.to_lowercase(), info.id)),
        Some("occupied") => {
            found.sort_by_key(|(info, seats)| (std::cmp::Reverse(seats.occupied), info.id));
        }
        Some(_) => {
            return Err(Refused::field("sort", "unknown", "Sort by name, occupied or newest."));
        }
    }
    Ok(())
}

/// `?limit=`, 1 to 200.
pub(super) fn page_limit(asked: Option<usize>) -> Result<usize, Refused> {
    match asked {
        None => Ok(PAGE_DEFAULT),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(_) => Err(Refused::field("limit", "out_of_range", "A page has 1 to 200 items.")),
    }
}

/// The body with an entity tag; 304 when the reader has it already.
fn tagged(headers: &HeaderMap, page: &Page<Room>, caching: &'static str) -> Response {
    let body = serde_json::to_vec(page).unwrap_or_default();
    let hash = digest::digest(&digest::SHA256, &body);
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]));
    let is_known =
        headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (json, body).into_response()
    };
    let out = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(ETAG, tag);
    }
    out.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

async fn create(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Address(address): Address,
    OwnOrigin(origin): OwnOrigin,
    Json(ask): Json<CreateRoom>,
) -> Result<Response, Refused> {
    let (room, reservation) = app.rooms.create(&who, ask, address).await?;
    let answer = RoomCreated { room, reservation: complete(reservation, &origin) };
    Ok(private((StatusCode::CREATED, axum::Json(answer))))
}

async fn read(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Params(params): Params<KeyParam>,
) -> Result<Response, Refused> {
    let room = app.rooms.get(&who, room, params.key.as_deref()).await?;
    Ok(private(axum::Json(RoomAnswer { room })))
}

async fn change(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Json(ask): Json<ChangeRoom>,
) -> Result<Response, Refused> {
    let room = app.rooms.change(&who, room, ask).await?;
    Ok(private(axum::Json(RoomAnswer { room })))
}

async fn close(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
) -> Result<StatusCode, Refused> {
    app.rooms.close(&who, room).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn members(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Params(params): Params<MemberParams>,
) -> Result<Response, Refused> {
    app.entry.visible(&who, room, None).await?;
    let is_seated = app.entry.admission.is_seated(room, who.user).await;
    if !is_seated.map_err(EntryError::from)? {
        app.rooms.managed(&who, room).await?;
    }
    let page = slice(seated(&app, room).await?, params.limit, params.cursor.as_deref())?;
    let mut items = Vec::with_capacity(page.items.len());
    for member in page.items {
        items.push(shown(&app, room, &member).await);
    }
    Ok(private(axum::Json(Page { items, next_cursor: page.next_cursor })))
}

async fn seated(app: &App, room: RoomId) -> Result<Vec<seat::Member>, EntryError> {
    let mut members = app.entry.admission.members(room).await?;
    members.retain(|member| member.settled);
    Ok(members)
}

/// The name of somebody who sits in a room, as the others read it.
pub(super) async fn name_of(app: &App, room: RoomId, user: UserId) -> String {
    let name = app.entry.aftermath.presence.name_of(&app.entry.hub, room, user);
    if name.is_empty()
        && let Ok(Some(record)) = app.entry.storage.user(user).await
    {
        // Came in by another node, and nobody of the room is here.
        return record.display_name;
    }
    name
}

async fn shown(app: &App, room: RoomId, member: &seat::Member) -> Member {
    let name = name_of(app, room, member.user).await;
    let presence = &app.entry.aftermath.presence;
    Member {
        user: MemberUser { id: member.user.0, name },
        since: Timestamp(app.entry.admission.shown(member.since, &app.clock)),
        state: match member.state {
            SlotState::Held => SeatState::Held,
            SlotState::Occupied | SlotState::Reserved => SeatState::Occupied,
        },
        read: presence.passing.mark_of(room, member.user),
    }
}

async fn remove_member(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    UserPath(user): UserPath,
    Params(params): Params<BanParam>,
) -> Result<StatusCode, Refused> {
    app.rooms.remove_member(&who, room, user, params.ban).await?;
    Ok(StatusCode::NO_CONTENT)
}
