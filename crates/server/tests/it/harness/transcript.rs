//! Golden transcripts: what people ask, say and hear, written down and compared with what was written down
//! before. What differs from one run to the next has a name in its place.
//!
//! `TRANSCRIPTS=write cargo test -p anteroom --test it -- transcripts::` writes them anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anteroom_client::Account;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::contract::judge_frame;
use super::waiting::within;
use super::web::Answer;

/// What comes when it comes, several in one, and to whoever caused it as well.
const COALESCED: [&str; 4] = ["presence", "seats", "typing", "read"];

/// What was said in one story.
pub(crate) struct Transcript {
    name: &'static str,
    lines: Vec<Value>,
}

/// A WebSocket in a story.
pub(crate) struct Talk {
    who: &'static str,
    socket: WebSocketStream<TcpStream>,
}

impl Transcript {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { name, lines: Vec::new() }
    }

    /// Somebody asks over HTTP; what is answered.
    pub(crate) async fn ask(
        &mut self,
        (who, account): (&str, &Account),
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        let mut line = json!({ "who": who, "asks": format!("{method} /api/v1{path}") });
        let mut request = account.request(method, path);
        if !body.is_null() {
            request = request.json(&body);
            line["with"] = body;
        }
        self.lines.push(line);
        let answer = Answer::to(request).await;
        let said = if answer.body.is_empty() { Value::Null } else { answer.json() };
        self.lines.push(json!({ "who": who, "status": answer.status, "answer": said }));
        said
    }

    /// Presents a ticket; what follows is heard with [`Transcript::hear`].
    pub(crate) async fn open(&mut self, who: &'static str, url: &str) -> Talk {
        let (_, rest) = url.split_once("://").unwrap();
        let (address, query) = rest.split_once('/').unwrap();
        self.lines.push(json!({ "who": who, "opens": format!("/{}", nameless(query)) }));
        let stream = TcpStream::connect(address).await.unwrap();
        let request = url.into_client_request().unwrap();
        Talk { who, socket: client_async(request, stream).await.unwrap().0 }
    }

    /// Says something.
    pub(crate) async fn say(&mut self, talk: &mut Talk, frame: Value) {
        judge_frame("fromClient", &frame);
        talk.socket.send(Message::text(frame.to_string())).await.unwrap();
        self.lines.push(json!({ "who": talk.who, "says": frame }));
    }

    /// Hears the next frame, which is of this kind. One that is coalesced is passed over unless it is the
    /// one that is wanted.
    pub(crate) async fn hear(&mut self, talk: &mut Talk, kind: &str) -> Value {
        loop {
            let next = within(kind, talk.socket.next()).await.unwrap().unwrap();
            let Message::Text(text) = next else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            judge_frame("toClient", &frame);
            if frame["type"] == kind {
                self.lines.push(json!({ "who": talk.who, "hears": frame }));
                return frame;
            }
            let is_passed_over = COALESCED.iter().any(|it| frame["type"] == *it);
            assert!(is_passed_over, "{} waits for {kind} and hears {frame}", talk.who);
        }
    }

    /// Hears the end.
    pub(crate) async fn close(&mut self, mut talk: Talk) {
        let code = within("a close", async {
            loop {
                match talk.socket.next().await.unwrap().unwrap() {
                    Message::Close(close) => break close.map_or(1005, |it| it.code.into()),
                    Message::Text(text) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        let is_coalesced = COALESCED.iter().any(|it| frame["type"] == *it);
                        assert!(is_coalesced, "{} waits for the end and hears {frame}", talk.who);
                    }
                    _ => {}
                }
            }
        });
        let code: u16 = code.await;
        self.lines.push(json!({ "who": talk.who, "closed": code }));
    }

    /// Notes something that came in another way.
    #[expect(clippy::needless_pass_by_value, reason = "what is noted is written where it is noted")]
    pub(crate) fn note(&mut self, who: &str, what: &str, said: Value) {
        self.lines.push(json!({ "who": who, what: said }));
    }

    /// Compares the story with what was written down.
    pub(crate) fn compare(self) {
        let mut names = Names::default();
        let told: Vec<String> =
            self.lines.into_iter().map(|line| names.take_out(line).to_string()).collect();
        let told = format!("{}\n", told.join("\n"));
        let path = home().join(format!("{}.jsonl", self.name));
        if std::env::var("TRANSCRIPTS").is_ok_and(|how| how == "write") {
            std::fs::create_dir_all(home()).unwrap();
            std::fs::write(&path, &told).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        for (at, (told, golden)) in told.lines().zip(golden.lines()).enumerate() {
            assert_eq!(told, golden, "line {} of {}", at + 1, path.display());
        }
        assert_eq!(told.lines().count(), golden.lines().count(), "lines of {}", path.display());
    }
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transcripts")
}

/// The query of a WebSocket without its secrets.
fn nameless(query: &str) -> String {
    let (path, query) = query.split_once('?').unwrap_or((query, ""));
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name @ ("ticket" | "resume"), _)) => format!("{name}=<{name}>"),
        _ => part.to_owned(),
    });
    format!("{path}?{}", parts.collect::<Vec<_>>().join("&"))
}

/// Names for what is another one in each run: the same one for the same thing.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn take_out(&mut self, value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    let value = self.member(&name, value);
                    (name, value)
                });
                Value::Object(members.collect())
            }
            Value::Array(items) => items.into_iter().map(|item| self.take_out(item)).collect(),
            other => self.plain(other),
        }
    }

    fn member(&mut self, name: &str, value: Value) -> Value {
        match (name, &value) {
            ("ticket" | "resume" | "generation" | "websocket_url", Value::String(_)) => {
                json!(format!("<{name}>"))
            }
            (_, Value::Number(_)) if name.ends_with("_ms") && name != "heartbeat_ms" => {
                json!("<ms>")
            }
            _ => self.take_out(value),
        }
    }

    fn plain(&mut self, value: Value) -> Value {
        let Some(text) = value.as_str() else { return value };
        if anteroom_protocol::Timestamp::parse(text).is_some() {
            return json!("<time>");
        }
        // Also where it stands in a path.
        let parts = text.split('/').map(|part| match uuid::Uuid::parse_str(part) {
            Err(_) => part.to_owned(),
            Ok(_) => {
                let next = format!("<id {}>", self.0.len() + 1);
                self.0.entry(part.to_owned()).or_insert(next).clone()
            }
        });
        json!(parts.collect::<Vec<_>>().join("/"))
    }
}
