//! The HTTP side without a login: addresses, how an answer becomes a value or a [`Refusal`], and the
//! ways to sign in. It shares one connection pool among all clones and accounts.

use std::sync::Arc;
use std::time::Duration;

use anteroom_protocol::account::{self, GuestSignIn, PasswordChange, SignIn, SignUp, UserAnswer};
use anteroom_protocol::{API_BASE, Problem};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_rustls::rustls::ClientConfig;

use crate::account::Account;
use crate::error::{Error, Refusal, Result};
use crate::tls::Trust;
use crate::transport::Transport;

/// Longest wait for a whole HTTP answer.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for a TCP connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection on which nothing was asked for so long is not used again: half of the 10 s after which the server
/// closes it. A request that meets that close may have been heard, and cannot be asked again by itself.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// An address without the slash at its end; `ws` and `wss` are what others call the same servers.
fn address(text: &str) -> Result<Arc<str>> {
    let text = text.trim_end_matches('/');
    let url = Url::parse(text).map_err(|error| Error::Protocol(format!("{text}: {error}")))?;
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    match url.scheme() {
        "http" | "ws" => Ok(format!("http:{rest}").into()),
        "https" | "wss" => Ok(format!("https:{rest}").into()),
        _ => Err(Error::Protocol(format!("{text}: not an http address"))),
    }
}

/// One server, nobody signed in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    base: Arc<str>,
    http: reqwest::Client,
    tls: Arc<ClientConfig>,
    transport: Transport,
}

impl Client {
    /// A client of the server at `base_url`, such as `http://127.0.0.1:8080` or `https://chat.example.org`. Over
    /// TLS it trusts whom the machine trusts.
    ///
    /// # Errors
    /// [`Error::Protocol`] when the address is not an `http` or `https` one; [`Error::Authorities`] where the
    /// machine trusts nobody.
    pub fn new(base_url: impl AsRef<str>) -> Result<Self> {
        Self::trusting(base_url, &Trust::Machine)
    }

    /// As [`Client::new`], with whom it trusts over TLS.
    ///
    /// # Errors
    /// As [`Client::new`]; [`Error::Authorities`] when there is no certificate to be found.
    pub fn trusting(base_url: impl AsRef<str>, trust: &Trust) -> Result<Self> {
        let base = address(base_url.as_ref())?;
        let is_plain = base.starts_with("http://");
        let tls = if is_plain { &Trust::Nobody } else { trust }.config()?;
        let http = reqwest::Client::builder()
            .timeout(HTTP_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            .no_proxy()
            .tls_backend_preconfigured(ClientConfig::clone(&tls))
            .build()?;
        Ok(Self { base, http, tls, transport: Transport::default() })
    }

    /// As [`Client::new`], on an HTTP client of the caller's making (other limits, local address). What that one
    /// trusts over TLS is the caller's; WebSockets trust whom the machine trusts.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_http(base_url: impl AsRef<str>, http: reqwest::Client) -> Result<Self> {
        Ok(Self { http, ..Self::new(base_url)? })
    }

    /// The same, with sessions that are carried so unless the caller says otherwise.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// What carries the sessions of this client.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The address the client was made with, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// The HTTP client underneath, for requests this crate has no call for.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Whom WebSockets trust.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// The address of a path from the root, such as `/healthz`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The address of a path of the versioned API, such as `/rooms`.
    #[must_use]
    pub fn api_url(&self, path: &str) -> String {
        format!("{}{API_BASE}{path}", self.base)
    }

    /// A request to a path of the versioned API, to be completed by the caller.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.api_url(path))
    }

    /// The signed-in handle for a token from elsewhere. Nothing is asked of the server.
    #[must_use]
    pub fn with_token(&self, token: impl AsRef<str>) -> Account {
        Account::from_token(self.clone(), token.as_ref())
    }

    /// `POST /users`: makes an account. It does not sign in.
    ///
    /// # Errors
    /// `username_taken`, `invalid`, `rate_limited` as [`Error::Refused`]; otherwise the line.
    pub async fn sign_up(&self, body: &SignUp) -> Result<account::User> {
        let answer: UserAnswer = self.post("/users", body).await?;
        Ok(answer.user)
    }

    /// `POST /sessions`.
    ///
    /// # Errors
    /// `bad_credentials`, `account_locked`, `account_expired`, `credentials_expired`, `rate_limited`.
    pub async fn login(&self, username: &str, password: &str) -> Result<Account> {
        let body = SignIn { username: username.into(), password: password.into() };
        Ok(Account::signed_in(self.clone(), self.post("/sessions", &body).await?))
    }

    /// `POST /sessions/guest`.
    ///
    /// # Errors
    /// `guests_disabled`, `invalid`, `rate_limited`.
    pub async fn guest(&self, display_name: &str) -> Result<Account> {
        let body = GuestSignIn { display_name: display_name.into() };
        Ok(Account::signed_in(self.clone(), self.post("/sessions/guest", &body).await?))
    }

    /// `POST /users/password`.
    ///
    /// # Errors
    /// `bad_credentials`, `invalid`, `rate_limited`.
    pub async fn change_password(&self, body: &PasswordChange) -> Result<()> {
        execute_empty(self.request(Method::POST, "/users/password").json(body)).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        execute(self.request(Method::POST, path).json(body)).await
    }
}

/// Sends a request and reads its JSON answer.
///
/// # Errors
/// [`Error::Refused`] for a problem document, [`Error::Protocol`] for any other unexpected body.
pub async fn execute<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let (status, body) = accepted(request).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Error::Protocol(format!("HTTP {status} with an unknown body: {error}")))
}

/// Sends a request whose success has nothing to say.
///
/// # Errors
/// As [`execute`].
pub async fn execute_empty(request: RequestBuilder) -> Result<()> {
    accepted(request).await.map(drop)
}

/// Sends a request whose answer is read piece by piece.
///
/// # Errors
/// As [`execute`].
pub(crate) async fn opened(request: RequestBuilder) -> Result<Response> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after(&response);
    Err(refusal(status.as_u16(), &response.bytes().await?, retry_after))
}

async fn accepted(request: RequestBuilder) -> Result<(u16, bytes::Bytes)> {
    let response = request.send().await?;
    let status = response.status();
    let retry_after = retry_after(&response);
    let body = response.bytes().await?;
    if status.is_success() {
        return Ok((status.as_u16(), body));
    }
    Err(refusal(status.as_u16(), &body, retry_after))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

pub(crate) fn refusal(status: u16, body: &[u8], retry_after: Option<Duration>) -> Error {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if problem.status == status => {
            Error::Refused(Box::new(Refusal { problem, retry_after }))
        }
        Ok(problem) => Error::Protocol(format!(
            "HTTP {status} with a problem that says {} {}",
            problem.status, problem.code
        )),
        Err(error) => Error::Protocol(format!("HTTP {status} without a problem document: {error}")),
    }
}
