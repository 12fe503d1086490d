//! The HTTP side: one readable list of routes, one readable list of layers.

mod accounts;
mod address;
mod admin;
mod audit;
mod bans;
pub(crate) mod control;
mod contract;
mod direct;
mod documents;
mod entries;
mod extract;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guard;
mod health;
mod history;
mod lobby;
mod metrics;
mod nodes;
mod outcomes;
mod pages;
mod own_data;
mod own_seat;
mod people;
mod problem;
pub(crate) mod rates;
mod reservations;
mod rooms;
mod seats;
pub(crate) mod serve;
mod sockjs;
mod sessions;
pub(crate) mod tls;
mod traced;
mod upgrade;
mod waitlist;

use std::any::Any;
use std::sync::Arc;

use anteroom_protocol::{API_BASE, Code};
use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;
use crate::documents::endpoint::Endpoint;
use contract::Routes;
use problem::Refused;

/// Everything this server answers. The metrics among it only where nobody outside can ask.
pub(crate) fn router(app: &Arc<App>, shows_metrics: bool) -> Router {
    let api = api()
        .into_router()
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::clone(app), rates::per_address))
        .layer(cors(app));
    // Where they are not shown, programs are told so as of any endpoint that is not there.
    let hidden = || Router::new().route("/metrics", get(no_such_endpoint));
    let metrics = if shows_metrics { metrics::routes().into_router() } else { hidden() };
    let sockjs = if app.sockjs.is_on { sockjs::routes() } else { Router::new() };
    let all = Router::new()
        .nest(API_BASE, api)
        .merge(upgrade::routes())
        .merge(sockjs)
        .merge(health::routes().into_router())
        .merge(documents::routes().into_router())
        .merge(metrics)
        .merge(pages::routes())
        .fallback(pages::not_found);
    guarded(app, all)
}

/// What is answered apart, on the listener for administration: who asks is proven there as well.
pub(crate) fn admin_router(app: &Arc<App>) -> Router {
    let api = accounts::routes()
        .and(administration())
        .into_router()
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(no_such_method);
    let all = Router::new()
        .nest(API_BASE, api)
        .merge(health::routes().into_router())
        .merge(metrics::routes().into_router())
        .fallback(no_such_endpoint);
    guarded(app, all)
}

/// What commands on this machine ask, over the socket in the data directory.
pub(crate) fn control_router(app: &Arc<App>) -> Router {
    let api = administration().and(rooms::routes());
    let all = Router::new()
        .nest(API_BASE, api.into_router())
        .merge(control::routes())
        .merge(health::routes().into_router())
        .merge(metrics::routes().into_router())
        .fallback(no_such_endpoint);
    guarded(app, all)
}

/// Every endpoint that programs may rely on, as the documents tell of them.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let others = health::routes().and(metrics::routes()).and(documents::routes());
    api().into_endpoints(API_BASE).chain(others.into_endpoints("")).collect()
}

/// The versioned API.
fn api() -> Routes {
    accounts::routes()
        .and(own_data::routes())
        .and(lobby::routes())
        .and(rooms::routes())
        .and(reservations::routes())
        .and(own_seat::routes())
        .and(seats::routes())
        .and(waitlist::routes())
        .and(history::routes())
        .and(administration())
}

/// What administrators and moderators ask, wherever it is answered.
fn administration() -> Routes {
    admin::routes()
        .and(audit::routes())
        .and(direct::routes())
        .and(entries::routes())
        .and(nodes::routes())
        .and(outcomes::routes())
        .and(own_data::of_others())
        .and(people::routes())
        .and(sessions::routes())
}

/// What holds for every request.
fn guarded(app: &Arc<App>, all: Router<Arc<App>>) -> Router {
    let all = all.method_not_allowed_fallback(no_such_method);
    // Where nothing is traced, nothing stands in the way either.
    let all = match app.entry.aftermath.traces.is_on() {
        true => all.layer(from_fn_with_state(Arc::clone(app), traced::traced)),
        false => all,
    };
    all.layer(from_fn_with_state(Arc::clone(app), guard::same_site))
        .layer(from_fn(guard::one_host))
        .layer(from_fn_with_state(Arc::clone(app), guard::headers))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| panicked(&*panic)))
        .with_state(Arc::clone(app))
}

/// Configured origins may use the API with bearer tokens, never with cookies.
fn cors(app: &Arc<App>) -> CorsLayer {
    let asked = Arc::clone(app);
    let is_allowed = move |origin: &HeaderValue, _: &Parts| {
        let live = asked.live();
        live.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::PUT])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
        .expose_headers([RETRY_AFTER, rates::RATE_LIMIT, rates::RATE_LIMIT_POLICY])
}

async fn no_such_endpoint() -> Refused {
    Refused::because(Code::NotFound, "There is no such endpoint.")
}

async fn no_such_method(State(_): State<Arc<App>>, method: Method, uri: Uri) -> Response {
    tracing::debug!(event = "http.method", %method, path = uri.path(), "no such method here");
    Refused::new(Code::MethodNotAllowed).into_response()
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let what = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(event = "http.panicked", what, "a request handler panicked");
    Refused::new(Code::Internal).into_response()
}
