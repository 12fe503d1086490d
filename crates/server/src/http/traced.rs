//! Requests as traces tell of them: by their route, and never by what an address has behind its `?`.

use std::sync::Arc;

use anteroom_protocol::API_BASE;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::app::App;
use crate::traces::{self, Own, key};

/// What is asked all the time, and says nothing of people.
const UNTOLD: &[&str] = &["/healthz", "/readyz", "/metrics", "/assets/", "/favicon.ico"];

/// Answers a request, and tells of it.
pub(super) async fn traced(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|it| it.as_str().to_owned());
    let Some(route) = route.filter(|it| !UNTOLD.iter().any(|untold| it.starts_with(untold))) else {
        return next.run(request).await;
    };
    let (method, caller) = (method_of(request.method()), traces::caller(request.headers()));
    let shown = shown(&route, request.uri().path());
    let scheme = if app.is_secure { "https" } else { "http" };
    let own = || {
        let own = Own::request(format!("{method} {route}"), caller);
        let own = own.with(key::METHOD, method).with(key::SCHEME, scheme);
        let own = if let Some(path) = shown { own.with(key::PATH, path) } else { own };
        own.with(key::ROUTE, route)
    };
    let answering = async {
        let response = next.run(request).await;
        traces::attribute(key::STATUS, i64::from(response.status().as_u16()));
        if response.status().is_server_error() {
            traces::failed();
        }
        response
    };
    app.entry.aftermath.traces.scope(own, answering).await
}

/// The methods that anybody may mean; all others are one.
fn method_of(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|it| *it == method.as_str()).unwrap_or("_OTHER")
}

/// The path, where it is one of the API: with what stands for numbers and ids, if that is what it is, and
/// with nothing else that somebody may have written there.
fn shown(route: &str, path: &str) -> Option<String> {
    let is_id = |text: &str| text.parse::<i64>().is_ok() || Uuid::try_parse(text).is_ok();
    let parts = route.starts_with(API_BASE).then(|| route.split('/').zip(path.split('/')))?;
    let parts = parts.map(|(name, part)| if is_id(part) { part } else { name });
    Some(parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_with_its_numbers_and_with_nothing_else_that_stands_there() {
        let route = format!("{API_BASE}/rooms/{{room}}/members/{{user}}");
        let path = |room: &str, user: &str| format!("{API_BASE}/rooms/{room}/members/{user}");
        let id = "0198c0de-0000-7000-8000-000000000001";
        assert_eq!(shown(&route, &path("101", id)), Some(path("101", id)));
        let hidden = shown(&route, &path("eyJhbGciOiJIUzI1NiJ9", "hunter2"));
        assert_eq!(hidden, Some(path("{room}", "{user}")));
        assert_eq!(shown("/sockjs/{server}/{session}/xhr", "/sockjs/000/12345/xhr"), None);
    }

    #[test]
    fn a_method_is_one_that_is_known() {
        assert_eq!(method_of(&Method::PATCH), "PATCH");
        assert_eq!(method_of(&Method::from_bytes(b"SECRET").unwrap()), "_OTHER");
    }
}
