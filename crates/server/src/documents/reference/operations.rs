//! Requests and what they come to.

use serde_json::Value;

use super::fields::{self, Field, Piece};
use super::{list, text};

/// Some operations that are told together.
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) about: Vec<Piece>,
    pub(crate) operations: Vec<Operation>,
}

impl Section {
    /// Where on the page it is.
    pub(crate) fn anchor(&self) -> String {
        let word = self.name.split([' ', ',']).next().unwrap_or_default();
        word.to_lowercase()
    }
}

/// One request.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
    pub(crate) about: Vec<Vec<Piece>>,
    pub(crate) who: String,
    /// With where each is: `path`, `query` or `header`.
    pub(crate) parameters: Vec<(String, Field)>,
    pub(crate) body: Option<Body>,
    pub(crate) answers: Vec<Answer>,
    /// The status, and the codes it comes with.
    pub(crate) refusals: Vec<(String, Vec<String>)>,
}

/// The body of a request.
pub(crate) struct Body {
    pub(crate) kind: Vec<Piece>,
    pub(crate) is_required: bool,
}

/// An answer that is no refusal.
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) about: Vec<Piece>,
    /// Of the body: its media type, and what it is.
    pub(crate) body: Option<(String, Vec<Piece>)>,
    pub(crate) headers: Vec<(String, Vec<Piece>)>,
}

pub(super) fn sections(http: &Value) -> Vec<Section> {
    let paths = || http["paths"].as_object().into_iter().flatten();
    let section = |group: &Value| {
        let operations = paths().flat_map(|(path, methods)| {
            let of_group = methods.as_object().into_iter().flatten();
            let of_group = of_group.filter(|(_, it)| it["tags"][0] == group["name"]);
            of_group.map(move |(method, it)| operation(method, path, it))
        });
        Section {
            name: text(&group["name"]),
            about: fields::words(&group["description"]),
            operations: operations.collect(),
        }
    };
    list(&http["tags"]).map(section).collect()
}

fn operation(method: &str, path: &str, it: &Value) -> Operation {
    // Who may has a line of its own.
    let mut about = fields::paragraphs(&it["description"]);
    about.pop();
    let parameters = list(&it["parameters"]).map(|parameter| {
        let field = Field {
            name: text(&parameter["name"]),
            kind: fields::kind(&parameter["schema"]),
            is_required: parameter["required"] == true,
            about: fields::words(&parameter["description"]),
        };
        (text(&parameter["in"]), field)
    });
    let body = &it["requestBody"];
    let responses = || it["responses"].as_object().into_iter().flatten();
    let is_refusal = |status: &str| status.starts_with(['4', '5']);
    Operation {
        id: text(&it["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&it["summary"]),
        about,
        who: text(&it["x-who-may"]),
        parameters: parameters.collect(),
        body: body.is_object().then(|| Body {
            kind: fields::kind(&body["content"]["application/json"]["schema"]),
            is_required: body["required"] == true,
        }),
        answers: responses()
            .filter(|(status, _)| !is_refusal(status))
            .map(|(status, response)| answer(status, response))
            .collect(),
        refusals: responses()
            .filter(|(status, _)| is_refusal(status))
            .map(|(status, response)| (status.clone(), codes(response)))
            .collect(),
    }
}

fn answer(status: &str, response: &Value) -> Answer {
    let mut content = response["content"].as_object().into_iter().flatten();
    let headers = response["headers"].as_object().into_iter().flatten();
    Answer {
        status: status.to_owned(),
        about: fields::words(&response["description"]),
        body: content.next().map(|(media, it)| {
            let events = list(&it["x-events"]);
            let events: Vec<_> = events.map(|event| fields::kind(&event["data"])).collect();
            let kind = match events.is_empty() {
                true => fields::kind(&it["schema"]),
                false => events.join(&Piece::plain(", ")),
            };
            (media.clone(), kind)
        }),
        headers: headers
            .map(|(name, it)| (name.clone(), fields::words(&it["description"])))
            .collect(),
    }
}

fn codes(response: &Value) -> Vec<String> {
    let narrowed = &response["content"]["application/problem+json"]["schema"]["allOf"][1];
    list(&narrowed["properties"]["code"]["enum"]).map(text).collect()
}
