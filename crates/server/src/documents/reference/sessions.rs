//! Channels, and what goes over them.

use serde_json::Value;

use super::fields::{self, Field, Piece};
use super::{list, text};
use crate::documents::asyncapi::session::example;

/// A channel with its messages.
pub(crate) struct Channel {
    pub(crate) key: String,
    pub(crate) address: String,
    pub(crate) title: String,
    pub(crate) about: Vec<Piece>,
    /// What the address is asked with.
    pub(crate) query: Vec<Field>,
    pub(crate) told: Vec<Frame>,
    pub(crate) heard: Vec<Frame>,
    server: String,
}

impl Channel {
    pub(super) fn is_stream(&self) -> bool {
        self.server.ends_with("/http") && self.key != "sockjs"
    }

    pub(super) fn is_event(&self) -> bool {
        self.server.ends_with("/broker")
    }
}

/// One message.
pub(crate) struct Frame {
    pub(crate) name: String,
    /// Where on the page it is.
    pub(crate) anchor: String,
    pub(crate) about: Vec<Piece>,
    /// What it is made of: a named schema, or fields.
    pub(crate) kind: Vec<Piece>,
    pub(crate) fields: Vec<Field>,
    /// As it stands on the wire.
    pub(crate) example: Option<String>,
}

/// Why a connection ends.
pub(crate) struct Close {
    pub(crate) status: u64,
    pub(crate) code: String,
    pub(crate) about: Vec<Piece>,
    pub(crate) reconnect: bool,
}

pub(super) fn channels(frames: &Value) -> Vec<Channel> {
    let all = frames["channels"].as_object().into_iter().flatten();
    all.map(|(key, _)| channel(frames, key)).collect()
}

pub(super) fn channel(frames: &Value, key: &str) -> Channel {
    let it = &frames["channels"][key];
    let over = |action: &str| spoken(frames, key, action);
    Channel {
        key: key.to_owned(),
        address: text(&it["address"]),
        title: text(&it["title"]),
        about: fields::words(&it["description"]),
        query: fields::of(&it["bindings"]["ws"]["query"]),
        told: over("send"),
        heard: over("receive"),
        server: text(&it["servers"][0]["$ref"]),
    }
}

/// The messages that go one way over a channel, in the order of their declaration.
fn spoken(frames: &Value, channel: &str, action: &str) -> Vec<Frame> {
    let there = format!("#/channels/{channel}");
    let operations = frames["operations"].as_object().into_iter().flatten();
    let over = operations
        .filter(|(_, it)| it["channel"]["$ref"] == *there && it["action"] == action)
        .flat_map(|(_, it)| list(&it["messages"]));
    over.filter_map(|message| message["$ref"].as_str()?.rsplit('/').next())
        .map(|name| frame(name, &frames["components"]["messages"][name]))
        .collect()
}

fn frame(key: &str, message: &Value) -> Frame {
    let payload = &message["payload"];
    let mut own = fields::of(payload);
    own.retain(|field| field.name != "type");
    let kind = if own.is_empty() { named(payload) } else { Vec::new() };
    Frame {
        name: text(&message["name"]),
        anchor: key.to_owned(),
        about: fields::words(&message["summary"]),
        kind,
        fields: own,
        example: example(key).map(indented),
    }
}

/// The schema that a payload is, if it is no plain object.
fn named(payload: &Value) -> Vec<Piece> {
    let is_named = payload["$ref"].is_string() || payload["allOf"].is_array();
    let mut kind = if is_named { fields::kind(payload) } else { Vec::new() };
    kind.truncate(1);
    kind
}

/// JSON over several lines, its members in their order.
fn indented(line: &str) -> String {
    let (mut out, mut depth, mut is_text) = (String::new(), 0usize, false);
    for c in line.chars() {
        is_text ^= c == '"';
        match c {
            '}' | ']' if !is_text => {
                depth = depth.saturating_sub(1);
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
                out.push(c);
            }
            '{' | '[' if !is_text => {
                depth += 1;
                out.push(c);
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
            }
            ',' if !is_text => {
                out.push_str(",\n");
                out.push_str(&"  ".repeat(depth));
            }
            ':' if !is_text => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

pub(super) fn closes(codes: &Value) -> Vec<Close> {
    let shown = |it: &Value| Close {
        status: it["status"].as_u64().unwrap_or_default(),
        code: text(&it["code"]),
        about: fields::words(&it["description"]),
        reconnect: it["reconnect"] == true,
    };
    list(codes).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_indented_and_stays_what_it_is() {
        let line = r#"{"type":"a","of":[1,{"b":"c, {d}: e"}]}"#;
        let shown = indented(line);
        assert_eq!(shown.lines().count(), 9);
        let (before, after): (Value, Value) =
            (serde_json::from_str(line).unwrap(), serde_json::from_str(&shown).unwrap());
        assert_eq!(before, after);
    }
}
