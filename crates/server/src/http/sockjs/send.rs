//! The requests that carry what a client says.

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::asking::{Asking, nothing_here};
use super::frames::ancestors;
use crate::app::App;
use crate::http::extract::{content_type, read_body};
use crate::http::problem::Refused;
use crate::sockjs::frame::{self, Broken};
use crate::sockjs::{Found, Untaken};

/// A body has room for so many of the largest frames: quoted, a frame takes more bytes than it has, and
/// clients send several at once.
const FRAMES_PER_BODY: usize = 4;
/// And for so many bytes, however small frames are: clients that do not know the bound cut well below it.
const BODY_BYTES: usize = 256 << 10;
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=UTF-8");

pub(super) async fn xhr_send(
    State(app): State<Arc<App>>,
    asking: Asking,
    sent: Request,
) -> Response {
    let said = said(&app, &asking, sent).await;
    let taken = |()| (StatusCode::NO_CONTENT, [(CONTENT_TYPE, TEXT)]).into_response();
    asking.reader.reads(said.map_or_else(|refused| refused, taken))
}

pub(super) async fn jsonp_send(
    State(app): State<Arc<App>>,
    asking: Asking,
    sent: Request,
) -> Response {
    let said = said(&app, &asking, sent).await;
    let taken = |()| ([(CONTENT_TYPE, TEXT)], "ok").into_response();
    let mut answer = asking.reader.reads(said.map_or_else(|refused| refused, taken));
    // The form is sent into a hidden frame of the page that sends it.
    let policy = format!("default-src 'none'; {}", ancestors(&app));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

async fn said(app: &App, asking: &Asking, sent: Request) -> Result<(), Response> {
    let lines = &app.sockjs.lines;
    let Found::Known(line) = lines.find(&asking.name, &asking.ticket) else {
        return Err(nothing_here(&asking.reader));
    };
    lines.hear(&line);
    let frame_bytes = app.live().limits.frame_bytes.0;
    // One that is too large has not been read, so nobody knows of a message that is: its session goes on.
    let body = body(app, sent).await.map_err(Refused::into_response)?;
    let body = std::str::from_utf8(&body).map_err(|_| broken(Broken::Json))?;
    let texts = frame::texts(body).map_err(broken)?;
    if texts.iter().any(|text| text.len() > frame_bytes) {
        line.say_too_much();
        return Err(Refused::new(Code::TooLarge).into_response());
    }
    line.say(texts).map_err(|untaken| match untaken {
        Untaken::TooMuch => Refused::new(Code::TooLarge).into_response(),
        Untaken::Full => {
            Refused { retry_after: Some(1), ..Refused::new(Code::Unavailable) }.into_response()
        }
    })
}

/// The status is the protocol's: what it calls a broken payload is no fault of this server.
fn broken(why: Broken) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, why.to_string()).into_response()
}

#[derive(Default, Deserialize)]
struct Field {
    #[serde(default)]
    d: String,
}

/// What was sent, taken out of the form if it came in one.
async fn body(app: &App, sent: Request) -> Result<Bytes, Refused> {
    let is_form = content_type(sent.headers()).is_some_and(|kind| kind.starts_with(FORM));
    let frames = app.live().limits.frame_bytes.0.saturating_mul(FRAMES_PER_BODY);
    let read = read_body(sent.into_body(), frames.max(BODY_BYTES)).await?;
    if !is_form {
        return Ok(read);
    }
    let rebuilt = Request::post("/").header(CONTENT_TYPE, FORM).body(Body::from(read));
    let rebuilt = rebuilt.map_err(|_| Refused::new(Code::BadRequest))?;
    let field = axum::Form::<Field>::from_request(rebuilt, &()).await;
    Ok(field.map(|form| form.0).unwrap_or_default().d.into())
}
