//! What holds for every request: where it may come from, and what every answer says about itself.

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::extract::{bearer, drop_foreign_cookie, own_origin, token_cookie};
use super::pages;
use super::problem::Refused;
use crate::app::App;

pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// For how long browsers come back over TLS only, once they did: a year, in seconds.
const TLS_FOR: &str = "max-age=31536000";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Refuses what another site made a browser do: an unsafe request that carries the cookie, or a
/// form, from a foreign origin.
pub(super) async fn same_site(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let needs_care = !parts.method.is_safe() && bearer(headers).is_none();
    if needs_care {
        let own = own_origin(&parts, &app);
        let is_ours = match headers.get(ORIGIN).map(|origin| origin.to_str()) {
            Some(Ok(origin)) => app.allows_origin(origin, &own),
            Some(Err(_)) => false,
            None => match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
                Some(b"same-origin" | b"none") => true,
                Some(_) => false,
                // No browser: without the cookie there is nobody to impersonate.
                None => token_cookie(headers).is_none(),
            },
        };
        if !is_ours {
            tracing::info!(
                event = "http.cross_site",
                path = parts.uri.path(),
                "an unsafe request from another site was refused"
            );
            let path = parts.uri.path();
            let is_page =
                !path.starts_with(anteroom_protocol::API_BASE) && !path.starts_with("/sockjs/");
            let refused = Refused::new(Code::CrossSite);
            return if is_page {
                pages::refusal(&parts.headers, &refused)
            } else {
                refused.into_response()
            };
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Refuses a request that does not say once, or says twice, which host it is for (RFC 9112 section 3.2): who
/// passes it on may have read the other one. Its connection ends, whatever comes behind it.
pub(super) async fn one_host(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(HOST).iter().count();
    if hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11) {
        return next.run(request).await;
    }
    let words = "A request names its host once.";
    let mut response = Refused::because(Code::BadRequest, words).into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Headers of every answer, and which cookie of a request counts. What a handler says itself of how long its answer may be kept, and who may frame
/// it, stands.
pub(super) async fn headers(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let is_tls = own_origin(&parts, &app).starts_with("https://");
    if is_tls {
        drop_foreign_cookie(&mut parts.headers);
    }
    // The client, and what SockJS serves to pages of other sites.
    let is_for_others = ["/assets/", "/sockjs"].iter().any(|it| parts.uri.path().starts_with(it));
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let out = response.headers_mut();
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A ticket in an address must not travel on in a Referer.
    out.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let loaded_by = if is_for_others { "cross-origin" } else { "same-origin" };
    out.insert(RESOURCE_POLICY, HeaderValue::from_static(loaded_by));
    if is_tls {
        out.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_FOR));
    }
    // An answer that brings a policy of its own says there who may frame it.
    if !out.contains_key(CONTENT_SECURITY_POLICY) {
        out.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        out.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        out.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
    out.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
