//! Pages of what was said, and of what was found in it.

use std::sync::Arc;

use anteroom_core::limits::SEARCH_CHARS_MAX;
use anteroom_protocol::Code;
use anteroom_protocol::message::{FoundMessage, History};
use anteroom_protocol::page::Page;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use super::accounts::private;
use super::contract::{Given, Routes, get};
use super::extract::{Caller, Params, RoomPath};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::search::Query;
use crate::storage::{HistoryPage, SearchAsk};
use crate::view;

pub(super) fn routes() -> Routes {
    Routes::of(Group::History)
        .at(
            get("/rooms/{room}/messages", "messages", "What was said")
                .about(
                    "Final states: the words of an edit stand in its message. Newest first with \
                     `before`, oldest first with `after`; neither is the newest page. Ask for the next \
                     page with the `seq` of the last message. Messages may be kept for a while only: below \
                     `first_seq` there is nothing any more.",
                )
                .for_whom(May::Seated)
                .answers::<History>(200, "One page, without a cursor.")
                .refuses(&[Code::Invalid]),
            messages,
        )
        .at(
            get("/rooms/{room}/messages/search", "search", "Search what was said")
                .about("Whole words and beginnings of words; in quotes, words in their order.")
                .for_whom(May::Seated)
                .answers::<Page<FoundMessage>>(200, "Newest first.")
                .refuses(&[Code::Invalid, Code::RateLimited]),
            search,
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct HistoryParams {
    /// Only what has a lower `seq`. Not with `after`.
    before: Option<i64>,
    /// Only what has a higher `seq`.
    after: Option<i64>,
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct SearchParams {
    /// What to look for.
    #[schemars(required, length(min = 1, max = 200))]
    q: Option<String>,
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[schemars(with = "Option<Given<i64>>")]
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
    let page = app.history.page(&who, room, page).await?;
    Ok(private(axum::Json(page)))
}

/// The cursor is the number above which everything was looked at.
async fn search(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    RoomPath(room): RoomPath,
    Params(params): Params<SearchParams>,
) -> Result<Response, Refused> {
    let wanted = params.q.as_deref().unwrap_or_default();
    let chars = wanted.trim().chars().count();
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
    let (query, limit) = (Query::parse(wanted), page_limit(params.limit)?);
    app.searches.admit(who.user, app.clock.now()).map_err(Refused::too_often)?;
    let page = app.history.search(&who, SearchAsk { room, query, before, limit }).await?;
    let items = page.items.into_iter().map(view::found).collect();
    let next_cursor = page.next.map(|seq| seq.to_string());
    Ok(private(axum::Json(Page { items, next_cursor })))
}
