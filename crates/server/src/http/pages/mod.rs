//! The pages' routes: facts are gathered here, [`crate::pages`] turns them into HTML.
//!
//! Reading a page changes nothing: no seat is taken by a link, a prefetch or a crawler. Whatever
//! goes wrong ends in a page that says so in words and shows the way onward.

mod account;
mod admin;
pub(super) mod files;
mod forms;
mod packing;
mod room;
mod settings;
mod visitor;

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::Router;
use axum::extract::Path;
use axum::http::header::{ACCEPT_LANGUAGE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::extract::{Params, cookie};
use super::problem::Refused;
use crate::app::App;
use crate::documents::reference::reference;
use crate::pages::docs::DocsView;
use crate::pages::lang::{LANG_COOKIE, Lang, local_path};
use crate::pages::refusal::Refusal;
use crate::pages::views::RefusalView;
use crate::pages::{Page, render};
use packing::open_page;
use visitor::Visitor;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(room::lobby))
        .route("/rooms/new", get(room::new).post(room::create))
        .route("/rooms/{room}", get(room::room))
        .route("/rooms/{room}/settings", get(settings::form).post(settings::change))
        .route("/rooms/{room}/close", post(settings::close))
        .route("/signup", get(account::sign_up_form).post(account::sign_up))
        .route("/login", get(account::login_form).post(account::login))
        .route("/guest", get(account::guest_form).post(account::guest))
        .route("/password", get(account::password_form).post(account::password))
        .route("/profile", get(account::profile_form).post(account::profile))
        .route("/profile/data", get(account::data))
        .route("/profile/delete", post(account::delete))
        .route("/logout", post(account::log_out))
        .merge(admin::routes())
        .route("/docs", get(docs))
        .route("/lang/{tag}", get(switch_language))
        .route("/assets/{name}", get(files::asset))
        .route("/favicon.ico", get(|| async { redirect("/assets/logo.svg") }))
}

/// `?next=`
#[derive(Debug, Default, Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// Somewhere else on this site, by GET.
fn redirect(to: &str) -> Response {
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn html(status: StatusCode, view: &impl askama::Template) -> Response {
    (status, Html(render(view))).into_response()
}

fn language(headers: &HeaderMap) -> Lang {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Lang::negotiate(cookie(headers, LANG_COOKIE), accepted)
}

/// A refusal as a page, for somebody who may be anyone.
pub(super) fn refusal(headers: &HeaderMap, refused: &Refused) -> Response {
    let page = Page::new(language(headers), None, "/", false);
    refusal_page(page, refused)
}

fn refusal_page(page: Page, refused: &Refused) -> Response {
    let refusal = match refused.reason {
        Some(_) => Refusal::from_code(Code::Unavailable.as_str()),
        None => Refusal::from_code(refused.code.as_str()),
    };
    html(refused.status(), &RefusalView { page, refusal })
}

/// No such page.
pub(super) async fn not_found(visitor: Visitor) -> Response {
    visitor.refuse(&Refused::new(Code::NotFound))
}

/// The contract, for a reader. It holds no secret, so it goes out packed.
async fn docs(visitor: Visitor, headers: HeaderMap) -> Response {
    open_page(&headers, &DocsView::new(visitor.page(), reference()))
}

async fn switch_language(
    Path(tag): Path<String>,
    Params(next): Params<Next>,
    visitor: Visitor,
) -> Response {
    let Some(lang) = Lang::from_tag(&tag) else {
        return visitor.refuse(&Refused::new(Code::NotFound));
    };
    let mut response = redirect(local_path(&next.next));
    let value = format!("{LANG_COOKIE}={}; Path=/; SameSite=Lax; Max-Age=31536000", lang.tag());
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}
