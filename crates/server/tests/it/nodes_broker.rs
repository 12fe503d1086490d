//! Nodes that meet at RabbitMQ and have their seats in PostgreSQL, without any Redis; and what is done to
//! the broker under them. Rows F25, F28, F29, F31 and F32 of the faults.

use std::process::Command;

use anteroom_client::ConfirmOptions;
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::across::{hear, members, talk};
use crate::harness::{Postgres, Rabbit, TestServer, alive, ended, meet_at};
use crate::harness::{one_of_many, within};

const PREFIX: &str = "here.";

/// Nodes that soon find that a broker stands still.
async fn nodes(rabbit: &Rabbit, count: usize) -> Vec<TestServer> {
    let url = Postgres::shared().database();
    let url = &url;
    let starting = (1..=count).map(|number| {
        TestServer::start(move |settings| {
            one_of_many(meet_at(settings, rabbit, PREFIX), number, url);
            settings.set("admission.strategy", "conditional").set("rabbitmq.timeout", "500ms");
        })
    });
    join_all(starting).await
}

/// They hear each other over the bus again.
async fn joined(nodes: &[TestServer], marks: &[usize]) {
    for (node, mark) in nodes.iter().zip(marks) {
        node.event_since(*mark, "bus.joined", json!({})).await;
    }
}

fn marks(nodes: &[TestServer]) -> Vec<usize> {
    nodes.iter().map(TestServer::mark).collect()
}

#[tokio::test]
async fn without_any_redis_people_talk_take_over_and_log_out_across_nodes() {
    let nodes = nodes(Rabbit::shared(), 3).await;
    let (room, mut sessions) = members(&nodes).await;
    talk(&mut sessions, 10).await;
    hear(&mut sessions, 1, 30).await;
    let user = nodes[0].user("user").await;
    let mut old = user.enter(room).await.unwrap();
    let there = nodes[1].client().with_token(user.token());
    let mut new = there.enter(room).await.unwrap();
    assert_eq!(ended(&mut old).await.1.code, 4409);
    alive(&mut new).await;
    nodes[2].client().with_token(user.token()).logout().await.unwrap();
    assert_eq!(ended(&mut new).await.1.code, 4440);
    nodes[0].seats_when(room, |seats, _| seats.occupied == 3 && seats.held == 0).await;
}

#[tokio::test]
async fn f25_a_broker_killed_in_the_middle_of_a_chat_costs_nobody_a_message() {
    let rabbit = Rabbit::start().await;
    let nodes = nodes(&rabbit, 2).await;
    let (_, mut sessions) = members(&nodes).await;
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 1, 10).await;
    let before = marks(&nodes);
    tokio::join!(rabbit.kill9(), talk(&mut sessions, 50));
    hear(&mut sessions, 11, 110).await;
    for (node, mark) in nodes.iter().zip(&before) {
        node.event_since(*mark, "bus.broken", json!({})).await;
    }
    let before = marks(&nodes);
    rabbit.start_again().await;
    joined(&nodes, &before).await;
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 111, 120).await;
}

#[tokio::test]
async fn f32_with_the_broker_away_chat_goes_on_and_is_heard_elsewhere_from_the_store() {
    let rabbit = Rabbit::start().await;
    let nodes = nodes(&rabbit, 2).await;
    let (room, mut sessions) = members(&nodes).await;
    let before = marks(&nodes);
    rabbit.kill9().await;
    for (node, mark) in nodes.iter().zip(&before) {
        node.event_since(*mark, "bus.broken", json!({})).await;
    }
    for round in 0..3 {
        talk(&mut sessions, 5).await;
        hear(&mut sessions, round * 10 + 1, round * 10 + 10).await;
    }
    // The seats are in PostgreSQL: people come and go meanwhile, on any node.
    let mut late = nodes[1].guest("late").await.enter(room).await.unwrap();
    alive(&mut late).await;
    late.leave().await.unwrap();
    nodes[0].seats_when(room, |seats, _| seats.occupied == 2).await;
}

