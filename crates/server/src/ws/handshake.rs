//! Decides whether an HTTP request may become a WebSocket, and what is answered.
//!
//! Pure: method, version and headers in, headers out. It must not know tickets, origins or users;
//! those are asked before it. Extensions are never negotiated, so `Sec-WebSocket-Extensions` is not
//! looked at.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::http::header::{
    ALLOW, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The one subprotocol this server speaks.
pub const SUBPROTOCOL: &str = "anteroom.v1";

/// Appended to the client's key before hashing (RFC 6455 section 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES: usize = 16;
const PROTOCOL_VERSION: &str = "13";

/// A request that may become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocol both sides speak, if the client offered it.
    pub subprotocol: Option<&'static str>,
}

/// Why a request may not become a WebSocket. `Display` is fit for a problem's detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("a WebSocket begins with GET")]
    Method,
    #[error("a WebSocket begins over HTTP/1.1")]
    HttpVersion,
    #[error("this address answers only requests to upgrade to a WebSocket")]
    NotAnUpgrade,
    #[error("only version 13 of the WebSocket protocol is spoken here")]
    ProtocolVersion,
    #[error("Sec-WebSocket-Key must be given once, as 16 bytes in base64")]
    Key,
}

/// Checks a request against RFC 6455 section 4.2.1.
///
/// # Errors
/// The first rule the request breaks.
pub fn check(method: &Method, version: Version, headers: &HeaderMap) -> Result<Accepted, Refused> {
    if method != Method::GET {
        return Err(Refused::Method);
    }
    if version != Version::HTTP_11 {
        return Err(Refused::HttpVersion);
    }
    let asks = |name, token: &str| tokens(headers, name).any(|t| t.eq_ignore_ascii_case(token));
    if !asks(CONNECTION, "upgrade") || !asks(UPGRADE, "websocket") {
        return Err(Refused::NotAnUpgrade);
    }
    if only_value(headers, &SEC_WEBSOCKET_VERSION) != Some(PROTOCOL_VERSION) {
        return Err(Refused::ProtocolVersion);
    }
    let key = only_value(headers, &SEC_WEBSOCKET_KEY).ok_or(Refused::Key)?;
    if STANDARD.decode(key).map_or(0, |bytes| bytes.len()) != KEY_BYTES {
        return Err(Refused::Key);
    }
    let subprotocol = tokens(headers, SEC_WEBSOCKET_PROTOCOL)
        .any(|offered| offered == SUBPROTOCOL)
        .then_some(SUBPROTOCOL);
    Ok(Accepted { accept: accept_value(key), subprotocol })
}

impl Accepted {
    /// The headers of the 101 answer.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = upgrade_headers();
        // Base64 is always a valid header value.
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(subprotocol) = self.subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        headers
    }
}

impl Refused {
    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::HttpVersion | Self::Key => StatusCode::BAD_REQUEST,
            Self::NotAnUpgrade | Self::ProtocolVersion => StatusCode::UPGRADE_REQUIRED,
        }
    }

    /// The headers that go with the status: a 426 has to say what to upgrade to.
    #[must_use]
    pub fn headers(self) -> HeaderMap {
        match self.status() {
            StatusCode::UPGRADE_REQUIRED => {
                let mut headers = upgrade_headers();
                let version = HeaderValue::from_static(PROTOCOL_VERSION);
                headers.insert(SEC_WEBSOCKET_VERSION, version);
                headers
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                HeaderMap::from_iter([(ALLOW, HeaderValue::from_static("GET"))])
            }
            _ => HeaderMap::new(),
        }
    }
}

fn upgrade_headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
    ])
}

fn accept_value(key: &str) -> String {
    let salted = [key.as_bytes(), KEY_SUFFIX].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &salted))
}

