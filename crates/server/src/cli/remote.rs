//! A command's way to the server that runs on the same data directory: its API, over the socket there.

use std::time::Duration;

use anteroom_client::tls::plain_http;
use anteroom_protocol::account::User;
use anteroom_protocol::page::Page;
use anteroom_protocol::{API_BASE, Problem};
use anyhow::Context as _;
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::accounts::names::fold;
use crate::app::socket_of;
use crate::config::Config;
use crate::http::control::Administrators;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(super) struct Remote {
    http: Client,
}

impl Remote {
    /// The server that runs on this data directory; `None` when none does.
    ///
    /// # Errors
    /// A socket that is somebody else's.
    pub(super) async fn reach(config: &Config) -> anyhow::Result<Option<Self>> {
        use std::io::ErrorKind::{ConnectionRefused, InvalidInput, NotFound};

        let path = socket_of(config);
        match UnixStream::connect(&path).await {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ConnectionRefused | NotFound) => return Ok(None),
            // Longer than the address of a socket may be: no server has one there, as it said when it started.
            Err(error) if error.kind() == InvalidInput => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot speak over {}", path.display()));
            }
        }
        let http = plain_http()?.unix_socket(path).timeout(PATIENCE).build()?;
        Ok(Some(Self { http }))
    }

    /// The same for commands that only a running server can obey.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn needed(config: &Config) -> anyhow::Result<Self> {
        let found = Self::reach(config).await?;
        found.with_context(|| {
            format!(
                "no server runs on {}; this command needs one",
                config.server.data_dir.display()
            )
        })
    }

    /// Asks below the API.
    ///
    /// # Errors
    /// What the server refuses, in its words.
    pub(super) async fn api(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        self.ask(method, &format!("{API_BASE}{path}"), body.as_ref()).await
    }

    /// Passes on what is read below the API, as it comes.
    ///
    /// # Errors
    /// What the server refuses, in its words; or it breaks off.
    pub(super) async fn copy(
        &self,
        path: &str,
        mut out: impl std::io::Write,
    ) -> anyhow::Result<()> {
        // However long it takes in all.
        let request = self.http.get(address(&format!("{API_BASE}{path}"))).timeout(Duration::MAX);
        let mut response = request.send().await?;
        if !response.status().is_success() {
            return refusal(response.status(), &response.text().await?);
        }
        while let Some(chunk) = response.chunk().await? {
            out.write_all(&chunk)?;
        }
        Ok(out.flush()?)
    }

    /// Asks for what commands alone may ask.
    ///
    /// # Errors
    /// What the server refuses, in its words.
    pub(super) async fn control(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Value> {
        self.ask(Method::POST, &format!("/control{path}"), Some(body)).await
    }

    /// Whether it is ready, and why not.
    ///
    /// # Errors
    /// It is not.
    pub(super) async fn ready(&self) -> anyhow::Result<()> {
        self.ask(Method::GET, "/readyz", None::<&Value>).await.map(drop)
    }

    /// An account by its name.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn user(&self, username: &str) -> anyhow::Result<User> {
        let query = [("q", username), ("limit", "200")];
        let request = self.http.get(address(&format!("{API_BASE}/admin/users"))).query(&query);
        let page: Page<User> = serde_json::from_value(answer(request).await?)?;
        let is_meant = |user: &User| fold(&user.username) == fold(username);
        page.items.into_iter().find(is_meant).with_context(|| format!("there is no {username}"))
    }

    /// How many administrators are left.
    ///
    /// # Errors
    /// What the server refuses, in its words.
    pub(super) async fn administrators(&self) -> anyhow::Result<u32> {
        let told = self.ask(Method::GET, "/control/administrators", None::<&Value>).await?;
        let told: Administrators = serde_json::from_value(told)?;
        Ok(told.administrators)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<Value> {
        let mut request = self.http.request(method, address(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request).await
    }
}

/// The host says nothing: the socket is the way.
fn address(path: &str) -> String {
    format!("http://localhost{path}")
}

async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let response = request.send().await?;
    let (status, text) = (response.status(), response.text().await?);
    if status.is_success() {
        return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
    }
    refusal(status, &text)
}

/// What the server refuses, in its words.
fn refusal<T>(status: StatusCode, text: &str) -> anyhow::Result<T> {
    let Ok(problem) = serde_json::from_str::<Problem>(text) else {
        anyhow::bail!("the server answered {status}");
    };
    let told: Vec<String> =
        problem.errors.iter().map(|it| format!("{}: {}", it.field, it.detail)).collect();
    if told.is_empty() {
        anyhow::bail!("{}", problem.detail)
    }
    anyhow::bail!("{}", told.join("; "))
}
