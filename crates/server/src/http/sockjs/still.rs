//! What is the same for everybody: the greeting, and what clients are told before they begin.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use uuid::Uuid;

use super::asking::Reader;

pub(super) async fn greeting() -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=UTF-8")], "Welcome to SockJS!\n").into_response()
}

#[derive(Serialize)]
struct Info {
    websocket: bool,
    /// Every server writes this; who may really ask is said by the other headers.
    origins: [&'static str; 1],
    cookie_needed: bool,
    /// Clients without a good source of randomness mix this in.
    entropy: u32,
}

pub(super) async fn info(reader: Reader) -> Response {
    let (entropy, _, _, _) = Uuid::new_v4().as_fields();
    let info = Info { websocket: true, origins: ["*:*"], cookie_needed: false, entropy };
    let body = serde_json::to_vec(&info).unwrap_or_default();
    let kind = [(CONTENT_TYPE, "application/json; charset=UTF-8")];
    reader.reads((kind, body).into_response())
}
