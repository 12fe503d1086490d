//! What requests carry, read in one way everywhere: every refusal is a problem document, none is the
//! framework's own plain text.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_protocol::Code;
use axum::body::Body;
use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequestParts, Path, Query, Request,
};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

pub(crate) use super::address::{Address, Peer};
use super::problem::Refused;
use crate::app::App;
use crate::tokens::Identity;

/// The cookie that carries the token.
const TOKEN_COOKIE: &str = "anteroom_token";
/// The same over TLS. Browsers take one of this name from this very host only, over TLS and for all of its paths:
/// a neighbouring host cannot put one of its own in the place.
const HOST_COOKIE: &str = "__Host-anteroom_token";
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// How long a body that is too large is read on, so that the answer is not lost to a reset.
const DRAIN: Duration = Duration::from_secs(1);
/// A request body must be complete within this span.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Who asks: proven by a token that is compared with the centrally stored signature.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Identity);

/// The token as it came, wherever it came from.
pub(crate) fn token_of(headers: &HeaderMap) -> Option<&str> {
    match bearer(headers) {
        Some(token) => Some(token),
        None => token_cookie(headers),
    }
}

/// What the cookie of the token is called where people reach us under `origin`.
pub(super) fn cookie_name(origin: &str) -> &'static str {
    if origin.starts_with("https://") { HOST_COOKIE } else { TOKEN_COOKIE }
}

/// The token of the cookie.
pub(crate) fn token_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, HOST_COOKIE).or_else(|| cookie(headers, TOKEN_COOKIE))
}

/// Over TLS takes the cookie away that a neighbouring host may have set; what others there are stay.
pub(super) fn drop_foreign_cookie(headers: &mut HeaderMap) {
    if cookie(headers, TOKEN_COOKIE).is_none() {
        return;
    }
    let is_meant = |pair: &&str| pair.split('=').next().map(str::trim) != Some(TOKEN_COOKIE);
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let kept: Vec<&str> = values.flat_map(|value| value.split(';')).filter(is_meant).collect();
    let kept = HeaderValue::from_str(kept.join(";").trim());
    headers.remove(COOKIE);
    if let Ok(kept) = kept {
        headers.insert(COOKIE, kept);
    }
}

/// The token of the `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Whoever gives commands on the server's own machine.
pub(crate) struct Operator(pub(crate) Identity);

/// The mark of a request that came over the socket for commands; put there by its accept loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByCommand;

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let is_command = parts.extensions.get::<ByCommand>().is_some();
        is_command.then(|| Self(Identity::operator())).ok_or_else(|| Refused::new(Code::NotFound))
    }
}

async fn identify(parts: &Parts, app: &App) -> Result<Identity, Refused> {
    if parts.extensions.get::<ByCommand>().is_some() {
        return Ok(Identity::operator());
    }
    let token = token_of(&parts.headers);
    let checked = app.tokens.authenticate(token.unwrap_or_default(), app.clock.wall()).await;
    let who = checked.map_err(Refused::from)?;
    app.rates.account(&who, app.clock.now())?;
    Ok(who)
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        identify(parts, app).await.map(Self)
    }
}

impl OptionalFromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Option<Self>, Refused> {
        match identify(parts, app).await {
            Ok(identity) => Ok(Some(Self(identity))),
            // Not knowing is not the same as knowing that nobody asks.
            Err(refused) if refused.reason.is_some() => Err(refused),
            Err(_) => Ok(None),
        }
    }
}

/// The origin under which this request reached us, e.g. `http://127.0.0.1:8080`.
#[derive(Clone, Debug)]
pub(crate) struct OwnOrigin(pub(crate) String);

impl FromRequestParts<Arc<App>> for OwnOrigin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(own_origin(parts, app)))
    }
}

pub(crate) fn own_origin(parts: &Parts, app: &App) -> String {
    if let Some(origin) = &app.public_origin {
        return origin.clone();
    }
    let text = |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_trusted = parts.extensions.get::<Peer>().is_some_and(|peer| app.trusts(peer.0.ip()));
    let is_tls = app.is_secure || is_trusted && text(&FORWARDED_PROTO) == Some("https");
    let host = text(&HOST).unwrap_or("localhost");
    format!("{}://{host}", if is_tls { "https" } else { "http" })
}

/// A room's number from the path. What is no number is no room.
pub(crate) struct RoomPath(pub(crate) RoomId);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let captured = <Path<HashMap<String, String>> as FromRequestParts<S>>::from_request_parts(
            parts, state,
        );
        let Ok(Path(captured)) = captured.await else {
            return Err(Refused::new(Code::RoomNotFound));
        };
        let number = captured.get("room").and_then(|text| plain_number(text));
        number.map(|n| Self(RoomId(n))).ok_or_else(|| Refused::new(Code::RoomNotFound))
    }
}

/// Digits without sign or leading zeros, so that each room has one address.
pub(super) fn plain_number(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

/// Query parameters. Unknown ones are ignored.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => Err(Refused::because(Code::BadRequest, error.body_text())),
        }
    }
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refused> {
        let is_json = content_type(request.headers()).is_some_and(is_json);
        let bytes = read_body(request.into_body(), app.live().limits.body_bytes.0).await?;
        if !is_json {
            return Err(Refused::new(Code::UnsupportedMediaType));
        }
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be left out.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<App>> for OptionalJson<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refused> {
        let is_json = content_type(request.headers()).is_some_and(is_json);
        let bytes = read_body(request.into_body(), app.live().limits.body_bytes.0).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(Refused::new(Code::UnsupportedMediaType));
        }
        parse(&bytes).map(Self)
    }
}

