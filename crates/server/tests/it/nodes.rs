//! Several nodes, one deployment: whoever is where, the promises are the same.

use std::collections::HashSet;

use anteroom_client::{Account, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ServerFrame;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use crate::harness::{Nodes, Settings, alive, ended, next_message, refused, within};

async fn contents(session: &mut Session, count: usize) -> Vec<(i64, String)> {
    let mut heard = Vec::with_capacity(count);
    while heard.len() < count {
        let message = next_message(session).await;
        heard.push((message.seq, message.content));
    }
    heard
}

#[tokio::test]
async fn a_room_made_on_one_node_is_entered_and_heard_on_the_others() {
    let nodes = Nodes::start(3, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, mut on_a) = nodes.nodes[0].room(&owner, 5).await;
    let guest = nodes.nodes[1].user("guest").await;
    let mut on_b = guest.enter(room).await.unwrap();
    assert_eq!(on_b.welcome().member_count, 2);
    let names: HashSet<_> = on_b.welcome().members.iter().map(|it| it.user.name.clone()).collect();
    assert_eq!(names.len(), 2, "everybody has a name, wherever they came in: {names:?}");
    assert!(!names.contains(""));

    for n in 0..5 {
        within("an ack", on_a.send(format!("a{n}"))).await.unwrap();
        within("an ack", on_b.send(format!("b{n}"))).await.unwrap();
    }
    let (heard_a, heard_b) = (contents(&mut on_a, 10).await, contents(&mut on_b, 10).await);
    assert_eq!(heard_a, heard_b, "all hear all, in one order");
    assert_eq!(heard_a.iter().map(|it| it.0).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());

    let late = nodes.at(2, &nodes.nodes[2].user("late").await);
    let on_c = late.enter(room).await.unwrap();
    assert_eq!(on_c.welcome().last_seq, 10, "whoever comes by a third node knows how far it is");
}

#[tokio::test]
async fn seats_beside_the_facts_are_one_ledger_for_all_nodes() {
    let nodes = Nodes::start(2, |cfg| {
        cfg.set("admission.strategy", "conditional").set("admission.grace", "0s");
    })
    .await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, _on_a) = nodes.nodes[0].room(&owner, 4).await;
    let mut users = Vec::new();
    for n in 0..12 {
        users.push(nodes.nodes[n % 2].user(&format!("u{n}")).await);
    }
    let asked = join_all(users.iter().map(|user| user.enter(room))).await;
    let mut inside: Vec<(usize, Session)> = Vec::new();
    for (n, entered) in asked.into_iter().enumerate() {
        inside.extend(entered.ok().map(|session| (n, session)));
    }
    assert_eq!(inside.len(), 3, "with the owner the room is full");
    for node in &nodes.nodes {
        assert_eq!(node.seats(room).await.free, 0);
    }
    let (n, gone) = inside.remove(0);
    gone.leave().await.unwrap();
    nodes.nodes[n % 2].seats_when(room, |seats, _| seats.free == 1).await;
    let outside = (0..12).find(|n| inside.iter().all(|(it, _)| it != n) && n % 2 == 1).unwrap();
    let mut late = users[outside].enter(room).await.unwrap();
    alive(&mut late).await;
    assert_eq!(nodes.stored("SELECT count(*) FROM seat_slots"), "4");
}

#[tokio::test]
async fn two_nodes_that_talk_at_once_tell_everybody_everything_once_and_in_one_order() {
    const EACH: usize = 60;
    let nodes = Nodes::start(2, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, on_a) = nodes.nodes[0].room(&owner, 9).await;
    let mut sessions = vec![on_a];
    for n in 0..3 {
        let user = nodes.nodes[n % 2].user(&format!("u{n}")).await;
        sessions.push(user.enter(room).await.unwrap());
    }
    let talking = sessions.iter_mut().enumerate().map(|(who, session)| async move {
        let mut heard = Vec::new();
        for n in 0..EACH {
            session
                .send_frame(&anteroom_protocol::frame::ClientFrame::Send(
                    anteroom_protocol::frame::Send {
                        client_id: format!("{who}-{n}"),
                        content: format!("{who}-{n}"),
                        content_type: None,
                        reply_to: None,
                    },
                ))
                .await
                .unwrap();
        }
        while heard.len() < EACH * 4 {
            heard.push(next_message(session).await.seq);
        }
        heard
    });
    let all: Vec<Vec<i64>> = join_all(talking).await;
    let whole: Vec<i64> = (1..=(EACH * 4) as i64).collect();
    for heard in all {
        assert_eq!(heard, whole);
    }
}

