//! A session: its frames both ways, its end, and what carries it.

use anteroom_protocol::close::may_reconnect;
use anteroom_protocol::frame::{ClientFrame, ServerFrame};
use anteroom_protocol::{CloseCode, SUBPROTOCOL};
use schemars::JsonSchema as _;
use serde_json::{Value, json};

use super::Draft;

/// One of each frame, as it stands on the wire.
const TO_CLIENT: &str = include_str!("../examples/to_client.jsonl");
const FROM_CLIENT: &str = include_str!("../examples/from_client.jsonl");

const ABOUT: &str = "Text frames, one JSON object each, told apart by `type`. The subprotocol `anteroom.v1` may \
    be offered. The first frame is `welcome`, or `refused`, after which the connection closes with the code it \
    names. An `Origin` that is neither the server's own nor a configured one is answered 403 before the upgrade, \
    and so is a cookie without an `Origin`; every other refusal is said in words after the upgrade, because a \
    browser shows no other reason. A frame that cannot be done is answered with `error` and the connection \
    stays open; too many of them end it with 4400.";
const SOCKJS: &str = "The same session in the framing of SockJS, for networks that let no WebSocket through; \
    the base address for its clients is `/sockjs?ticket=…`. Frames come in `a[\"…\"]`, as texts; the end is \
    `c[code,\"reason\"]` with the codes of the WebSocket. What the client says goes to `xhr_send` or `jsonp_send` \
    as a JSON array of texts. `/sockjs/websocket` is `/ws` under another name.";
const TRANSPORTS: [&str; 8] = [
    "websocket",
    "xhr_streaming",
    "xhr",
    "xhr_send",
    "eventsource",
    "htmlfile",
    "jsonp",
    "jsonp_send",
];

pub(super) fn add(draft: &mut Draft) {
    let told = draft.schemas.variants_written(ServerFrame::json_schema);
    let heard = draft.schemas.variants_read(ClientFrame::json_schema);
    let told = frames(draft, "toClient", told, TO_CLIENT);
    let heard = frames(draft, "fromClient", heard, FROM_CLIENT);
    let both = [told.clone(), heard.clone()].concat();
    let socket = json!({
        "address": "/ws",
        "title": "A session over a WebSocket",
        "description": ABOUT,
        "bindings": { "ws": { "method": "GET", "query": query(), "bindingVersion": "0.1.0" } },
        "x-subprotocol": SUBPROTOCOL,
        "x-close-codes": close_codes(),
    });
    draft.channel("session", "chat", &both, socket);
    draft.operation("tell", "send", "session", ("What a session is told.", &told));
    draft.operation("hear", "receive", "session", ("What a session says.", &heard));
    let sockjs = json!({
        "address": "/sockjs/{server}/{session}/{transport}",
        "title": "The same session over SockJS",
        "description": SOCKJS,
        "parameters": {
            "server": { "description": "Three digits, chosen by the client; they mean nothing." },
            "session": { "description": "The session's name, chosen by the client." },
            "transport": { "description": "How it is carried.", "enum": TRANSPORTS },
        },
    });
    draft.channel("sockjs", "http", &both, sockjs);
    draft.operation("tellBySockjs", "send", "sockjs", ("What a session is told.", &told));
    draft.operation("hearBySockjs", "receive", "sockjs", ("What a session says.", &heard));
}

/// The example of a frame as it stands on the wire, by the name of its message.
pub(in crate::documents) fn example(message: &str) -> Option<&'static str> {
    let (direction, kind) = message.split_once('.')?;
    let all = if direction == "toClient" { TO_CLIENT } else { FROM_CLIENT };
    let begins = format!("{{\"type\":\"{kind}\"");
    all.lines().find(|line| line.starts_with(&begins))
}

/// Adds the frames of one direction; what they are called.
fn frames(
    draft: &mut Draft,
    direction: &str,
    variants: Vec<(String, Value)>,
    examples: &str,
) -> Vec<String> {
    let examples: Vec<Value> =
        examples.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut names = Vec::new();
    for (kind, mut payload) in variants {
        let about = payload.as_object_mut().and_then(|it| it.remove("description"));
        let of_kind = examples.iter().filter(|example| example["type"] == *kind);
        let of_kind: Vec<Value> =
            of_kind.map(|example| json!({ "name": kind, "payload": example })).collect();
        let name = format!("{direction}.{kind}");
        let message = json!({
            "name": kind,
            "title": kind,
            "summary": about.unwrap_or_default(),
            "contentType": "application/json",
            "payload": payload,
            "examples": of_kind,
        });
        draft.message(&name, message);
        names.push(name);
    }
    names
}

fn query() -> Value {
    json!({
        "type": "object",
        "required": ["ticket"],
        "properties": {
            "ticket": { "type": "string", "description": "Of the reservation." },
            "resume": {
                "type": "string",
                "description": "The secret of the last `welcome`, on every automatic reconnect.",
            },
            "since": {
                "type": "integer",
                "minimum": 0,
                "description": "The highest `seq` one has: what was missed comes before anything new, at \
                    most 1,000; beyond that `welcome.replay` says `truncated`.",
            },
        },
    })
}

fn close_codes() -> Vec<Value> {
    let shown = |close: &CloseCode| {
        let code = close.code().map(|code| code.as_str());
        let status = close.status();
        json!({
            "status": status,
            "code": code,
            "description": close.about(),
            "reconnect": may_reconnect(status),
        })
    };
    CloseCode::ALL.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;

    /// Each example is a frame, and says nothing that the frame does not carry.
    fn are_frames<T: DeserializeOwned + Serialize>(examples: &str) {
        for line in examples.lines() {
            let frame: T = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            let said: Value = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_value(frame).unwrap(), said, "{line}");
        }
    }

    #[test]
    fn the_examples_are_frames_and_there_is_one_of_each() {
        are_frames::<ServerFrame>(TO_CLIENT);
        are_frames::<ClientFrame>(FROM_CLIENT);
        let document = crate::documents::asyncapi();
        let messages = document["components"]["messages"].as_object().unwrap();
        for (name, message) in messages.iter().filter(|(name, _)| name.contains("Client.")) {
            assert_eq!(message["examples"].as_array().unwrap().len(), 1, "{name}");
            assert!(!message["summary"].as_str().unwrap().is_empty(), "{name} is not explained");
        }
        let frames = TO_CLIENT.lines().chain(FROM_CLIENT.lines()).count();
        let told = messages.keys().filter(|name| name.contains("Client.")).count();
        assert_eq!(told, frames);
    }
}
