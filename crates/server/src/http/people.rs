//! `GET /admin/users`: accounts by how their names begin, for administrators.

use std::sync::Arc;

use anteroom_protocol::account::User;
use anteroom_protocol::page::Page;
use anteroom_protocol::{Code, Timestamp};
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::private;
use super::admin::admins_only;
use super::contract::{Routes, get};
use super::extract::{Caller, Params};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::app::App;
use crate::documents::endpoint::{Group, May};
use crate::storage::UserRecord;
use crate::view;

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        get("/admin/users", "users", "Accounts, by how their names begin")
            .for_whom(May::Admin)
            .answers::<Page<Shown>>(200, "One page of them, by name.")
            .refuses(&[Code::Invalid]),
        list,
    )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct PeopleParams {
    /// How the name begins; everybody when absent.
    #[serde(default)]
    pub(super) q: String,
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<usize>,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

/// An account as administrators see it.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Account")]
struct Shown {
    #[serde(flatten)]
    user: User,
    /// Since when it is locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_at: Option<Timestamp>,
}

async fn list(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(params): Params<PeopleParams>,
) -> Result<Response, Refused> {
    admins_only(&who)?;
    let Page { items, next_cursor } = page(&app, &params).await?;
    let shown = |record: UserRecord| Shown {
        user: view::user(&record, false),
        locked_at: record.locked_at.map(Timestamp),
    };
    let items: Vec<Shown> = items.into_iter().map(shown).collect();
    Ok(private(axum::Json(Page { items, next_cursor })))
}

/// One page of accounts, by name; the cursor is the last name.
pub(super) async fn page(app: &App, params: &PeopleParams) -> Result<Page<UserRecord>, Refused> {
    let limit = page_limit(params.limit)?;
    let after = params.cursor.as_deref().filter(|text| !text.is_empty());
    let accounts = &app.people.accounts;
    let mut items = accounts.search(&params.q, after, limit + 1).await?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| has_more).map(|last| last.username.clone());
    Ok(Page { items, next_cursor })
}
