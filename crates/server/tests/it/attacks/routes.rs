//! Everything the server answers: what its own document tells of, and pages and sockets, read from the sources. What
//! is added there is tried here.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::Value;

/// One way to ask.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// With `{room}` and the like in it.
    pub(super) path: String,
}

impl Route {
    /// The path with something real in each place.
    pub(super) fn to(&self, room: i64, user: uuid::Uuid) -> String {
        let (room, user) = (room.to_string(), user.to_string());
        [
            ("{room}", &*room),
            ("{user}", &user),
            ("{id}", &user),
            ("{tag}", "ko"),
            ("{server}", "000"),
            ("{session}", "abcdefgh"),
            ("{page}", "iframe.html"),
            ("{name}", "app.css"),
        ]
        .iter()
        .fold(self.path.clone(), |path, (place, value)| path.replace(place, value))
    }

    pub(super) fn is_of_the_api(&self) -> bool {
        self.path.starts_with("/api/")
    }
}

/// All of them.
pub(super) fn all() -> Vec<Route> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut routes = documented();
    for name in ["pages", "sockjs", "upgrade.rs"] {
        collect(&dir.join(name), &mut routes);
    }
    assert!(routes.len() > 80, "the sources are read wrongly: {} routes", routes.len());
    for (method, path) in [
        (Method::PATCH, "/api/v1/rooms/{room}"),
        (Method::POST, "/sockjs/{server}/{session}/xhr"),
        (Method::GET, "/ws"),
        (Method::POST, "/rooms/{room}/settings"),
    ] {
        let is_there = routes.iter().any(|it| it.method == method && it.path == path);
        assert!(is_there, "the sources are read wrongly: no {method} {path}");
    }
    routes
}

/// Those that the router is made of the document's own declarations for.
fn documented() -> Vec<Route> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_anteroom"));
    let told = program.args(["document", "openapi"]).output().unwrap();
    let document: Value = serde_json::from_slice(&told.stdout).unwrap();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for name in operations.as_object().unwrap().keys() {
            // Beside the methods stands what all of them share.
            if let "get" | "post" | "put" | "patch" | "delete" = &**name {
                let method = Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();
                routes.push(Route { method, path: path.clone() });
            }
        }
    }
    routes
}

fn collect(path: &Path, routes: &mut Vec<Route>) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.for_each(|entry| collect(&entry, routes));
    } else if path.extension().is_some_and(|it| it == "rs") {
        let text = std::fs::read_to_string(path).unwrap();
        text.split(".route(").skip(1).for_each(|rest| read(rest, routes));
    }
}

/// What stands behind `.route(`: an address, and how one may ask there.
fn read(rest: &str, routes: &mut Vec<Route>) {
    let mut open = 1_usize;
    let end = rest.find(|c| {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    });
    let call = &rest[..end.expect("the end of a call")];
    let address = call.split('"').nth(1).expect("an address");
    let path = match call.starts_with("&of_session") {
        true => format!("/sockjs/{{server}}/{{session}}/{address}"),
        false => address.to_owned(),
    };
    let words = call.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '('));
    for word in words {
        let method = match word.split('(').next().filter(|_| word.contains('(')) {
            Some("get" | "any") => Method::GET,
            Some("post") => Method::POST,
            Some("put") => Method::PUT,
            Some("patch") => Method::PATCH,
            Some("delete") => Method::DELETE,
            _ if word.contains("(post(") => Method::POST,
            _ => continue,
        };
        routes.push(Route { method, path: path.clone() });
    }
}
