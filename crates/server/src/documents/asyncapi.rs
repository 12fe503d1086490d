//! The AsyncAPI 3.0 document: frames over the WebSocket and SockJS, server-sent events, events over RabbitMQ.

mod events;
pub(super) mod session;
mod streams;

use serde_json::{Map, Value, json};

use super::VERSION;
use super::schemas::Schemas;

const ABOUT: &str = "What Anteroom tells and hears outside of requests and answers. A session is opened with \
    the ticket of a reservation, which `POST /api/v1/rooms/{room}/reservations` gives (see the OpenAPI document \
    at `/openapi.json`).\n\nJSON is UTF-8 and `snake_case`; instants are RFC 3339, UTC, with milliseconds; \
    spans end in `_ms`. Fields may be added to what the server writes.";

/// What is put together while the document is made.
struct Draft {
    schemas: Schemas,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
}

/// The asynchronous side of the contract, as AsyncAPI 3.0.
#[must_use]
pub fn asyncapi() -> Value {
    let mut draft = Draft {
        schemas: Schemas::of_draft_7(),
        channels: Map::new(),
        operations: Map::new(),
        messages: Map::new(),
    };
    session::add(&mut draft);
    streams::add(&mut draft);
    events::add(&mut draft);
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:anteroom:v1",
        "info": {
            "title": "Anteroom",
            "version": VERSION,
            "description": ABOUT,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "chat": server("ws", "The WebSocket; `wss` under TLS.", &json!([
                { "$ref": "#/components/securitySchemes/ticket" },
            ])),
            "http": server("http", "SockJS and server-sent events; `https` under TLS.", &json!([
                { "$ref": "#/components/securitySchemes/bearer" },
                { "$ref": "#/components/securitySchemes/ticket" },
            ])),
            "broker": {
                "host": "{broker}",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "RabbitMQ, where `rabbitmq.events` is on.",
                "variables": { "broker": { "default": "localhost:5672" } },
            },
        },
        "channels": draft.channels,
        "operations": draft.operations,
        "components": {
            "messages": draft.messages,
            "schemas": draft.schemas.into_components(),
            "securitySchemes": {
                "ticket": {
                    "type": "httpApiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "Says who, and for which seat. Single use. A cookie or bearer beside \
                        it may only be the same user's.",
                },
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn server(protocol: &str, about: &str, security: &Value) -> Value {
    json!({
        "host": "{server}",
        "protocol": protocol,
        "description": about,
        "variables": { "server": { "default": "localhost:8080" } },
        "security": security,
    })
}

impl Draft {
    /// A message for [`Draft::channel`] and [`Draft::operation`] to name.
    fn message(&mut self, key: &str, message: Value) {
        self.messages.insert(key.to_owned(), message);
    }

    /// A channel that carries these messages.
    fn channel(&mut self, key: &str, server: &str, messages: &[String], mut more: Value) {
        let named = messages.iter().map(|name| {
            let there = json!({ "$ref": format!("#/components/messages/{name}") });
            (name.clone(), there)
        });
        more["messages"] = named.collect::<Map<_, _>>().into();
        more["servers"] = json!([{ "$ref": format!("#/servers/{server}") }]);
        self.channels.insert(key.to_owned(), more);
    }

    /// What the server does on a channel: `send` or `receive`.
    fn operation(&mut self, key: &str, action: &str, channel: &str, about: (&str, &[String])) {
        let (summary, messages) = about;
        let messages = messages
            .iter()
            .map(|name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") }));
        let operation = json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "summary": summary,
            "messages": messages.collect::<Vec<_>>(),
        });
        self.operations.insert(key.to_owned(), operation);
    }
}
