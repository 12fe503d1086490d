//! SockJS over every transport: people enter, hear and are heard.

use anteroom_protocol::SUBPROTOCOL;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::http::Http;
use crate::harness::sockjs::{RECEIVERS, SockJs};
use crate::harness::{Known as _, TestServer, alive, next_message, within};

/// What is changed on the way by whoever does not escape it.
const ODD: &str = "a\u{200c}\u{2028}\u{fff0}😀 방 </script><script> \"quoted\" \\ back";

#[tokio::test]
async fn each_transport_carries_a_conversation_both_ways() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 20).await;
    for transport in RECEIVERS {
        let guest = server.guest(transport).await;
        let (mut session, welcome) = SockJs::enter(&server, transport, (&guest, room)).await;
        assert_eq!(welcome["you"]["id"], guest.id().to_string());
        assert_eq!(welcome["entry"], "first");
        owner.send(ODD).await.unwrap();
        while session.next("message").await["content"] != ODD {}

        session.say(ODD).await;
        let ack = session.next("ack").await;
        let heard = within("what was said", async {
            loop {
                let message = next_message(&mut owner).await;
                if Some(message.seq) == ack["seq"].as_i64() {
                    return message;
                }
            }
        });
        assert_eq!(heard.await.content, ODD, "{transport}");
        let own = session.next("message").await;
        assert_eq!((&own["content"], &own["seq"]), (&json!(ODD), &ack["seq"]), "{transport}");
    }
}

#[tokio::test]
async fn a_poll_is_answered_with_one_frame_and_a_stream_goes_on() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    for (transport, is_poll) in [("xhr", true), ("jsonp", true), ("xhr_streaming", false)] {
        let reservation =
            server.guest("guest").await.reserve(room, &Default::default()).await.unwrap();
        let mut session = SockJs::new(&server, transport, &reservation.ticket);
        let mut answer = session.ask().await;
        assert!(answer.header("cache-control").unwrap().starts_with("no-store"));
        if is_poll {
            assert_eq!(answer.rest().await.matches(['o']).count(), 1, "{transport}");
            assert!(answer.is_whole());
        } else {
            session.begin(answer).await;
            assert_eq!(session.frame().await, "o");
            session.next("welcome").await;
            assert!(session.is_attached());
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_where_one_answer_ends_and_the_next_begins() {
    const MESSAGES: i64 = 60;
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let mut sessions = Vec::new();
    for transport in RECEIVERS {
        let guest = server.guest(transport).await;
        sessions.push(SockJs::enter(&server, transport, (&guest, room)).await.0);
    }
    let talk = async {
        for n in 0..MESSAGES {
            owner.send(format!("{n} {}", "한".repeat(3_900))).await.unwrap();
        }
    };
    let hear = async {
        for session in &mut sessions {
            for n in 1..=MESSAGES {
                assert_eq!(session.next("message").await["seq"], n);
            }
        }
    };
    within("all of it", async { tokio::join!(talk, hear) }).await;
}

#[tokio::test]
async fn an_answer_that_streams_ends_at_its_limit() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let (session, _) = SockJs::enter(&server, "xhr", (&server.guest("guest").await, room)).await;
    for n in 0..20 {
        owner.send(format!("{n} {}", "한".repeat(3_900))).await.unwrap();
    }
    let mut answer = session.ask_as("xhr_streaming", &[]).await;
    let first = answer.rest().await;
    assert!(answer.is_whole(), "ended as it should");
    let bytes = first.len() - 2_049;
    assert!((128 << 10..160 << 10).contains(&bytes), "{bytes}");
    let mut next = session.ask_as("xhr", &[]).await;
    assert!(next.until("\n").await.starts_with("a["), "the rest comes with the next");
}

#[tokio::test]
async fn a_second_receiver_is_told_so_and_the_first_goes_on() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let guest = server.guest("guest").await;
    let (mut session, _) = SockJs::enter(&server, "xhr_streaming", (&guest, room)).await;
    for (transport, words) in [
        ("xhr", "c[2010,\"Another connection still open\"]\n"),
        ("eventsource", "data: c[2010,\"Another connection still open\"]\r\n\r\n"),
        ("jsonp", "/**/_jp.aBcDef(\"c[2010,\\\"Another connection still open\\\"]\");\r\n"),
    ] {
        let mut second = session.ask_as(transport, &[]).await;
        assert_eq!(second.status, 200);
        assert!(second.rest().await.ends_with(words), "{transport}");
    }
    owner.send("still there?").await.unwrap();
    assert_eq!(session.next("message").await["content"], "still there?");
}

