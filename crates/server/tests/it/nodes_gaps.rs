//! What the nodes tell each other is lost, doubled, reordered, held up and cut off: every member hears
//! everything once and in order.

use std::time::Instant;

use anteroom_protocol::Code;
use serde_json::json;

use crate::harness::across::{hear, members, talk};
use crate::harness::{Nodes, Relay, Wires, alive, ended, refused, shown};

/// Nodes with a wire of its own from each to the server of the bus.
async fn wired(count: usize) -> (Nodes, Vec<Relay>) {
    let mut nodes = Nodes::start(0, |_| {}).await;
    let mut relays = Vec::new();
    for _ in 0..count {
        let relay = Relay::to(nodes.bus_port()).await;
        let (section, url) = nodes.bus_at(relay.address());
        nodes
            .add(|settings| {
                settings.set(&format!("{section}.url"), &url);
                settings.set(&format!("{section}.timeout"), "500ms");
            })
            .await;
        relays.push(relay);
    }
    (nodes, relays)
}

#[tokio::test]
async fn what_is_lost_doubled_and_reordered_between_nodes_is_heard_once_and_in_order() {
    const EACH: usize = 70;
    let (nodes, relays) = wired(3).await;
    let (_, mut sessions) = members(&nodes.nodes).await;
    relays.iter().for_each(|relay| relay.now(Wires::Garble));
    talk(&mut sessions, EACH).await;
    hear(&mut sessions, 1, (EACH * 3) as i64).await;
    let garbled: Vec<usize> = relays.iter().map(Relay::garbled).collect();
    assert!(garbled.iter().all(|it| *it > 10), "the wires did what they were told: {garbled:?}");
}

#[tokio::test]
async fn a_node_cut_off_from_the_bus_hears_and_is_heard_and_nothing_is_told_twice_after() {
    apart(Wires::Cut).await;
}

#[tokio::test]
async fn a_node_whose_line_to_the_bus_stands_still_hears_and_is_heard_and_nothing_is_told_twice_after()
 {
    apart(Wires::Hold).await;
}

/// The node in the middle is kept from the bus while all talk, and given back.
async fn apart(how: Wires) {
    const EACH: usize = 20;
    let (nodes, relays) = wired(3).await;
    let (_, mut sessions) = members(&nodes.nodes).await;
    talk(&mut sessions, EACH).await;
    hear(&mut sessions, 1, 60).await;

    relays[1].now(how);
    talk(&mut sessions, EACH).await;
    // Nobody waits for the line to be mended.
    let asked = Instant::now();
    hear(&mut sessions, 61, 120).await;
    shown(&format!("{how:?}: all heard {:?} after the last was stored", asked.elapsed()));

    let mark = nodes.nodes[1].mark();
    relays[1].now(Wires::Pass);
    if how == Wires::Cut {
        nodes.nodes[1].event_since(mark, "bus.joined", json!({})).await;
    }
    talk(&mut sessions, EACH).await;
    hear(&mut sessions, 121, 180).await;
}

#[tokio::test]
async fn who_ended_while_a_node_heard_nothing_is_closed_as_soon_as_it_hears_again() {
    let (nodes, relays) = wired(2).await;
    let (room, mut sessions) = members(&nodes.nodes).await;
    let there = &nodes.nodes[1];
    let (taken, out) = (there.user("taken").await, there.user("out").await);
    let mut ending = [taken.enter(room).await.unwrap(), out.enter(room).await.unwrap()];

    let mark = there.mark();
    relays[1].now(Wires::Cut);
    there.event_since(mark, "bus.broken", json!({})).await;
    let mut elsewhere = nodes.at(0, &taken).enter(room).await.unwrap();
    nodes.at(0, &out).logout().await.unwrap();
    // Its login ended in the database, which every node reads: nothing is opened with it, cut off or not.
    refused(nodes.at(1, &out).me().await, 401, Code::Unauthenticated);

    relays[1].now(Wires::Pass);
    let mended = Instant::now();
    for session in &mut ending {
        let code = ended(session).await.1.code;
        assert!([4401, 4409, 4440].contains(&code), "{code}");
    }
    shown(&format!("both closed {:?} after the wire was mended", mended.elapsed()));
    for session in sessions.iter_mut().chain([&mut elsewhere]) {
        alive(session).await;
    }
}
