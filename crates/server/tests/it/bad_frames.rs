//! Frames that are none of the contract's: answered, counted, and in the end shown the door. The
//! rest of the room never notices.

use anteroom_client::{Event, Session};
use anteroom_protocol::frame::{FrameError, ServerFrame};
use anteroom_protocol::{CloseCode, Code};
use serde_json::json;

use crate::harness::{Known as _, TestServer, alive, ended, lacks_websocket, transport, within};

async fn error_after(session: &mut Session, frame: &str) -> FrameError {
    session.send_raw_text(frame).await.unwrap();
    let error = |frame: &ServerFrame| match frame {
        ServerFrame::Error(error) => Some(error.clone()),
        _ => None,
    };
    within("an error frame", session.wait_for(error)).await.unwrap()
}

#[tokio::test]
async fn a_frame_that_is_not_one_is_answered_and_the_connection_stays() {
    let server = TestServer::plain().await;
    let (room, mut session) = server.room(&server.user("owner").await, 2).await;
    for frame in [
        "",
        " ",
        "hello",
        "null",
        "[]",
        "[\"leave\"]",
        " [\"ping\"]",
        "{}",
        "1",
        "{\"type\":1}",
        "{\"type\":\"nonsense\"}",
        "{\"type\":\"send\"}",
        "{\"type\":\"send\",\"client_id\":1,\"content\":\"x\"}",
        "{\"type\":\"send\",\"client_id\":\"a\"",
        "{\"type\":\"read\",\"seq\":\"x\"}",
        "{\"type\":\"edit\",\"id\":\"not-a-uuid\",\"content\":\"x\"}",
        "{\"type\":\"welcome\"}",
        "{\"type\":\"ack\",\"seq\":1}",
    ] {
        let error = error_after(&mut session, frame).await;
        assert_eq!(error.code, Code::BadFrame, "{frame}");
        assert!(!error.detail.is_empty(), "{frame}");
    }
    alive(&mut session).await;
    assert_eq!(server.rows("messages WHERE room_id = ?1", &[&room]), 1);
}

#[tokio::test]
async fn a_message_out_of_bounds_is_refused_by_its_client_id() {
    let server = TestServer::plain().await;
    let (room, mut session) = server.room(&server.user("owner").await, 2).await;
    let send = |id: &str, content: &str, kind: Option<&str>| {
        json!({ "type": "send", "client_id": id, "content": content, "content_type": kind })
            .to_string()
    };
    let long_id = "i".repeat(65);
    for (id, content, kind) in [
        ("empty", String::new(), None),
        ("long", "가".repeat(4_001), None),
        (&*long_id, "x".into(), None),
        ("kind", "x".into(), Some("text/html")),
        ("json", "{not json".into(), Some("application/json")),
        ("", "no id".into(), None),
        ("nul", "a\0b".into(), None),
        ("nul\0", "x".into(), None),
    ] {
        let error = error_after(&mut session, &send(id, &content, kind)).await;
        assert!(matches!(error.code, Code::Invalid | Code::BadFrame), "{id}: {error:?}");
        if error.code == Code::Invalid && !id.is_empty() && id.len() <= 64 {
            assert_eq!(error.reference.as_deref(), Some(id));
        }
    }
    assert_eq!(server.rows("messages WHERE room_id = ?1", &[&room]), 0);
    within("an ack", session.send("가".repeat(4_000))).await.unwrap();
    session.send_raw_text(send("doc", "{\"a\":[1,2]}", Some("application/json"))).await.unwrap();
    let acked = |frame: &ServerFrame| match frame {
        ServerFrame::Ack(ack) if ack.client_id == "doc" => Some(ack.seq),
        _ => None,
    };
    assert_eq!(within("an ack", session.wait_for(acked)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_binary_frame_is_refused_and_the_connection_stays() {
    if lacks_websocket("a binary frame", "only texts can be sent") {
        return;
    }
    let server = TestServer::plain().await;
    let (_, mut session) = server.room(&server.user("owner").await, 3).await;
    session.send_raw_binary(vec![0_u8; 16]).await.unwrap();
    let refused = |frame: &ServerFrame| match frame {
        ServerFrame::Error(error) => Some(error.code),
        _ => None,
    };
    let code = within("a refusal", session.wait_for(refused)).await.unwrap();
    assert_eq!(code, Code::BadFrame);
    alive(&mut session).await;
}

#[tokio::test]
async fn an_oversized_frame_ends_its_session_only() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "0s");
    })
    .await;
    let (room, mut owner) = server.room(&server.user("owner").await, 3).await;
    let a = server.user("a").await;
    let mut session = a.enter(room).await.unwrap();
    alive(&mut session).await;
    // The server may hang up while this is still being written.
    let _ = session.send_raw_text("x".repeat(2 * 1024 * 1024)).await;
    let (_, closed) = ended(&mut session).await;
    assert!(matches!(closed.code, 1009 | 1006), "{closed:?}");
    // A request that large is not read: it is the client that ends the session.
    let code = if transport().is_websocket() { 1009 } else { 1006 };
    let fields = json!({ "user": a.id(), "session": session.welcome().session, "code": code });
    server.event("session.closed", fields).await;
    server.event("seat.returned", json!({ "user": a.id() })).await;
    alive(&mut owner).await;
    assert_eq!(server.balanced(room).await.occupied, 1);
}

#[tokio::test]
async fn too_many_bad_frames_close_the_session() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("limits.bad_frames", 5);
    })
    .await;
    let (_, mut session) = server.room(&server.user("owner").await, 2).await;
    for _ in 0..7 {
        let _ = session.send_raw_text("nonsense").await;
    }
    let mut errors = 0;
    let (words, closed) = within("the end", async {
        let mut words = None;
        loop {
            match session.next().await.unwrap() {
                Event::Frame(ServerFrame::Error(_)) => errors += 1,
                Event::Frame(ServerFrame::Closing(ending)) => words = Some(ending.code),
                Event::Closed(closed) => return (words, closed),
                _ => {}
            }
        }
    })
    .await;
    assert_eq!(closed.code, CloseCode::BadRequest.status());
    assert_eq!(words, Some(Code::BadRequest), "in words");
    assert_eq!(errors, 5, "each allowed one was answered");
}
