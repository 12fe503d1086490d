//! `GET /admin/entries`: the entry log, newest first.

use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Attempt, Outcome};
use anteroom_protocol::page::Page;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::accounts::private;
use super::admin::staff_only;
use super::contract::{Given, RoomNumber, Routes, get};
use super::extract::{Caller, Params, plain_number};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::entry_log;
use crate::storage::EntryQuery;

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        get("/admin/entries", "entryLog", "The entry log, newest first")
            .about("What became of each attempt to enter.")
            .for_whom(May::Staff)
            .answers::<Page<Attempt>>(200, "One page of it.")
            .refuses(&[Code::Invalid]),
        list,
    )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct EntryParams {
    /// Only of this room.
    #[schemars(with = "Option<Given<RoomNumber>>")]
    room: Option<String>,
    /// Only of this user.
    #[schemars(with = "Option<Given<Uuid>>")]
    user: Option<String>,
    /// Only those that came to this.
    #[schemars(with = "Option<Given<Outcome>>")]
    outcome: Option<String>,
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[schemars(with = "Option<Given<Uuid>>")]
    cursor: Option<String>,
}

async fn list(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(params): Params<EntryParams>,
) -> Result<Response, Refused> {
    staff_only(&who)?;
    let limit = page_limit(params.limit)?;
    // One more than is shown tells whether a page follows.
    let query = EntryQuery { limit: limit + 1, ..read(&params)? };
    let mut found = app.entry.aftermath.entry_log.page(query).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    let items = found.into_iter().map(entry_log::shown).collect();
    Ok(private(axum::Json(Page { items, next_cursor })))
}

fn read(params: &EntryParams) -> Result<EntryQuery, Refused> {
    let uuid = |text: &str| Uuid::parse_str(text).ok();
    let room = given("room", params.room.as_deref(), plain_number)?;
    let user = given("user", params.user.as_deref(), uuid)?;
    Ok(EntryQuery {
        room: room.map(RoomId),
        user: user.map(UserId),
        outcome: given("outcome", params.outcome.as_deref(), Outcome::parse)?,
        before: given("cursor", params.cursor.as_deref(), uuid)?,
        limit: 0,
    })
}

/// A parameter, if it was given; an empty one was not.
pub(super) fn given<T>(
    field: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Refused> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let detail = "This is not a value of this parameter.";
    parse(text).map(Some).ok_or_else(|| Refused::field(field, "unknown", detail))
}
