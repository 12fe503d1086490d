//! Finding what was said, in both languages, by who may read it.

use anteroom_client::{Account, Session};
use anteroom_protocol::frame::ClientFrame;
use anteroom_protocol::room::{CreateRoom, Visibility};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, TestServer, encode, within};

async fn ask(who: &Account, room: i64, query: &str) -> Answer {
    let path = format!("/rooms/{room}/messages/search?{query}");
    Answer::to(who.request(Method::GET, &path)).await
}

/// The contents that are found, newest first.
async fn found(who: &Account, room: i64, q: &str) -> Vec<String> {
    let answer = ask(who, room, &format!("q={}", encode(q))).await;
    assert_eq!(answer.status, 200, "{q}: {answer:?}");
    let items = answer.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["content"].as_str().unwrap().to_owned()).collect()
}

async fn say(session: &mut Session, contents: &[&str]) {
    for content in contents {
        within("an ack", session.send(*content)).await.unwrap();
    }
}

/// Waits until the index has reached everything.
async fn indexed(server: &TestServer) {
    let behind = "last_seqs LEFT JOIN indexed USING (room_id) WHERE last_seq > coalesce(seq, 0)";
    let mut look_again = tokio::time::interval(std::time::Duration::from_millis(50));
    within("the index", async {
        while server.rows(behind, &[]) > 0 {
            look_again.tick().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_acknowledged_is_found_at_once_and_shown_as_text() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    say(&mut speaker, &["<b>내일</b> 회의에서 봐요", "Meeting at 7", "회의 없음"]).await;
    assert_eq!(found(&owner, room, "회의").await, ["회의 없음", "<b>내일</b> 회의에서 봐요"]);
    assert_eq!(found(&owner, room, "MEETING").await, ["Meeting at 7"]);
    let page = ask(&owner, room, &format!("q={}&limit=1", encode("회의"))).await.json();
    assert_eq!(page["items"][0]["seq"], 3);
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = ask(&owner, room, &format!("q={}&cursor={cursor}", encode("회의"))).await.json();
    let pieces = json!([
        { "text": "<b>내일</b> " },
        { "text": "회의", "hit": true },
        { "text": "에서 봐요" },
    ]);
    assert_eq!(next["items"][0]["snippet"], pieces);
    assert_eq!(next["items"][0]["sender"]["name"], "owner", "an item as in history");
    assert_eq!(next["next_cursor"], Value::Null);

    indexed(&server).await;
    assert_eq!(found(&owner, room, "회의").await.len(), 2);
    let message = page["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let edit = ClientFrame::Edit { id: message, content: "모임 있음".into() };
    speaker.send_frame(&edit).await.unwrap();
    say(&mut speaker, &["after it"]).await;
    assert_eq!(found(&owner, room, "회의").await, ["<b>내일</b> 회의에서 봐요"]);
    assert_eq!(found(&owner, room, "모임").await, ["모임 있음"]);
}

#[tokio::test]
async fn after_kill_9_everything_acknowledged_is_found_and_the_index_catches_up() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    for n in 0..300 {
        within("an ack", speaker.send(format!("말 {n}"))).await.unwrap();
    }
    server.kill9().await;
    server.restart().await;
    let owner = server.client().with_token(owner.token());
    for _ in 0..2 {
        let page = ask(&owner, room, &format!("q={}&limit=200", encode("말"))).await.json();
        let cursor = page["next_cursor"].as_str().unwrap().to_owned();
        let rest = format!("q={}&limit=200&cursor={cursor}", encode("말"));
        let rest = ask(&owner, room, &rest).await.json();
        let seqs: Vec<i64> = [&page, &rest]
            .iter()
            .flat_map(|page| page["items"].as_array().unwrap())
            .map(|item| item["seq"].as_i64().unwrap())
            .collect();
        assert_eq!(seqs, (1..=300).rev().collect::<Vec<_>>());
        indexed(&server).await;
    }
}

#[tokio::test]
async fn who_may_read_history_may_search_and_nobody_else() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    say(&mut speaker, &["for those inside"]).await;
    let a = server.user("a").await;
    ask(&a, room, "q=inside").await.refuses(403, "forbidden");
    let session = a.enter(room).await.unwrap();
    assert_eq!(found(&a, room, "inside").await.len(), 1);
    session.leave().await.unwrap();
    ask(&a, room, "q=inside").await.refuses(403, "forbidden");
    ask(&a, 999_999, "q=inside").await.refuses(404, "room_not_found");
    let body = CreateRoom {
        name: "Hidden".into(),
        capacity: 2,
        visibility: Visibility::Unlisted,
        ..CreateRoom::default()
    };
    let hidden = owner.create_room(&body).await.unwrap();
    let inside = owner.confirm(&hidden.reservation, Default::default()).await.unwrap();
    ask(&a, hidden.room.id, "q=inside").await.refuses(404, "room_not_found");
    drop(inside);
    let nobody =
        server.client().request(Method::GET, &format!("/rooms/{room}/messages/search?q=x"));
    Answer::to(nobody).await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn odd_queries_are_answered_and_unreadable_ones_refused() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    say(&mut speaker, &["one OR two", "three"]).await;
    for q in [
        "\"",
        "a*",
        "NEAR(one two)",
        "words:one",
        "'; DROP TABLE messages",
        "👋",
        "\0",
        "^one -two",
    ] {
        found(&owner, room, q).await;
    }
    assert_eq!(found(&owner, room, "one OR three").await, [""; 0], "no word is syntax");
    let long = format!("q={}", "x".repeat(201));
    for query in ["", "q=", "q=%20", &long, "q=x&limit=0", "q=x&limit=201", "q=x&cursor=y"] {
        ask(&owner, room, query).await.refuses(422, "invalid");
    }
    for (query, statuses) in [("q=x&limit=z", 400..500), ("q=%FF", 200..500)] {
        let status = ask(&owner, room, query).await.status;
        assert!(statuses.contains(&status), "{query}: {status}");
    }
}

#[tokio::test]
async fn one_user_searches_so_often_in_a_minute_and_is_told_when_to_come_again() {
    const SEARCHES: usize = 5;
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", true).set("limits.searches_per_user", SEARCHES);
    })
    .await;
    let (owner, other) = (server.user("owner").await, server.user("other").await);
    let (room, mut speaker) = server.room(&owner, 3).await;
    say(&mut speaker, &["words"]).await;
    let _inside = other.enter(room).await.unwrap();
    for _ in 0..SEARCHES {
        assert_eq!(found(&owner, room, "words").await, ["words"]);
    }
    let refused = ask(&owner, room, "q=words").await;
    refused.refuses(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().expect("says how long to wait");
    assert!((1..=60).contains(&wait), "{wait} s");
    assert_eq!(found(&other, room, "words").await, ["words"], "each has a count");
}
