//! Events for other services, over RabbitMQ.

use serde_json::{Value, json};

use super::Draft;
use crate::storage::events::kinds::{ALL, EventKind};

/// Where they are published, unless `rabbitmq.prefix` says otherwise.
const EXCHANGE: &str = "anteroom.events";

pub(super) fn add(draft: &mut Draft) {
    for kind in ALL {
        let name = kind.name();
        let payload = payload(draft, kind);
        let message = json!({
            "name": name,
            "title": name,
            "summary": kind.about,
            "contentType": "application/json",
            "payload": payload,
            "bindings": { "amqp": { "messageType": name, "bindingVersion": "0.3.0" } },
        });
        draft.message(&name, message);
        let names = [name.clone()];
        draft.channel(&name, "broker", &names, channel(kind));
        draft.operation(&format!("publish.{name}"), "send", &name, (kind.about, &names));
    }
}

fn payload(draft: &mut Draft, kind: &EventKind) -> Value {
    let any = draft.schemas.written(kind.schema);
    let this = json!({ "properties": { "type": { "const": kind.name() } } });
    json!({ "allOf": [any, this] })
}

fn channel(kind: &EventKind) -> Value {
    let (whom, about) = match kind.key.starts_with("room.") {
        true => ("room", "The room's number."),
        false => ("user", "The user's id."),
    };
    json!({
        "address": kind.key,
        "description": "Published at least once, in the order of the facts of a room and of an account.",
        "parameters": { whom: { "description": about } },
        "bindings": { "amqp": {
            "is": "routingKey",
            "exchange": { "name": EXCHANGE, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/" },
            "bindingVersion": "0.3.0",
        } },
    })
}
