//! Edits and deletes over real sockets: told to everybody in one order, durable, and only by who may.

use anteroom_client::{Account, ConfirmOptions, Error, HistoryFrom, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{Change, ClientFrame, Replay, Send, ServerFrame};
use anteroom_protocol::message::Message;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Known as _, TestServer, next_message, within};

/// An `edited` (with words) or `deleted` (without).
async fn next_change(session: &mut Session) -> Change {
    let wanted = |frame: &ServerFrame| match frame {
        ServerFrame::Edited(change) | ServerFrame::Deleted(change) => Some(change.clone()),
        _ => None,
    };
    within("a change", session.wait_for(wanted)).await.unwrap()
}

async fn next_error(session: &mut Session) -> (Code, Option<String>) {
    let wanted = |frame: &ServerFrame| match frame {
        ServerFrame::Error(error) => Some((error.code, error.reference.clone())),
        _ => None,
    };
    within("an error", session.wait_for(wanted)).await.unwrap()
}

async fn edit(session: &mut Session, id: Uuid, content: &str) {
    session.send_frame(&ClientFrame::Edit { id, content: content.into() }).await.unwrap();
}

async fn delete(session: &mut Session, id: Uuid) {
    session.send_frame(&ClientFrame::Delete { id }).await.unwrap();
}

async fn enter_since(account: &Account, room: i64, since: i64) -> Session {
    let ticket = account.reserve(room, &Reserve::default()).await.unwrap();
    let options = ConfirmOptions { since: Some(since), ..ConfirmOptions::default() };
    account.confirm(&ticket, options).await.unwrap()
}

async fn history(who: &Account, room: i64) -> Vec<Message> {
    let mut items = who.history(room, HistoryFrom::Newest, Some(200)).await.unwrap().items;
    items.reverse();
    items
}

/// Everything with a number that a session is told, until the number `last`.
async fn told_until(session: &mut Session, last: i64) -> Vec<ServerFrame> {
    let mut told = Vec::new();
    loop {
        let wanted = |frame: &ServerFrame| seq_of(frame).map(|_| frame.clone());
        let frame = within("a numbered frame", session.wait_for(wanted)).await.unwrap();
        let seq = seq_of(&frame);
        told.push(frame);
        if seq == Some(last) {
            return told;
        }
    }
}

fn seq_of(frame: &ServerFrame) -> Option<i64> {
    anteroom_client::order::seq_of(frame)
}

fn seqs(frames: &[ServerFrame]) -> Vec<i64> {
    frames.iter().filter_map(seq_of).collect()
}

#[tokio::test]
async fn an_edit_and_a_delete_are_told_to_everybody_under_numbers_of_their_own() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    let mut listener = server.user("a").await.enter(room).await.unwrap();
    let ack = speaker.send("안녕").await.unwrap();
    edit(&mut speaker, ack.id, "안녕하세요").await;
    let own = next_change(&mut speaker).await;
    assert_eq!(own, next_change(&mut listener).await, "the same to all");
    assert_eq!((own.seq, own.target.id, own.target.seq), (2, ack.id, ack.seq));
    assert_eq!(own.content.as_deref(), Some("안녕하세요"));
    let kept = &history(&owner, room).await[0];
    assert_eq!((&*kept.content, kept.updated_at), ("안녕하세요", Some(own.updated_at)));

    delete(&mut speaker, ack.id).await;
    let own = next_change(&mut speaker).await;
    assert_eq!(own, next_change(&mut listener).await);
    assert_eq!((own.seq, own.content), (3, None));
    let kept = &history(&owner, room).await[0];
    assert_eq!((&*kept.content, kept.deleted_at), ("", Some(own.updated_at)));
    assert!(!server.table_as_text("messages").contains("안녕"), "emptied for ever");
    assert_eq!(speaker.send("next").await.unwrap().seq, 4, "no gap");
}

