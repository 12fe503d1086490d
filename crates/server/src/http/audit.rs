//! `GET /admin/audit`: the audit trail, newest first, for administrators.

use std::sync::Arc;

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::Code;
use anteroom_protocol::audit::{Act, AuditLine};
use anteroom_protocol::page::Page;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::accounts::private;
use super::admin::admins_only;
use super::contract::{Given, Routes, get};
use super::entries::given;
use super::extract::{Caller, Params, plain_number};
use super::problem::Refused;
use super::rooms::page_limit;
use crate::accounts::AccountError;
use crate::app::App;
use crate::audit;
use crate::documents::endpoint::{Group, May};
use crate::storage::{Actor, AuditQuery};

/// How the command line is named where a user could be.
const COMMAND_LINE: &str = "command line";

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        get("/admin/audit", "auditTrail", "The audit trail, newest first")
            .about("Every act of administration: who, what, to whom, and what it came to.")
            .for_whom(May::Admin)
            .answers::<Page<AuditLine>>(200, "One page of it.")
            .refuses(&[Code::Invalid]),
        list,
    )
}

/// `?actor=` a user's id or name, or `command line`; `?target=` a user's id or name, or a room's number.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct AuditParams {
    /// Who acted: a user's id or name, or `command line`.
    pub(super) actor: Option<String>,
    /// Whose acts: those of moderators, administrators and the command line, or those of others.
    #[schemars(with = "Option<Given<By>>")]
    pub(super) by: Option<String>,
    /// What was done.
    #[schemars(with = "Option<Given<Act>>")]
    pub(super) act: Option<String>,
    /// To whom, or to which room: a user's id or name, or a room's number.
    pub(super) target: Option<String>,
    /// Items in a page; 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<usize>,
    /// The `next_cursor` of the page before.
    #[schemars(with = "Option<Given<Uuid>>")]
    pub(super) cursor: Option<String>,
}

/// Whose acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum By {
    /// Of moderators, administrators and the command line.
    Staff,
    /// Of owners in their rooms, and what was refused to anybody else.
    Others,
}

impl By {
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Staff, Self::Others].into_iter().find(|by| by.as_str() == text)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Others => "others",
        }
    }

    pub(super) fn is_staff(self) -> bool {
        self == Self::Staff
    }
}

async fn list(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    Params(params): Params<AuditParams>,
) -> Result<Response, Refused> {
    admins_only(&who)?;
    Ok(private(axum::Json(page(&app, &params).await?)))
}

/// One page of the trail.
pub(super) async fn page(app: &App, params: &AuditParams) -> Result<Page<AuditLine>, Refused> {
    let limit = page_limit(params.limit)?;
    let Some(query) = read(app, params).await? else {
        return Ok(Page { items: Vec::new(), next_cursor: None });
    };
    // One more than is shown tells whether a page follows.
    let mut found = app.audit.page(AuditQuery { limit: limit + 1, ..query }).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(|last| last.record.id.to_string());
    Ok(Page { items: found.into_iter().map(audit::shown).collect(), next_cursor })
}

/// What is asked for; `None` where it names somebody who is not there.
async fn read(app: &App, params: &AuditParams) -> Result<Option<AuditQuery>, Refused> {
    let uuid = |text: &str| Uuid::parse_str(text).ok();
    let mut query = AuditQuery {
        by_staff: given("by", params.by.as_deref(), By::parse)?.map(By::is_staff),
        act: given("act", params.act.as_deref(), Act::parse)?,
        before: given("cursor", params.cursor.as_deref(), uuid)?,
        ..AuditQuery::default()
    };
    match some(params.actor.as_ref()) {
        None => {}
        Some(COMMAND_LINE) => query.actor = Some(Actor::CommandLine),
        Some(name) => match named(app, name).await? {
            Some(user) => query.actor = Some(Actor::User(user)),
            None => return Ok(None),
        },
    }
    match some(params.target.as_ref()) {
        None => {}
        Some(text) => match plain_number(text) {
            Some(room) => query.room = Some(RoomId(room)),
            None => match named(app, text).await? {
                Some(user) => query.user = Some(user),
                None => return Ok(None),
            },
        },
    }
    Ok(Some(query))
}

fn some(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// A user by id, also one that is gone, or by name.
pub(super) async fn named(app: &App, text: &str) -> Result<Option<UserId>, Refused> {
    if let Ok(id) = Uuid::parse_str(text) {
        return Ok(Some(UserId(id)));
    }
    match app.people.accounts.find(text).await {
        Ok(user) => Ok(Some(user.id)),
        Err(AccountError::NoSuchUser) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
