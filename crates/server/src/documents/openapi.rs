//! The OpenAPI 3.1 document.

use std::collections::BTreeMap;

use anteroom_protocol::{Code, Problem};
use serde_json::{Map, Value, json};

use super::VERSION;
use super::endpoint::{Answer, Asked, Body, Endpoint, Group, StreamEvent};
use super::schemas::{Schemas, never_null};
use crate::edge;
use crate::http::endpoints;

const PROBLEM: &str = "application/problem+json";
const ABOUT: &str = "A real-time chat server whose rooms keep their capacity. Entry has two steps: a seat is \
    reserved over HTTP, and the ticket of the reservation opens the WebSocket (see the AsyncAPI document at \
    `/asyncapi.json`).\n\nJSON is UTF-8 and `snake_case`; instants are RFC 3339, UTC, with milliseconds; spans \
    end in `_ms`. Every refusal is an RFC 9457 problem document with a stable `code`. Fields may be added to \
    what the server writes; members of a request that are not named here are refused. A method that is not \
    named here is answered 405 `method_not_allowed`.";

/// The HTTP side of the contract, as OpenAPI 3.1.
#[must_use]
pub fn openapi() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints() {
        let operation = operation(&endpoint, &mut schemas);
        let path = paths.entry(endpoint.path).or_default();
        path.insert(endpoint.method.as_str().to_owned(), operation);
    }
    let groups = Group::ALL.map(|it| json!({ "name": it.name(), "description": it.about() }));
    let codes = Code::ALL.iter().map(|code| {
        let about = json!({ "title": edge::title(*code), "status": edge::status(*code).as_u16() });
        (code.to_string(), about)
    });
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Anteroom",
            "version": VERSION,
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The server that gave this document." }],
        "tags": groups,
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `token` of a sign-in. Works from configured origins as well.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "anteroom_token",
                    "description": "The same token, as browsers carry it; over TLS it is called \
                        `__Host-anteroom_token`. An unsafe request with it must \
                        say by `Origin` or `Sec-Fetch-Site` that it comes from the own site.",
                },
            },
        },
        "x-codes": codes.collect::<Map<_, _>>(),
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
    let login = json!([{ "bearer": [] }, { "cookie": [] }]);
    let mut operation = json!({
        "operationId": endpoint.id,
        "tags": [endpoint.group.name()],
        "summary": endpoint.summary,
        "description": described(endpoint),
        "x-who-may": endpoint.may.told(),
        "security": if endpoint.needs_login() { login } else { json!([]) },
        "responses": responses(endpoint, schemas),
    });
    let parameters = parameters(&endpoint.asked, schemas);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some((of, is_required)) = endpoint.asked.body {
        operation["requestBody"] = json!({
            "required": is_required,
            "content": { "application/json": { "schema": schemas.read(of) } },
        });
    }
    operation
}

fn described(endpoint: &Endpoint) -> String {
    let who = format!("Who may: {}.", endpoint.may.told());
    if endpoint.about.is_empty() { who } else { format!("{}\n\n{who}", endpoint.about) }
}

fn parameters(asked: &Asked, schemas: &mut Schemas) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for parameter in &asked.parameters {
        all.push(json!({
            "name": parameter.name,
            "in": parameter.place,
            "required": parameter.place == "path",
            "description": parameter.about,
            "schema": schemas.read(parameter.schema),
        }));
    }
    let Some(of) = asked.query else { return all };
    let mut query = schemas.read(of);
    let required = query["required"].take();
    let Value::Object(members) = query["properties"].take() else { return all };
    for (name, mut schema) in members {
        // A parameter has no way to be null.
        never_null(&mut schema);
        let about = schema.as_object_mut().and_then(|it| it.remove("description"));
        let is_required = required.as_array().is_some_and(|all| all.iter().any(|it| *it == *name));
        let parameter = json!({
            "name": name,
            "in": "query",
            "required": is_required,
            "description": about.unwrap_or_default(),
            "schema": schema,
        });
        all.push(parameter);
    }
    all
}

fn responses(endpoint: &Endpoint, schemas: &mut Schemas) -> Map<String, Value> {
    let mut all = Map::new();
    for answer in &endpoint.answers {
        all.insert(answer.status.to_string(), answered(answer, schemas));
    }
    let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in endpoint.all_refusals() {
        refusals.entry(edge::status(code).as_u16()).or_default().push(code);
    }
    for (status, codes) in refusals {
        all.insert(status.to_string(), refused(status, &codes, schemas));
    }
    all
}

fn answered(answer: &Answer, schemas: &mut Schemas) -> Value {
    let mut shown = json!({ "description": answer.about });
    match answer.body {
        Body::Nothing => {}
        Body::Json(of) => {
            shown["content"] = json!({ "application/json": { "schema": schemas.written(of) } });
        }
        Body::Text(kind) => {
            shown["content"] = json!({ kind: { "schema": { "type": "string" } } });
        }
        Body::Events(events) => {
            let schema = json!({ "type": "string", "contentMediaType": "text/event-stream" });
            let events: Vec<Value> = events.iter().map(|it| streamed(it, schemas)).collect();
            shown["content"] =
                json!({ "text/event-stream": { "schema": schema, "x-events": events } });
        }
    }
    let headers = answer.headers.iter().map(|(name, about)| {
        (
            (*name).to_owned(),
            json!({ "description": about, "required": true, "schema": { "type": "string" } }),
        )
    });
    let headers: Map<String, Value> = headers.collect();
    if !headers.is_empty() {
        shown["headers"] = headers.into();
    }
    shown
}

/// One of the events of a stream, whose `data` is JSON.
fn streamed(event: &StreamEvent, schemas: &mut Schemas) -> Value {
    let data = schemas.written(event.schema);
    json!({ "event": event.name, "description": event.about, "data": data })
}