#[tokio::test]
async fn who_may_not_is_told_so_and_nobody_else_hears_of_it() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut chair) = server.room(&owner, 5).await;
    let mut sender = server.user("sender").await.enter(room).await.unwrap();
    let mut other = server.user("other").await.enter(room).await.unwrap();
    let (_, mut elsewhere) = server.room(&server.user("far").await, 5).await;
    let ack = sender.send("mine").await.unwrap();
    let reference = Some(ack.id.to_string());
    edit(&mut chair, ack.id, "yours").await;
    assert_eq!(next_error(&mut chair).await, (Code::Forbidden, reference.clone()));
    edit(&mut other, ack.id, "ours").await;
    assert_eq!(next_error(&mut other).await, (Code::Forbidden, reference.clone()));
    delete(&mut other, ack.id).await;
    assert_eq!(next_error(&mut other).await, (Code::Forbidden, reference.clone()));
    delete(&mut elsewhere, ack.id).await;
    assert_eq!(next_error(&mut elsewhere).await, (Code::NotFound, reference.clone()));
    for content in ["", &"x".repeat(4_001)] {
        edit(&mut sender, ack.id, content).await;
        assert_eq!(next_error(&mut sender).await, (Code::Invalid, reference.clone()));
    }
    let unknown = Uuid::now_v7();
    edit(&mut sender, unknown, "x").await;
    assert_eq!(next_error(&mut sender).await, (Code::NotFound, Some(unknown.to_string())));

    delete(&mut chair, ack.id).await;
    let told = next_change(&mut sender).await;
    assert_eq!((told.seq, told.content), (2, None), "the first that is told, and the owner's");
    edit(&mut sender, ack.id, "back").await;
    assert_eq!(next_error(&mut sender).await, (Code::NotFound, reference));
}

#[tokio::test]
async fn moderators_delete_what_others_said_for_as_long_as_they_are_moderators() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 5).await;
    let moderator = server.user("steward").await;
    let role = "INSERT INTO user_roles VALUES (?1, 'moderator')";
    assert_eq!(server.change_rows(role, &[&moderator.id()]), 1);
    let mut session = moderator.enter(room).await.unwrap();
    let (one, two) = (speaker.send("1").await.unwrap(), speaker.send("2").await.unwrap());
    delete(&mut session, one.id).await;
    assert_eq!(next_change(&mut speaker).await.target.id, one.id);
    server.change_rows("DELETE FROM user_roles WHERE role = 'moderator'", &[]);
    delete(&mut session, two.id).await;
    assert_eq!(next_error(&mut session).await, (Code::Forbidden, Some(two.id.to_string())));
}

#[tokio::test]
async fn a_change_asked_for_again_is_answered_to_its_sender_alone_and_takes_no_number() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 3).await;
    let mut listener = server.user("a").await.enter(room).await.unwrap();
    let ack = speaker.send("one").await.unwrap();
    edit(&mut speaker, ack.id, "two").await;
    let first = next_change(&mut speaker).await;
    edit(&mut speaker, ack.id, "two").await;
    assert_eq!(next_change(&mut speaker).await, first);
    delete(&mut speaker, ack.id).await;
    let gone = next_change(&mut speaker).await;
    delete(&mut speaker, ack.id).await;
    assert_eq!(next_change(&mut speaker).await, gone);
    assert_eq!(speaker.send("on").await.unwrap().seq, 4);
    assert_eq!(seqs(&told_until(&mut listener, 4).await), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_json_message_stays_json() {
    let server = TestServer::plain().await;
    let (_, mut speaker) = server.room(&server.user("owner").await, 3).await;
    let send = Send {
        client_id: "j".into(),
        content: "{\"a\":1}".into(),
        content_type: Some("application/json".into()),
        reply_to: None,
    };
    speaker.send_frame(&ClientFrame::Send(send)).await.unwrap();
    let message = next_message(&mut speaker).await;
    edit(&mut speaker, message.id, "{").await;
    assert_eq!(next_error(&mut speaker).await, (Code::Invalid, Some(message.id.to_string())));
    edit(&mut speaker, message.id, "{\"a\":2}").await;
    assert_eq!(next_change(&mut speaker).await.content.as_deref(), Some("{\"a\":2}"));
}

#[tokio::test]
async fn a_replay_tells_messages_and_changes_in_one_order_and_counts_both() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 3).await;
    let first = speaker.send("first").await.unwrap();
    for n in 0..499 {
        let ack = within("an ack", speaker.send(format!("{n}"))).await.unwrap();
        edit(&mut speaker, ack.id, &format!("{n}!")).await;
    }
    edit(&mut speaker, first.id, "first!").await;
    told_until(&mut speaker, 1_000).await;
    let a = server.user("a").await;
    let mut back = enter_since(&a, room, 0).await;
    assert_eq!((back.welcome().last_seq, back.welcome().replay), (1_000, None));
    let told = told_until(&mut back, 1_000).await;
    assert_eq!(seqs(&told), (1..=1_000).collect::<Vec<_>>());
    let ServerFrame::Edited(last) = &told[999] else { panic!("{:?}", told[999]) };
    assert_eq!((last.target.id, last.content.as_deref()), (first.id, Some("first!")));
    delete(&mut speaker, first.id).await;
    assert_eq!(next_change(&mut back).await.seq, 1_001);
    let truncated = enter_since(&a, room, 0).await;
    assert_eq!(truncated.welcome().replay, Some(Replay::Truncated), "1,001 are too many");
}

