//! What a schema says, in words.

use serde_json::Value;

use super::{list, text};

/// A piece of a line: plain, code, or a link to a schema.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) is_code: bool,
    /// Where on the page it leads.
    pub(crate) to: Option<String>,
}

impl Piece {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_code: false, to: None }
    }

    fn code(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_code: true, to: None }
    }
}

/// A member of an object, or a parameter.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Vec<Piece>,
    pub(crate) is_required: bool,
    pub(crate) about: Vec<Piece>,
}

/// A text in which code stands between backticks.
pub(super) fn words(value: &Value) -> Vec<Piece> {
    pieces(value.as_str().unwrap_or_default())
}

/// A text of several paragraphs.
pub(super) fn paragraphs(value: &Value) -> Vec<Vec<Piece>> {
    let all = value.as_str().unwrap_or_default().split("\n\n");
    all.filter(|it| !it.is_empty()).map(pieces).collect()
}

fn pieces(text: &str) -> Vec<Piece> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    let made = parts.map(|(at, part)| match at % 2 {
        0 => Piece::plain(part),
        _ => Piece::code(part),
    });
    made.collect()
}

/// The members of an object. Those that must be there come first.
pub(super) fn of(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = list(&schema["required"]).filter_map(Value::as_str).collect();
    let members = schema["properties"].as_object().into_iter().flatten();
    let mut fields: Vec<Field> = members
        .map(|(name, member)| Field {
            name: name.clone(),
            kind: kind(member),
            is_required: required.contains(&name.as_str()),
            about: words(&member["description"]),
        })
        .collect();
    fields.sort_by_key(|field| {
        let at = required.iter().position(|name| *name == field.name);
        at.unwrap_or(usize::MAX)
    });
    fields
}

/// What a value may be.
pub(super) fn kind(schema: &Value) -> Vec<Piece> {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        let to = Some(format!("schema-{name}"));
        return vec![Piece { text: name.to_owned(), is_code: false, to }];
    }
    for together in ["allOf", "oneOf", "anyOf"] {
        let choices = list(&schema[together]).map(kind).filter(|it| !it.is_empty());
        let choices: Vec<_> = choices.collect();
        if !choices.is_empty() {
            return choices.join(&Piece::plain(" or "));
        }
    }
    if !schema["const"].is_null() {
        return vec![Piece::code(plain(&schema["const"]))];
    }
    if schema["enum"].is_array() {
        let values = list(&schema["enum"]).filter(|it| !it.is_null());
        let values: Vec<_> = values.map(|value| vec![Piece::code(plain(value))]).collect();
        return values.join(&Piece::plain(" or "));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let named: Vec<_> = kinds.into_iter().map(|it| one(it, schema)).collect();
    named.join(&Piece::plain(" or "))
}

fn one(kind: &str, schema: &Value) -> Vec<Piece> {
    let format = schema["format"].as_str();
    match kind {
        "array" => [vec![Piece::plain("list of ")], self::kind(&schema["items"])].concat(),
        "object" if schema["additionalProperties"].is_object() => {
            let values = self::kind(&schema["additionalProperties"]);
            [vec![Piece::plain("map of names to ")], values].concat()
        }
        "string" => {
            let what = match format {
                Some("uuid") => "UUID",
                Some("date-time") => "RFC 3339 instant",
                _ => "text",
            };
            vec![Piece::plain(format!(
                "{what}{}",
                bounds(schema, "minLength", "maxLength", " characters")
            ))]
        }
        "integer" => {
            vec![Piece::plain(format!("integer{}", bounds(schema, "minimum", "maximum", "")))]
        }
        other => vec![Piece::plain(other)],
    }
}

/// Such as `, 1 to 200`; a bound of nothing is not worth a word.
fn bounds(schema: &Value, least: &str, most: &str, unit: &str) -> String {
    let (least, most) = (schema[least].as_u64(), schema[most].as_u64());
    match (least, most) {
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (Some(least @ 1..), None) => format!(", at least {least}{unit}"),
        (None, Some(most)) => format!(", at most {most}{unit}"),
        _ => String::new(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |_| text(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: &Value) -> String {
        kind(schema).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn a_schema_is_said_in_words() {
        for (schema, expected) in [
            (json!({ "type": "integer", "minimum": 1, "maximum": 200 }), "integer, 1 to 200"),
            (
                json!({ "type": ["string", "null"], "maxLength": 8 }),
                "text, at most 8 characters or null",
            ),
            (
                json!({ "type": "array", "items": { "$ref": "#/components/schemas/Room" } }),
                "list of Room",
            ),
            (json!({ "enum": ["a", "b", null] }), "a or b"),
            (json!({ "type": "string", "format": "uuid" }), "UUID"),
        ] {
            assert_eq!(said(&schema), expected);
        }
    }
}