/// The members of a comma-separated list, which may be spread over several headers.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// The value of a header that may be given once only.
fn only_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of RFC 6455 section 1.3.
    fn request() -> HeaderMap {
        HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            (SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")),
        ])
    }

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = request();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    fn without(name: HeaderName) -> HeaderMap {
        let mut headers = request();
        headers.remove(name);
        headers
    }

    fn check_get(headers: &HeaderMap) -> Result<Accepted, Refused> {
        check(&Method::GET, Version::HTTP_11, headers)
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted_with_its_answer() {
        let accepted = check_get(&request()).unwrap();
        assert_eq!(accepted.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accepted.subprotocol, None);

        let headers = accepted.headers();
        assert_eq!(headers[CONNECTION], "Upgrade");
        assert_eq!(headers[UPGRADE], "websocket");
        assert_eq!(headers[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(headers.len(), 3, "nothing else is negotiated: {headers:?}");
    }

    #[test]
    fn lists_and_case_in_the_upgrade_headers_are_understood() {
        assert!(check_get(&with(CONNECTION, "keep-alive, UPGRADE")).is_ok());
        assert!(check_get(&with(UPGRADE, "WebSocket")).is_ok());
        let mut two_lines = with(CONNECTION, "keep-alive");
        two_lines.append(CONNECTION, HeaderValue::from_static("upgrade"));
        assert!(check_get(&two_lines).is_ok());
    }

    #[test]
    fn a_request_that_asks_for_no_upgrade_is_told_what_to_upgrade_to() {
        let plain = [
            without(CONNECTION),
            without(UPGRADE),
            with(CONNECTION, "keep-alive"),
            with(CONNECTION, "not-upgrade"),
            with(UPGRADE, "h2c"),
        ];
        for headers in plain {
            assert_eq!(check_get(&headers), Err(Refused::NotAnUpgrade), "{headers:?}");
        }
        assert_eq!(Refused::NotAnUpgrade.status(), 426);
        assert_eq!(Refused::NotAnUpgrade.headers()[UPGRADE], "websocket");
    }

    #[test]
    fn another_protocol_version_is_told_which_one_is_spoken() {
        let mut twice = request();
        twice.append(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("8"));
        for headers in [
            with(SEC_WEBSOCKET_VERSION, "12"),
            with(SEC_WEBSOCKET_VERSION, "8"),
            without(SEC_WEBSOCKET_VERSION),
            twice,
        ] {
            assert_eq!(check_get(&headers), Err(Refused::ProtocolVersion), "{headers:?}");
        }
        assert_eq!(Refused::ProtocolVersion.status(), 426);
        assert_eq!(Refused::ProtocolVersion.headers()[SEC_WEBSOCKET_VERSION], "13");
    }

    #[test]
    fn a_key_that_is_not_sixteen_bytes_is_refused() {
        let mut twice = request();
        twice.append(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        for headers in [
            without(SEC_WEBSOCKET_KEY),
            with(SEC_WEBSOCKET_KEY, ""),
            with(SEC_WEBSOCKET_KEY, "not base64 at all"),
            with(SEC_WEBSOCKET_KEY, "c2hvcnQ="),
            with(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZSBhbmQgbW9yZQ=="),
            twice,
        ] {
            assert_eq!(check_get(&headers), Err(Refused::Key), "{headers:?}");
        }
        assert_eq!(Refused::Key.status(), 400);
        assert!(Refused::Key.headers().is_empty());
    }

    #[test]
    fn only_get_over_http_1_1_is_upgraded() {
        let headers = request();
        assert_eq!(check(&Method::POST, Version::HTTP_11, &headers), Err(Refused::Method));
        assert_eq!(Refused::Method.status(), 405);
        assert_eq!(Refused::Method.headers()[ALLOW], "GET");
        for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2] {
            assert_eq!(check(&Method::GET, version, &headers), Err(Refused::HttpVersion));
        }
        assert_eq!(Refused::HttpVersion.status(), 400);
    }

    #[test]
    fn only_our_own_subprotocol_is_ever_echoed() {
        for (offered, spoken) in [
            ("anteroom.v1", Some(SUBPROTOCOL)),
            ("bearer.secret, anteroom.v1", Some(SUBPROTOCOL)),
            ("anteroom.v1,anteroom.v2", Some(SUBPROTOCOL)),
            ("bearer.secret", None),
            ("Anteroom.V1", None),
            ("anteroom.v10", None),
        ] {
            let accepted = check_get(&with(SEC_WEBSOCKET_PROTOCOL, offered)).unwrap();
            assert_eq!(accepted.subprotocol, spoken, "offered {offered}");
            let echoed = accepted.headers().get(SEC_WEBSOCKET_PROTOCOL).cloned();
            assert_eq!(echoed, spoken.map(HeaderValue::from_static), "offered {offered}");
        }
    }

    #[test]
    fn compression_is_not_negotiated() {
        let offer = with(
            HeaderName::from_static("sec-websocket-extensions"),
            "permessage-deflate; client_max_window_bits",
        );
        let headers = check_get(&offer).unwrap().headers();
        assert!(!headers.contains_key("sec-websocket-extensions"));
    }
}