#[tokio::test]
async fn of_an_edit_and_a_delete_that_race_all_are_told_one_order() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut chair) = server.room(&owner, 4).await;
    let mut sender = server.user("sender").await.enter(room).await.unwrap();
    let mut listener = server.user("a").await.enter(room).await.unwrap();
    let mut last = 0;
    for n in 0..40 {
        let ack = within("an ack", sender.send(format!("{n}"))).await.unwrap();
        tokio::join!(edit(&mut sender, ack.id, "edited"), delete(&mut chair, ack.id));
        last = next_change_of(&mut chair, ack.id).await;
    }
    let told = told_until(&mut listener, last).await;
    assert_eq!(seqs(&told), (1..=last).collect::<Vec<_>>());
    let own = told_until(&mut sender, last).await;
    let as_text = |told: &[ServerFrame]| serde_json::to_value(told).unwrap();
    assert_eq!(as_text(&own), as_text(&told));
    let kept = history(&owner, room).await;
    assert!(kept.iter().all(|message| message.content.is_empty() && message.deleted_at.is_some()));
}

#[tokio::test]
async fn an_answer_to_a_repeat_hides_nothing_of_what_came_before_it_in_the_same_commit() {
    let server = TestServer::plain().await;
    let (room, mut chair) = server.room(&server.user("owner").await, 4).await;
    let mut sender = server.user("sender").await.enter(room).await.unwrap();
    let old = within("an ack", sender.send("old")).await.unwrap();
    for n in 0..20 {
        let gone = within("an ack", sender.send(format!("{n}"))).await.unwrap();
        // One after the other on one line, so most of the time all three are in one commit.
        edit(&mut sender, old.id, &format!("words {n}")).await;
        delete(&mut sender, gone.id).await;
        delete(&mut sender, gone.id).await;
    }
    let last = within("an ack", sender.send("last")).await.unwrap().seq;
    let told = told_until(&mut sender, last).await;
    let first_seen: Vec<i64> = seqs(&told).into_iter().fold(Vec::new(), |mut seen, seq| {
        // A repeat may come again, but never before what is below it.
        if seen.last().is_none_or(|last| seq > *last) {
            seen.push(seq);
        }
        seen
    });
    assert_eq!(first_seen, (1..=last).collect::<Vec<_>>());
    let everybody = told_until(&mut chair, last).await;
    assert_eq!(seqs(&everybody), (1..=last).collect::<Vec<_>>());
}

/// Reads until that message is deleted; the number of its deletion.
async fn next_change_of(session: &mut Session, id: Uuid) -> i64 {
    let wanted = |frame: &ServerFrame| match frame {
        ServerFrame::Deleted(change) if change.target.id == id => Some(change.seq),
        _ => None,
    };
    within("the deletion", session.wait_for(wanted)).await.unwrap()
}

