//! What is broken while people talk.

use std::process::Command;
use std::time::Instant;

use anteroom_protocol::frame::{self, ClientFrame, ServerFrame};
use serde_json::json;

use super::Stand;
use crate::harness::{Rabbit, Relay, TestServer, Wires, shown, within};
use crate::talk::Talk;

/// A message of each person.
const EACH: usize = 120;

fn signal(rabbit: &Rabbit, name: &str) {
    let kill = format!("kill -{name} {}", rabbit.pid());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
}

/// A broker that a test may harm, and three nodes. The first to come takes from every queue.
async fn stand() -> (Rabbit, Stand) {
    let rabbit = Rabbit::start().await;
    let stand = Stand::on(&rabbit, 3).await;
    (rabbit, stand)
}

/// Everybody talks through the queue again, soon, and what they say is kept as before.
async fn as_before(stand: &Stand, talk: &mut Talk) {
    let before = through_the_queue(stand).await;
    within("the queue to be used again by all", async {
        loop {
            talk.go(20, async {}).await;
            let now = through_the_queue(stand).await;
            if now.iter().zip(&before).all(|(now, before)| now > before) {
                return shown(&format!("through the queue: {before:?}, then {now:?}"));
            }
        }
    })
    .await;
    talk.check(&stand.nodes).await;
}

/// How many messages of each node came to the store through the queue.
async fn through_the_queue(stand: &Stand) -> Vec<f64> {
    let mut of_each = Vec::new();
    for node in &stand.nodes.nodes {
        let series = r#"anteroom_messages_queued_total{outcome="stored"}"#;
        of_each.push(node.metrics().await.value(series));
    }
    of_each
}

fn marks(stand: &Stand) -> Vec<usize> {
    stand.nodes.nodes.iter().map(TestServer::mark).collect()
}

/// Every node has lost a line to the broker.
async fn lines_broke(stand: &Stand, marks: &[usize]) {
    for (node, mark) in stand.nodes.nodes.iter().zip(marks) {
        node.event_since(*mark, "rabbitmq.broken", json!({})).await;
    }
}

/// How many messages fell back, of all nodes.
async fn fell_back(stand: &Stand) -> f64 {
    let mut sum = 0.0;
    for node in &stand.nodes.nodes {
        let series = r#"anteroom_messages_queued_total{outcome="fell_back"}"#;
        sum += node.metrics().await.value(series);
    }
    sum
}

#[tokio::test]
async fn the_broker_is_killed_and_comes_back_while_people_talk() {
    let (rabbit, stand) = stand().await;
    let mut talk = Talk::between(&stand.nodes, &[0, 1, 2]).await;
    talk.go(EACH, async {}).await;
    rabbit.settle().await;
    let (some, more) = (talk.answered(EACH * 4), talk.answered(EACH * 5));
    talk.go(EACH, async {
        some.await;
        rabbit.kill9().await;
        // Chat goes on without it.
        more.await;
        rabbit.start_again().await;
    })
    .await;
    talk.check(&stand.nodes).await;
    assert!(fell_back(&stand).await > 0.0, "it was met in the middle");
    as_before(&stand, &mut talk).await;
}

#[tokio::test]
async fn confirms_are_withheld() {
    let (rabbit, stand) = stand().await;
    let mut talk = Talk::between(&stand.nodes, &[0, 1, 2]).await;
    talk.go(20, async {}).await;
    let some = talk.answered(90);
    let asleep = Instant::now();
    talk.go(EACH, async {
        some.await;
        signal(&rabbit, "STOP");
    })
    .await;
    shown(&format!("all answered {:?} after the broker fell asleep", asleep.elapsed()));
    signal(&rabbit, "CONT");
    talk.check(&stand.nodes).await;
    assert!(fell_back(&stand).await > 0.0, "it was met in the middle");
    as_before(&stand, &mut talk).await;
}

#[tokio::test]
async fn the_broker_is_short_of_memory() {
    let (rabbit, stand) = stand().await;
    let mut talk = Talk::between(&stand.nodes, &[0, 1, 2]).await;
    talk.go(20, async {}).await;
    let some = talk.answered(90);
    talk.go(EACH, async {
        some.await;
        rabbit.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    })
    .await;
    talk.go(20, async {}).await;
    talk.check(&stand.nodes).await;
    assert!(fell_back(&stand).await > 0.0, "it was met in the middle");
    rabbit.ctl(&["set_vm_memory_high_watermark", "0.9"]).await;
    as_before(&stand, &mut talk).await;
}

/// Something is done to the broker that breaks every node's lines to it, while people talk.
async fn lines_break_while_people_talk(
    (rabbit, stand): (Rabbit, Stand),
    mut talk: Talk,
    words: [String; 2],
) {
    talk.go(20, async {}).await;
    let (marks, some) = (marks(&stand), talk.answered(90));
    talk.go(EACH, async {
        some.await;
        rabbit.ctl(&[&words[0], &words[1]]).await;
        lines_broke(&stand, &marks).await;
    })
    .await;
    talk.check(&stand.nodes).await;
    shown(&format!("{} messages went straight to the store", fell_back(&stand).await));
    as_before(&stand, &mut talk).await;
}

