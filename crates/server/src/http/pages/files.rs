//! `/assets/{name}`: the files of the pages, packed for whoever takes them packed.

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::super::problem::Refused;
use super::packing::{listed, takes_gzip};
use crate::app::App;
use crate::pages::assets::{self, Asset, Form};

pub(super) async fn asset(
    State(_): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = assets::asset(&name) else {
        return Refused::new(Code::NotFound).into_response();
    };
    send(&headers, asset)
}

/// A file that is the same for everybody, if the asker lacks it.
pub(crate) fn send(headers: &HeaderMap, asset: Asset) -> Response {
    let packed = asset.packed.filter(|_| takes_gzip(headers));
    let Form { bytes, etag } = packed.unwrap_or(asset.plain);
    let common = [
        (ETAG, HeaderValue::from_static(etag)),
        // Always asked again, hardly ever sent again: a new version is seen at once.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (VARY, HeaderValue::from_static("accept-encoding")),
        // Other sites import the client from here. These are the same bytes for everybody.
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    if has_it(headers, etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(asset.content_type))];
    let mut response = (common, kind, bytes).into_response();
    if packed.is_some() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
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