#[tokio::test]
async fn after_kill_9_every_change_that_was_told_is_there() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    let mut acks = Vec::new();
    for n in 0..30 {
        acks.push(within("an ack", speaker.send(format!("{n}"))).await.unwrap());
    }
    for (n, ack) in acks.iter().enumerate() {
        match n % 3 {
            0 => delete(&mut speaker, ack.id).await,
            _ => edit(&mut speaker, ack.id, &format!("{n}, edited")).await,
        }
    }
    let mut told = Vec::new();
    while told.len() < 15 {
        told.push(next_change(&mut speaker).await);
    }
    server.kill9().await;
    // What came before the end of the line was told too.
    while let Some(event) = speaker.next().await {
        if let anteroom_client::Event::Frame(
            ServerFrame::Edited(change) | ServerFrame::Deleted(change),
        ) = event
        {
            told.push(change);
        }
    }
    server.restart().await;
    let owner = server.client().with_token(owner.token());
    let kept = history(&owner, room).await;
    for change in &told {
        let message = kept.iter().find(|message| message.id == change.target.id).unwrap();
        match &change.content {
            Some(words) => assert_eq!(message.content, *words),
            None => assert_eq!(message.deleted_at, Some(change.updated_at)),
        }
    }
    let mut back = enter_since(&owner, room, 30).await;
    let last = back.welcome().last_seq;
    assert!(last >= 30 + told.len() as i64);
    let numbers = seqs(&told_until(&mut back, last).await);
    assert_eq!(numbers, (31..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_change_that_cannot_be_stored_is_refused_and_changes_nothing() {
    let server = TestServer::plain().await;
    server.expect_error("messages.unavailable");
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    let ack = speaker.send("before").await.unwrap();
    server.break_store("INSERT ON changes");
    edit(&mut speaker, ack.id, "after").await;
    let refused = next_error(&mut speaker).await;
    assert_eq!(refused, (Code::Unavailable, Some(ack.id.to_string())));
    assert_eq!(history(&owner, room).await[0].content, "before");
    server.mend_store();
    edit(&mut speaker, ack.id, "after").await;
    assert_eq!(next_change(&mut speaker).await.seq, 2, "the failure left no gap");
    assert!(server.logged("session.closed", json!({})).is_empty());
}

#[tokio::test]
async fn the_client_waits_for_its_changes_and_finds_what_stands() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 3).await;
    let ack = session.send("처음 말").await.unwrap();
    let edited = within("an edit", session.edit(ack.id, "나중 말")).await.unwrap();
    let again = within("an edit", session.edit(ack.id, "나중 말")).await.unwrap();
    assert_eq!((edited.seq, &again), (2, &edited));
    let page = owner.search(room, "나중", None).await.unwrap();
    assert_eq!(page.items[0].message.content, "나중 말");
    assert_eq!(page.items[0].snippet[0].text, "나중");
    assert!(page.items[0].snippet[0].hit);
    assert_eq!(within("a delete", session.delete(ack.id)).await.unwrap().seq, 3);
    assert!(owner.search(room, "말", None).await.unwrap().items.is_empty());
    match within("a refusal", session.edit(ack.id, "또")).await {
        Err(Error::FrameRefused(error)) => assert_eq!(error.code, Code::NotFound),
        other => panic!("{other:?}"),
    }
    assert_eq!(next_change(&mut session).await.seq, 2, "the frames themselves are handed out too");
}

#[tokio::test]
async fn a_change_needs_a_seat_for_whoever_asks() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut speaker) = server.room(&owner, 3).await;
    let ack = speaker.send("said").await.unwrap();
    speaker.leave().await.unwrap();
    let (_, mut outside) = server.room(&owner, 3).await;
    edit(&mut outside, ack.id, "from outside").await;
    assert_eq!(next_error(&mut outside).await, (Code::NotFound, Some(ack.id.to_string())));
    assert_eq!(history(&owner, room).await[0].content, "said");
}
