//! The page that pages of other sites load in a hidden frame, where a browser lets them ask in no other
//! way. The only page here that loads a script from elsewhere: its policy names that script, by its
//! address and its digest, and who may frame it.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;

const START: &str = "\n    SockJS.bootstrap_iframe();\n  ";

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_page(&name) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (page, policy) = (written(&app.sockjs.script), policy(&app));
    let tag = tag(&page, &policy);
    let is_known =
        headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response(),
    };
    let out = response.headers_mut();
    // Its policy comes from the configuration: asked for each time, it is sent only when something changed.
    out.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    for (name, value) in [(ETAG, tag), (CONTENT_SECURITY_POLICY, policy)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.insert(name, value);
        }
    }
    response
}

/// Another for another policy: a browser that has the page takes the policy that it came with.
fn tag(page: &str, policy: &str) -> String {
    let both = [page, policy].join("\n");
    format!("\"{}\"", STANDARD.encode(digest(&SHA256, both.as_bytes())))
}

/// `iframe.html`, with whatever version of the client in between.
fn is_page(name: &str) -> bool {
    let middle = name.strip_prefix("iframe").and_then(|rest| rest.strip_suffix(".html"));
    let is_plain = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase() || b"-._".contains(&b);
    middle.is_some_and(|middle| middle.bytes().all(is_plain))
}

fn written(script: &str) -> String {
    let (address, digest) = parts(script);
    let checked = digest.map_or(String::new(), |digest| {
        format!(" integrity=\"{}\" crossorigin=\"anonymous\"", escaped(digest))
    });
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n  \
         <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n  \
         <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n  \
         <script src=\"{}\"{checked}></script>\n  \
         <script>{START}</script>\n</head>\n<body>\n  \
         <h2>Don't panic!</h2>\n  \
         <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>\n\
         </body>\n</html>\n",
        escaped(address)
    )
}

fn policy(app: &App) -> String {
    let (script, _) = parts(&app.sockjs.script);
    let start = STANDARD.encode(digest(&SHA256, START.as_bytes()));
    // In a policy a relative address means nothing.
    let script = if script.contains("://") { script } else { "'self'" };
    format!(
        "default-src 'none'; script-src {} 'sha256-{start}'; connect-src 'self'; frame-src 'self'; \
         form-action 'self'; base-uri 'none'; {}",
        script.replace([';', ',', ' '], ""),
        ancestors(app)
    )
}

/// Which sites may show it in a frame.
pub(super) fn ancestors(app: &App) -> String {
    format!("frame-ancestors 'self' {}", app.live().allowed_origins.join(" "))
}

/// The address of a script, and its digest.
fn parts(script: &str) -> (&str, Option<&str>) {
    script.split_once('#').map_or((script, None), |(address, digest)| (address, Some(digest)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_names_that_clients_ask_for() {
        for name in ["iframe.html", "iframe-1.6.1.html", "iframe-a.html", "iframe0.html"] {
            assert!(is_page(name), "{name}");
        }
        for name in
            ["iframe", "iframe.htm", "IFRAME.HTML", "iframe-X.html", "xframe.html", "iframe<.html"]
        {
            assert!(!is_page(name), "{name}");
        }
    }

    #[test]
    fn the_script_is_checked_by_its_digest_and_ends_no_attribute() {
        let page = written("https://x.example/a.js#sha384-abc");
        assert!(page.contains(
            r#"<script src="https://x.example/a.js" integrity="sha384-abc" crossorigin="anonymous">"#
        ));
        assert!(written("/a.js").contains(r#"<script src="/a.js"></script>"#));
        assert!(!written("\"><script>x").contains("\"><script>x"));
    }
}