/// An HTML form.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Form<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refused> {
        let is_form = content_type(request.headers())
            .is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
        let bytes = read_body(request.into_body(), app.live().limits.body_bytes.0).await?;
        if !is_form {
            return Err(Refused::new(Code::UnsupportedMediaType));
        }
        let rebuilt = Request::post("/")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(bytes))
            .map_err(|_| Refused::new(Code::BadRequest))?;
        match axum::Form::<T>::from_request(rebuilt, &()).await {
            Ok(axum::Form(form)) => Ok(Self(form)),
            Err(error) => Err(Refused::because(Code::BadRequest, error.body_text())),
        }
    }
}

pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn is_json(text: &str) -> bool {
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Reads at most `max` bytes within [`BODY_TIMEOUT`].
pub(super) async fn read_body(body: Body, max: usize) -> Result<Bytes, Refused> {
    tokio::time::timeout(BODY_TIMEOUT, read_whole(body, max)).await.unwrap_or_else(|_| {
        Err(Refused::because(Code::BadRequest, "The body did not arrive in time."))
    })
}

/// A body that is larger is read on for a moment and thrown away.
async fn read_whole(mut body: Body, max: usize) -> Result<Bytes, Refused> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::new(Code::BadRequest))?;
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > max {
            let rest = async { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
            let _ = tokio::time::timeout(DRAIN, rest).await;
            return Err(Refused::new(Code::TooLarge));
        }
        read.extend_from_slice(data);
    }
    Ok(read.freeze())
}

/// Reads JSON. What is no JSON, and a member the contract does not know, is a bad request; a value
/// of the wrong kind is a field that is not acceptable.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    // Members are told by their names: an array would be taken for them in the order of their declaration.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Refused::because(Code::BadRequest, "The body is no JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        let text = inner.to_string();
        let detail = text.split(" at line ").next().unwrap_or_default().to_owned();
        if !inner.is_data() || text.starts_with("unknown field") || text.starts_with("duplicate") {
            return Refused::because(
                Code::BadRequest,
                format!("The body cannot be read: {detail}."),
            );
        }
        let missing =
            detail.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        match missing {
            Some(name) => Refused::field(name, "required", "This field is required."),
            None => Refused::field(&field, "wrong_type", &format!("{detail}.")),
        }
    })?;
    reader
        .end()
        .map_err(|_| Refused::because(Code::BadRequest, "The body has more than one value."))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use anteroom_protocol::room::CreateRoom;

    use super::*;

    #[test]
    fn a_capacity_that_is_no_seat_count_is_named_as_the_field_at_fault() {
        for capacity in ["-1", "1e30", "1000000000000000000000000000000", "\"8\"", "1.5", "null"] {
            let body = format!(r#"{{"name":"a","capacity":{capacity}}}"#);
            let refused = parse::<CreateRoom>(body.as_bytes()).unwrap_err();
            assert_eq!(refused.code, Code::Invalid, "{capacity}: {}", refused.detail);
            assert_eq!(refused.errors[0].field, "capacity");
        }
        for body in [
            "",
            "{",
            r#"{"name":"a","capacity":1} x"#,
            r#"{"name":"a","capacity":1,"owner":2}"#,
            "\u{feff}{}",
            r#"["a",1]"#,
            " [1]",
        ] {
            let refused = parse::<CreateRoom>(body.as_bytes()).unwrap_err();
            assert_eq!(refused.code, Code::BadRequest, "{body}");
        }
    }

    #[test]
    fn a_room_has_one_address() {
        assert_eq!(plain_number("101"), Some(101));
        for text in ["", "0", "007", "+7", "-7", "7 ", "x", "99999999999999999999", "1e3"] {
            assert_eq!(plain_number(text), None, "{text}");
        }
    }

    #[test]
    fn cookies_and_bearers_are_found() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=b; anteroom_token=t1; c=d".parse().unwrap());
        assert_eq!(token_of(&headers), Some("t1"));
        headers.insert(AUTHORIZATION, "bearer t2".parse().unwrap());
        assert_eq!(token_of(&headers), Some("t2"), "a bearer says it more plainly than a cookie");
    }

    #[test]
    fn over_tls_a_cookie_that_a_neighbouring_host_may_have_set_is_not_heard() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "anteroom_token=theirs; anteroom_lang=ko".parse().unwrap());
        headers.append(COOKIE, "__Host-anteroom_token=own".parse().unwrap());
        assert_eq!(token_of(&headers), Some("own"), "the own one is heard first in any case");
        drop_foreign_cookie(&mut headers);
        assert_eq!((cookie(&headers, TOKEN_COOKIE), token_of(&headers)), (None, Some("own")));
        assert_eq!(cookie(&headers, "anteroom_lang"), Some("ko"));

        headers.insert(COOKIE, "anteroom_token=theirs".parse().unwrap());
        drop_foreign_cookie(&mut headers);
        assert_eq!(token_of(&headers), None);
    }
}