#[tokio::test]
async fn f28_a_broker_that_stands_still_or_has_no_memory_holds_no_chat_up() {
    let rabbit = Rabbit::start().await;
    let nodes = nodes(&rabbit, 2).await;
    let (_, mut sessions) = members(&nodes).await;
    rabbit.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    talk(&mut sessions, 10).await;
    hear(&mut sessions, 1, 20).await;
    rabbit.ctl(&["set_vm_memory_high_watermark", "absolute", "1GB"]).await;

    let before = marks(&nodes);
    signal(&rabbit, "STOP");
    talk(&mut sessions, 10).await;
    hear(&mut sessions, 21, 40).await;
    for (node, mark) in nodes.iter().zip(&before) {
        node.event_since(*mark, "rabbitmq.broken", json!({})).await;
    }
    signal(&rabbit, "CONT");
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 41, 50).await;
}

fn signal(rabbit: &Rabbit, name: &str) {
    let kill = format!("kill -{name} {}", rabbit.pid());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

#[tokio::test]
async fn f31_connections_that_the_broker_closes_are_made_anew_and_nothing_is_missing() {
    let rabbit = Rabbit::start().await;
    let nodes = nodes(&rabbit, 2).await;
    let (_, mut sessions) = members(&nodes).await;
    for round in 0..3 {
        let before = marks(&nodes);
        rabbit.ctl(&["close_all_connections", "a test"]).await;
        talk(&mut sessions, 20).await;
        hear(&mut sessions, round * 40 + 1, round * 40 + 40).await;
        joined(&nodes, &before).await;
    }
}

#[tokio::test]
async fn f29_a_queue_and_an_exchange_that_are_deleted_come_back_and_nothing_is_missing() {
    let rabbit = Rabbit::start().await;
    let nodes = nodes(&rabbit, 2).await;
    let (_, mut sessions) = members(&nodes).await;
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 1, 10).await;

    let before = marks(&nodes);
    for queue in rabbit.ctl(&["list_queues", "name", "--silent"]).await.lines() {
        rabbit.ctl(&["delete_queue", queue]).await;
    }
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 11, 20).await;
    joined(&nodes, &before).await;

    // Nobody who listens is told of it; who publishes is.
    let name = format!("{PREFIX}bus.rooms");
    let delete = format!(
        "rabbit_exchange:delete(rabbit_misc:r(<<\"/\">>, exchange, <<\"{name}\">>), false, <<\"a test\">>)."
    );
    rabbit.ctl(&["eval", &delete]).await;
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 21, 30).await;
    let exchanges = || rabbit.ctl(&["list_exchanges", "name", "--silent"]);
    within("it comes back", async {
        while !exchanges().await.lines().any(|it| it == name) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 31, 40).await;
}

#[tokio::test]
async fn a_broker_that_is_away_keeps_no_node_from_starting() {
    let rabbit = Rabbit::start().await;
    rabbit.kill9().await;
    let nodes = nodes(&rabbit, 2).await;
    // Nobody is told that others will not hear of it.
    let early = nodes[0].user("early").await;
    let created = nodes[0].pending_room(&early, 10).await;
    assert!(early.confirm(&created.reservation, ConfirmOptions::default()).await.is_err());
    rabbit.start_again().await;
    joined(&nodes, &[0, 0]).await;
    let (_, mut sessions) = members(&nodes).await;
    talk(&mut sessions, 5).await;
    hear(&mut sessions, 1, 10).await;
}

#[tokio::test]
async fn a_broker_that_is_not_as_it_must_be_refuses_the_start_in_words() {
    let rabbit = Rabbit::shared();
    let prefix = rabbit.prefix();
    let declare = format!(
        "rabbit_exchange:declare(rabbit_misc:r(<<\"/\">>, exchange, <<\"{prefix}bus.news\">>), topic, true, false, \
         false, [], <<\"a test\">>)."
    );
    rabbit.ctl(&["eval", &declare]).await;
    let url = Postgres::shared().database();
    let refused = TestServer::refused_to_start(|settings| {
        one_of_many(meet_at(settings, rabbit, &prefix), 1, &url);
        settings.set("admission.strategy", "conditional");
    })
    .await;
    for part in [&*format!("{prefix}bus.news"), "rabbitmq.prefix"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let refused = TestServer::refused_to_start(|settings| {
        one_of_many(settings.set("cluster.bus", "rabbitmq"), 1, &url);
        settings.set("admission.strategy", "conditional");
    })
    .await;
    assert!(refused.contains("rabbitmq.url"), "{refused}");
}
