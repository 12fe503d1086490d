//! Pages of what was said, and of what was found in it.

use std::sync::Arc;

use anteroom_core::limits::SEARCH_CHARS_MAX;
use anteroom_protocol::Code;
use anteroom_protocol::page::Page;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::accounts::private;
use super::extract::{Caller, Params, RoomPath};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::app::App;
use crate::search::Query;
use crate::storage::{HistoryPage, SearchAsk};
use crate::view;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/rooms/{room}/messages", get(messages))
        .route("/rooms/{room}/messages/search", get(search))
}

#[derive(Debug, Default, Deserialize)]
struct HistoryParams {
    before: Option<i64>,
    after: Option<i64>,
    limit: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
struct SearchParams {
    #[serde(default)]
    q: String,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn messages(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Params(params): Params<HistoryParams>,
) -> Result<Response, Refused> {
    let limit = page_limit(params.limit)?;
    let page = match (params.before, params.after) {
        (Some(_), Some(_)) => {
            return Err(Refused::because(Code::BadRequest, "Ask for before or after, not both."));
        }
        (None, Some(seq)) => HistoryPage::After { seq, limit },
        (before, None) => HistoryPage::Before { seq: before.unwrap_or(i64::MAX), limit },
    };
    let items = app.history.page(&who, room, page).await?;
    Ok(private(axum::Json(Page { items, next_cursor: None })))
}

/// The cursor is the number above which everything was looked at.
async fn search(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Params(params): Params<SearchParams>,
) -> Result<Response, Refused> {
    let chars = params.q.trim().chars().count();
    if !(1..=SEARCH_CHARS_MAX).contains(&chars) {
        let detail = format!("A query has 1 to {SEARCH_CHARS_MAX} characters.");
        return Err(Refused::field("q", "out_of_range", &detail));
    }
    let before = match params.cursor.as_deref().filter(|text| !text.is_empty()) {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| {
            Refused::field("cursor", "unknown", "This is not a cursor of this list.")
        })?,
    };
    let (query, limit) = (Query::parse(&params.q), page_limit(params.limit)?);
    app.searches.admit(who.user, app.clock.now()).map_err(Refused::too_often)?;
    let page = app.history.search(&who, SearchAsk { room, query, before, limit }).await?;
    let items = page.items.into_iter().map(view::found).collect();
    let next_cursor = page.next.map(|seq| seq.to_string());
    Ok(private(axum::Json(Page { items, next_cursor })))
}
