//! `GET /ws`: from a request to a WebSocket.
//!
//! Two things are refused before the upgrade, with a plain 403: a foreign `Origin`, and a cookie
//! without any. Everything else is said in words afterwards, because a browser shows no other reason.

use std::net::IpAddr;
use std::sync::Arc;

use anteroom_protocol::Code;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::ORIGIN;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde::Deserialize;

use super::extract::{Address, own_origin, token_cookie, token_of};
use super::problem::Refused;
use super::serve::Place;
use crate::app::App;
use crate::entry::EntryError;
use crate::hub::form::Form;
use crate::ws::{Connect, handshake};

pub(super) fn routes() -> Router<Arc<App>> {
    let routes = Router::new().route("/ws", any(upgrade));
    #[cfg(feature = "echo")]
    let routes = routes.route("/echo", any(echo));
    routes
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    ticket: String,
    resume: Option<String>,
    since: Option<String>,
}

async fn upgrade(State(app): State<Arc<App>>, request: Request) -> Response {
    open(app, request, Form::Plain).await
}

/// Opens a WebSocket whose frames are written in `form`.
pub(super) async fn open(app: Arc<App>, request: Request, form: Form) -> Response {
    let (mut parts, _) = request.into_parts();
    let accepted = match shaken(&parts) {
        Ok(accepted) => accepted,
        Err(refused) => return refused,
    };
    let own = own_origin(&parts, &app);
    if !may_open(&parts.headers, &own, &app) {
        tracing::info!(event = "ws.foreign_origin", "a WebSocket from another site was refused");
        return Refused::new(Code::CrossSite).into_response();
    }
    let Address(address) = match Address::from_request_parts(&mut parts, &app).await {
        Ok(address) => address,
        Err(never) => match never {},
    };
    let query = axum::extract::Query::<Query>::try_from_uri(&parts.uri);
    let ticket = query.map(|query| query.0.ticket).unwrap_or_default();
    if let Err(error) = may_try(&ticket, address, &app) {
        return Refused::from(error).into_response();
    }
    let connect = connect(&parts.headers, &parts.uri, &app, form).await;
    let Some(upgrade) = parts.extensions.remove::<hyper::upgrade::OnUpgrade>() else {
        return Refused::new(Code::BadRequest).into_response();
    };
    let connections = Arc::clone(&app.connections);
    let place = parts.extensions.remove::<Place>();
    app.tasks.spawn(connections.serve(upgrade, connect, place));
    switching(&accepted)
}

/// Opens a WebSocket without a ticket that says what it hears.
#[cfg(feature = "echo")]
async fn echo(State(app): State<Arc<App>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let accepted = match shaken(&parts) {
        Ok(accepted) => accepted,
        Err(refused) => return refused,
    };
    let Some(upgrade) = parts.extensions.remove::<hyper::upgrade::OnUpgrade>() else {
        return Refused::new(Code::BadRequest).into_response();
    };
    let place = parts.extensions.remove::<Place>();
    let connections = Arc::clone(&app.connections);
    app.tasks.spawn(crate::ws::Echo::serve(connections, upgrade, place));
    switching(&accepted)
}

/// Whether the request may become a WebSocket, as far as the protocol goes.
fn shaken(parts: &Parts) -> Result<handshake::Accepted, Response> {
    handshake::check(&parts.method, parts.version, &parts.headers)
        .map_err(|no| (no.status(), no.headers(), no.to_string()).into_response())
}

fn switching(accepted: &handshake::Accepted) -> Response {
    (StatusCode::SWITCHING_PROTOCOLS, accepted.headers(), Body::empty()).into_response()
}

/// An `Origin` must be our own or a configured one; a cookie must come with one.
fn may_open(headers: &HeaderMap, own: &str, app: &App) -> bool {
    match headers.get(ORIGIN).map(|origin| origin.to_str()) {
        Some(Ok(origin)) => app.allows_origin(origin, own),
        Some(Err(_)) => false,
        None => token_cookie(headers).is_none(),
    }
}

/// Forged tickets are answered in words after the upgrade, as every refusal is, until there were too
/// many from one address: then before it, where they cost little. A ticket of this server passes
/// whatever came from that address, so a crowd behind it does not suffer for one of it, until too many dead ones of its
/// user came.
pub(super) fn may_try(ticket: &str, address: Option<IpAddr>, app: &App) -> Result<(), EntryError> {
    app.entry.may_present(ticket, address)
}

/// Reads what is asked for. A token beside the ticket that is no good says nothing about who
/// asks: the ticket does.
pub(super) async fn connect(headers: &HeaderMap, uri: &Uri, app: &App, form: Form) -> Connect {
    let parsed = axum::extract::Query::<Query>::try_from_uri(uri);
    let is_readable = parsed.is_ok();
    let query = parsed.map(|query| query.0).unwrap_or_default();
    let since = query.since.as_deref().map(str::parse::<i64>);
    let malformed = !is_readable || since.as_ref().is_some_and(|since| !matches!(since, Ok(0..)));
    let beside = match token_of(headers) {
        Some(token) => app.tokens.authenticate(token, app.clock.wall()).await.ok(),
        None => None,
    };
    Connect {
        ticket: query.ticket,
        resume: query.resume,
        since: since.and_then(Result::ok),
        beside,
        malformed,
        form,
    }
}
