//! Which requests become a WebSocket: those that section 4.2.1 of RFC 6455 allows, whatever else they say.

use anteroom::ws::handshake::{SUBPROTOCOL, check};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::draw::Draw;

const NAMES: [&str; 7] = [
    "connection",
    "upgrade",
    "sec-websocket-version",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "host",
];

pub fn run(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let mut headers = HeaderMap::new();
    while !draw.0.is_empty() {
        let name = NAMES[usize::from(draw.byte()) % NAMES.len()];
        if let Ok(value) = HeaderValue::from_bytes(draw.line()) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let accepted = match check(&Method::GET, Version::HTTP_11, &headers) {
        Ok(accepted) => accepted,
        Err(refused) => {
            assert!(refused.status().is_client_error(), "{refused}");
            let _ = refused.headers();
            return;
        }
    };
    let said = |name: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|it| it.to_str().ok());
        values.collect::<Vec<_>>().join(",").to_ascii_lowercase()
    };
    assert!(said("connection").contains("upgrade") && said("upgrade").contains("websocket"));
    assert_eq!(said("sec-websocket-version").trim(), "13");
    let key = headers["sec-websocket-key"].to_str().expect("it was read").trim();
    assert_eq!(STANDARD.decode(key).map(|key| key.len()), Ok(16), "{key}");
    let answer = accepted.headers();
    assert_eq!(answer["sec-websocket-accept"].len(), 28);
    assert!(!answer.contains_key("sec-websocket-extensions"), "nobody agreed on one");
    let offers_ours = said("sec-websocket-protocol").contains(SUBPROTOCOL);
    assert!(!answer.contains_key("sec-websocket-protocol") || offers_ours);
    assert!(check(&Method::POST, Version::HTTP_11, &headers).is_err());
    assert!(check(&Method::GET, Version::HTTP_10, &headers).is_err());
}
