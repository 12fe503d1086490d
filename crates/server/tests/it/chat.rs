//! What is said in a room: acknowledged once durable, the same to everybody, in one order.

use anteroom_client::{Account, ConfirmOptions, Error, HistoryFrom, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{ClientFrame, Replay, Send, ServerFrame};
use anteroom_protocol::message::{Message, MessageKind};
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Known as _, TestServer, next_message, within};

/// Enters with `since`, as a client does that has seen messages up to there.
async fn enter_since(account: &Account, room: i64, since: i64) -> Session {
    let ticket = account.reserve(room, &Reserve::default()).await.unwrap();
    let options = ConfirmOptions { since: Some(since), ..ConfirmOptions::default() };
    account.confirm(&ticket, options).await.unwrap()
}

async fn say_many(session: &mut Session, count: usize) {
    for n in 0..count {
        within("an ack", session.send(format!("number {n}"))).await.unwrap();
    }
}

#[tokio::test]
async fn behaviour_b39_a_message_is_acknowledged_once_stored_and_comes_to_everybody_alike() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    let mut listener = server.user("a").await.enter(room).await.unwrap();
    let ack = within("an ack", speaker.send_as("c-1", "안녕하세요 <b>&amp;</b> 👋")).await.unwrap();
    let stored = server.rows("messages WHERE room_id = ?1 AND seq = ?2", &[&room, &ack.seq]);
    assert_eq!(stored, 1, "durable when acknowledged");
    let own = next_message(&mut speaker).await;
    let other = next_message(&mut listener).await;
    assert_eq!(own, other, "the sender hears it too");
    let expected = Message {
        id: ack.id,
        seq: 1,
        room_id: room,
        sender: Some(
            listener
                .welcome()
                .members
                .iter()
                .find(|it| it.user.id == owner.id())
                .unwrap()
                .user
                .clone(),
        ),
        kind: MessageKind::Text,
        content_type: "text/plain".into(),
        content: "안녕하세요 <b>&amp;</b> 👋".into(),
        created_at: ack.created_at,
        updated_at: None,
        deleted_at: None,
        client_id: Some("c-1".into()),
        reply_to: None,
    };
    assert_eq!(other, expected);
}

#[tokio::test]
async fn a_reply_names_what_it_answers_to_everybody_and_for_ever() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 3).await;
    let a = server.user("a").await;
    let mut listener = a.enter(room).await.unwrap();
    speaker.send("who comes?").await.unwrap();
    let question = next_message(&mut listener).await;
    assert_eq!(question.reply_to, None);
    let reply = |client_id: &str, reply_to| Send {
        client_id: client_id.into(),
        content: "I do".into(),
        content_type: None,
        reply_to: Some(reply_to),
    };
    listener.send_frame(&ClientFrame::Send(reply("r-1", question.seq))).await.unwrap();
    next_message(&mut speaker).await;
    let told = next_message(&mut speaker).await;
    assert_eq!((told.seq, told.reply_to), (2, Some(1)));
    for nothing in [0, -1, 4, i64::MAX] {
        listener.send_frame(&ClientFrame::Send(reply("r-2", nothing))).await.unwrap();
        let refused = within(
            "a refusal",
            listener.wait_for(|frame| match frame {
                ServerFrame::Error(error) => Some((error.code, error.reference.clone())),
                _ => None,
            }),
        );
        assert_eq!(refused.await.unwrap(), (Code::Invalid, Some("r-2".into())), "{nothing}");
    }
    let mut again = enter_since(&a, room, 1).await;
    assert_eq!(next_message(&mut again).await, told, "what is replayed is what was told");
    let page = a.history(room, HistoryFrom::Newest, None).await.unwrap();
    assert_eq!(page.items.iter().map(|it| it.reply_to).collect::<Vec<_>>(), [Some(1), None]);
}

#[tokio::test]
async fn bug_f65_the_same_client_id_again_gets_the_same_ack_and_no_second_message() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 3).await;
    let mut other = server.user("a").await.enter(room).await.unwrap();
    let first = speaker.send_as("same", "one").await.unwrap();
    let again = speaker.send_as("same", "one, said again").await.unwrap();
    assert_eq!(first, again);
    let others = other.send_as("same", "mine").await.unwrap();
    assert_eq!(others.seq, 2, "an id is the sender's own");
    let heard = [next_message(&mut other).await, next_message(&mut other).await];
    assert_eq!([heard[0].seq, heard[1].seq], [1, 2]);
    assert_eq!([&*heard[0].content, &*heard[1].content], ["one", "mine"]);
    assert_eq!(server.rows("messages WHERE room_id = ?1", &[&room]), 2);
}

#[tokio::test]
async fn many_speakers_at_once_are_heard_by_all_in_one_order_without_gaps() {
    let server = TestServer::plain().await;
    let (room, mut listener) = server.room(&server.user("owner").await, 10).await;
    let mut speakers = server.fill(room, 8).await;
    join_all(speakers.iter_mut().map(|speaker| say_many(speaker, 25))).await;
    let mut heard = Vec::new();
    for _ in 0..200 {
        heard.push(next_message(&mut listener).await);
    }
    let seqs: Vec<i64> = heard.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
    for speaker in &mut speakers {
        let sender = speaker.welcome().you.id;
        let own: Vec<&str> = heard
            .iter()
            .filter(|message| message.sender.as_ref().is_some_and(|who| who.id == sender))
            .map(|message| message.content.as_str())
            .collect();
        let said: Vec<String> = (0..25).map(|n| format!("number {n}")).collect();
        assert_eq!(own, said, "each speaker's own order is kept");
        assert_eq!(next_message(speaker).await, heard[0], "the bytes are the same for all");
    }
}

