//! Messages that are kept for a while only: what goes, what stays, and what readers are told.

use anteroom_client::{Account, ConfirmOptions};
use anteroom_protocol::frame::{Replay, ServerFrame};
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Nodes, TestServer, within};

const HOUR_MS: i64 = 3_600_000;

/// From now on messages are kept for an hour.
async fn keeps_an_hour(server: &TestServer) {
    let file = server.data_dir().join("anteroom.toml");
    std::fs::write(file, "[messages]\nkeep = \"1h\"\n").unwrap();
    let told = server.command(&["reload"]).await;
    assert_eq!(told.stdout, "taken over: messages.keep\n", "{}", told.stderr);
}

async fn history(who: &Account, room: i64, query: &str) -> (Vec<i64>, i64) {
    let path = format!("/rooms/{room}/messages?{query}");
    let page = Answer::to(who.request(Method::GET, &path)).await.json();
    let seqs = page["items"].as_array().unwrap().iter().map(|it| it["seq"].as_i64().unwrap());
    (seqs.collect(), page["first_seq"].as_i64().unwrap())
}

#[tokio::test]
async fn what_is_older_goes_after_a_reload_and_who_comes_back_is_told_so() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 3).await;
    for n in 1..=6 {
        session.send(format!("words {n}")).await.unwrap();
    }
    server.change_rows(
        "UPDATE messages SET created_at = created_at - ?1 WHERE room_id = ?2 AND seq <= 3",
        &[&(2 * HOUR_MS), &room],
    );
    assert_eq!(history(&owner, room, "").await, (vec![6, 5, 4, 3, 2, 1], 1));
    keeps_an_hour(&server).await;
    server.event("messages.forgotten", json!({ "rows": 3, "rooms": 1 })).await;
    assert_eq!(history(&owner, room, "").await, (vec![6, 5, 4], 4));
    assert_eq!(history(&owner, room, "before=4").await, (vec![], 4));
    assert_eq!(history(&owner, room, "after=1&limit=2").await, (vec![4, 5], 4));
    let found = format!("/rooms/{room}/messages/search?q=words");
    let found = Answer::to(owner.request(Method::GET, &found)).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 3);
    assert_eq!(session.send("words 7").await.unwrap().seq, 7, "who sits there notices nothing");

    for (since, replay, frames) in [
        (1, Some(Replay::Truncated), 4),
        (2, Some(Replay::Truncated), 4),
        (3, None, 4),
        (6, None, 1),
    ] {
        let resume = Some(session.welcome().resume.clone());
        let reservation = owner.reserve(room, &Default::default()).await.unwrap();
        let options = ConfirmOptions { since: Some(since), resume, ..Default::default() };
        session = owner.confirm(&reservation, options).await.unwrap();
        let welcome = session.welcome();
        assert_eq!((welcome.replay, welcome.first_seq), (replay, Some(4)), "since {since}");
        for seq in (8 - frames)..=7 {
            let is_message = |frame: &ServerFrame| match frame {
                ServerFrame::Message(message) => Some(message.seq),
                _ => None,
            };
            let heard = within("the replay", session.wait_for(is_message)).await.unwrap();
            assert_eq!(heard, seq, "since {since}");
        }
    }
}

/// So many messages of two hours ago, written behind the server's back.
fn fill_with_old(server: &TestServer, room: i64, count: i64) {
    server.change_rows(
        "INSERT INTO messages (row_no, room_id, seq, id, kind, content_type, content, created_at)
         WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?2)
         SELECT (?1 << 32) | x, ?1, x, randomblob(16), 'notification', 'text/plain',
                'an old word ' || x, (unixepoch() - 7200) * 1000 FROM n",
        &[&room, &count],
    );
}

#[tokio::test]
async fn killed_in_the_middle_it_goes_on_and_nothing_is_half_gone() {
    const OLD: i64 = 30_000;
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 3).await;
    session.leave().await.unwrap();
    server.stop().await;
    fill_with_old(&server, room, OLD);
    server.restart().await;
    let owner = server.client().with_token(owner.token());
    let mut session = owner.enter(room).await.unwrap();
    for n in 1..=5 {
        assert_eq!(session.send("new").await.unwrap().seq, OLD + n);
    }
    keeps_an_hour(&server).await;
    let mut look_again = tokio::time::interval(std::time::Duration::from_millis(10));
    let left = within("the first steps", async {
        loop {
            let left = server.rows("messages", &[]);
            if left < OLD - 1_000 {
                return left;
            }
            look_again.tick().await;
        }
    })
    .await;
    server.kill9().await;
    assert!(left > 5, "it was in the middle: {left}");
    server.restart().await;
    let first = OLD + 6 - server.rows("messages", &[]);
    assert!(first > 1);
    server.event("messages.forgotten", json!({ "rooms": 1 })).await;
    let owner = server.client().with_token(owner.token());
    let newest = (OLD + 1..=OLD + 5).rev().collect();
    assert_eq!(history(&owner, room, "").await, (newest, OLD + 1));
    // In the background: what was said last may not be there yet.
    within("no words are left of what went, and those of what is kept are there", async {
        while server.rows("found_words", &[]) != 5 {
            look_again.tick().await;
        }
    })
    .await;
    let mut session = owner.enter(room).await.unwrap();
    assert_eq!(session.send("newer").await.unwrap().seq, OLD + 6);
}

#[tokio::test]
async fn nodes_that_let_go_at_once_share_the_work_while_people_talk() {
    let nodes = Nodes::start(2, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, mut session) = nodes.nodes[0].room(&owner, 3).await;
    nodes.stored(&format!(
        "INSERT INTO messages (room_id, seq, id, kind, content_type, content, created_at)
         SELECT {room}, x, gen_random_uuid(), 'notification', 'text/plain', 'old ' || x,
                (extract(epoch FROM now())::bigint - 7200) * 1000 FROM generate_series(1, 3000) AS x;
         UPDATE rooms SET last_seq = 3000 WHERE id = {room}"
    ));
    for node in &nodes.nodes {
        keeps_an_hour(node).await;
    }
    for n in 1..=50 {
        let ack = within("an ack", session.send(format!("new {n}"))).await.unwrap();
        assert_eq!(ack.seq, 3000 + n);
    }
    let left = || nodes.stored(&format!("SELECT count(*) FROM messages WHERE room_id = {room}"));
    let mut look_again = tokio::time::interval(std::time::Duration::from_millis(50));
    within("the old ones to go", async {
        while left() != "50" {
            look_again.tick().await;
        }
    })
    .await;
    let elsewhere = nodes.at(1, &owner);
    let (seqs, first) = history(&elsewhere, room, "after=0&limit=200").await;
    assert_eq!((seqs, first), ((3001..=3050).collect(), 3001));
    let told: i64 = nodes
        .nodes
        .iter()
        .flat_map(|node| node.logged("messages.forgotten", json!({})))
        .map(|event| event.text("rows").parse::<i64>().unwrap())
        .sum();
    assert!(told <= 3000, "no row goes twice: {told}");
}
