//! The contract for machines: `GET /openapi.json` and `GET /asyncapi.json`. The same for everybody, made once.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use serde_json::Value;

use super::contract::{Routes, get};
use super::pages::files::send;
use crate::documents;
use crate::documents::endpoint::{Endpoint, Group};
use crate::pages::assets::{Asset, ready};

static OPENAPI: LazyLock<Asset> = LazyLock::new(|| prepared(&documents::openapi()));
static ASYNCAPI: LazyLock<Asset> = LazyLock::new(|| prepared(&documents::asyncapi()));

pub(super) fn routes() -> Routes {
    Routes::of(Group::Operation)
        .at(
            given(get("/openapi.json", "openapi", "This contract, as OpenAPI 3.1")),
            async |headers: HeaderMap| send(&headers, *OPENAPI),
        )
        .at(
            given(get("/asyncapi.json", "asyncapi", "Frames, streams and events, as AsyncAPI 3.0")),
            async |headers: HeaderMap| send(&headers, *ASYNCAPI),
        )
}

fn given(endpoint: Endpoint) -> Endpoint {
    endpoint
        .hears("If-None-Match", "The `ETag` of the document that one has.")
        .answers::<Value>(200, "The document. Any origin may read it.")
        .with("ETag", "Names this very document.")
        .answers_nothing(304, "The document is still the one that was named.")
        .with("ETag", "Names this very document.")
}

fn prepared(document: &Value) -> Asset {
    ready("application/json", document.to_string())
}
