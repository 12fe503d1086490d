//! The pages: reachable, escaped, in both languages, and never a dead end.

use crate::harness::{Answer, Browser, Known as _, PASSWORD, TestServer};

/// What every page must have, whoever reads it.
fn is_a_page(answer: &Answer, language: &str) {
    assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
    assert!(answer.body.contains(&format!("<html lang=\"{language}\"")), "{answer:?}");
    assert!(answer.body.contains("name=\"viewport\""), "usable on a phone: {answer:?}");
    let title = answer.body.split("<title>").nth(1).and_then(|rest| rest.split('<').next());
    assert!(title.is_some_and(|title| title.trim().len() > 3), "a page has a title: {answer:?}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src") || policy.contains("script-src"), "{policy}");
    assert!(
        policy.contains("script-src 'self';") && policy.contains("style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe-") && !policy.contains('*'), "{policy}");
    for inline in ["<style", " style=", "<script>", " onclick=", " onload=", "javascript:"] {
        assert!(!answer.body.contains(inline), "{inline} in {answer:?}");
    }
    assert!(policy.contains("frame-ancestors") || !answer.header("x-frame-options").is_empty());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(!answer.header("referrer-policy").is_empty());
}

/// A refusal in words: the page names its code and has a way onward.
fn refuses(answer: &Answer, status: u16, code: &str, language: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    is_a_page(answer, language);
    assert!(answer.body.contains(&format!("data-refusal=\"{code}\"")), "{answer:?}");
    assert!(answer.body.contains("data-action="), "a way onward: {answer:?}");
    assert!(answer.body.contains("<h1"), "{answer:?}");
}

async fn sign_up(browser: &mut Browser, username: &str) -> Answer {
    let fields = [
        ("username", username),
        ("password", PASSWORD),
        ("display_name", ""),
        ("contact_number", ""),
        ("next", ""),
    ];
    browser.post("/signup", &fields).await
}

#[tokio::test]
async fn every_page_is_reachable_in_both_languages() {
    let server = TestServer::plain().await;
    for (language, login, lobby) in
        [("en", "Log in", "Open rooms"), ("ko", "로그인", "열려 있는 방")]
    {
        let mut browser = server.browser(language);
        for path in ["/", "/login", "/signup", "/guest", "/password"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            is_a_page(&answer, language);
            assert!(answer.body.contains(login), "{path} in {language}");
        }
        assert!(browser.get("/").await.body.contains(lobby));
        for asset in ["/assets/app.css", "/assets/room.js", "/assets/lobby.js", "/assets/logo.svg"]
        {
            let answer = browser.get(asset).await;
            assert_eq!(answer.status, 200, "{asset}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }
}

#[tokio::test]
async fn the_language_is_switched_and_kept() {
    let server = TestServer::plain().await;
    let mut browser = server.browser("en");
    is_a_page(&browser.get("/login").await, "en");
    let switched = browser.get("/lang/ko?next=%2Flogin").await;
    assert_eq!((switched.status, switched.header("location")), (303, "/login"));
    is_a_page(&browser.get("/login").await, "ko");
    is_a_page(&browser.get("/").await, "ko");
    let away = browser.get("/lang/en?next=https%3A%2F%2Fevil.example%2F").await;
    assert_eq!(away.header("location"), "/", "nobody is led away");
    assert_eq!(browser.get("/lang/xx").await.status, 404);
}

#[tokio::test]
async fn a_person_without_script_signs_up_makes_a_room_and_finds_it() {
    let server = TestServer::plain().await;
    let mut browser = server.browser("en");
    let answer = sign_up(&mut browser, "hana").await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(browser.cookie("anteroom_token").is_some(), "and is logged in");
    let cookie = answer.header("set-cookie").to_lowercase();
    assert!(cookie.contains("httponly") && cookie.contains("samesite=lax"), "{cookie}");
    let fields = [
        ("name", "Tea"),
        ("capacity", "7"),
        ("visibility", "public"),
        ("lifetime", "persistent"),
        ("password", ""),
        ("next", ""),
    ];
    let made = browser.post("/rooms/new", &fields).await;
    assert_eq!(made.status, 303, "{made:?}");
    let room = made.header("location").to_owned();
    assert!(room.starts_with("/rooms/"), "{room}");
    let page = browser.get(&room).await;
    assert_eq!(page.status, 200);
    is_a_page(&page, "en");
    assert!(page.body.contains("Tea") && page.body.contains("<noscript"), "{page:?}");
    assert!(page.body.contains("data-refusal=\"room_full\""), "with words for what may come");
    let out = browser.post("/logout", &[]).await;
    assert_eq!(out.status, 303);
    assert_eq!(browser.cookie("anteroom_token"), None);
    let back = browser
        .post("/login", &[("username", "hana"), ("password", PASSWORD), ("next", &room)])
        .await;
    assert_eq!(back.header("location"), room, "to where one wanted to go");
}

#[tokio::test]
async fn looking_at_a_room_takes_no_seat() {
    let server = TestServer::plain().await;
    let (room, _session) = server.room(&server.user("owner").await, 2).await;
    let mut browser = server.browser_of(&server.user("a").await, "en");
    assert_eq!(browser.get(&format!("/rooms/{room}")).await.status, 200);
    assert_eq!(server.seats(room).await.reserved, 0);
}

#[tokio::test]
async fn forms_come_back_with_what_was_typed_and_what_is_wrong() {
    let server = TestServer::plain().await;
    let mut browser = server.browser("ko");
    let fields = [("username", "h"), ("password", "short"), ("display_name", "하나"), ("next", "")];
    let answer = browser.post("/signup", &fields).await;
    assert_eq!(answer.status, 422);
    is_a_page(&answer, "ko");
    assert!(
        answer.body.contains("value=\"하나\"") && answer.body.contains("aria-invalid=\"true\"")
    );
    assert!(!answer.body.contains("value=\"short\""), "a password is never given back");
    sign_up(&mut browser, "hana").await;
    let taken = sign_up(&mut server.browser("ko"), "HANA").await;
    assert_eq!(taken.status, 409, "{taken:?}");
    let wrong = [("username", "hana"), ("password", "not the password"), ("next", "")];
    let answer = server.browser("en").post("/login", &wrong).await;
    assert_eq!(answer.status, 401);
    is_a_page(&answer, "en");
    let fields = [
        ("name", ""),
        ("capacity", "0"),
        ("visibility", "public"),
        ("lifetime", "persistent"),
        ("password", ""),
        ("next", ""),
    ];
    assert_eq!(browser.post("/rooms/new", &fields).await.status, 422);
}

#[tokio::test]
async fn what_people_write_is_text_and_never_markup() {
    let server = TestServer::plain().await;
    let name = "<script>alert(1)</script>\"'&";
    let guest = server.guest(name).await;
    let body = anteroom_protocol::room::CreateRoom {
        name: format!("{name} <img src=x onerror=alert(2)>"),
        capacity: 5,
        ..Default::default()
    };
    let created = guest.create_room(&body).await.unwrap();
    let room = created.room.id;
    let _session = guest.confirm(&created.reservation, Default::default()).await.unwrap();
    let mut browser = server.browser_of(&guest, "en");
    for path in [
        "/".to_owned(),
        format!("/rooms/{room}"),
        "/profile".into(),
        "/?q=%3Cscript%3Ealert".into(),
    ] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains("<script>alert"), "{path}: {answer:?}");
        assert!(!answer.body.contains("<img src=x"), "{path}: {answer:?}");
    }
    assert!(
        browser.get("/").await.body.contains("&lt;img")
            || browser.get("/").await.body.contains("&#60;img")
    );
    let probe = browser.get("/login?next=%22%3E%3Cscript%3Ealert(3)%3C%2Fscript%3E").await;
    assert!(!probe.body.contains("<script>alert(3)"), "{probe:?}");
}

#[tokio::test]
async fn refusals_are_pages_in_words_with_a_way_onward() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 2).await;
    owner.close_room(room).await.unwrap();
    for language in ["en", "ko"] {
        let mut browser = server.browser_of(&server.guest("a").await, language);
        refuses(&browser.get("/rooms/999999").await, 404, "room_not_found", language);
        refuses(&browser.get("/no/such/page").await, 404, "not_found", language);
        refuses(&browser.get(&format!("/rooms/{room}")).await, 410, "room_closed", language);
    }
}

