//! What goes out packed (gzip, RFC 1952), and for whom.
//!
//! Files, and pages that hold no secret. Where a page holds one (the key of an unlisted room) beside what somebody
//! else wrote, the length of both packed together would give it away (BREACH, CVE-2013-3587).

use std::io::Write as _;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::pages::render;

/// A page without a secret in it, packed if the asker takes it so. A page is made for one asker: the quickest
/// packing leaves a third of it, and the best hardly less.
pub(super) fn open_page(headers: &HeaderMap, view: &impl askama::Template) -> Response {
    let kind = (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let vary = (VARY, HeaderValue::from_static("accept-encoding"));
    let text = render(view);
    match takes_gzip(headers).then(|| pack(text.as_bytes())).flatten() {
        Some(packed) => {
            let coding = (CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            ([kind, vary, coding], packed).into_response()
        }
        None => ([kind, vary], text).into_response(),
    }
}

fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}

/// The pieces of a header that is a list, over all its lines.
pub(super) fn listed<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// RFC 9110 section 12.5.3: the coding itself, or any; not with a weight of 0. What is said of the coding
/// goes before what is said of any.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
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
}
