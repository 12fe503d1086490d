//! Rooms that are not listed: to a stranger they do not exist, whatever is asked and whatever state
//! they are in.

use anteroom_client::{Account, Session};
use anteroom_protocol::room::{CreateRoom, RoomCreated, Visibility};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Known as _, TestServer, within};

async fn unlisted(owner: &Account) -> RoomCreated {
    let body = CreateRoom {
        name: "Not told".into(),
        capacity: 5,
        visibility: Visibility::Unlisted,
        ..CreateRoom::default()
    };
    owner.create_room(&body).await.unwrap()
}

async fn opened(owner: &Account) -> (i64, Session) {
    let created = unlisted(owner).await;
    let session = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    (created.room.id, session)
}

/// What a stranger may ask of a room, and is told.
async fn nothing_is_there(owner: &Account, stranger: &Account, room: i64, state: &str) {
    let member = format!("/members/{}", owner.id());
    for (method, rest, body) in [
        (Method::GET, "", None),
        (Method::GET, "?key=guessed", None),
        (Method::GET, "/messages", None),
        (Method::GET, "/members", None),
        (Method::POST, "/reservations", None),
        (Method::POST, "/reservations", Some(json!({ "password": "x" }))),
        (Method::POST, "/reservations?key=guessed", None),
        (Method::POST, "/waitlist", None),
        (Method::POST, "/waitlist?key=guessed", None),
        (Method::GET, "/waitlist/current", None),
        (Method::PATCH, "", Some(json!({ "name": "mine" }))),
        (Method::DELETE, "", None),
        (Method::DELETE, &member, None),
    ] {
        let asked = format!("{method} {rest} of a room that is {state}");
        let mut request = stranger.request(method, &format!("/rooms/{room}{rest}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 404, "{asked}: {answer:?}");
        answer.refuses(404, "room_not_found");
    }
}

#[tokio::test]
async fn bug_an_unlisted_room_does_not_exist_for_a_stranger_in_any_state() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let stranger = server.user("stranger").await;
    let pending = unlisted(&owner).await.room.id;
    nothing_is_there(&owner, &stranger, pending, "pending").await;
    owner.cancel(pending).await.unwrap();
    let (room, mut session) = opened(&owner).await;
    session.send("between us").await.unwrap();
    nothing_is_there(&owner, &stranger, room, "open").await;
    owner.close_room(room).await.unwrap();
    nothing_is_there(&owner, &stranger, room, "closed").await;
    server.ask_to_stop();
    server.exited().await;
    server.restart().await;
    let owner = server.login("owner").await;
    let stranger = server.login("stranger").await;
    nothing_is_there(&owner, &stranger, room, "closed before the restart").await;
    let answer = Answer::to(stranger.request(Method::GET, "/rooms/999999")).await;
    answer.refuses(404, "room_not_found");
}

/// The room of one server-sent event.
fn told(block: &str) -> Option<Value> {
    let data = block.lines().find_map(|line| line.strip_prefix("data:"))?;
    serde_json::from_str(data.trim()).ok()
}

#[tokio::test]
async fn bug_the_lobby_never_tells_of_rooms_that_are_unlisted_or_pending() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.pending_room_ttl", "1s");
    })
    .await;
    let owners = server.guests(6).await;
    let (early, _early) = opened(&owners[0]).await;
    let mut stream = server.client().request(Method::GET, "/rooms/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let (late, inside) = opened(&owners[1]).await;
    inside.leave().await.unwrap();
    owners[1].close_room(late).await.unwrap();
    let (hidden, inside) = opened(&owners[2]).await;
    inside.abort();
    owners[0].close_room(early).await.unwrap();
    let queued = server.pending_room(&owners[3], 3).await.room.id;
    let cancelled = server.pending_room(&owners[4], 3).await.room.id;
    owners[4].close_room(cancelled).await.unwrap();
    server.event("room.pending_expired", json!({ "room": queued })).await;
    // A public room that opens and closes ends what is looked at.
    let (public, _public) = server.room(&owners[5], 3).await;
    owners[5].close_room(public).await.unwrap();
    let secret = [early, late, hidden, queued, cancelled];
    let mut text = String::new();
    let mut ids = Vec::new();
    within("the end of the public room", async {
        loop {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&chunk));
            while let Some(end) = text.find("\n\n") {
                let block: String = text.drain(..end + 2).collect();
                let Some(room) = told(&block) else { continue };
                ids.push(room["id"].as_i64().unwrap());
                if room["id"] == public && room["state"] == "closed" {
                    return;
                }
            }
        }
    })
    .await;
    let leaked: Vec<_> = ids.iter().filter(|id| secret.contains(id)).collect();
    assert!(leaked.is_empty(), "{leaked:?} of {secret:?} were told to everybody");
}