#[tokio::test]
async fn a_page_that_needs_a_login_leads_there_and_back() {
    let server = TestServer::plain().await;
    let (room, _session) = server.room(&server.user("owner").await, 2).await;
    let path = format!("/rooms/{room}");
    for path in [&*path, "/profile", "/rooms/new"] {
        let mut browser = server.browser("en");
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        let to = answer.header("location");
        assert!(to.starts_with("/login") || to.starts_with("/guest"), "{path}: {to}");
        assert!(to.ends_with(&format!("next={path}")), "{path}: {to}");
        let page = browser.follow(path).await;
        assert_eq!(page.status, 200);
        is_a_page(&page, "en");
    }
}

#[tokio::test]
async fn a_form_on_another_site_does_nothing() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let mut browser = server.browser_of(&ann, "en");
    let fields = [("display_name", "Mallory"), ("contact_number", ""), ("next", "")];
    for (origin, site) in [
        ("https://evil.example", "cross-site"),
        ("null", "cross-site"),
        ("http://127.0.0.1:1", "same-site"),
    ] {
        let answer = browser.post_from(origin, site, "/profile", &fields).await;
        refuses(&answer, 403, "cross_site", "en");
        let answer = browser.post_from(origin, site, "/logout", &[]).await;
        refuses(&answer, 403, "cross_site", "en");
    }
    assert_eq!(ann.me().await.unwrap().display_name, "ann", "still there, still the same");
    assert_eq!(browser.post("/profile", &fields).await.status, 303);
    assert_eq!(ann.me().await.unwrap().display_name, "Mallory", "one's own form works");
    assert_eq!(ann.me().await.unwrap().id, ann.id());
}

#[tokio::test]
async fn an_api_call_with_a_cookie_from_another_site_is_refused() {
    let server = TestServer::plain().await;
    let ann = server.user("ann").await;
    let cookie = format!("anteroom_token={}", ann.token());
    let delete = || {
        let request = server.client().request(reqwest::Method::DELETE, "/sessions/current");
        request.header("cookie", &cookie)
    };
    Answer::to(delete()).await.refuses(403, "cross_site");
    Answer::to(delete().header("origin", "https://evil.example")).await.refuses(403, "cross_site");
    ann.me().await.unwrap();
    let own = delete().header("origin", server.base());
    assert_eq!(Answer::to(own).await.status, 204);
}

#[tokio::test]
async fn a_page_is_packed_unless_it_holds_a_key() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _here) = server.room(&owner, 3).await;
    let browser = server.browser_of(&owner, "en");
    assert_eq!(browser.coding_of("/").await, "gzip");
    assert_eq!(browser.coding_of(&format!("/rooms/{room}")).await, "gzip");
    // Beside a secret, what somebody else wrote must not show by the length how much of it is the same.
    assert_eq!(browser.coding_of(&format!("/rooms/{room}?key=guessed")).await, "");
}
