//! Words to all sessions of one user, from moderators, administrators and the server itself.

use anteroom_client::Session;
use anteroom_protocol::frame::ServerFrame;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Known as _, TestServer, within};

async fn next_direct(session: &mut Session) -> Value {
    let wanted = |frame: &ServerFrame| match frame {
        ServerFrame::Direct { .. } => serde_json::to_value(frame).ok(),
        _ => None,
    };
    within("a direct frame", session.wait_for(wanted)).await.unwrap()
}

#[tokio::test]
async fn all_sessions_of_a_user_and_nobody_elses_are_told() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "one_per_room");
    })
    .await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let (room, mut one) = server.room(&ann, 3).await;
    let (_, mut two) = server.room(&ann, 3).await;
    let mut other = server.user("other").await.enter(room).await.unwrap();
    let path = format!("/admin/users/{}/messages", ann.id());
    let say = async |body: &Value| Answer::to(chief.request(Method::POST, &path).json(body)).await;
    let body = json!({ "content": "당신에게만", "content_type": "text/plain" });
    assert_eq!(say(&body).await.json(), json!({ "sessions": 2 }));
    let expected = json!({
        "type": "direct",
        "from": { "id": chief.id(), "name": "overseer" },
        "content_type": "text/plain",
        "content": "당신에게만",
    });
    assert_eq!(
        [next_direct(&mut one).await, next_direct(&mut two).await],
        [&expected; 2].map(Value::clone)
    );
    let body = json!({ "content": "from above", "as_server": true });
    assert_eq!(say(&body).await.json(), json!({ "sessions": 2 }));
    assert_eq!(next_direct(&mut one).await["from"], Value::Null);
    other.send("nothing came before this").await.unwrap();
    while let Some(anteroom_client::Event::Frame(frame)) = other.next().await {
        assert!(!matches!(frame, ServerFrame::Direct { .. }), "{frame:?}");
        if matches!(frame, ServerFrame::Message(_)) {
            break;
        }
    }
    one.leave().await.unwrap();
    two.leave().await.unwrap();
    assert_eq!(say(&json!({ "content": "gone?" })).await.json(), json!({ "sessions": 0 }));
}

#[tokio::test]
async fn who_may_not_and_what_is_not_acceptable_is_refused() {
    let server = TestServer::plain().await;
    let (chief, ann) = (server.administrator().await, server.user("ann").await);
    let moderator = server.user("steward").await;
    let role = "INSERT INTO user_roles VALUES (?1, 'moderator')";
    assert_eq!(server.change_rows(role, &[&moderator.id()]), 1);
    let path = format!("/admin/users/{}/messages", ann.id());
    let hello = json!({ "content": "hello" });
    let ask = async |who: &anteroom_client::Account, path: &str, body: &Value| {
        Answer::to(who.request(Method::POST, path).json(body)).await
    };
    ask(&ann, &path, &hello).await.refuses(403, "forbidden");
    assert_eq!(ask(&moderator, &path, &hello).await.json(), json!({ "sessions": 0 }));
    for nobody in ["00000000-0000-4000-8000-000000000000", "nobody"] {
        let path = format!("/admin/users/{nobody}/messages");
        ask(&chief, &path, &hello).await.refuses(404, "not_found");
    }
    for body in [
        json!({ "content": "" }),
        json!({ "content": "x".repeat(4_001) }),
        json!({ "content": "x", "content_type": "text/html" }),
        json!({ "content": "{", "content_type": "application/json" }),
        json!({ "content": 1 }),
        json!({}),
    ] {
        ask(&chief, &path, &body).await.refuses(422, "invalid");
    }
}
