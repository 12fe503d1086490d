//! Stories on a real server, frame by frame, compared with `docs/transcripts`: what a client has to expect. Each
//! frame and answer in them is also judged by the documents.

use anteroom_client::Account;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::line;
use crate::harness::transcript::{Talk, Transcript};
use crate::harness::{TestServer, within};

/// One server with the strategy and limits as they come; ann and bob are logged in.
async fn house() -> (TestServer, Account, Account) {
    let server = TestServer::start(|it| {
        it.set("admission.grace", "60s");
    })
    .await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    (server, ann, bob)
}

/// Ann makes a room and enters it.
async fn room(story: &mut Transcript, ann: &Account, capacity: u32) -> (i64, Talk) {
    let ask = json!({ "name": "Reading circle", "capacity": capacity });
    let made = story.ask(("ann", ann), Method::POST, "/rooms", ask).await;
    let mut talk = story.open("ann", url(&made["reservation"])).await;
    story.hear(&mut talk, "welcome").await;
    (made["room"]["id"].as_i64().unwrap(), talk)
}

fn url(reservation: &Value) -> &str {
    reservation["websocket_url"].as_str().unwrap()
}

/// Somebody reserves a seat.
async fn reserve(story: &mut Transcript, who: (&str, &Account), room: i64, with: Value) -> Value {
    let path = format!("/rooms/{room}/reservations");
    story.ask(who, Method::POST, &path, with).await
}

