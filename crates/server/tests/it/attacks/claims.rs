//! What people claim that is not theirs: fields that the server fills, reservations, rooms and history of
//! others, and the same thing twice.

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ClientFrame;
use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::harness::raw::{self, Raw, frame};
use crate::harness::{Answer, Known as _, Wire, ended, next_message, refused, within};

#[tokio::test]
async fn a38_fields_that_only_the_server_fills_are_refused_wherever_they_stand() {
    let scene = Scene::set().await;
    let (server, owner, room) = (&scene.server, &scene.owner, scene.room);
    let user = owner.id();
    let password = crate::harness::PASSWORD;
    let bodies: Vec<(Method, String, Value)> = vec![
        (Method::POST, "/users".into(), json!({ "username": "eve", "password": password })),
        (Method::POST, "/sessions".into(), json!({ "username": "owner", "password": password })),
        (Method::POST, "/sessions/guest".into(), json!({ "display_name": "eve" })),
        (
            Method::POST,
            "/users/password".into(),
            json!({ "username": "owner", "current_password": password, "new_password": "another long password" }),
        ),
        (Method::PATCH, "/me".into(), json!({ "display_name": "Eve" })),
        (Method::POST, "/rooms".into(), json!({ "name": "odd", "capacity": 3 })),
        (Method::PATCH, format!("/rooms/{room}"), json!({ "name": "odd" })),
        (Method::POST, format!("/rooms/{room}/reservations"), json!({})),
        (Method::POST, format!("/rooms/{room}/waitlist"), json!({})),
        (Method::PUT, format!("/admin/users/{user}/roles"), json!({ "roles": ["admin"] })),
        (Method::POST, format!("/admin/users/{user}/messages"), json!({ "content": "x" })),
    ];
    let fields = [
        "role",
        "roles",
        "owner",
        "owner_id",
        "occupied",
        "seats",
        "grant",
        "generation",
        "id",
        "user_id",
        "created_at",
        "is_admin",
        "__proto__",
        "constructor",
        "locked_at",
        "password_hash",
    ];
    for (method, path, body) in bodies {
        for field in fields {
            if body.get(field).is_some() {
                continue;
            }
            let mut claimed = body.clone();
            claimed[field] = json!("admin");
            let who = if path.starts_with("/admin") { &scene.chief } else { owner };
            let answer = Answer::to(who.request(method.clone(), &path).json(&claimed)).await;
            assert_eq!(answer.status, 400, "{method} {path} with {field}: {answer:?}");
            answer.refuses(400, "bad_request");
        }
    }
    // A form of the pages has only the fields that the page asks for.
    let mut browser = server.browser("en");
    let fields = [
        ("username", "mallory"),
        ("password", password),
        ("display_name", "M"),
        ("contact_number", ""),
        ("roles", "admin"),
        ("role", "admin"),
        ("is_admin", "1"),
        ("next", ""),
    ];
    browser.post("/signup", &fields).await;
    let mallory = server.login("mallory").await;
    assert_eq!(mallory.me().await.unwrap().roles, [anteroom_protocol::account::Role::User]);
    assert_eq!(server.rows("users WHERE username = 'eve' OR display_name = 'Eve'", &[]), 0);
    assert_eq!(owner.me().await.unwrap().display_name, "owner");
    scene.ends_well().await;
}