#[tokio::test]
async fn the_last_seats_are_given_once_whichever_node_is_asked() {
    gives_the_last_seats_once("redis").await;
}

#[tokio::test]
async fn the_last_seats_in_postgresql_are_given_once_whichever_node_is_asked() {
    gives_the_last_seats_once("conditional").await;
}

async fn gives_the_last_seats_once(strategy: &str) {
    let set = |settings: &mut Settings| {
        settings.set("admission.strategy", strategy);
    };
    let nodes = Nodes::start(3, set).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, _sits) = nodes.nodes[0].room(&owner, 10).await;
    let mut guests: Vec<Account> = Vec::new();
    for node in &nodes.nodes {
        guests.extend(node.guests(20).await);
    }
    let ask = Reserve::default();
    let asked = join_all(guests.iter().map(|guest| guest.reserve(room, &ask))).await;
    let granted = asked.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(granted, 9, "ten seats, one of them the owner's");
    for answer in asked.into_iter().filter(|answer| answer.is_err()) {
        refused(answer, 409, Code::RoomFull);
    }
}

#[tokio::test]
async fn a_takeover_on_another_node_closes_the_old_socket_and_keeps_the_seat() {
    let nodes = Nodes::start(2, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, mut on_a) = nodes.nodes[0].room(&owner, 3).await;
    let mut on_b = nodes.at(1, &owner).enter(room).await.unwrap();
    let (words, closed) = ended(&mut on_a).await;
    assert_eq!(closed.code, 4409, "{words:?}");
    alive(&mut on_b).await;
    assert_eq!(nodes.nodes[0].seats(room).await.occupied, 1);
}

#[tokio::test]
async fn whoever_logs_out_on_one_node_is_out_on_all() {
    let nodes = Nodes::start(3, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, mut on_a) = nodes.nodes[0].room(&owner, 3).await;
    nodes.at(2, &owner).logout().await.unwrap();
    let (words, closed) = ended(&mut on_a).await;
    assert_eq!(closed.code, 4440, "{words:?}");
    for node in 0..3 {
        refused(nodes.at(node, &owner).me().await, 401, Code::Unauthenticated);
    }
    let other = nodes.nodes[1].user("other").await;
    let seats = nodes.nodes[1].seats_when(room, |seats, _| seats.occupied == 0).await;
    assert_eq!(seats.free, 3);
    other.enter(room).await.unwrap();
}

#[tokio::test]
async fn who_is_removed_or_closed_out_on_another_node_is_told_so() {
    let nodes = Nodes::start(2, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, _on_a) = nodes.nodes[0].room(&owner, 4).await;
    let (one, two) = (nodes.nodes[1].user("one").await, nodes.nodes[1].user("two").await);
    let (mut first, mut second) = (one.enter(room).await.unwrap(), two.enter(room).await.unwrap());
    owner.remove_member(room, one.user().unwrap().id).await.unwrap();
    assert_eq!(ended(&mut first).await.1.code, 4450);
    alive(&mut second).await;
    owner.close_room(room).await.unwrap();
    assert_eq!(ended(&mut second).await.1.code, 4410);
    refused(two.reserve(room, &Reserve::default()).await, 410, Code::RoomClosed);
}

