//! The documents as a server gives them, and the server as the documents have it.

use anteroom::documents;
use reqwest::Method;
use serde_json::Value;

use crate::harness::{Answer, TestServer};

/// A place for what varies in a path.
fn filled(path: &str) -> String {
    path.replace("{room}", "999999").replace("{user}", "01a21f7a-0000-7000-8000-000000000000")
}

/// Every method and path of the OpenAPI document.
fn operations() -> Vec<(Method, String)> {
    let document = documents::openapi();
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    each.collect()
}

#[tokio::test]
async fn the_documents_are_given_as_they_are_and_not_twice() {
    let server = TestServer::plain().await;
    let http = crate::harness::http_client();
    for (path, expected) in
        [("/openapi.json", documents::openapi()), ("/asyncapi.json", documents::asyncapi())]
    {
        let url = format!("{}{path}", server.base());
        let answer = Answer::to(http.get(&url)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), expected);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        let again = http.get(&url).header("if-none-match", answer.header("etag"));
        assert_eq!(Answer::to(again).await.status, 304);
    }
}

/// The router is made of the declarations; this would see a path that another route hides.
#[tokio::test]
async fn every_declared_operation_is_answered_by_its_own_endpoint() {
    let server = TestServer::plain().await;
    let http = crate::harness::http_client();
    for (method, path) in operations() {
        // A stream has no end that could be waited for; it says at once what it is.
        let url = format!("{}{}", server.base(), filled(&path));
        let answer = http.request(method.clone(), &url).send().await.unwrap();
        let (status, is_page) = (answer.status().as_u16(), is_html(&answer));
        assert!(![404, 405].contains(&status), "{method} {path}: {status}");
        assert!(!is_page, "{method} {path} is answered with a page");
    }
}

fn is_html(answer: &reqwest::Response) -> bool {
    let kind = answer.headers().get("content-type").and_then(|it| it.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// Whoever must be logged in by the document is sent away without a login, and nobody else is.
#[tokio::test]
async fn who_must_log_in_is_as_declared() {
    let server = TestServer::plain().await;
    let http = crate::harness::http_client();
    let document = documents::openapi();
    for (method, path) in operations() {
        let declared = &document["paths"][&path][method.as_str().to_lowercase()];
        let needs_login = declared["security"].as_array().is_some_and(|it| !it.is_empty());
        let url = format!("{}{}", server.base(), filled(&path));
        let answer = http.request(method.clone(), &url).send().await.unwrap();
        assert_eq!(answer.status() == 401, needs_login, "{method} {path}: {}", answer.status());
    }
}

#[tokio::test]
async fn the_reference_is_a_page_in_both_languages_that_loads_nothing_from_elsewhere() {
    let server = TestServer::plain().await;
    for (language, title) in [("en", "API reference"), ("ko", "API 문서")] {
        let mut browser = server.browser(language);
        let page = browser.get("/docs").await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains(title), "{language}");
        for named in
            ["/api/v1/rooms/{room}/reservations", "login_expiring", "4409", "schema-Problem"]
        {
            assert!(page.body.contains(named), "{named}");
        }
        for loaded in ["src=\"http", "href=\"http", "<style", " style=\"", "<script>", "onclick"] {
            assert!(!page.body.contains(loaded), "{loaded}");
        }
        assert_eq!(browser.coding_of("/docs").await, "gzip");
    }
}

/// Refusals of the API that no handler makes are problem documents as well.
#[tokio::test]
async fn what_is_not_declared_is_refused_in_the_words_of_the_contract() {
    let server = TestServer::plain().await;
    let http = crate::harness::http_client();
    let url = |path: &str| format!("{}{path}", server.base());
    Answer::to(http.get(url("/api/v1/nonsense"))).await.refuses(404, "not_found");
    let answer = Answer::to(http.put(url("/api/v1/me"))).await;
    answer.refuses(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD,PATCH,DELETE");
    let array = http.post(url("/api/v1/users")).json(&Value::from(vec!["name", "password"]));
    Answer::to(array).await.refuses(400, "bad_request");
}
