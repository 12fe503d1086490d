//! The two documents, cut for a reader: what the page `/docs` shows, in its order.

mod fields;
mod operations;
mod sessions;

use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use fields::{Field, Piece};
pub(crate) use operations::Section;
pub(crate) use sessions::{Channel, Close};

use super::{asyncapi, openapi};

/// All that there is to read.
pub(crate) struct Reference {
    pub(crate) version: String,
    pub(crate) about: Vec<Vec<Piece>>,
    /// How a login is carried: its name, and words on it.
    pub(crate) logins: Vec<(String, Vec<Piece>)>,
    pub(crate) sections: Vec<Section>,
    pub(crate) session: Channel,
    pub(crate) closes: Vec<Close>,
    pub(crate) sockjs: Channel,
    pub(crate) streams: Vec<Channel>,
    pub(crate) events: Vec<Channel>,
    /// Stable codes: the code, its HTTP status, what it means.
    pub(crate) codes: Vec<(String, u64, Vec<Piece>)>,
    pub(crate) schemas: Vec<Shape>,
}

/// A named schema.
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) about: Vec<Piece>,
    /// What it is, where it has no fields.
    pub(crate) kind: Vec<Piece>,
    pub(crate) fields: Vec<Field>,
    /// Its values, where it is one of a few words: the word, and what it means.
    pub(crate) values: Vec<(String, Vec<Piece>)>,
}

static REFERENCE: LazyLock<Reference> = LazyLock::new(|| read(&openapi(), &asyncapi()));

/// The reference; made once.
pub(crate) fn reference() -> &'static Reference {
    &REFERENCE
}

fn read(http: &Value, frames: &Value) -> Reference {
    let of_codes = &http["components"]["schemas"]["Code"]["oneOf"];
    let codes = list(of_codes).map(|it| {
        let code = text(&it["const"]);
        let status = http["x-codes"][&code]["status"].as_u64().unwrap_or_default();
        (code, status, fields::words(&it["description"]))
    });
    let schemes = http["components"]["securitySchemes"].as_object();
    let logins = schemes.into_iter().flatten();
    let channels = sessions::channels(frames);
    let find = |key: &str| sessions::channel(frames, key);
    Reference {
        version: text(&http["info"]["version"]),
        about: fields::paragraphs(&http["info"]["description"]),
        logins: logins
            .map(|(name, it)| (name.clone(), fields::words(&it["description"])))
            .collect(),
        sections: operations::sections(http),
        session: find("session"),
        closes: sessions::closes(&frames["channels"]["session"]["x-close-codes"]),
        sockjs: find("sockjs"),
        streams: channels.iter().filter(|it| it.is_stream()).map(|it| find(&it.key)).collect(),
        events: channels.iter().filter(|it| it.is_event()).map(|it| find(&it.key)).collect(),
        codes: codes.collect(),
        schemas: shapes(http, frames),
    }
}

/// The schemas of both documents; what is in both is told as requests and answers have it.
fn shapes(http: &Value, frames: &Value) -> Vec<Shape> {
    let of = |document: &Value| {
        let all = document["components"]["schemas"].as_object().cloned();
        all.unwrap_or_default()
    };
    let mut all = of(frames);
    all.extend(of(http));
    all.iter().map(|(name, schema)| shape(name, schema)).collect()
}

fn shape(name: &str, schema: &Value) -> Shape {
    let values = list(&schema["oneOf"]).filter(|it| it["const"].is_string());
    let values: Vec<_> =
        values.map(|it| (text(&it["const"]), fields::words(&it["description"]))).collect();
    let fields = fields::of(schema);
    let is_plain = fields.is_empty() && values.is_empty();
    Shape {
        name: name.to_owned(),
        about: fields::words(&schema["description"]),
        kind: if is_plain { fields::kind(schema) } else { Vec::new() },
        fields,
        values,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_of_both_documents_is_in_the_reference_and_every_link_leads_somewhere() {
        let reference = reference();
        let (http, frames) = (openapi(), asyncapi());
        let paths = http["paths"].as_object().unwrap().values();
        let operations: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
        let shown: usize = reference.sections.iter().map(|it| it.operations.len()).sum();
        assert_eq!(shown, operations);
        let channels = frames["channels"].as_object().unwrap().len();
        assert_eq!(channels, 2 + reference.streams.len() + reference.events.len());
        let names: Vec<&str> = reference.schemas.iter().map(|it| it.name.as_str()).collect();
        let fields = reference.schemas.iter().flat_map(|it| &it.fields);
        for piece in fields.flat_map(|field| &field.kind) {
            let Some(to) = &piece.to else { continue };
            assert!(names.contains(&to.trim_start_matches("schema-")), "{to} leads nowhere");
        }
    }
}
