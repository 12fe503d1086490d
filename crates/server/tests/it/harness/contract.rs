//! Every answer that a test takes apart is judged by the document that the server gives of its contract:
//! its status is declared for the request, and its media type and body are what is declared there. So is
//! every frame of a transcript.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use anteroom::documents;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::web::Answer;

static OPENAPI: LazyLock<Value> = LazyLock::new(|| closed(documents::openapi()));
static ASYNCAPI: LazyLock<Value> = LazyLock::new(documents::asyncapi);
/// Made once for each answer and frame of the documents.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// The same document, for which a member that it does not name is a fault: readers must bear new members, but
/// ours are all declared.
fn closed(mut document: Value) -> Value {
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    for schema in schemas.values_mut().filter(|it| it["properties"].is_object()) {
        schema["unevaluatedProperties"] = false.into();
    }
    document
}

/// Fails the test where an answer is not as the contract has it.
#[track_caller]
pub(crate) fn judge(method: &str, path: &str, answer: &Answer) {
    let Some((template, methods)) = declared(path) else {
        let is_api = path.starts_with("/api/");
        assert!(!is_api || answer.status == 404, "{path} is not declared: {answer:?}");
        return;
    };
    let method = method.to_lowercase();
    let Some(operation) = methods.get(&method) else {
        let is_of_all = method == "head" || method == "options" || answer.status == 405;
        assert!(is_of_all, "{method} {template} is not declared: {answer:?}");
        return;
    };
    let status = answer.status.to_string();
    let response = &operation["responses"][&status];
    let what = format!("{method} {template} {status}");
    assert!(response.is_object(), "{what} is not declared: {answer:?}");
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let is_there = !answer.header(name).is_empty();
        assert!(is_there || header["required"] != true, "{what} lacks {name}: {answer:?}");
    }
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.body, "", "{what} has a body that is not declared");
        return;
    };
    let media = answer.header("content-type");
    let Some(body) = content.get(media) else {
        let is_text = content.keys().any(|it| media.starts_with(&**it));
        assert!(is_text, "{what} is {media}, which is not declared");
        return;
    };
    if media.ends_with("json") {
        validate(&what, &answer.json(), || schema(&OPENAPI, &body["schema"]));
    }
}

/// Fails the test where a frame is not as the contract has it. `direction` is `toClient` or `fromClient`.
#[track_caller]
pub(crate) fn judge_frame(direction: &str, frame: &Value) {
    let name = format!("{direction}.{}", frame["type"].as_str().unwrap());
    let message = &ASYNCAPI["components"]["messages"][&name];
    assert!(message.is_object(), "{name} is not declared: {frame}");
    validate(&name, frame, || {
        let mut whole = schema(&ASYNCAPI, &message["payload"]);
        whole["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        whole
    });
}

/// A schema of a document, with all that it refers to.
fn schema(document: &Value, schema: &Value) -> Value {
    json!({ "allOf": [schema], "components": document["components"] })
}

#[track_caller]
fn validate(what: &str, value: &Value, schema: impl FnOnce() -> Value) {
    let mut all = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = all.entry(what.to_owned()).or_insert_with(|| {
        let options = jsonschema::options().should_validate_formats(true);
        options.build(&schema()).unwrap_or_else(|error| panic!("{what}: {error}"))
    });
    let faults: Vec<String> = validator
        .iter_errors(value)
        .map(|fault| format!("{} at {}", fault, fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{what} is not as declared: {faults:#?}\n{value:#}");
}

/// The declared path that an asked one is, and what is declared of it. What is said word for word goes before
/// what varies.
fn declared(path: &str) -> Option<(&'static str, &'static Map<String, Value>)> {
    let paths = OPENAPI["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let (asked, said) = (path.split('/'), template.split('/'));
        asked.clone().count() == said.clone().count()
            && asked.zip(said).all(|(a, s)| a == s || (s.starts_with('{') && !a.is_empty()))
    };
    let mut found: Vec<&String> = paths.keys().filter(|it| fits(it)).collect();
    found.sort_by_key(|template| template.matches('{').count());
    let template = found.first()?;
    Some((template, paths[*template].as_object().unwrap()))
}
