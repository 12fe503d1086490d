//! Who asks, from where, and about which session; and the headers by which a browser lets a page of
//! another site read the answer.
//!
//! The ticket decides who somebody is. A cookie gives nothing here; it can only be another user's, which
//! refuses the entry. It is asked for all the same, because the client has browsers send it always.

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, ORIGIN, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::app::App;
use crate::http::extract::{own_origin, token_cookie};
use crate::http::guard::SEC_FETCH_SITE;
use crate::http::problem::Refused;
use crate::http::serve::Place;
use crate::sockjs::Cut;

/// A year, in seconds.
const YEAR: &str = "31536000";
/// What never changes may be kept so long.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000");
/// The most bytes of a session's name; the client's own have eight.
const NAME_BYTES_MAX: usize = 64;

/// The origin of another page that may read the answer; `None` when no browser asked for one.
pub(super) struct Reader(Option<HeaderValue>);

impl Reader {
    /// The answer, for the page that may read it and for no other.
    pub(super) fn reads(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Some(origin) = &self.0 {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static(
            "no-store, no-cache, no-transform, must-revalidate, max-age=0",
        ));
        response
    }
}

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let own = own_origin(parts, app);
        let origin = parts.headers.get(ORIGIN);
        let may_ask = match origin.map(|origin| origin.to_str()) {
            Some(Ok(origin)) => app.allows_origin(origin, &own),
            Some(Err(_)) => false,
            None => is_of_this_site(&parts.headers, app),
        };
        if may_ask {
            return Ok(Self(origin.cloned()));
        }
        tracing::info!(event = "sockjs.foreign_origin", "a request from another site was refused");
        Err(Refused::new(Code::CrossSite))
    }
}

/// Scripts, frames and event streams of the own site come with the cookie and without an `Origin`: then
/// the browser says itself where they come from. One that is too old to say so is taken at the ticket's
/// word, which another site does not know; with a ticket of its own it would be refused, for the cookie
/// is another user's. Which other site it is nobody says: where some are allowed it may be one of them.
fn is_of_this_site(headers: &HeaderMap, app: &App) -> bool {
    match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") | None => true,
        Some(_) => !app.live().allowed_origins.is_empty() && token_cookie(headers).is_none(),
    }
}

/// A request about one session.
pub(super) struct Asking {
    pub(super) reader: Reader,
    /// What the client calls the session.
    pub(super) name: String,
    pub(super) ticket: String,
    /// The query cannot be read, and so opens nothing.
    pub(super) is_malformed: bool,
    /// The function that a page wants to be called.
    pub(super) callback: Option<String>,
    /// Ends the connection that asks.
    pub(super) cut: Option<Cut>,
}

#[derive(Debug, Default, Deserialize)]
struct Params {
    #[serde(default)]
    ticket: String,
    c: Option<String>,
    callback: Option<String>,
}

impl FromRequestParts<Arc<App>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let reader = Reader::from_request_parts(parts, app).await;
        let reader = reader.map_err(Refused::into_response)?;
        let named = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Ok(Path((server, name))) = named else { return Err(nothing_here(&reader)) };
        if !is_name(&server) || !is_name(&name) {
            return Err(nothing_here(&reader));
        }
        // A query that cannot be read opens nothing: the session it asks for is refused in words.
        let query = Query::<Params>::try_from_uri(&parts.uri);
        let is_malformed = query.is_err();
        let Params { ticket, c, callback } = query.map(|query| query.0).unwrap_or_default();
        let place = parts.extensions.get::<Place>().cloned();
        let cut = place.map(|place| -> Cut { Arc::new(move || place.cut()) });
        Ok(Self { reader, name, ticket, is_malformed, callback: c.or(callback), cut })
    }
}

/// Whether a part of the path may name a server or a session.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.contains(['.', '/'])
}

/// There is no such session, for whoever asks.
pub(super) fn nothing_here(reader: &Reader) -> Response {
    reader.reads((StatusCode::NOT_FOUND, "There is no such session.\n").into_response())
}

/// A browser asks whether a page may send.
pub(super) async fn preflight_post(State(_): State<Arc<App>>, reader: Reader) -> Response {
    preflight(&reader, "OPTIONS, POST")
}

/// A browser asks whether a page may read.
pub(super) async fn preflight_get(State(_): State<Arc<App>>, reader: Reader) -> Response {
    preflight(&reader, "OPTIONS, GET")
}

fn preflight(reader: &Reader, methods: &'static str) -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods)),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type")),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(YEAR)),
        (CACHE_CONTROL, KEPT),
    ];
    reader.reads((StatusCode::NO_CONTENT, headers).into_response())
}
