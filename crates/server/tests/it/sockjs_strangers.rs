//! Who may do what over SockJS: tickets, origins, cookies, and what is written into code.

use serde_json::json;

use crate::harness::http::Http;
use crate::harness::sockjs::{RECEIVERS, SockJs};
use crate::harness::{Settings, TestServer};

const FRIEND: &str = "https://friend.example";
const FOREIGN: &str = "https://evil.example";

fn with_friend(cfg: &mut Settings) {
    cfg.set("server.allowed_origins", FRIEND);
}

#[tokio::test]
async fn a_session_is_there_only_for_the_ticket_that_opened_it() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let guest = server.guest("guest").await;
    let (mut session, _) = SockJs::enter(&server, "xhr_streaming", (&guest, room)).await;
    let other = server.guest("other").await;
    let others = other.reserve(room, &Default::default()).await.unwrap().ticket;
    let own = session.query.clone();
    for query in [format!("ticket={others}"), "ticket=".into(), String::new(), own[..20].to_owned()]
    {
        session.query = query;
        for transport in RECEIVERS {
            assert_eq!(session.ask_as(transport, &[]).await.status, 404, "{transport}");
        }
        assert_eq!(session.send(&[json!({"type": "leave"})]).await, 404);
    }
    session.query = own;
    owner.send("undisturbed").await.unwrap();
    assert_eq!(session.next("message").await["content"], "undisturbed");
    // The other's ticket was not used up by it.
    SockJs::opened(&server, "xhr", &others).await;
}

