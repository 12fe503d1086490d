//! What outlives the process: everything acknowledged, and nothing half done.

use std::collections::HashMap;

use anteroom_client::{ConfirmOptions, HistoryFrom, Session};
use anteroom_protocol::Code;
use anteroom_protocol::frame::{Ack, ClientFrame, Send, ServerFrame};
use anteroom_protocol::message::Message;
use anteroom_protocol::room::RoomState;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::watch;

use crate::harness::{Known as _, TestServer, alive, ended, refused, within};

/// Says one thing after the other until the line breaks; what was acknowledged, in order.
async fn talk_until_cut(mut session: Session, total: watch::Sender<usize>) -> Vec<Ack> {
    let mut acked = Vec::new();
    loop {
        match session.send(format!("number {}", acked.len())).await {
            Ok(ack) => {
                acked.push(ack);
                total.send_modify(|total| *total += 1);
            }
            Err(_) => return acked,
        }
    }
}

async fn whole_history(who: &anteroom_client::Account, room: i64) -> Vec<Message> {
    let mut whole: Vec<Message> = Vec::new();
    loop {
        let after = whole.last().map_or(0, |message| message.seq);
        let page = who.history(room, HistoryFrom::After(after), Some(200)).await.unwrap().items;
        if page.is_empty() {
            return whole;
        }
        whole.extend(page);
    }
}

/// A server whose held seats outlast the test, where its strategy holds any over a restart.
async fn patient() -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("admission.grace", "60s");
    })
    .await
}

#[tokio::test]
async fn behaviour_b34_after_kill_9_every_acknowledged_message_is_there_once_and_in_order() {
    let mut server = patient().await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 10).await;
    let mut sessions = server.fill(room, 5).await;
    sessions.push(session);
    let (total, mut counted) = watch::channel(0);
    let talks: Vec<_> =
        sessions.into_iter().map(|it| tokio::spawn(talk_until_cut(it, total.clone()))).collect();
    within("traffic", counted.wait_for(|total| *total >= 200)).await.unwrap();
    server.kill9().await;
    let talks = within("the ends", join_all(talks)).await;
    let acked: Vec<Vec<Ack>> = talks.into_iter().map(Result::unwrap).collect();

    server.restart().await;
    let kept = if server.keeps_seats() { 6 } else { 0 };
    assert_eq!(server.open_memberships(room), kept, "a stay goes on where its seat is held");
    let owner = server.client().with_token(owner.token());
    assert_eq!(owner.me().await.unwrap().username, "owner", "a token is good over a restart");
    let found = owner.room(room).await.unwrap();
    assert_eq!((found.state, found.capacity), (RoomState::Open, 10));
    let seats = server.seats(room).await;
    let held = u32::try_from(kept).unwrap();
    assert_eq!((seats.occupied, seats.held, seats.free), (0, held, 10 - held));
    let history = whole_history(&owner, room).await;
    let seqs: Vec<i64> = history.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=found.last_seq).collect::<Vec<_>>(), "no gap, no double");
    let by_id: HashMap<_, _> = history.iter().map(|message| (message.id, message)).collect();
    assert_eq!(by_id.len(), history.len());
    for (n, ack) in acked.iter().flat_map(|acks| acks.iter().enumerate()) {
        let kept = by_id.get(&ack.id).unwrap_or_else(|| panic!("lost: {ack:?}"));
        assert_eq!(kept.seq, ack.seq);
        assert_eq!(kept.client_id.as_ref(), Some(&ack.client_id));
        assert_eq!(kept.content, format!("number {n}"));
    }
    for acks in &acked {
        assert!(acks.is_sorted_by_key(|ack| ack.seq), "each speaker's own order");
    }
    let again = server.login("owner").await;
    alive(&mut again.enter(room).await.unwrap()).await;
    let epochs: Vec<u64> = server
        .logged("server.started", json!({}))
        .iter()
        .map(|event| event.text("epoch").parse().unwrap())
        .collect();
    assert!(epochs[1] > epochs[0], "no seat of before can be mistaken for one of now: {epochs:?}");
}