#[tokio::test]
async fn a39_what_is_others_is_neither_cancelled_nor_confirmed_nor_read() {
    let scene = Scene::set().await;
    let (server, room) = (&scene.server, scene.room);
    let (victim, thief) = (server.user("victim").await, server.user("thief").await);
    let reservation = victim.reserve(room, &Reserve::default()).await.unwrap();
    // Cancelled: one has only one's own.
    let own = format!("/rooms/{room}/reservations/current");
    Answer::to(thief.request(Method::DELETE, &own)).await.refuses(404, "not_found");
    for query in [format!("?user={}", victim.id()), format!("?ticket={}", reservation.ticket)] {
        let answer = Answer::to(thief.request(Method::DELETE, &format!("{own}{query}"))).await;
        answer.refuses(404, "not_found");
    }
    // Confirmed: beside another's login the ticket is nobody's.
    for (name, value) in [
        ("authorization", format!("Bearer {}", thief.token())),
        ("cookie", format!("anteroom_token={}", thief.token())),
    ] {
        let options = ConfirmOptions {
            headers: vec![(name.into(), value)],
            origin: Some(server.base().to_owned()),
            ..ConfirmOptions::default()
        };
        refused(server.client().confirm(&reservation, options).await, 4403, Code::NoReservation);
    }
    assert_eq!(server.seats(room).await.reserved, 1);
    // Read and changed: the room, its history, somebody's presence, while one has no seat.
    let mut inside = victim.confirm(&reservation, ConfirmOptions::default()).await.unwrap();
    let said = within("an ack", inside.send("between us")).await.unwrap();
    let member = format!("/rooms/{room}/members/{}", victim.id());
    for (method, path, body) in [
        (Method::GET, format!("/rooms/{room}/messages"), None),
        (Method::GET, format!("/rooms/{room}/messages/search?q=between"), None),
        (Method::GET, format!("/rooms/{room}/members"), None),
        (Method::GET, format!("/rooms/{room}/bans"), None),
        (Method::GET, format!("/users/{}/presence", victim.id()), None),
        (Method::PATCH, format!("/rooms/{room}"), Some(json!({ "name": "mine" }))),
        (Method::DELETE, format!("/rooms/{room}"), None),
        (Method::DELETE, member.clone(), None),
        (Method::DELETE, format!("{member}?ban=true"), None),
        (Method::DELETE, format!("/rooms/{room}/bans/{}", victim.id()), None),
    ] {
        let mut request = thief.request(method.clone(), &path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = Answer::to(request).await;
        assert!(matches!(answer.status, 403 | 404), "{method} {path}: {answer:?}");
        assert!(!answer.body.contains("between us"), "{answer:?}");
    }
    // Others' words: neither edited nor taken back, from inside the room.
    let mut near = thief.enter(room).await.unwrap();
    assert!(near.edit(said.id, "not what was said").await.is_err());
    assert!(near.delete(said.id).await.is_err());
    near.leave().await.unwrap();
    // After a leave and after a ban history is closed again.
    let history = format!("/rooms/{room}/messages");
    Answer::to(thief.request(Method::GET, &history)).await.refuses(403, "forbidden");
    scene.owner.ban_member(room, victim.id()).await.unwrap();
    assert_eq!(ended(&mut inside).await.1.code, 4450);
    Answer::to(victim.request(Method::GET, &history)).await.refuses(403, "forbidden");
    refused(victim.reserve(room, &Reserve::default()).await, 403, Code::Banned);
    assert_eq!(server.rows("messages WHERE content = 'between us' AND room_id = ?1", &[&room]), 1);
    // Ids that can be guessed open nothing: a room's number is no secret, all others are random.
    for id in [victim.id(), said.id, inside.welcome().session] {
        assert!(id.get_version_num() >= 4, "{id}");
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a42_the_same_name_for_another_thing_changes_nothing() {
    let scene = Scene::set().await;
    let (server, room) = (&scene.server, scene.room);
    let mut one = server.guest("one").await.enter(room).await.unwrap();
    let mut two = server.guest("two").await.enter(room).await.unwrap();
    let first = within("an ack", one.send_as("the name", "first text")).await.unwrap();
    let again = within("an ack", one.send_as("the name", "another text")).await.unwrap();
    assert_eq!((again.id, again.seq), (first.id, first.seq), "the first answer, once more");
    assert_eq!(next_message(&mut two).await.content, "first text");
    // Somebody else's name of the same spelling is another.
    let others = within("an ack", two.send_as("the name", "third text")).await.unwrap();
    assert_eq!(others.seq, first.seq + 1);
    assert_eq!(next_message(&mut two).await.content, "third text");
    assert_eq!(server.rows("messages WHERE content = 'another text'", &[]), 0);
    assert_eq!(server.rows("messages WHERE client_id = 'the name'", &[]), 2);
    // A reservation asked for with another body is the same reservation.
    let three = server.guest("three").await;
    let reservation = three.reserve(room, &Reserve::default()).await.unwrap();
    for body in [json!({ "password": "x" }), json!({ "key": "x" }), json!({ "resume": "x" })] {
        let path = format!("/rooms/{room}/reservations");
        let again = Answer::to(three.request(Method::POST, &path).json(&body)).await;
        assert_eq!((again.status, &again.json()["ticket"]), (200, &json!(reservation.ticket)));
    }
    three.cancel(room).await.unwrap();
    one.leave().await.unwrap();
    two.leave().await.unwrap();
    scene.ends_well().await;
}

#[tokio::test]
async fn a43_without_a_live_seat_nothing_is_said() {
    let scene = Scene::set().await;
    let (server, room) = (&scene.server, scene.room);
    let ghost = server.user("ghost").await;
    let old = ghost.reserve(room, &Reserve::default()).await.unwrap();
    let mut old_line = Raw::open(&old, 64 << 10).await;
    // Somebody else's part by now: what the old one still says is not heard.
    let new = ghost.reserve(room, &Reserve::default()).await.unwrap();
    let mut wire = Wire::open(&new).await;
    assert!(wire.welcomed().await);
    let frames = [
        json!({ "type": "send", "client_id": "late", "content": "a ghost's words" }),
        json!({ "type": "typing" }),
        json!({ "type": "read", "seq": 1 }),
        json!({ "type": "delete", "id": uuid::Uuid::now_v7() }),
    ];
    for said in &frames {
        old_line.write(&frame(raw::TEXT, true, said.to_string().as_bytes())).await;
    }
    assert_eq!(old_line.close_code().await, 4409);
    // Over SockJS: to a session that is not there, or is another's.
    for path in ["/sockjs/000/nobodys1/xhr_send", "/sockjs/000/nobodys1/jsonp_send"] {
        let body = json!([frames[0].to_string()]);
        let request = server.client().http().post(format!("{}{path}", server.base()));
        let answer = Answer::to(request.json(&body)).await;
        assert!(matches!(answer.status, 400 | 403 | 404), "{path}: {answer:?}");
    }
    // Removed: the line ends, and there is no other way to say anything.
    let other = server.user("other").await;
    let mut session = other.enter(room).await.unwrap();
    scene.owner.remove_member(room, other.id()).await.unwrap();
    let say = r#"{"type":"send","client_id":"x","content":"a ghost's words"}"#;
    let _ = session.send_raw_text(say).await;
    let _ = session.send_frame(&ClientFrame::Typing {}).await;
    assert_eq!(ended(&mut session).await.1.code, 4450);
    for path in [format!("/rooms/{room}/messages"), format!("/rooms/{room}/typing")] {
        let answer = Answer::to(other.request(Method::POST, &path).json(&frames[0])).await;
        assert!(matches!(answer.status, 404 | 405), "{path}: {answer:?}");
    }
    assert_eq!(server.rows("messages WHERE content = 'a ghost''s words'", &[]), 0);
    ghost.logout().await.unwrap();
    wire.until_end().await;
    scene.ends_well().await;
}
