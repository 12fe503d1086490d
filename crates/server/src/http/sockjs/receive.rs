//! The requests whose answers carry what a session is told. The first of a session opens it.

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::asking::{Asking, Reader, nothing_here};
use super::frames::ancestors;
use crate::app::App;
use crate::http::extract::Address;
use crate::http::problem::Refused;
use crate::http::upgrade;
use crate::hub::form::Form;
use crate::sockjs::frame::{busy, gone};
use crate::sockjs::{Callback, Found, NoCallback, Transport, Unattached};
use crate::ws::Connect;

/// Where there are as many sessions as may be, one is asked for again after so many seconds: so long one
/// that nobody asks about is kept.
const FULL_S: u64 = 5;

pub(super) async fn xhr_streaming(app: State<Arc<App>>, asking: Asking, rest: Request) -> Response {
    receive(app.0, asking, Transport::XhrStreaming, rest).await
}

pub(super) async fn xhr(app: State<Arc<App>>, asking: Asking, rest: Request) -> Response {
    receive(app.0, asking, Transport::Xhr, rest).await
}

pub(super) async fn eventsource(app: State<Arc<App>>, asking: Asking, rest: Request) -> Response {
    receive(app.0, asking, Transport::EventSource, rest).await
}

pub(super) async fn htmlfile(app: State<Arc<App>>, asking: Asking, rest: Request) -> Response {
    match Callback::new(asking.callback.as_deref()) {
        Ok(callback) => receive(app.0, asking, Transport::HtmlFile(callback), rest).await,
        Err(none) => uncalled(&asking.reader, none),
    }
}

pub(super) async fn jsonp(app: State<Arc<App>>, asking: Asking, rest: Request) -> Response {
    match Callback::new(asking.callback.as_deref()) {
        Ok(callback) => receive(app.0, asking, Transport::Jsonp(callback), rest).await,
        Err(none) => uncalled(&asking.reader, none),
    }
}

/// The status is the protocol's.
fn uncalled(reader: &Reader, none: NoCallback) -> Response {
    reader.reads((StatusCode::INTERNAL_SERVER_ERROR, none.to_string()).into_response())
}

async fn receive(app: Arc<App>, asking: Asking, transport: Transport, rest: Request) -> Response {
    // Asked for its head alone it would use a ticket up and tell nobody.
    if rest.method() == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let lines = &app.sockjs.lines;
    let wanted = || (transport.clone(), asking.cut.clone());
    let receiver = match lines.find(&asking.name, &asking.ticket) {
        Found::Known(line) => lines.attach(&line, wanted()),
        found => {
            let (mut parts, _) = rest.into_parts();
            let Ok(Address(address)) = Address::from_request_parts(&mut parts, &app).await;
            if let Err(error) = upgrade::may_try(&asking.ticket, address, &app) {
                return asking.reader.reads(Refused::from(error).into_response());
            }
            if matches!(found, Found::Foreign) {
                return nothing_here(&asking.reader);
            }
            let connect = upgrade::connect(&parts.headers, &parts.uri, &app, Form::Pieces).await;
            // One reading of the query decides, and it is that by which the session is found again.
            let malformed = connect.malformed || asking.is_malformed;
            let connect = Connect { ticket: asking.ticket.clone(), malformed, ..connect };
            lines.open(&asking.name, connect, wanted())
        }
    };
    let body = match receiver {
        Ok(receiver) => Body::new(receiver),
        Err(Unattached::Busy) => alone(&transport, &busy()),
        Err(Unattached::Gone) => alone(&transport, &gone()),
        Err(Unattached::Full) => {
            let refused = Refused { retry_after: Some(FULL_S), ..Refused::new(Code::Unavailable) };
            return asking.reader.reads(refused.into_response());
        }
    };
    asking.reader.reads(answer(&app, &transport, body))
}

/// An answer with nothing but these words.
fn alone(transport: &Transport, words: &[u8]) -> Body {
    let words = transport.wrap(words.to_vec());
    Body::from([&transport.prelude().unwrap_or_default()[..], &words].concat())
}

fn answer(app: &App, transport: &Transport, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(transport.content_type()));
    if matches!(transport, Transport::HtmlFile(_)) {
        // It consists of scripts that are not known beforehand, and does nothing else.
        let policy = format!("default-src 'none'; script-src 'unsafe-inline'; {}", ancestors(app));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
    response
}