#[tokio::test]
async fn behaviour_b34_pending_rooms_come_back_with_the_time_they_had_left() {
    let mut server = TestServer::start(|cfg| {
        cfg.set("admission.pending_room_ttl", "8s");
    })
    .await;
    let a = server.user("a").await;
    let created = server.pending_room(&a, 5).await;
    let (room, until) = (created.room.id, created.reservation.expires_at);
    server.kill9().await;
    server.restart().await;
    let a = server.client().with_token(a.token());
    assert_eq!(a.room(room).await.unwrap().state, RoomState::Pending);
    let ticket = &created.reservation.ticket;
    if server.keeps_seats() {
        assert_eq!(server.seats(room).await.reserved, 1, "the reservation stands as long");
    } else {
        // It is gone with the process that made it.
        let late = server.client().confirm_ticket(ticket, ConfirmOptions::default()).await;
        refused(late, 4403, Code::NoReservation);
    }
    let gone = server.event("room.pending_expired", json!({ "room": room })).await;
    assert_eq!(gone.life, 2);
    let late_by = gone.at_ms() - until.0;
    assert!((-50..3_000).contains(&late_by), "the clock went on: {late_by} ms");
    assert_eq!(server.rows("rooms WHERE id = ?1", &[&room]), 0);
}

#[tokio::test]
async fn a_pending_room_that_came_back_can_be_entered() {
    let mut server = TestServer::plain().await;
    let a = server.user("a").await;
    let room = server.pending_room(&a, 5).await.room.id;
    server.kill9().await;
    server.restart().await;
    let a = server.client().with_token(a.token());
    let mut session = a.enter(room).await.unwrap();
    alive(&mut session).await;
    assert_eq!(server.rows("creation_queue WHERE id = ?1", &[&room]), 0);
    let next = server.pending_room(&server.user("b").await, 5).await.room.id;
    assert!(next > room, "a number once said aloud is not given again");
}

#[tokio::test]
async fn asked_to_stop_the_server_tells_everybody_and_ends_well() {
    let mut server = patient().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 5).await;
    let mut sessions = server.fill(room, 3).await;
    let ack = session.send("last words").await.unwrap();
    server.ask_to_stop();
    for session in sessions.iter_mut().chain([&mut session]) {
        let (words, closed) = ended(session).await;
        assert!(matches!(closed.code, 1001 | 1012), "{closed:?}");
        assert!(words.is_some(), "in words");
    }
    let status = server.exited().await;
    assert_eq!(status.code(), Some(0));
    server.event("server.stopped", json!({})).await;
    server.restart().await;
    let kept = if server.keeps_seats() { 4 } else { 0 };
    assert_eq!(server.open_memberships(room), kept, "a stay goes on where its seat is held");
    assert_eq!(server.seats(room).await.held, u32::try_from(kept).unwrap());
    let owner = server.client().with_token(owner.token());
    assert_eq!(whole_history(&owner, room).await.last().map(|it| it.id), Some(ack.id));
}

#[tokio::test]
async fn a_logout_is_not_undone_by_a_restart() {
    let mut server = TestServer::plain().await;
    let (out, old) = (server.user("out").await, server.user("old").await);
    out.logout().await.unwrap();
    let new = server.login("old").await;
    server.kill9().await;
    server.restart().await;
    for (who, works) in [(&out, false), (&old, false), (&new, true)] {
        let me = server.client().with_token(who.token()).me().await;
        assert_eq!(me.is_ok(), works, "{:?}", who.id());
    }
}

#[tokio::test]
async fn what_was_sent_but_not_acknowledged_is_safe_to_send_again() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 5).await;
    for n in 0..50 {
        let (client_id, content) = (format!("c{n}"), format!("{n}"));
        let send = Send { client_id, content, content_type: None, reply_to: None };
        session.send_frame(&ClientFrame::Send(send)).await.unwrap();
    }
    let first_ack = |frame: &ServerFrame| matches!(frame, ServerFrame::Ack(_)).then_some(());
    within("the first ack", session.wait_for(first_ack)).await.unwrap();
    server.kill9().await;
    server.restart().await;
    let owner = server.client().with_token(owner.token());
    let mut session = owner.enter(room).await.unwrap();
    for n in 0..50 {
        within("an ack", session.send_as(format!("c{n}"), format!("{n}"))).await.unwrap();
    }
    let history = whole_history(&owner, room).await;
    let said: Vec<&str> = history.iter().map(|message| message.content.as_str()).collect();
    let expected: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    assert_eq!(said, expected, "each once");
}
