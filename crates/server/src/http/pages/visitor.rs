//! Who looks at a page: maybe nobody known, and that is no error.

use std::convert::Infallible;
use std::sync::Arc;

use anteroom_protocol::account::Role;
use axum::extract::FromRequestParts;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::super::accounts::clear_cookie;
use super::super::extract::{own_origin, token_cookie, token_of};
use super::super::problem::Refused;
use super::{language, redirect, refusal_page};
use crate::app::App;
use crate::pages::lang::Lang;
use crate::pages::{Page, Viewer, query_value};
use crate::storage::UserRecord;
use crate::tokens::{AuthError, Identity};

/// A visitor of the pages.
pub(crate) struct Visitor {
    pub(super) lang: Lang,
    /// The local path with its query.
    pub(super) path: String,
    pub(super) origin: String,
    pub(super) known: Option<Known>,
    /// The login could not be checked: the store is away.
    unsure: Option<Refused>,
    /// A cookie came along that is no good any more.
    has_dead_cookie: bool,
    guests: bool,
}

/// Somebody who is logged in.
pub(super) struct Known {
    pub(super) who: Identity,
    pub(super) user: UserRecord,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let mut visitor = Self {
            lang: language(&parts.headers),
            path,
            origin: own_origin(parts, app),
            known: None,
            unsure: None,
            has_dead_cookie: false,
            guests: app.live().guests,
        };
        visitor.recognise(&parts.headers, app).await;
        Ok(visitor)
    }
}

impl Visitor {
    async fn recognise(&mut self, headers: &HeaderMap, app: &App) {
        let Some(token) = token_of(headers) else { return };
        match app.tokens.authenticate(token, app.clock.wall()).await {
            Ok(who) => match app.entry.storage.user(who.user).await {
                Ok(Some(user)) => self.known = Some(Known { who, user }),
                Ok(None) => self.has_dead_cookie = true,
                Err(error) => self.unsure = Some(error.into()),
            },
            Err(error @ AuthError::StoreUnavailable(_)) => self.unsure = Some(error.into()),
            Err(_) => self.has_dead_cookie = token_cookie(headers).is_some(),
        }
    }

    /// The page's frame, at the visitor's own address.
    pub(super) fn page(&self) -> Page {
        self.page_at(&self.path)
    }

    /// The page's frame, at another address that can be asked for by GET.
    pub(super) fn page_at(&self, path: &str) -> Page {
        let viewer = self.known.as_ref().map(|known| Viewer {
            display_name: known.user.display_name.clone(),
            username: known.user.username.clone(),
            guest: known.user.roles.contains(&Role::Guest),
            staff: known.who.has(Role::Admin) || known.who.has(Role::Moderator),
        });
        Page::new(self.lang, viewer, path, self.guests)
    }

    /// Who is logged in; everyone else is led to the login and back.
    pub(super) fn known(&self) -> Result<&Known, Box<Response>> {
        if let Some(refused) = &self.unsure {
            return Err(Box::new(self.refuse(refused)));
        }
        self.known.as_ref().ok_or_else(|| {
            let mut response = redirect(&format!("/login?next={}", query_value(&self.path)));
            self.drop_dead_cookie(&mut response);
            Box::new(response)
        })
    }

    /// A refusal in words.
    pub(super) fn refuse(&self, refused: &Refused) -> Response {
        let mut response = refusal_page(self.page(), refused);
        self.drop_dead_cookie(&mut response);
        response
    }

    fn drop_dead_cookie(&self, response: &mut Response) {
        if self.has_dead_cookie {
            let headers: &mut HeaderMap<HeaderValue> = response.headers_mut();
            headers.insert(SET_COOKIE, clear_cookie(&self.origin));
        }
    }
}
