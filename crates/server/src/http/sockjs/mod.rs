//! SockJS at `/sockjs`: which address means what. Sessions are in [`crate::sockjs`].

mod asking;
mod frames;
mod receive;
mod send;
mod still;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, get, post};

use super::upgrade;
use crate::app::App;
use crate::hub::form::Form;

pub(super) fn routes() -> Router<Arc<App>> {
    let session = "/sockjs/{server}/{session}";
    let of_session = |transport: &str| format!("{session}/{transport}");
    Router::new()
        .route("/sockjs", get(still::greeting))
        .route("/sockjs/", get(still::greeting))
        .route("/sockjs/info", get(still::info).options(asking::preflight_get))
        .route("/sockjs/websocket", any(raw))
        .route("/sockjs/{page}", get(frames::page))
        .route(&of_session("websocket"), any(websocket))
        .route(&of_session("xhr_streaming"), crossing(post(receive::xhr_streaming)))
        .route(&of_session("xhr"), crossing(post(receive::xhr)))
        .route(&of_session("xhr_send"), crossing(post(send::xhr_send)))
        .route(&of_session("eventsource"), get(receive::eventsource))
        .route(&of_session("htmlfile"), get(receive::htmlfile))
        .route(&of_session("jsonp"), get(receive::jsonp))
        .route(&of_session("jsonp_send"), post(send::jsonp_send))
}

/// What other sites may ask, they ask about first.
fn crossing(method: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    method.options(asking::preflight_post)
}

/// Without any framing of SockJS: the same as `/ws`.
async fn raw(State(app): State<Arc<App>>, request: Request) -> Response {
    upgrade::open(app, request, Form::Plain).await
}

async fn websocket(
    State(app): State<Arc<App>>,
    Path((server, session)): Path<(String, String)>,
    request: Request,
) -> Response {
    if asking::is_name(&server) && asking::is_name(&session) {
        upgrade::open(app, request, Form::Framed).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}