/// Somebody reserves a seat and enters.
async fn enter(
    story: &mut Transcript,
    (who, account): (&'static str, &Account),
    room: i64,
) -> (Talk, Value) {
    let reservation = reserve(story, (who, account), room, Value::Null).await;
    let mut talk = story.open(who, url(&reservation)).await;
    let welcome = story.hear(&mut talk, "welcome").await;
    (talk, welcome)
}

#[tokio::test]
async fn a_first_entry_and_a_talk() {
    let (_server, ann, bob) = house().await;
    let mut story = Transcript::of("entry_and_chat");
    let (room, mut at_ann) = room(&mut story, &ann, 3).await;
    let (mut at_bob, _) = enter(&mut story, ("bob", &bob), room).await;
    let said = json!({ "type": "send", "client_id": "b-1", "content": "Good morning" });
    story.say(&mut at_bob, said.clone()).await;
    story.hear(&mut at_bob, "ack").await;
    story.hear(&mut at_bob, "message").await;
    story.hear(&mut at_ann, "message").await;
    // Again, as after a broken line: the same acknowledgement, and nothing new in the room.
    story.say(&mut at_bob, said).await;
    story.hear(&mut at_bob, "ack").await;
    story.say(&mut at_ann, json!({ "type": "read", "seq": 1 })).await;
    story.hear(&mut at_bob, "read").await;
    story.say(&mut at_ann, json!({ "type": "typing" })).await;
    story.hear(&mut at_bob, "typing").await;
    story.say(&mut at_bob, json!({ "type": "ping", "nonce": "7" })).await;
    story.hear(&mut at_bob, "pong").await;
    story.say(&mut at_bob, json!({ "type": "leave" })).await;
    story.close(at_bob).await;
    story.compare();
}

#[tokio::test]
async fn a_refresh_with_replay() {
    let (server, ann, bob) = house().await;
    let mut story = Transcript::of("refresh_with_replay");
    let (room, mut at_ann) = room(&mut story, &ann, 2).await;
    let (at_bob, welcome) = enter(&mut story, ("bob", &bob), room).await;
    drop(at_bob);
    server.event("seat.held", json!({ "room": room })).await;
    story.note("bob", "loses", json!("the line; the seat is held"));
    for content in ["one", "two"] {
        let said = json!({ "type": "send", "client_id": content, "content": content });
        story.say(&mut at_ann, said).await;
        story.hear(&mut at_ann, "ack").await;
        story.hear(&mut at_ann, "message").await;
    }
    let resume = welcome["resume"].as_str().unwrap();
    let with = json!({ "resume": resume });
    let again = reserve(&mut story, ("bob", &bob), room, with).await;
    let back = format!("{}&resume={resume}&since=0", url(&again));
    let mut at_bob = story.open("bob", &back).await;
    story.hear(&mut at_bob, "welcome").await;
    story.hear(&mut at_bob, "message").await;
    story.hear(&mut at_bob, "message").await;
    story.compare();
}

#[tokio::test]
async fn a_takeover() {
    let (_server, ann, bob) = house().await;
    let mut story = Transcript::of("takeover");
    let (room, _at_ann) = room(&mut story, &ann, 2).await;
    let (mut older, _) = enter(&mut story, ("bob", &bob), room).await;
    let (_newer, _) = enter(&mut story, ("bob, elsewhere", &bob), room).await;
    story.hear(&mut older, "closing").await;
    story.close(older).await;
    story.compare();
}

/// Presents what opens nothing: the words, and the close that follows them.
async fn refused(story: &mut Transcript, who: &'static str, url: &str) {
    let mut talk = story.open(who, url).await;
    story.hear(&mut talk, "refused").await;
    story.close(talk).await;
}

#[tokio::test]
async fn tickets_that_open_nothing() {
    let server = TestServer::start(|it| {
        it.set("admission.reservation_ttl", "1s");
    })
    .await;
    let (ann, bob) = (server.user("ann").await, server.user("bob").await);
    let mut story = Transcript::of("refused_tickets");
    let (room, _at_ann) = room(&mut story, &ann, 3).await;

    story.note("bob", "tries", json!("a query that cannot be read: 4400"));
    let good = reserve(&mut story, ("bob", &bob), room, Value::Null).await;
    refused(&mut story, "bob", &format!("{}&since=-1", url(&good))).await;

    story.note("bob", "tries", json!("a forged ticket: 4403"));
    let base = url(&good).split('?').next().unwrap().to_owned();
    refused(&mut story, "bob", &format!("{base}?ticket=forged")).await;

    story.note("bob", "tries", json!("a ticket whose time has passed: 4408"));
    server.event("reservation.expired", json!({ "room": room })).await;
    refused(&mut story, "bob", url(&good)).await;

    story.note("bob", "tries", json!("a ticket of a login that has ended: 4401"));
    let other = reserve(&mut story, ("bob", &bob), room, Value::Null).await;
    story.ask(("bob", &bob), Method::DELETE, "/sessions/current", Value::Null).await;
    refused(&mut story, "bob", url(&other)).await;

    story.note("bob", "tries", json!("a ticket that was used already: 4403"));
    let bob = server.login("bob").await;
    let used = reserve(&mut story, ("bob", &bob), room, Value::Null).await;
    let mut at_bob = story.open("bob", url(&used)).await;
    story.hear(&mut at_bob, "welcome").await;
    refused(&mut story, "bob", url(&used)).await;
    story.say(&mut at_bob, json!({ "type": "leave" })).await;
    story.close(at_bob).await;

    story.note("bob", "tries", json!("a ticket of a room that was closed: 4410"));
    let last = reserve(&mut story, ("bob", &bob), room, Value::Null).await;
    story.ask(("ann", &ann), Method::DELETE, &format!("/rooms/{room}"), Value::Null).await;
    refused(&mut story, "bob", url(&last)).await;
    story.compare();
}

#[tokio::test]
async fn a_line_and_an_offer() {
    let (_server, ann, bob) = house().await;
    let mut story = Transcript::of("line_and_offer");
    let (room, mut at_ann) = room(&mut story, &ann, 1).await;
    reserve(&mut story, ("bob", &bob), room, Value::Null).await;
    let path = format!("/rooms/{room}/waitlist");
    story.ask(("bob", &bob), Method::POST, &path, Value::Null).await;
    let mut stream = bob.watch_line(room).await.unwrap();
    let first = line::position(&mut stream).await;
    story.note("bob", "is told", json!({ "event": "position", "data": first }));
    story.say(&mut at_ann, json!({ "type": "leave" })).await;
    story.close(at_ann).await;
    let offer = within("an offer", line::offer(&mut stream)).await;
    let offer = serde_json::to_value(offer).unwrap();
    story.note("bob", "is told", json!({ "event": "offer", "data": offer }));
    let mut at_bob = story.open("bob", url(&offer)).await;
    story.hear(&mut at_bob, "welcome").await;
    story.compare();
}

#[tokio::test]
async fn edits_and_deletes() {
    let (_server, ann, bob) = house().await;
    let mut story = Transcript::of("edits_and_deletes");
    let (room, mut at_ann) = room(&mut story, &ann, 2).await;
    let (mut at_bob, _) = enter(&mut story, ("bob", &bob), room).await;
    let mut ids = Vec::new();
    for content in ["Good mornig", "Nonsense"] {
        let said = json!({ "type": "send", "client_id": content, "content": content });
        story.say(&mut at_ann, said).await;
        let ack = story.hear(&mut at_ann, "ack").await;
        story.hear(&mut at_ann, "message").await;
        story.hear(&mut at_bob, "message").await;
        ids.push(ack["id"].clone());
    }
    let edit = json!({ "type": "edit", "id": ids[0], "content": "Good morning" });
    story.say(&mut at_ann, edit).await;
    story.hear(&mut at_ann, "edited").await;
    story.hear(&mut at_bob, "edited").await;
    story.say(&mut at_ann, json!({ "type": "delete", "id": ids[1] })).await;
    story.hear(&mut at_ann, "deleted").await;
    story.hear(&mut at_bob, "deleted").await;
    // Not bob's words to change.
    story.say(&mut at_bob, json!({ "type": "edit", "id": ids[0], "content": "mine" })).await;
    story.hear(&mut at_bob, "error").await;
    story.ask(("bob", &bob), Method::GET, &format!("/rooms/{room}/messages"), Value::Null).await;
    story.compare();
}
