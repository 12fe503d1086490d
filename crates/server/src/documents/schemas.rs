//! JSON Schemas of the wire types, collected while a document is made.
//!
//! A type that is read is described as serde reads it, one that is written as serde writes it: what may be
//! left out of a request stands in every answer.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::endpoint::SchemaOf;

/// Where the documents keep schemas.
const PATH: &str = "/components/schemas";

/// The schemas that a document refers to.
pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    /// None yet, in the dialect of JSON Schema 2020-12 (OpenAPI 3.1).
    pub(super) fn new() -> Self {
        Self::from(SchemaSettings::draft2020_12())
    }

    /// None yet, in draft 7, which is what AsyncAPI 3 takes.
    pub(super) fn of_draft_7() -> Self {
        Self::from(SchemaSettings::draft07())
    }

    fn from(settings: SchemaSettings) -> Self {
        let settings = settings.with(|it| {
            it.definitions_path = PATH.into();
            it.meta_schema = None;
        });
        Self {
            read: settings.clone().for_deserialize().into_generator(),
            written: settings.for_serialize().into_generator(),
        }
    }

    /// Of something that the server reads.
    pub(super) fn read(&mut self, of: SchemaOf) -> Value {
        of(&mut self.read).to_value()
    }

    /// Of something that the server writes.
    pub(super) fn written(&mut self, of: SchemaOf) -> Value {
        let mut schema = of(&mut self.written).to_value();
        without_null(&mut schema);
        schema
    }

    /// The kinds of something that the server reads, which `type` tells apart.
    pub(super) fn variants_read(&mut self, of: SchemaOf) -> Vec<(String, Value)> {
        let mut schema = of(&mut self.read);
        self.read.transforms_mut().for_each(|it| it.transform(&mut schema));
        variants(schema.to_value())
    }

    /// The kinds of something that the server writes.
    pub(super) fn variants_written(&mut self, of: SchemaOf) -> Vec<(String, Value)> {
        let mut schema = of(&mut self.written);
        self.written.transforms_mut().for_each(|it| it.transform(&mut schema));
        let mut schema = schema.to_value();
        without_null(&mut schema);
        variants(schema)
    }

    /// Every schema that was referred to, by name.
    pub(super) fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        all.values_mut().for_each(without_null);
        for (name, schema) in self.read.take_definitions(true) {
            // The few that are read as well as written have no member that only one side knows.
            all.entry(name).or_insert(schema);
        }
        all
    }
}

/// The choices of a schema with the `type` of each.
fn variants(mut schema: Value) -> Vec<(String, Value)> {
    let choices = match schema["oneOf"].take() {
        Value::Array(choices) => choices,
        _ => Vec::new(),
    };
    let named = choices.into_iter().filter_map(|choice| {
        let kind = choice["properties"]["type"]["const"].as_str()?.to_owned();
        Some((kind, choice))
    });
    named.collect()
}

/// What a written object may lack is left out, and never `null`.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let required = object.get("required").cloned().unwrap_or_default();
            let is_required =
                |name: &str| required.as_array().is_some_and(|all| all.iter().any(|it| it == name));
            if let Some(Value::Object(members)) = object.get_mut("properties") {
                for (_, member) in members.iter_mut().filter(|(name, _)| !is_required(name)) {
                    never_null(member);
                }
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// Takes `null` out of what a value may be.
pub(super) fn never_null(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    if let [only] = choices.as_slice() {
        // Not beside what is said of it: in draft 7 a reference stands alone.
        let only = only.clone();
        object.remove("anyOf");
        object.insert("allOf".to_owned(), Value::Array(vec![only]));
    }
}
