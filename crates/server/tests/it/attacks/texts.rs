//! What people write: names that pass for others', characters that weigh more than they look, markup, and
//! lines for whoever reads the log.

use reqwest::Method;
use serde_json::{Value, json};

use super::requests::cpu_ms;
use super::{Scene, by_status};
use crate::harness::{Answer, PASSWORD, TestServer, next_message, within};

async fn sign_up(server: &TestServer, username: &str) -> Answer {
    let body = json!({ "username": username, "password": PASSWORD });
    Answer::to(server.client().request(Method::POST, "/users").json(&body)).await
}

#[tokio::test]
async fn a44_no_name_passes_for_another() {
    let scene = Scene::set().await;
    let server = &scene.server;
    for name in ["alice", "scope", "김하나", "мария", "straße", "hana-2"] {
        assert_eq!(sign_up(server, name).await.status, 201, "{name}");
    }
    // The same name for whoever reads without regard to case or form.
    for twin in ["ALICE", "ａｌｉｃｅ", "𝐚𝐥𝐢𝐜𝐞", "ⓐⓛⓘⓒⓔ", "김하나", "МАРИЯ"]
    {
        let refusal = sign_up(server, twin).await;
        assert!(matches!(refusal.status, 409 | 422), "{twin}: {refusal:?}");
    }
    // The same name for the eye, and what no eye sees.
    for (what, name) in [
        ("two scripts", "аlice"),
        ("two scripts", "alicе"),
        ("two scripts", "αlice"),
        ("two scripts", "al1се"),
        ("one script that looks like another", "ѕсоре"),
        ("one script that looks like another", "ԁеаԁ"),
        ("Hangul with Cyrillic", "김сора"),
        ("zero width", "ali\u{200b}ce"),
        ("zero width joiner", "ali\u{200d}ce"),
        ("soft hyphen", "ali\u{ad}ce"),
        ("turned round", "\u{202e}ecila"),
        ("isolates", "\u{2066}alice\u{2069}"),
        ("tags", "alice\u{e0061}\u{e0062}"),
        ("a variation selector", "alice\u{fe0f}"),
        ("a Hangul filler", "alice\u{3164}"),
        ("a mark of no letter", "\u{301}alice"),
        ("only spaces", "   "),
        ("only signs", "._-"),
        ("a space behind", "alice "),
        ("no-break space", "ali\u{a0}ce"),
        ("a line", "alice\nadmin"),
        ("private use", "alice\u{e000}"),
        ("unassigned", "alice\u{378}"),
    ] {
        let refusal = sign_up(server, name).await;
        assert_eq!(refusal.status, 422, "{what}: {name:?}: {refusal:?}");
        assert_eq!(refusal.json()["errors"][0]["field"], "username", "{what}: {name:?}");
    }
    // What speaks for the server, and what guests are called, is taken.
    for name in ["admin", "Administrator", "SYSTEM", "moderator", "Ａnteroom", "guest-0123456789"]
    {
        sign_up(server, name).await.refuses(409, "username_taken");
    }
    // Whole names of one script, and of those that are written together, are as good as any.
    for name in ["дмитрий", "kim하나", "田中さん", "αθηνά", "سارة1", "ünal_99"]
    {
        assert_eq!(sign_up(server, name).await.status, 201, "{name}");
    }
    // What others read hides nothing either.
    for hidden in ["a\u{202e}b", "\u{200b}", "a\u{2028}b", "\u{e0041}x", "a\tb", "\u{3164}"] {
        for (path, body) in [
            ("/sessions/guest", json!({ "display_name": hidden })),
            ("/rooms", json!({ "name": hidden, "capacity": 3 })),
        ] {
            let answer = Answer::to(scene.owner.request(Method::POST, path).json(&body)).await;
            answer.refuses(422, "invalid");
        }
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a45_characters_weigh_no_more_than_they_are_counted() {
    let scene = Scene::set().await;
    let (server, room) = (&scene.server, scene.room);
    let before = cpu_ms(server.pid());
    let bombs = [
        ("marks", format!("a{}", "\u{301}".repeat(10_000))),
        ("marks of all kinds", format!("a{}", "\u{301}\u{323}\u{316}\u{5b0}\u{345}".repeat(2_000))),
        ("eighteen for one", "\u{fdfa}".repeat(3_000)),
        ("joined", "👩\u{200d}".repeat(9_000)),
        ("Hangul apart", "\u{1112}\u{1161}\u{11ab}".repeat(7_000)),
        ("turned round", "\u{202e}\u{2066}".repeat(9_000)),
    ];
    for (what, bomb) in &bombs {
        for (path, body) in [
            ("/users", json!({ "username": bomb, "password": PASSWORD })),
            ("/sessions/guest", json!({ "display_name": bomb })),
            ("/rooms", json!({ "name": bomb, "capacity": 3 })),
        ] {
            let answer = Answer::to(scene.owner.request(Method::POST, path).json(&body)).await;
            assert!(matches!(answer.status, 413 | 422), "{what}, {path}: {answer:?}");
        }
        let body = json!({ "username": bomb, "password": "not the password" });
        let answer =
            Answer::to(server.client().request(Method::POST, "/sessions").json(&body)).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
    }
    // Short as they are typed, long once they are compared.
    for name in ["\u{fdfa}\u{fdfa}\u{fdfa}", &"\u{149}".repeat(17)] {
        let body = json!({ "username": name, "password": PASSWORD });
        let answer = Answer::to(server.client().request(Method::POST, "/users").json(&body)).await;
        answer.refuses(422, "invalid");
    }
    // What is said is said as it is, within the limit of characters, and found and told without harm.
    let mut session = server.guest("bomber").await.enter(room).await.unwrap();
    for (what, bomb) in &bombs {
        let cut: String = bomb.chars().take(4_000).collect();
        within("an ack", session.send(cut.clone())).await.unwrap();
        assert_eq!(next_message(&mut session).await.content, cut, "{what}");
        if bomb.chars().count() > 4_000 {
            let over: String = bomb.chars().take(4_001).collect();
            assert!(within("a refusal", session.send(over)).await.is_err(), "{what}");
        }
    }
    let search = format!("/rooms/{room}/messages/search?q=%EF%B7%BA");
    let found = Answer::to(scene.owner.request(Method::GET, &search)).await;
    assert!(matches!(found.status, 200 | 400 | 422), "{found:?}");
    let used = cpu_ms(server.pid()) - before;
    // Six hashes of passwords among it, which are most of it.
    assert!(used < 3_000, "{used} ms of work for {} bombs", bombs.len());
    session.leave().await.unwrap();
    scene.ends_well().await;
}

/// What would be markup if anything here were. In browsers: `tests/browser/xss.test.mjs`.
const MARKUP: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "<a href=javascript:alert(1)>",
    "<iframe srcdoc=x>",
    "--><b onclick=x>",
];

#[tokio::test]
async fn a46_what_people_write_is_text_and_never_markup() {
    let server = TestServer::plain().await;
    for text in MARKUP {
        let guest = server.guest(text).await;
        let body = anteroom_protocol::room::CreateRoom {
            name: (*text).to_owned(),
            capacity: 5,
            ..Default::default()
        };
        let created = guest.create_room(&body).await.unwrap();
        let room = created.room.id;
        let session = guest.confirm(&created.reservation, Default::default()).await.unwrap();
        let mut browser = server.browser_of(&guest, "en");
        let q = crate::harness::encode(text);
        let mut escaped = 0;
        for path in [
            "/".to_owned(),
            format!("/?q={q}"),
            format!("/rooms/{room}"),
            format!("/rooms/{room}?key={q}"),
            format!("/rooms/{room}/settings"),
            "/profile".into(),
            format!("/login?next={q}"),
            format!("/login?next=/{q}"),
            format!("/{q}"),
            format!("/rooms/{q}"),
            format!("/lang/{q}"),
            format!("/admin/{q}"),
        ] {
            let answer = browser.get(&path).await;
            assert!(!answer.body.contains(text), "{path}: {answer:?}");
            escaped += usize::from(answer.body.contains("&lt;") || answer.body.contains("&#60;"));
        }
        assert!(escaped >= 4, "{text} is shown nowhere");
        // Where it comes back with what is wrong about it.
        let fields = [
            ("username", *text),
            ("password", "short"),
            ("display_name", text),
            ("contact_number", text),
            ("next", text),
        ];
        let page = browser.post("/signup", &fields).await;
        assert!(!page.body.contains(text), "{page:?}");
        // Where it comes as JSON no browser takes it for a page.
        let echoed = Answer::to(guest.request(Method::GET, &format!("/rooms?sort={q}"))).await;
        assert!(echoed.header("content-type").contains("json"), "{echoed:?}");
        assert_eq!(echoed.header("x-content-type-options"), "nosniff");
        session.leave().await.unwrap();
    }
}

#[tokio::test]
async fn a48_one_event_is_one_line_whatever_is_in_it() {
    const MARK: &str = "marked";
    let hostile = [
        format!("{MARK}\r\n{{\"level\":\"ERROR\",\"event\":\"forged\"}}"),
        format!("{MARK}\n2026-01-01T00:00:00Z ERROR forged"),
        format!("{MARK}\u{1b}[31mred\u{1b}]0;title\u{7}"),
        format!("{MARK}\u{2028}forged\u{2029}forged\u{85}forged"),
        format!("{MARK}\0forged\u{8}\u{8}\u{8}"),
        format!("{MARK}\",\"event\":\"forged\",\"x\":\""),
    ];
    for format in ["json", "text"] {
        let server = TestServer::start(|cfg| {
            cfg.set("log.format", format).set("log.level", "debug,hyper=trace");
            cfg.set("server.trusted_proxies", "127.0.0.1");
        })
        .await;
        let owner = server.user("owner").await;
        for text in &hostile {
            let q = crate::harness::encode(text);
            let path = format!("/rooms/{q}");
            let mut statuses = Vec::new();
            for method in ["GET", "DELETE", "PROPFIND"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                statuses.push(Answer::to(owner.request(method.clone(), &path)).await.status);
                let url = format!("{}/{q}?x={q}", server.base());
                let request = server.client().http().request(method, url);
                let odd = reqwest::header::HeaderValue::from_bytes(
                    text.replace(|c: char| c.is_control(), "\t").as_bytes(),
                )
                .unwrap();
                let request =
                    request.header("user-agent", odd.clone()).header("referer", odd.clone());
                let request =
                    request.header("x-forwarded-for", odd.clone()).header("origin", odd.clone());
                statuses.push(
                    Answer::to(request.bearer_auth("x").header("x-request-id", odd)).await.status,
                );
            }
            for (path, body) in [
                ("/sessions", json!({ "username": text, "password": text })),
                ("/users", json!({ "username": text, "password": text, "display_name": text })),
                ("/sessions/guest", json!({ "display_name": text })),
                ("/rooms", json!({ "name": text, "capacity": 3 })),
            ] {
                statuses
                    .push(Answer::to(owner.request(Method::POST, path).json(&body)).await.status);
            }
            let options = anteroom_client::ConfirmOptions {
                resume: Some(text.clone()),
                ..Default::default()
            };
            assert!(server.client().confirm_ticket(text, options).await.is_err());
            assert_eq!(by_status(statuses).keys().filter(|it| **it >= 500).count(), 0);
        }
        let lines = server.lines_with("");
        assert!(lines.len() > 10, "there is a log");
        for line in &lines {
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
            assert!(!line.contains(['\u{2028}', '\u{2029}']) || format == "json", "{line:?}");
            match format {
                "json" => {
                    let event: Value =
                        serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?}"));
                    assert_ne!(event["event"], "forged", "{line:?}");
                }
                _ => assert!(line.starts_with("20") && line.contains("Z "), "{line:?}"),
            }
        }
    }
}