fn refused(status: u16, codes: &[Code], schemas: &mut Schemas) -> Value {
    let problem = schemas.written(|generator| generator.subschema_for::<Problem>());
    let about: Vec<String> =
        codes.iter().map(|code| format!("`{code}`: {}.", edge::title(*code))).collect();
    let narrowed = json!({
        "properties": {
            "status": { "const": status },
            "code": { "enum": codes.iter().map(|it| it.as_str()).collect::<Vec<_>>() },
        },
    });
    let mut shown = json!({
        "description": about.join("\n\n"),
        "content": { PROBLEM: { "schema": { "allOf": [problem, narrowed] } } },
    });
    let seconds = json!({ "type": "integer", "minimum": 1 });
    match status {
        401 => {
            shown["headers"] = json!({
                "WWW-Authenticate": { "description": "`Bearer`", "required": true, "schema": { "const": "Bearer" } },
                "Retry-After": {
                    "description": "With `reason: store_unavailable`: after how many seconds to ask again.",
                    "schema": seconds,
                },
            });
        }
        429 | 503 => {
            let about = "After how many seconds to ask again.";
            shown["headers"] =
                json!({ "Retry-After": { "description": about, "schema": seconds } });
            if status == 429 {
                shown["headers"]["RateLimit"] = json!({
                    "description": "Which limit was reached, that nothing of it is left, and in how many seconds \
                                    it begins anew: `\"room\";r=0;t=42`.",
                    "schema": { "type": "string" },
                });
            }
        }
        _ => {}
    }
    shown
}

#[cfg(test)]
mod tests {
    use anteroom_core::limits;

    use super::*;

    /// Every `$ref` below `value`.
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|it| references(it, found));
            }
            Value::Array(items) => items.iter().for_each(|it| references(it, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_no_two_types_have_one_name() {
        for document in [openapi(), crate::documents::asyncapi()] {
            let mut found = Vec::new();
            references(&document, &mut found);
            assert!(found.len() > 100, "the references are found");
            for reference in found {
                let there = document.pointer(reference.trim_start_matches('#'));
                assert!(there.is_some_and(Value::is_object), "{reference} leads nowhere");
            }
            // A second type of the same name would be called `Name2`.
            let names = document["components"]["schemas"].as_object().unwrap().keys();
            let twice: Vec<_> =
                names.filter(|it| it.ends_with(|c: char| c.is_ascii_digit())).collect();
            assert_eq!(twice, Vec::<&String>::new());
        }
    }

    #[test]
    fn the_bounds_of_bodies_are_those_of_the_domain() {
        let document = openapi();
        for (at, expected) in [
            ("SignUp/properties/username/minLength", limits::USERNAME_CHARS_MIN),
            ("SignUp/properties/username/maxLength", limits::USERNAME_CHARS_MAX),
            ("SignUp/properties/password/minLength", limits::PASSWORD_CHARS_MIN),
            ("SignUp/properties/password/maxLength", limits::PASSWORD_CHARS_MAX),
            ("ProfileChange/properties/display_name/maxLength", limits::DISPLAY_NAME_CHARS_MAX),
            ("ProfileChange/properties/contact_number/maxLength", limits::CONTACT_CHARS_MAX),
            ("CreateRoom/properties/name/maxLength", limits::ROOM_NAME_CHARS_MAX),
            ("CreateRoom/properties/capacity/maximum", limits::CAPACITY_MAX as usize),
            ("ChangeRoom/properties/staff_seats/maximum", limits::CAPACITY_MAX as usize),
        ] {
            let there = document.pointer(&format!("/components/schemas/{at}"));
            assert_eq!(there.and_then(Value::as_u64), Some(expected as u64), "{at}");
        }
        let paths = &document["paths"];
        let query = &paths["/api/v1/rooms/{room}/messages/search"]["get"]["parameters"];
        let bound = |name: &str| {
            let all = query.as_array().unwrap();
            all.iter().find(|it| it["name"] == name).unwrap()["schema"].clone()
        };
        assert_eq!(bound("q")["maxLength"], limits::SEARCH_CHARS_MAX);
        assert_eq!(bound("limit")["maximum"], limits::PAGE_MAX);
    }

    #[test]
    fn instants_ids_and_what_may_be_left_out_are_as_on_the_wire() {
        let document = openapi();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Timestamp"]["format"], "date-time");
        assert_eq!(schemas["User"]["properties"]["id"]["format"], "uuid");
        assert_eq!(schemas["Room"]["properties"]["id"]["type"], "integer");
        // Left out where it is missing, in answers; `null` is as good in requests.
        assert_eq!(schemas["User"]["properties"]["contact_number"]["type"], "string");
        let read = &schemas["SignUp"]["properties"]["contact_number"]["type"];
        assert_eq!(*read, json!(["string", "null"]));
        assert_eq!(schemas["SignUp"]["additionalProperties"], false);
        let required = schemas["CreateRoom"]["required"].as_array().unwrap();
        assert_eq!(*required, vec![json!("name"), json!("capacity")]);
    }

    #[test]
    fn every_operation_has_its_own_name_and_says_who_may() {
        let document = openapi();
        let mut ids = std::collections::BTreeSet::new();
        for endpoint in endpoints() {
            assert!(ids.insert(endpoint.id), "{} is there twice", endpoint.id);
            let path = &document["paths"][&endpoint.path][endpoint.method.as_str()];
            let shown = path["description"].as_str().unwrap();
            assert!(shown.ends_with(&format!("Who may: {}.", endpoint.may.told())), "{shown}");
            assert!(!endpoint.answers.is_empty(), "{} answers nothing", endpoint.id);
        }
    }
}
