//! Streams of server-sent events: those of the endpoints that answer with one.

use serde_json::json;

use super::Draft;
use crate::documents::endpoint::{Body, Endpoint};
use crate::http::endpoints;

pub(super) fn add(draft: &mut Draft) {
    for endpoint in endpoints() {
        stream(draft, &endpoint);
    }
}

fn stream(draft: &mut Draft, endpoint: &Endpoint) {
    let bodies = endpoint.answers.iter().map(|answer| answer.body);
    let Some(events) = bodies.into_iter().find_map(|body| match body {
        Body::Events(events) => Some(events),
        _ => None,
    }) else {
        return;
    };
    let mut names = Vec::new();
    for event in events {
        let name = format!("{}.{}", endpoint.id, event.name);
        let message = json!({
            "name": event.name,
            "title": event.name,
            "summary": event.about,
            "contentType": "application/json",
            "payload": draft.schemas.written(event.schema),
        });
        draft.message(&name, message);
        names.push(name);
    }
    let mut channel = json!({
        "address": endpoint.path,
        "title": endpoint.summary,
        "description": format!("Server-sent events: `event` names the message, `data` is its JSON. {}", endpoint.about),
        "bindings": { "http": {} },
    });
    if endpoint.path.contains("{room}") {
        channel["parameters"] = json!({ "room": { "description": "The room's number." } });
    }
    draft.channel(endpoint.id, "http", &names, channel);
    draft.operation(endpoint.id, "send", endpoint.id, (endpoint.summary, &names));
}
