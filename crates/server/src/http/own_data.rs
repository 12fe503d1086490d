//! What is stored of one user, read out whole; and the end of an account.

use std::sync::Arc;

use anteroom_protocol::Code;
use anteroom_protocol::account::{DeleteAccount, OwnMessages};
use anteroom_protocol::export::PersonExport;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;

use super::accounts::{clear_cookie, private};
use super::admin::UserPath;
use super::contract::{Routes, delete, get};
use super::extract::{Address, Caller, OptionalJson, OwnOrigin, Params};
use super::problem::Refused;
use crate::app::App;
use crate::documents::endpoint::{Endpoint, Group, May};
use crate::people::Chunks;

/// The parts of it that its owner asks for.
pub(super) fn routes() -> Routes {
    use Code::{AccountExpired, AccountLocked, BadCredentials};
    Routes::of(Group::Accounts)
        .at(
            exports(get("/me/export", "exportMe", "Everything that is stored of oneself"))
                .refuses(&[Code::RateLimited]),
            export_me,
        )
        .at(
            delete("/me", "deleteMe", "End one's account for good")
                .about(
                    "Every login ends and every connection closes with 4440. The user name is free \
                     again. What was said stays and names nobody, or is deleted as well; rooms of \
                     one's own stay open, for staff to act in. The last administrator stays.",
                )
                .answers_nothing(204, "It is gone.")
                .with("Set-Cookie", "Removes the cookie.")
                .refuses(&[Code::LastAdmin, BadCredentials, AccountLocked, AccountExpired]),
            delete_me,
        )
}

/// The same for administrators, of anybody.
pub(super) fn of_others() -> Routes {
    Routes::of(Group::Administration)
        .at(
            exports(get("/admin/users/{user}/export", "exportUser", "What is stored of a user"))
                .for_whom(May::Admin),
            export_user,
        )
        .at(
            delete("/admin/users/{user}", "deleteUser", "End an account for good")
                .about(
                    "As its owner does it with `DELETE /me`. Repeating it is harmless, and may ask \
                     for the messages to go as well. Not one's own account, and not the last \
                     administrator's.",
                )
                .for_whom(May::Admin)
                .answers_nothing(204, "It is gone.")
                .refuses(&[Code::LastAdmin]),
            delete_user,
        )
}

fn exports(endpoint: Endpoint) -> Endpoint {
    endpoint
        .about(
            "Nothing that others said, no password, no token. It is written while it is read; where \
             it breaks off, it is no whole JSON document.",
        )
        .answers::<PersonExport>(200, "All of it, as a file.")
        .with("Content-Disposition", "A name for the file.")
}

async fn export_me(State(app): State<Arc<App>>, Caller(who): Caller) -> Result<Response, Refused> {
    Ok(file(app.people.export_own(&who).await?))
}

async fn export_user(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
) -> Result<Response, Refused> {
    Ok(file(app.people.export(&who, user).await?))
}

async fn delete_me(
    State(app): State<Arc<App>>,
    OwnOrigin(origin): OwnOrigin,
    Caller(who): Caller,
    Address(address): Address,
    OptionalJson(ask): OptionalJson<DeleteAccount>,
) -> Result<Response, Refused> {
    app.people.delete_own(&who, ask, address).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, clear_cookie(&origin));
    Ok(response)
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
struct DeleteParams {
    /// What becomes of what the user said; kept when absent.
    #[serde(default)]
    messages: OwnMessages,
}

async fn delete_user(
    State(app): State<Arc<App>>,
    Caller(who): Caller,
    UserPath(user): UserPath,
    Params(params): Params<DeleteParams>,
) -> Result<StatusCode, Refused> {
    app.people.delete(&who, user, params.messages).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The text as it is written, for a browser to keep.
pub(super) fn file(chunks: Chunks) -> Response {
    let chunks = stream::unfold(chunks, |mut chunks| async {
        let chunk = chunks.recv().await?;
        Some((chunk, chunks))
    });
    let mut response = private(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = HeaderValue::from_static("attachment; filename=\"anteroom-data.json\"");
    headers.insert(CONTENT_DISPOSITION, name);
    response
}