#[tokio::test]
async fn typing_and_presence_are_told_across_nodes() {
    let nodes = Nodes::start(2, |_| {}).await;
    let owner = nodes.nodes[0].user("owner").await;
    let (room, mut on_a) = nodes.nodes[0].room(&owner, 4).await;
    let guest = nodes.nodes[1].user("guest").await;
    let mut on_b = guest.enter(room).await.unwrap();
    let id = guest.user().unwrap().id;
    let came = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(it) => it.joined.iter().find(|who| who.id == id).cloned(),
        _ => None,
    };
    let came = within("who came", on_a.wait_for(came)).await.unwrap();
    assert!(!came.name.is_empty());
    on_b.typing().await.unwrap();
    let types = |frame: &ServerFrame| match frame {
        ServerFrame::Typing { user_id } => Some(*user_id),
        _ => None,
    };
    assert_eq!(within("who types", on_a.wait_for(types)).await.unwrap(), id);
}

#[tokio::test]
async fn what_a_node_that_was_killed_held_is_free_again_by_the_others() {
    let mut nodes = Nodes::start(2, |settings| {
        settings.set("admission.reservation_ttl", "2s").set("admission.grace", "1s");
    })
    .await;
    let owner = nodes.nodes[1].user("owner").await;
    let (room, _on_b) = nodes.nodes[1].room(&owner, 2).await;
    let guest = nodes.nodes[0].user("guest").await;
    guest.reserve(room, &Reserve::default()).await.unwrap();
    nodes.nodes[0].kill9().await;
    let other = nodes.nodes[1].user("other").await;
    refused(other.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    nodes.nodes[1].seats_when(room, |seats, _| seats.reserved == 0).await;
    other.enter(room).await.unwrap();
    assert_eq!(nodes.stored("SELECT count(*) FROM rooms"), "1");
}

#[tokio::test]
async fn a_killed_node_that_stays_away_gives_its_seats_back_after_its_lease() {
    let mut nodes = Nodes::start(2, |settings| {
        settings.set("cluster.lease", "2s").set("admission.grace", "1s");
    })
    .await;
    let owner = nodes.nodes[1].user("owner").await;
    let (room, mut on_b) = nodes.nodes[1].room(&owner, 2).await;
    let guest = nodes.nodes[0].user("guest").await;
    let _on_a = guest.enter(room).await.unwrap();
    let other = nodes.nodes[1].user("other").await;
    nodes.nodes[0].kill9().await;
    refused(other.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    nodes.nodes[1].seats_when(room, |seats, _| seats.free == 1).await;
    let _in_its_place = other.enter(room).await.unwrap();
    alive(&mut on_b).await;
    assert_eq!(nodes.stored("SELECT swept FROM nodes WHERE node = 1"), "t");
    nodes.nodes[0].restart().await;
    assert_eq!(nodes.nodes[0].seats(room).await.occupied, 2, "its later life is one of them again");
}

#[tokio::test]
async fn a_node_that_slept_through_its_lease_tells_its_sessions_and_stops() {
    sleeps_through_its_lease("redis").await;
}

#[tokio::test]
async fn the_same_where_the_seats_are_in_postgresql() {
    sleeps_through_its_lease("conditional").await;
}

async fn sleeps_through_its_lease(strategy: &str) {
    let mut nodes = Nodes::start(2, |settings| {
        settings.set("cluster.lease", "2s").set("admission.grace", "1s");
        settings.set("admission.strategy", strategy);
    })
    .await;
    let owner = nodes.nodes[1].user("owner").await;
    let (room, _on_b) = nodes.nodes[1].room(&owner, 2).await;
    let guest = nodes.nodes[0].user("guest").await;
    let mut on_a = guest.enter(room).await.unwrap();
    nodes.nodes[0].expect_error("node.fenced");
    nodes.nodes[0].expect_error("seat_store.lost");
    nodes.nodes[0].sleeps();
    let other = nodes.nodes[1].user("other").await;
    nodes.nodes[1].seats_when(room, |seats, _| seats.free == 1).await;
    let mut in_its_place = other.enter(room).await.unwrap();
    nodes.nodes[0].wakes();
    // Whatever it hears first: what was said meanwhile is none of its business any more.
    let said = within("an answer or the end", on_a.send("I was asleep")).await;
    assert!(said.is_err(), "nothing is acknowledged by a node that others gave up");
    assert!(!nodes.nodes[0].exited().await.success());
    alive(&mut in_its_place).await;
    assert_eq!(nodes.stored("SELECT count(*) FROM messages"), "1");
    assert_eq!(nodes.stored("SELECT seats_life FROM meta"), "0", "nobody else lost anything");
}

#[tokio::test]
async fn after_the_seats_were_lost_nobody_enters_before_every_node_has_let_go() {
    let nodes = Nodes::start(2, |settings| {
        settings.set("cluster.lease", "6s");
    })
    .await;
    let owner = nodes.nodes[1].user("owner").await;
    let (room, mut on_b) = nodes.nodes[1].room(&owner, 2).await;
    let guest = nodes.nodes[0].user("guest").await;
    let _on_a = guest.enter(room).await.unwrap();
    for node in &nodes.nodes {
        node.expect_error("seat_store.lost");
    }
    nodes.nodes[0].expect_error("node.fenced");
    nodes.nodes[0].sleeps();
    assert_eq!(nodes.redis.say("FLUSHALL"), "+OK");
    assert_eq!(ended(&mut on_b).await.1.code, 4512);
    let other = nodes.nodes[1].user("other").await;
    refused(other.reserve(room, &Reserve::default()).await, 503, Code::Unavailable);
    let fenced = || nodes.stored("SELECT fenced FROM nodes WHERE node = 1");
    assert_eq!(fenced(), "f", "the sleeping one may sit there still");
    nodes.nodes[1].event("seat_store.rebuilt", serde_json::json!({})).await;
    assert_eq!(fenced(), "t", "now it cannot");
    other.enter(room).await.unwrap();
    nodes.nodes[0].wakes();
}

#[tokio::test]
async fn a_node_that_stops_sends_its_sessions_to_the_others_one_after_the_other() {
    const SEATS: usize = 40;
    let mut nodes = Nodes::start(2, |settings| {
        settings.set("server.drain", "4s").set("admission.grace", "0s");
    })
    .await;
    let owner = nodes.nodes[1].user("owner").await;
    let room = nodes.nodes[1].empty_room(&owner, 100).await;
    let mut sits = nodes.nodes[0].fill(room, SEATS).await;
    let newcomer = nodes.nodes[0].guest("newcomer").await;
    let ticket = nodes.nodes[0].guest("reserved").await;
    let reserved = ticket.reserve(room, &Reserve::default()).await.unwrap();
    nodes.nodes[0].ask_to_stop();
    nodes.nodes[0].event("server.draining", serde_json::json!({})).await;

    refused(newcomer.reserve(room, &Reserve::default()).await, 503, Code::Restarting);
    refused(ticket.confirm(&reserved, Default::default()).await, 1012, Code::Restarting);
    let elsewhere = nodes.at(1, &ticket);
    let again = elsewhere.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!(
        again.ticket, reserved.ticket,
        "what was reserved stands, and another node confirms it"
    );
    let mut elsewhere = elsewhere.confirm(&again, Default::default()).await.unwrap();
    alive(&mut elsewhere).await;
    elsewhere.leave().await.unwrap();

    let mut ending: FuturesUnordered<_> = sits.iter_mut().map(ended).collect();
    let first = within("the first to be sent away", ending.next()).await.unwrap();
    assert_eq!(first.1.code, 1012);
    assert!(nodes.nodes[0].logged("session.closed", serde_json::json!({})).len() < SEATS / 2);
    while let Some((_, closed)) = within("all are sent away", ending.next()).await {
        assert_eq!(closed.code, 1012);
    }
    assert!(nodes.nodes[0].exited().await.success());
    nodes.nodes[1].seats_when(room, |seats, _| seats.free == 100).await;
}
