//! Pages of what was said.

use std::sync::Arc;

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
use crate::storage::HistoryPage;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/rooms/{room}/messages", get(messages))
}

#[derive(Debug, Default, Deserialize)]
struct HistoryParams {
    before: Option<i64>,
    after: Option<i64>,
    limit: Option<usize>,
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
