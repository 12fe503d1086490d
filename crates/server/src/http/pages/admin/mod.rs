//! The pages of administration. Who may look in is decided here, once for all of them; what is done goes
//! the way that the API goes, so it is judged and kept in the trail alike.

mod acts;
mod audit;
mod entries;
mod overview;
mod people;
mod rooms;

use std::sync::Arc;

use anteroom_core::ids::UserId;
use anteroom_protocol::account::Role;
use anteroom_protocol::audit::Act;
use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::super::admin::told_forbidden;
use super::visitor::{Known, Visitor};
use super::{html, redirect};
use crate::app::App;
use crate::pages::admin::views::{RefusedView, Someone};
use crate::pages::admin::{Desk, Section};
use crate::pages::{Page, query_value};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/admin", get(overview::overview))
        .route("/admin/rooms", get(rooms::list))
        .route("/admin/rooms/{room}", get(rooms::room))
        .route("/admin/people", get(people::list))
        .route("/admin/people/{user}", get(people::person))
        .route("/admin/entries", get(entries::list))
        .route("/admin/audit", get(audit::list))
        .route("/admin/confirm", get(acts::confirm))
        .route("/admin/acts", post(acts::act))
}

/// What a page of administration begins with.
struct Inside<'a> {
    known: &'a Known,
    page: Page,
    desk: Desk,
}

/// `?did=`: the act that led here.
#[derive(Debug, Default, Deserialize)]
struct Did {
    #[serde(default)]
    did: String,
}

/// Lets in whoever may look at a section. Who has no account, or only a name, is led to the login and
/// back; everyone else is told in words.
fn enter(visitor: &Visitor, section: Section) -> Result<Inside<'_>, Box<Response>> {
    let known = visitor.known()?;
    let is_admin = known.who.has(Role::Admin);
    let is_staff = is_admin || known.who.has(Role::Moderator);
    if known.who.has(Role::Guest) && !is_staff {
        return Err(Box::new(redirect(&format!("/login?next={}", query_value(&visitor.path)))));
    }
    let page = visitor.page();
    let desk = Desk::new(&page, is_admin, section);
    if !is_staff || (section.is_for_admins() && !is_admin) {
        told_forbidden(&known.who);
        let username = known.user.username.clone();
        let view = RefusedView { page, desk, is_moderator: is_staff, username };
        return Err(Box::new(html(StatusCode::FORBIDDEN, &view)));
    }
    Ok(Inside { known, page, desk })
}

impl Inside<'_> {
    /// Says what was just done.
    fn after(mut self, did: &Did) -> Self {
        self.desk.notice = Act::parse(&did.did);
        self
    }
}

/// Somebody by name; by id where there is no such account any more.
async fn someone(app: &App, user: UserId) -> Someone {
    let record = app.entry.storage.user(user).await.ok().flatten();
    let name = record.map_or_else(|| user.to_string(), |record| record.display_name);
    Someone { id: user.to_string(), name }
}