#[tokio::test]
async fn what_was_missed_comes_first_and_in_order() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 3).await;
    say_many(&mut speaker, 10).await;
    let a = server.user("a").await;
    let mut back = enter_since(&a, room, 4).await;
    assert_eq!((back.welcome().last_seq, back.welcome().replay), (10, None));
    speaker.send("live").await.unwrap();
    for seq in 5..=11 {
        assert_eq!(next_message(&mut back).await.seq, seq);
    }
    let mut fresh = a.enter(room).await.unwrap();
    speaker.send("for now").await.unwrap();
    assert_eq!(next_message(&mut fresh).await.seq, 12, "without `since` only what comes later");
}

#[tokio::test]
async fn too_much_to_replay_is_said_and_so_is_a_position_that_never_was() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 3).await;
    let frames = (0..1_002).map(|n| Send {
        client_id: format!("c{n}"),
        content: format!("{n}"),
        content_type: None,
        reply_to: None,
    });
    for frame in frames {
        speaker.send_frame(&ClientFrame::Send(frame)).await.unwrap();
    }
    let last = |frame: &ServerFrame| {
        matches!(frame, ServerFrame::Ack(ack) if ack.seq == 1_002).then_some(())
    };
    within("the last ack", speaker.wait_for(last)).await.unwrap();
    let a = server.user("a").await;
    let mut lost = enter_since(&a, room, 0).await;
    assert_eq!(lost.welcome().replay, Some(Replay::Truncated));
    speaker.send("on we go").await.unwrap();
    assert!(next_message(&mut lost).await.seq > 2, "what is truncated is not half replayed");
    let fits = enter_since(&a, room, 500).await;
    assert_eq!(fits.welcome().replay, None);
    let ahead = enter_since(&a, room, 99_999).await;
    assert_eq!(ahead.welcome().replay, Some(Replay::Reset));
}

#[tokio::test]
async fn presence_and_seats_tell_the_room_who_came_and_went() {
    let server = TestServer::plain().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 3).await;
    let a = server.user("a").await;
    let session = a.enter(room).await.unwrap();
    assert_eq!(session.welcome().member_count, 2);
    assert_eq!(session.welcome().seats.occupied, 2);
    let came = within(
        "presence",
        owner.wait_for(|frame| match frame {
            ServerFrame::Presence(it) if it.joined.iter().any(|who| who.id == a.id()) => {
                Some(it.clone())
            }
            _ => None,
        }),
    );
    assert_eq!(came.await.unwrap().occupied, 2);
    let seats = |free: u32| {
        move |frame: &ServerFrame| match frame {
            // One told while the second seat was only reserved is not the one.
            ServerFrame::Seats(seats) if seats.free == free && seats.reserved == 0 => Some(*seats),
            _ => None,
        }
    };
    assert_eq!(within("seats", owner.wait_for(seats(1))).await.unwrap().occupied, 2);
    session.leave().await.unwrap();
    let went = within(
        "presence",
        owner.wait_for(|frame| match frame {
            ServerFrame::Presence(it) if it.left.contains(&a.id()) => Some(it.clone()),
            _ => None,
        }),
    );
    assert_eq!(went.await.unwrap().occupied, 1);
    assert_eq!(within("seats", owner.wait_for(seats(2))).await.unwrap().occupied, 1);
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_acknowledged() {
    let server = TestServer::plain().await;
    server.expect_error("messages.unavailable");
    let (room, mut speaker) = server.room(&server.user("owner").await, 3).await;
    speaker.send("before").await.unwrap();
    server.break_store("INSERT ON messages");
    match within("an answer", speaker.send_as("lost", "never stored")).await {
        Err(Error::FrameRefused(error)) => {
            assert_eq!(error.code, Code::Unavailable);
            assert!(!error.detail.contains("injected"), "no inner detail: {error:?}");
        }
        other => panic!("{other:?}"),
    }
    server.mend_store();
    let ack = within("an ack", speaker.send_as("lost", "stored now")).await.unwrap();
    assert_eq!(ack.seq, 2, "the failure left no gap");
    assert_eq!(server.rows("messages WHERE room_id = ?1", &[&room]), 2);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_nonce() {
    let server = TestServer::plain().await;
    let (_, mut session) = server.room(&server.user("owner").await, 3).await;
    assert!(session.welcome().heartbeat_ms > 0);
    session.send_frame(&ClientFrame::Ping { nonce: Some("n-1".into()) }).await.unwrap();
    let pong = within(
        "a pong",
        session.wait_for(|frame| match frame {
            ServerFrame::Pong { nonce } => Some(nonce.clone()),
            _ => None,
        }),
    );
    assert_eq!(pong.await.unwrap().as_deref(), Some("n-1"));
    assert!(server.logged("session.closed", json!({})).is_empty());
}
