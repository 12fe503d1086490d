//! Words to one user, in all of that user's live sessions at once. Not stored: who is away is not told.

use std::sync::Arc;

use anteroom_protocol::Code;
use anteroom_protocol::audit::Act;
use anteroom_protocol::frame::ServerFrame;
use anteroom_protocol::message::TEXT_PLAIN;
use anteroom_protocol::room::MemberUser;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::private;
use super::admin::{UserPath, staff_only};
use super::contract::{Routes, post};
use super::extract::{Caller, Json};
use super::problem::Refused;
use crate::app::App;
use crate::audit::Deed;
use crate::documents::endpoint::{Group, May};
use crate::hub::encode;
use crate::messages::check_content;
use crate::storage::StorageError;

pub(super) fn routes() -> Routes {
    Routes::of(Group::Administration).at(
        post("/admin/users/{user}/messages", "say", "Say something to one user")
            .about("A `direct` frame in all of that user's live sessions. Not stored.")
            .for_whom(May::Staff)
            .answers::<Reached>(200, "How many sessions were told."),
        direct,
    )
}

/// `POST /admin/users/{id}/messages`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Direct {
    /// 1 to 4,000 characters by default.
    #[schemars(length(min = 1))]
    content: String,
    /// `text/plain` when absent.
    #[schemars(extend("enum" = ["text/plain", "application/json", null]))]
    content_type: Option<String>,
    /// The server speaks, and not the one who asks: `from` is `null`.
    #[serde(default)]
    as_server: bool,
}

/// How many live sessions were told.
#[derive(Debug, JsonSchema, Serialize)]
struct Reached {
    sessions: usize,
}

async fn direct(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
    Json(ask): Json<Direct>,
) -> Result<Response, Refused> {
    let deed = Deed::by(&who, Act::Direct).to(user);
    let deed = deed.detail("as_server", if ask.as_server { "yes" } else { "no" });
    if let Err(refused) = staff_only(&who) {
        app.audit.refused(deed, Code::Forbidden.as_str()).await;
        return Err(refused);
    }
    let chars_max = app.connections.bounds.load().content_chars_max;
    check_content(&ask.content, ask.content_type.as_deref(), chars_max)
        .map_err(|detail| Refused::field("content", "unacceptable", &detail))?;
    if app.entry.storage.user(user).await?.is_none() {
        return Err(Refused::new(Code::NotFound));
    }
    let from = (!ask.as_server).then(|| MemberUser { id: who.user.0, name: who.name.clone() });
    let frame = encode(&ServerFrame::Direct {
        from,
        content_type: ask.content_type.unwrap_or_else(|| TEXT_PLAIN.to_owned()),
        content: ask.content,
    });
    let act = async {
        let here = app.entry.hub.push_to_user(user, &frame);
        // How many there are elsewhere, the seats know; they may be away, and it is said all the same.
        let all = app.entry.sessions_of(user).await;
        Ok::<_, StorageError>(all.map_or(here, |all| all.len().max(here)))
    };
    let reached = app.audit.keep_behind(deed, act).await?;
    tracing::info!(event = "direct.sent", from = %who.user, to = %user, sessions = reached,
        "words were said to all sessions of a user");
    Ok(private(axum::Json(Reached { sessions: reached })))
}