#[tokio::test]
async fn the_queue_is_deleted() {
    let (rabbit, stand) = stand().await;
    let talk = Talk::between(&stand.nodes, &[0, 1, 2]).await;
    let queue = format!("{}messages.{}", stand.prefix, talk.room() % 8);
    lines_break_while_people_talk((rabbit, stand), talk, ["delete_queue".into(), queue]).await;
}

#[tokio::test]
async fn every_connection_is_closed() {
    let (rabbit, stand) = stand().await;
    let talk = Talk::between(&stand.nodes, &[0, 1, 2]).await;
    let words = ["close_all_connections".into(), "for a test".into()];
    lines_break_while_people_talk((rabbit, stand), talk, words).await;
}

#[tokio::test]
async fn the_broker_is_away_for_the_whole_chat() {
    let (rabbit, stand) = stand().await;
    rabbit.kill9().await;
    let mut talk = Talk::between(&stand.nodes, &[0, 1, 2]).await;
    talk.go(EACH, async {}).await;
    talk.check(&stand.nodes).await;
}

#[tokio::test]
async fn the_node_that_takes_is_killed_before_it_says_so() {
    let (_rabbit, mut stand) = stand().await;
    let mut talk = Talk::between(&stand.nodes, &[1, 2]).await;
    talk.go(20, async {}).await;
    let some = talk.answered(60);
    let taker = &mut stand.nodes.nodes[0];
    talk.go(EACH, async {
        some.await;
        taker.kill9().await;
    })
    .await;
    talk.check(&stand.nodes).await;
    // The broker gave the queues to another one.
    talk.go(20, async {}).await;
    talk.check(&stand.nodes).await;
}

#[tokio::test]
async fn the_node_that_takes_stands_still_for_a_while() {
    let (_rabbit, stand) = stand().await;
    // It may stand still in the middle of a transaction, with the room's row in its hand.
    let mut talk = Talk::between(&stand.nodes, &[1, 2]).await.some_may_be_refused();
    talk.go(20, async {}).await;
    let some = talk.answered(60);
    let taker = &stand.nodes.nodes[0];
    let asleep = Instant::now();
    talk.go(EACH, async {
        some.await;
        taker.sleeps();
    })
    .await;
    shown(&format!("all answered {:?} after the taker fell asleep", asleep.elapsed()));
    taker.wakes();
    talk.go(20, async {}).await;
    talk.check(&stand.nodes).await;
}

#[tokio::test]
async fn what_a_zombie_queued_is_refused() {
    let rabbit = Rabbit::start().await;
    let mut stand = Stand::on(&rabbit, 0).await;
    stand
        .add(|settings| {
            settings.set("cluster.lease", "2s");
        })
        .await;
    // Its way to the broker can be held, so that what it said arrives when it is over.
    let wire = Relay::to(rabbit.port()).await;
    let url = format!("amqp://guest:guest@{}/%2f", wire.address());
    stand
        .add(|settings| {
            settings.set("rabbitmq.url", &url).set("cluster.lease", "2s");
        })
        .await;
    let zombie = &stand.nodes.nodes[1];
    let owner = zombie.user("owner").await;
    let (room, mut session) = zombie.room(&owner, 10).await;
    within("an ack", session.send("alive")).await.unwrap();
    wire.now(Wires::Hold);
    let send = frame::Send {
        client_id: "late".into(),
        content: "late".into(),
        content_type: None,
        reply_to: None,
    };
    session.send_frame(&ClientFrame::Send(send)).await.unwrap();
    // Read, and on the wire, before it falls asleep: what is asked after it is answered, many times.
    let pong = |frame: &ServerFrame| matches!(frame, ServerFrame::Pong { .. }).then_some(());
    for _ in 0..200 {
        session.send_frame(&ClientFrame::Ping { nonce: None }).await.unwrap();
        within("a pong", session.wait_for(pong)).await.unwrap();
    }
    zombie.sleeps();
    let fenced = "SELECT count(*) FROM nodes WHERE node = 2 AND fenced";
    within("the end of its lease", async {
        while stand.nodes.stored(fenced) != "1" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    wire.now(Wires::Pass);
    stand.nodes.nodes[0].event("messages.of_fenced", json!({"room": room})).await;
    let said = stand.nodes.stored(&format!("SELECT count(*) FROM messages WHERE room_id = {room}"));
    assert_eq!(said, "1", "nothing of it is stored");
    // What it finds out when it wakes.
    zombie.expect_error("node.fenced");
    zombie.expect_error("seat_store.lost");
    zombie.wakes();
}
