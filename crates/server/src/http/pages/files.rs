//! `/assets/{name}`: the files of the pages, packed for whoever takes them packed.
//!
//! Only files are packed. A page may hold a secret (the key of an unlisted room) beside what somebody else
//! wrote, and the length of both packed together would give it away (BREACH, CVE-2013-3587).

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::super::problem::Refused;
use crate::app::App;
use crate::pages::assets::{self, Form};

pub(super) async fn asset(
    State(_): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = assets::asset(&name) else {
        return Refused::new(Code::NotFound).into_response();
    };
    let packed = asset.packed.filter(|_| takes_gzip(&headers));
    let Form { bytes, etag } = packed.unwrap_or(asset.plain);
    let common = [
        (ETAG, HeaderValue::from_static(etag)),
        // Always asked again, hardly ever sent again: a new version is seen at once.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    if has_it(&headers, etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(asset.content_type))];
    let mut response = (common, kind, bytes).into_response();
    if packed.is_some() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The pieces of a header that is a list, over all its lines.
fn listed<'a>(
    headers: &'a HeaderMap,
    name: &axum::http::HeaderName,
) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// RFC 9110 section 12.5.3: the coding itself, or any; not with a weight of 0. What is said of the coding
/// goes before what is said of any.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let wanted = |coding: &str| {
        listed(headers, &ACCEPT_ENCODING).find_map(|piece| {
            let mut parts = piece.split(';').map(str::trim);
            let named = parts.next()?.eq_ignore_ascii_case(coding);
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            named.then(|| weight.unwrap_or(1.0) > 0.0)
        })
    };
    wanted("gzip").or_else(|| wanted("*")).unwrap_or(false)
}

/// Whether the asker has this form already (RFC 9110 section 13.1.2: the weak comparison).
fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    listed(headers, &IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn packed_only_for_whoever_takes_it() {
        for (said, expected) in [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("gzip; q=0.0", false),
            ("identity, br", false),
            ("xgzip", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&with(ACCEPT_ENCODING, said)), expected, "{said}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        for (said, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            assert_eq!(has_it(&with(IF_NONE_MATCH, said), "\"a\""), expected, "{said}");
        }
    }
}