#[tokio::test]
async fn nobody_hears_of_a_session_that_is_not_there() {
    let server = TestServer::plain().await;
    for transport in ["xhr", "jsonp"] {
        let session = SockJs::new(&server, transport, "x");
        assert_eq!(session.send(&[json!({"type": "leave"})]).await, 404);
    }
    for transport in ["eventsource", "htmlfile", "jsonp"] {
        let line = format!("HEAD /sockjs/a/b/{transport}?ticket=x&c=x");
        assert_eq!(Http::ask(server.port(), &line, &[], "").await.status, 405, "{transport}");
    }
    for path in ["/sockjs/a.b/c/xhr", "/sockjs/a/b.c/xhr", "/sockjs/a/xhr", "/sockjs/a/b/c/xhr"] {
        let answer = Http::ask(server.port(), &format!("POST {path}?ticket=x"), &[], "").await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[tokio::test]
async fn another_site_gets_nothing_and_a_configured_one_reads_the_answers() {
    let server = TestServer::start(with_friend).await;
    let (room, _owner) = server.room(&server.user("owner").await, 20).await;
    let foreign = [("Origin", FOREIGN)];
    for transport in RECEIVERS.into_iter().chain(["websocket"]) {
        let guest = server.guest(transport).await;
        let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
        let receiver = if transport == "websocket" { "xhr" } else { transport };
        let session = SockJs::new(&server, receiver, &ticket);
        for origin in [FOREIGN, "null", "http://127.0.0.1:1"] {
            let mut headers = vec![("Origin", origin)];
            if transport == "websocket" {
                headers.extend([
                    ("Connection", "Upgrade"),
                    ("Upgrade", "websocket"),
                    ("Sec-WebSocket-Version", "13"),
                    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ]);
            }
            // With a token of an application it is no browser's word that decides, and this is the only
            // look at where it comes from.
            headers.push(("Authorization", "Bearer x"));
            let answer = session.ask_as(transport, &headers).await;
            assert_eq!(answer.status, 403, "{transport} from {origin}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
            assert_eq!(answer.header("content-type").unwrap(), "application/problem+json");
        }
        if transport == "websocket" {
            continue;
        }
        assert_eq!(session.send_raw("[]", &foreign).await.status, 403, "{transport}");
        // The ticket is as good as it was.
        let answer = session.ask_as(transport, &[("Origin", FRIEND)]).await;
        assert_eq!(answer.status, 200, "{transport}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(FRIEND));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("Origin"));
        let sent = session.send_raw("[]", &[("Origin", FRIEND)]).await;
        assert_eq!(sent.header("access-control-allow-origin"), Some(FRIEND), "{transport}");
        if transport == "jsonp" {
            // Sent into a hidden frame of that page.
            let policy = format!("default-src 'none'; frame-ancestors 'self' {FRIEND}");
            assert_eq!(sent.header("content-security-policy"), Some(policy.as_str()));
        }
    }
    for what in ["/info", "/a/b/xhr", "/a/b/xhr_send", "/a/b/xhr_streaming"] {
        let line = format!("OPTIONS /sockjs{what}");
        let answer = Http::ask(server.port(), &line, &[("Origin", FRIEND)], "").await;
        assert_eq!(answer.status, 204, "{what}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(FRIEND));
        assert!(answer.header("access-control-allow-methods").unwrap().starts_with("OPTIONS, "));
        assert!(answer.header("cache-control").unwrap().contains("max-age=31536000"));
        assert_eq!(answer.header("access-control-max-age"), Some("31536000"));
        assert_eq!(Http::ask(server.port(), &line, &foreign, "").await.status, 403);
    }
}

#[tokio::test]
async fn a_cookie_gives_nothing_and_one_of_somebody_else_refuses() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 20).await;
    let guest = server.guest("guest").await;
    let other = server.guest("other").await;
    let own = format!("anteroom_token={}", guest.token());
    let others = format!("anteroom_token={}", other.token());
    let here = format!("http://127.0.0.1:{}", server.port());
    let ticket = async || guest.reserve(room, &Default::default()).await.unwrap().ticket;

    // Sent by no page, or by a page of another site.
    let session = SockJs::new(&server, "xhr", &ticket().await);
    assert_eq!(session.ask_as("xhr", &[("Cookie", &own)]).await.status, 403);
    assert_eq!(session.send_raw("[]", &[("Cookie", &own)]).await.status, 403);
    for transport in ["eventsource", "htmlfile", "jsonp"] {
        for site in ["cross-site", "same-site"] {
            let headers = [("Cookie", own.as_str()), ("Sec-Fetch-Site", site)];
            assert_eq!(session.ask_as(transport, &headers).await.status, 403, "{transport}");
        }
    }
    // Of this site.
    for (transport, headers) in [
        ("xhr", vec![("Cookie", own.as_str()), ("Origin", &here)]),
        ("eventsource", vec![("Cookie", &own), ("Sec-Fetch-Site", "same-origin")]),
        ("jsonp", vec![("Cookie", &own)]),
        ("jsonp", vec![("Sec-Fetch-Site", "none")]),
    ] {
        let mut session = SockJs::new(&server, transport, &ticket().await);
        let answer = session.ask_as(transport, &headers).await;
        assert_eq!(answer.status, 200, "{transport} {headers:?}");
        session.begin(answer).await;
        assert_eq!(session.frame().await, "o");
        session.next("welcome").await;
    }
    // Somebody else's beside the ticket.
    for (transport, headers) in [
        ("xhr", vec![("Cookie", others.as_str()), ("Origin", &here)]),
        ("jsonp", vec![("Cookie", &others)]),
    ] {
        let mut session = SockJs::new(&server, transport, &ticket().await);
        let answer = session.ask_as(transport, &headers).await;
        session.begin(answer).await;
        assert_eq!(session.frame().await, "o");
        assert_eq!(session.end().await, (4403, "no_reservation".into()));
    }
}

/// A browser sends no `Origin` with the script, the frame or the address that a page names.
#[tokio::test]
async fn a_script_that_another_site_names_is_refused_unless_some_are_allowed() {
    let alone = TestServer::plain().await;
    let friendly = TestServer::start(with_friend).await;
    for (server, status) in [(&alone, 403), (&friendly, 200)] {
        let (room, _owner) = server.room(&server.user("owner").await, 9).await;
        for transport in ["eventsource", "htmlfile", "jsonp"] {
            for site in ["cross-site", "same-site"] {
                let guest = server.guest(transport).await;
                let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
                let session = SockJs::new(server, transport, &ticket);
                let answer = session.ask_as(transport, &[("Sec-Fetch-Site", site)]).await;
                assert_eq!(answer.status, status, "{transport} {site}");
            }
        }
    }
}

#[tokio::test]
async fn only_a_name_is_written_into_code() {
    let server = TestServer::plain().await;
    for transport in ["jsonp", "htmlfile"] {
        for callback in [
            "",
            "&c=",
            "&c=alert(1)",
            "&c=a;b",
            "&c=%3Cscript%3E",
            "&c=a%0d%0aSet-Cookie:x=1",
            "&c=a%0a",
            "&c=a.b.c",
            "&callback=a%20b",
            "&c=a%00",
            "&c=%ff",
        ] {
            let line = format!("GET /sockjs/a/b/{transport}?ticket=x{callback}");
            let mut answer = Http::ask(server.port(), &line, &[], "").await;
            assert_eq!(answer.status, 500, "{transport} {callback}");
            assert_eq!(answer.header("set-cookie"), None);
            let words = answer.rest().await;
            assert!(
                words.ends_with("\"callback\" parameter") || words.ends_with("required"),
                "{words}"
            );
        }
        let line = format!("GET /sockjs/a/{transport}1/{transport}?ticket=x&callback=_jp.a1");
        let answer = Http::ask(server.port(), &line, &[], "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn what_somebody_says_is_no_code_for_anybody() {
    const CODE: &str = "</script><script>parent.steal()</script><!--";
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    for transport in ["htmlfile", "jsonp"] {
        let guest = server.guest(transport).await;
        let (session, _) = SockJs::enter(&server, "xhr", (&guest, room)).await;
        owner.send(CODE).await.unwrap();
        // To the end of the call in which it stands, wherever that comes.
        let mark = if transport == "jsonp" { ");\r\n" } else { ");\n</script>\r\n" };
        let mut answer = session.ask_as(transport, &[]).await;
        let mut said = answer.until(mark).await;
        while !said.contains("steal") {
            if answer.is_whole() {
                answer = session.ask_as(transport, &[]).await;
            }
            said = answer.until(mark).await;
        }
        assert!(said.ends_with(mark), "{said}");
        assert!(!said.contains("<script>parent"), "{said}");
        assert!(!said.contains("<!--"), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_payload_is_said_to_be_none() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    for transport in ["xhr", "jsonp"] {
        let guest = server.guest(transport).await;
        let (session, _) = SockJs::enter(&server, transport, (&guest, room)).await;
        for (body, words) in [
            ("", "Payload expected."),
            ("\"x\"", "Payload expected."),
            ("[\"x", "Broken JSON encoding."),
            ("x", "Broken JSON encoding."),
        ] {
            let mut answer = session.send_raw(body, &[]).await;
            assert_eq!(answer.status, 500, "{transport} {body}");
            assert_eq!(answer.rest().await, words);
        }
        session.say("and it goes on").await;
        assert_eq!(crate::harness::next_message(&mut owner).await.content, "and it goes on");
    }
}

#[tokio::test]
async fn the_page_for_frames_has_a_policy_of_its_own_and_is_kept_as_long_as_that_is_the_same() {
    let server = TestServer::start(with_friend).await;
    let alone = TestServer::plain().await;
    for name in ["iframe.html", "iframe-1.6.1.html"] {
        let line = format!("GET /sockjs/{name}");
        let mut answer = Http::ask(server.port(), &line, &[], "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=UTF-8"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("/sockjs-client@1.6.1/dist/sockjs.min.js 'sha256-"), "{policy}");
        assert!(policy.ends_with(&format!("frame-ancestors 'self' {FRIEND}")), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-frame-options"), None);
        let tag = answer.header("etag").unwrap().to_owned();
        let page = answer.rest().await;
        assert!(page.contains("integrity=\"sha384-"), "{page}");
        let known = Http::ask(server.port(), &line, &[("If-None-Match", &tag)], "").await;
        assert_eq!(known.status, 304);
        // The same page; but who has it may no longer frame it.
        let other = Http::ask(alone.port(), &line, &[("If-None-Match", &tag)], "").await;
        assert_eq!(other.status, 200);
    }
    for name in ["iframe", "iframe.htm", "iframe-%3Cx.html", "other.html"] {
        let answer = Http::ask(server.port(), &format!("GET /sockjs/{name}"), &[], "").await;
        assert_eq!(answer.status, 404, "{name}");
    }
    let page = Http::ask(server.port(), "GET /sockjs/a/b/htmlfile?c=x&ticket=y", &[], "").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'unsafe-inline';"), "{policy}");
    let other = Http::ask(server.port(), "GET /sockjs/a/c/jsonp?c=x&ticket=y", &[], "").await;
    assert_eq!(other.header("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn no_ticket_comes_into_the_log() {
    let server = TestServer::start(|cfg| {
        cfg.set("log.level", "trace");
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    let guest = server.guest("guest").await;
    let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
    for transport in RECEIVERS {
        let mut session = SockJs::new(&server, transport, &ticket);
        assert_eq!(session.frame().await, "o");
        session.send(&[json!({"type": "ping"})]).await;
    }
    assert!(server.log_has("a session over HTTP begins"), "the log is as full as can be");
    assert!(!server.log_has(&ticket[..40]));
}
