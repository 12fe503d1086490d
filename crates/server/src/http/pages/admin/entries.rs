//! `/admin/entries`: the entry log, filtered by outcome, room and person.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::Timestamp;
use anteroom_protocol::attempt::Outcome;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::super::html;
use super::super::visitor::Visitor;
use super::{Inside, enter, someone};
use crate::app::App;
use crate::http::audit::named;
use crate::http::extract::{Params, plain_number};
use crate::http::problem::Refused;
use crate::pages::admin::paged::Paged;
use crate::pages::admin::views::{EntriesView, EntryRow, Someone};
use crate::pages::admin::{Section, When};
use crate::storage::{EntryQuery, EntryRecord};

/// Lines on one page.
const PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListParams {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    room: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    cursor: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<ListParams>,
    visitor: Visitor,
) -> Response {
    let Inside { page, desk, .. } = match enter(&visitor, Section::Entries) {
        Ok(inside) => inside,
        Err(response) => return *response,
    };
    let found = match found(&app, &params).await {
        Ok(found) => found,
        Err(refused) => return visitor.refuse(&refused),
    };
    let given = before(&params.cursor).map_or("", |_| &params.cursor);
    let found = Paged::cut(found, given, PAGE, |last| last.id.to_string());
    let names = names_in(&app, &found.rows).await;
    let entries = found.shown(|record| row(&record, &names));
    let outcome = Outcome::parse(&params.outcome);
    let ListParams { room, user, .. } = params;
    html(StatusCode::OK, &EntriesView { page, desk, outcome, room, user, entries })
}

/// What cannot be meant is found nowhere.
async fn found(app: &App, params: &ListParams) -> Result<Vec<EntryRecord>, Refused> {
    let mut query = EntryQuery {
        room: None,
        user: None,
        outcome: Outcome::parse(&params.outcome),
        before: before(&params.cursor),
        limit: PAGE + 1,
    };
    if !params.room.trim().is_empty() {
        let Some(room) = plain_number(params.room.trim()) else { return Ok(Vec::new()) };
        query.room = Some(RoomId(room));
    }
    if !params.user.trim().is_empty() {
        let Some(user) = named(app, params.user.trim()).await? else { return Ok(Vec::new()) };
        query.user = Some(user);
    }
    Ok(app.entry.aftermath.entry_log.page(query).await?)
}

/// The last line of the page before.
fn before(cursor: &str) -> Option<Uuid> {
    Uuid::parse_str(cursor).ok()
}

/// Everybody whom these lines name, each looked up once.
async fn names_in(app: &App, found: &[EntryRecord]) -> HashMap<UserId, Someone> {
    let users: HashSet<UserId> = found.iter().filter_map(|record| record.user).collect();
    let mut names = HashMap::with_capacity(users.len());
    for user in users {
        names.insert(user, someone(app, user).await);
    }
    names
}

fn row(record: &EntryRecord, names: &HashMap<UserId, Someone>) -> EntryRow {
    let who = record.user.and_then(|user| names.get(&user).cloned());
    EntryRow {
        at: When::at(Timestamp(record.at)),
        room: record.room.map(|room| room.0),
        who,
        outcome: record.outcome,
        code: record.code.map(|code| code.as_str()),
        attempts: record.attempts,
        waited_s: record.reservation_to_connect.map(seconds),
        offered: record.offered,
        takeover: record.takeover,
    }
}

/// Milliseconds as seconds with one decimal.
fn seconds(span: u64) -> String {
    format!("{}.{}", span / 1_000, span % 1_000 / 100)
}
