//! HTTP as a browser without script speaks it: cookies, forms, pages. And answers taken apart.

use std::collections::BTreeMap;

use anteroom_client::Account;
use anteroom_client::tls::plain_http;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response, redirect};
use serde_json::Value;

use super::contract::judge;
use super::server::TestServer;

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Sends a request and reads what comes back, which is judged by the contract.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = Self::read(client.execute(request).await.unwrap()).await;
        judge(method.as_str(), &path, &answer);
        answer
    }

    /// The same of a listener that has only a part of what the contract tells of.
    pub(crate) async fn of_a_part(request: RequestBuilder) -> Self {
        Self::read(request.send().await.unwrap()).await
    }

    async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.text().await.unwrap();
        Self { status, headers, body }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One header; a missing one is empty.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Asserts a refusal of the contract: status, stable code, a problem document with words.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.header("content-type").starts_with("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        for words in ["type", "title", "detail"] {
            let text = problem[words].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "a problem without {words}: {self:?}");
        }
    }
}

/// A browser with a cookie jar, that follows nothing by itself.
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    cookies: BTreeMap<String, String>,
    language: &'static str,
}

impl TestServer {
    /// A browser whose user reads this language (`en`, `ko`).
    pub(crate) fn browser(&self, language: &'static str) -> Browser {
        let http = plain_http()
            .expect("a builder")
            .redirect(redirect::Policy::none())
            .build()
            .expect("an HTTP client");
        Browser { http, base: self.base().to_owned(), cookies: BTreeMap::new(), language }
    }

    /// A browser in which this account is logged in.
    pub(crate) fn browser_of(&self, account: &Account, language: &'static str) -> Browser {
        let mut browser = self.browser(language);
        browser.cookies.insert("anteroom_token".into(), account.token().to_string());
        browser
    }
}

impl Browser {
    /// Opens a page.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header("sec-fetch-site", "none");
        self.exchange(request).await
    }

    /// In which coding a page comes to a browser that takes it packed, as all do; empty when plain.
    pub(crate) async fn coding_of(&self, path: &str) -> String {
        let request = self.request(Method::GET, path).header("accept-encoding", "gzip, br");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let coding = response.headers().get("content-encoding").cloned();
        let body = response.bytes().await.unwrap();
        let coding = coding.map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
        assert_eq!(body.starts_with(&[0x1f, 0x8b]), coding == "gzip", "{path}: {coding}");
        coding
    }

    /// Sends a form of this site.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.base.clone();
        self.post_from(&origin, "same-origin", path, fields).await
    }

    /// Sends a form that stands on a page of `origin`.
    pub(crate) async fn post_from(
        &mut self,
        origin: &str,
        site: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = self
            .request(Method::POST, path)
            .header("origin", origin)
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.join("&"));
        self.exchange(request).await
    }

    /// Opens a page and what it leads to, until there is a page to read.
    pub(crate) async fn follow(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path).await;
        for _ in 0..5 {
            let Some(next) = answer.headers.get(LOCATION).cloned() else { return answer };
            answer = self.get(next.to_str().unwrap()).await;
        }
        panic!("{path} leads round in circles: {answer:?}")
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.into() };
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self
            .http
            .request(method, url)
            .header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header("accept-language", self.language);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        request
    }

    async fn exchange(&mut self, request: RequestBuilder) -> Answer {
        let answer = Answer::to(request).await;
        for line in answer.headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            let is_dropped = value.is_empty() || attributes.to_lowercase().contains("max-age=0");
            if is_dropped {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// A value as it stands in a form body or a query.
pub(crate) fn encode(value: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value
        .bytes()
        .map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
