//! Routes that say what they are. The API's router is made from these and from nothing else, so an endpoint
//! that is answered is one that the documents tell of, and the reverse.
//!
//! What a request carries is read from the arguments of its handler: each extractor says for itself what it
//! asks for and what it may refuse.

use std::sync::Arc;

use anteroom_protocol::Code;
use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::HeaderMap;
use axum::routing::{MethodFilter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use uuid::Uuid;

use super::admin::UserPath;
use super::extract::{Address, Caller, Json, OptionalJson, OwnOrigin, Params, RoomPath};
use crate::app::App;
use crate::documents::endpoint::{Asked, Endpoint, Group, Method, Parameter};

/// Some endpoints, and the router that answers them.
pub(super) struct Routes {
    group: Group,
    router: Router<Arc<App>>,
    endpoints: Vec<Endpoint>,
}

impl Routes {
    /// None yet; those that are added are told under `group`.
    pub(super) fn of(group: Group) -> Self {
        Self { group, router: Router::new(), endpoints: Vec::new() }
    }

    /// One more.
    pub(super) fn at<H, T>(mut self, endpoint: Endpoint, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: Arguments + 'static,
    {
        let mut endpoint = endpoint.among(self.group);
        T::tell(&mut endpoint.asked);
        let filter = match endpoint.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        };
        self.router = self.router.route(&endpoint.path, on(filter, handler));
        self.endpoints.push(endpoint);
        self
    }

    /// Those of others as well.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.endpoints.extend(other.endpoints);
        self
    }

    pub(super) fn into_router(self) -> Router<Arc<App>> {
        self.router
    }

    /// What they are, where they are reached below `base`.
    pub(super) fn into_endpoints(self, base: &'static str) -> impl Iterator<Item = Endpoint> {
        self.endpoints.into_iter().map(move |it| it.below(base))
    }
}

pub(super) fn get(path: &str, id: &'static str, summary: &'static str) -> Endpoint {
    Endpoint::new(Method::Get, path, id, summary)
}

pub(super) fn post(path: &str, id: &'static str, summary: &'static str) -> Endpoint {
    Endpoint::new(Method::Post, path, id, summary)
}

pub(super) fn put(path: &str, id: &'static str, summary: &'static str) -> Endpoint {
    Endpoint::new(Method::Put, path, id, summary)
}

pub(super) fn patch(path: &str, id: &'static str, summary: &'static str) -> Endpoint {
    Endpoint::new(Method::Patch, path, id, summary)
}

pub(super) fn delete(path: &str, id: &'static str, summary: &'static str) -> Endpoint {
    Endpoint::new(Method::Delete, path, id, summary)
}

/// All arguments of a handler.
pub(super) trait Arguments {
    fn tell(asked: &mut Asked);
}

/// One argument of a handler: what it asks of a request, and refuses.
pub(super) trait Argument {
    fn tell(_: &mut Asked) {}
}

macro_rules! arguments {
    ($($name:ident)*) => {
        // The first says only whether the last argument takes the body.
        impl<M, $($name: Argument),*> Arguments for (M, $($name,)*) {
            fn tell(_asked: &mut Asked) {
                $($name::tell(_asked);)*
            }
        }
    };
}

arguments! {}
arguments! { A }
arguments! { A B }
arguments! { A B C }
arguments! { A B C D }
arguments! { A B C D E }
arguments! { A B C D E F }
arguments! { A B C D E F G }

impl Argument for State<Arc<App>> {}
impl Argument for HeaderMap {}
impl Argument for Request {}
impl Argument for Address {}
impl Argument for OwnOrigin {}

impl Argument for Caller {
    fn tell(asked: &mut Asked) {
        asked.login = true;
    }
}

impl Argument for RoomPath {
    fn tell(asked: &mut Asked) {
        asked.refuses(&[Code::RoomNotFound]);
        asked.parameters.push(Parameter {
            name: "room",
            place: "path",
            about: "The room's number.",
            schema: |generator| generator.subschema_for::<RoomNumber>(),
        });
    }
}

impl Argument for UserPath {
    fn tell(asked: &mut Asked) {
        asked.refuses(&[Code::NotFound]);
        asked.parameters.push(Parameter {
            name: "user",
            place: "path",
            about: "The user's id.",
            schema: |generator| generator.subschema_for::<Uuid>(),
        });
    }
}

impl<T: JsonSchema> Argument for Params<T> {
    fn tell(asked: &mut Asked) {
        asked.refuses(&[Code::BadRequest]);
        asked.query = Some(|generator| T::json_schema(generator));
    }
}

impl<T: JsonSchema> Argument for Json<T> {
    fn tell(asked: &mut Asked) {
        refuses_bodies(asked);
        asked.body = Some((|generator| generator.subschema_for::<T>(), true));
    }
}

impl<T: JsonSchema> Argument for OptionalJson<T> {
    fn tell(asked: &mut Asked) {
        refuses_bodies(asked);
        asked.body = Some((|generator| generator.subschema_for::<T>(), false));
    }
}

fn refuses_bodies(asked: &mut Asked) {
    use Code::{BadRequest, Invalid, TooLarge, UnsupportedMediaType};
    asked.refuses(&[BadRequest, TooLarge, UnsupportedMediaType, Invalid]);
}

/// A parameter that says nothing when it is empty.
pub(super) struct Given<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Given<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Given{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "const": "" }] })
    }
}

/// A room's number, as a parameter.
pub(super) struct RoomNumber;

impl JsonSchema for RoomNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RoomNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int64", "minimum": 1 })
    }
}