/// Opens a WebSocket at this address of a server, which reads JSON or whatever is there.
async fn socket(
    server: &TestServer,
    path: &str,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    let address = format!("ws://127.0.0.1:{}{path}", server.port());
    let mut request = address.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

#[tokio::test]
async fn over_a_websocket_frames_are_wrapped_and_without_sockjs_they_are_not() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 9).await;
    let guest = server.guest("guest").await;
    let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
    let mut wrapped = socket(&server, &format!("/sockjs/1/abc/websocket?ticket={ticket}")).await;
    assert_eq!(wrapped.next().await.unwrap().unwrap().into_text().unwrap(), "o");
    let text = wrapped.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(text.starts_with(r#"a["{\"type\":\"welcome\""#), "{text}");

    // Several in one frame, one alone, and nothing at all.
    let say = |id: &str| json!({"type": "send", "client_id": id, "content": ODD}).to_string();
    for sent in
        [json!([say("1"), say("2")]).to_string(), json!(say("3")).to_string(), String::new()]
    {
        wrapped.send(Message::text(sent)).await.unwrap();
    }
    for _ in 0..3 {
        assert_eq!(next_message(&mut owner).await.content, ODD);
    }
    owner.send(ODD).await.unwrap();
    let heard = within("what the owner says", async {
        loop {
            let text = wrapped.next().await.unwrap().unwrap().into_text().unwrap();
            let texts: Vec<String> = serde_json::from_str(&text[1..]).unwrap();
            let frame: Value = serde_json::from_str(&texts[0]).unwrap();
            if frame["seq"] == 4 && frame["type"] == "message" {
                return (text.to_string(), frame);
            }
        }
    });
    let (text, frame) = heard.await;
    assert_eq!(frame["content"], ODD);
    assert!(
        !text.contains(['\u{200c}', '\u{2028}', '\u{fff0}']),
        "as it stands on the line: {text}"
    );

    let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
    let mut raw = socket(&server, &format!("/sockjs/websocket?ticket={ticket}")).await;
    let text = raw.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(text.starts_with(r#"{"type":"welcome""#), "{text}");
    let mut last = Vec::new();
    while let Some(Ok(message)) = within("the end of the first", wrapped.next()).await {
        last.push(message);
    }
    let Message::Close(Some(close)) = last.pop().unwrap() else { panic!("no close") };
    assert_eq!(u16::from(close.code), 4409);
    assert_eq!(last.pop().unwrap().into_text().unwrap(), r#"c[4409,"replaced"]"#);
    alive(&mut owner).await;
}

#[tokio::test]
async fn broken_framing_ends_a_websocket() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 9).await;
    let guest = server.guest("guest").await;
    let ticket = guest.reserve(room, &Default::default()).await.unwrap().ticket;
    let mut wrapped = socket(&server, &format!("/sockjs/1/abc/websocket?ticket={ticket}")).await;
    wrapped.send(Message::text("[\"broken")).await.unwrap();
    let end = within("the end", async {
        loop {
            if let Message::Close(close) = wrapped.next().await.unwrap().unwrap() {
                return close.unwrap();
            }
        }
    });
    assert_eq!(u16::from(end.await.code), 3000);
    server.event("seat.held", json!({ "user": guest.id() })).await;
}

#[tokio::test]
async fn whoever_asks_first_is_greeted_and_told_what_there_is() {
    let server = TestServer::plain().await;
    for path in ["/sockjs", "/sockjs/"] {
        let mut answer = Http::ask(server.port(), &format!("GET {path}"), &[], "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type").unwrap(), "text/plain; charset=UTF-8");
        assert_eq!(answer.rest().await, "Welcome to SockJS!\n");
    }
    let info = async || {
        let mut answer = Http::ask(server.port(), "GET /sockjs/info", &[], "").await;
        assert!(answer.header("cache-control").unwrap().starts_with("no-store"));
        let info: Value = serde_json::from_str(&answer.rest().await).unwrap();
        assert_eq!(info["websocket"], true);
        assert_eq!(info["cookie_needed"], false);
        assert_eq!(info["origins"], json!(["*:*"]));
        info["entropy"].as_u64().unwrap()
    };
    assert_ne!(info().await, info().await, "entropy is no constant");
}

#[tokio::test]
async fn a_server_may_be_without_it() {
    let server = TestServer::start(|cfg| {
        cfg.set("server.sockjs", false);
    })
    .await;
    for line in
        ["GET /sockjs", "GET /sockjs/info", "GET /sockjs/iframe.html", "POST /sockjs/a/b/xhr"]
    {
        assert_eq!(Http::ask(server.port(), line, &[], "").await.status, 404, "{line}");
    }
}
