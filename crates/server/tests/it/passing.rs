//! What passes and is never stored: who types, and how far everybody has read.

use std::time::Instant;

use anteroom_client::{Event, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{ClientFrame, ServerFrame};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Known as _, TestServer, next_message, not_run, within};

/// Asked for often enough that every frame costing something for each member would show.
const FLOOD: usize = 20_000;

async fn types(session: &mut Session, times: usize) {
    for _ in 0..times {
        session.send_frame(&ClientFrame::Typing {}).await.unwrap();
    }
}

/// Everything that is told until the answer to a ping, and so everything told before it.
async fn told_by_now(session: &mut Session) -> Vec<ServerFrame> {
    let nonce = Some(Uuid::new_v4().to_string());
    session.send_frame(&ClientFrame::Ping { nonce: nonce.clone() }).await.unwrap();
    let mut told = Vec::new();
    loop {
        match within("a pong", session.next()).await.expect("the session lives") {
            Event::Frame(ServerFrame::Pong { nonce: of }) if of == nonce => return told,
            Event::Frame(frame) => told.push(frame),
            other => panic!("{other:?}"),
        }
    }
}

async fn next_typing(session: &mut Session) -> Uuid {
    let wanted = |frame: &ServerFrame| match frame {
        ServerFrame::Typing { user_id } => Some(*user_id),
        _ => None,
    };
    within("typing", session.wait_for(wanted)).await.unwrap()
}

/// The next mark of that user.
async fn next_mark(session: &mut Session, of: Uuid) -> i64 {
    let wanted = |frame: &ServerFrame| match frame {
        ServerFrame::Read { user_id, seq } if *user_id == of => Some(*seq),
        _ => None,
    };
    within("a mark", session.wait_for(wanted)).await.unwrap()
}

fn is_typing(frame: &&ServerFrame) -> bool {
    matches!(frame, ServerFrame::Typing { .. })
}

async fn read(session: &mut Session, seq: i64) {
    session.send_frame(&ClientFrame::Read { seq }).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_typing_is_told_at_its_pace_and_to_the_others_only() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut writer) = server.room(&owner, 3).await;
    let mut listener = server.user("a").await.enter(room).await.unwrap();
    types(&mut writer, 1).await;
    let began = Instant::now();
    assert_eq!(next_typing(&mut listener).await, owner.id());
    types(&mut writer, FLOOD).await;
    let own = told_by_now(&mut writer).await;
    assert_eq!(own.iter().filter(is_typing).count(), 0, "one knows that one types");
    let spans = usize::try_from(began.elapsed().as_secs() / 2).unwrap();
    let told = told_by_now(&mut listener).await;
    let told = told.iter().filter(is_typing).count();
    assert!(told <= spans + 1, "{told} in {spans} spans");
    types(&mut listener, 1).await;
    assert_eq!(
        next_typing(&mut writer).await,
        listener.welcome().you.id,
        "each at a pace of theirs"
    );
}

#[tokio::test]
async fn in_a_room_too_large_to_name_people_typing_is_told_to_nobody() {
    let server = TestServer::plain().await;
    if server.is_several() {
        return not_run("typing in a large room", "what others count is heard some moments later");
    }
    let (room, mut writer) = server.room(&server.user("owner").await, 300).await;
    let mut members = server.fill(room, 249).await;
    types(&mut writer, 1).await;
    assert_eq!(next_typing(&mut members[0]).await, writer.welcome().you.id, "250 are few enough");
    members.extend(server.fill(room, 1).await);
    // Somebody who was not told of before, and could be.
    types(&mut members[1], FLOOD).await;
    told_by_now(&mut members[1]).await;
    // All rooms are told in one turn: once this one is, that one was.
    let (small, mut elsewhere) = server.room(&server.user("far").await, 3).await;
    let mut witness = server.user("near").await.enter(small).await.unwrap();
    types(&mut elsewhere, 1).await;
    next_typing(&mut witness).await;
    let quiet = members[1].welcome().you.id;
    for member in &mut members[200..] {
        let told = told_by_now(member).await;
        let is_of_quiet =
            |it: &ServerFrame| matches!(it, ServerFrame::Typing { user_id } if *user_id == quiet);
        assert!(!told.iter().any(is_of_quiet), "{told:?}");
    }
}

#[tokio::test]
async fn of_marks_everybody_is_told_the_newest_and_it_never_goes_back() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 4).await;
    let a = server.user("a").await;
    let mut reader = a.enter(room).await.unwrap();
    for n in 0..200 {
        within("an ack", speaker.send(format!("{n}"))).await.unwrap();
    }
    for seq in 1..=200 {
        read(&mut reader, seq).await;
    }
    read(&mut reader, 7).await;
    let mut told = vec![next_mark(&mut speaker, a.id()).await];
    while *told.last().unwrap() < 200 {
        told.push(next_mark(&mut speaker, a.id()).await);
    }
    assert!(told.is_sorted() && told.len() < 100, "coalesced: {told:?}");
    next_mark(&mut reader, a.id()).await;
    for seq in [201, 0, -1, i64::MAX] {
        read(&mut reader, seq).await;
        let wanted = |frame: &ServerFrame| match frame {
            ServerFrame::Error(error) => Some(error.code),
            _ => None,
        };
        let code = within("an error", reader.wait_for(wanted)).await.unwrap();
        assert_eq!(code, Code::Invalid, "{seq}");
    }
    let late = server.user("b").await.enter(room).await.unwrap();
    let mark = |id| late.welcome().members.iter().find(|it| it.user.id == id).unwrap().read;
    assert_eq!((mark(a.id()), mark(speaker.welcome().you.id)), (Some(200), None));
    let listed = a.members(room).await.unwrap().items;
    assert_eq!(listed.iter().find(|it| it.user.id == a.id()).unwrap().read, Some(200));
    assert_eq!(server.rows("changes", &[]), 0, "nothing of it is stored");
}

#[tokio::test]
async fn a_mark_is_kept_over_a_broken_line_and_goes_with_the_stay() {
    let server = TestServer::plain().await;
    let (room, mut speaker) = server.room(&server.user("owner").await, 4).await;
    let a = server.user("a").await;
    let mut reader = a.enter(room).await.unwrap();
    let joined = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(it) => it.joined.iter().any(|it| it.id == a.id()).then_some(()),
        _ => None,
    };
    within("presence", speaker.wait_for(joined)).await.unwrap();
    speaker.send("one").await.unwrap();
    assert_eq!(within("what is read", next_message(&mut reader)).await.seq, 1);
    read(&mut reader, 1).await;
    next_mark(&mut speaker, a.id()).await;
    let resume = Some(reader.welcome().resume.clone());
    reader.abort();
    server.event("seat.held", json!({ "room": room })).await;
    let wish = Reserve { resume: resume.clone(), ..Reserve::default() };
    let ticket = a.reserve(room, &wish).await.unwrap();
    let options = anteroom_client::ConfirmOptions { resume, ..Default::default() };
    let back = a.confirm(&ticket, options).await.unwrap();
    let own = |session: &Session| {
        session.welcome().members.iter().find(|it| it.user.id == a.id()).unwrap().read
    };
    assert_eq!(own(&back), Some(1));
    back.leave().await.unwrap();
    let left = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(it) => it.left.contains(&a.id()).then_some(()),
        _ => None,
    };
    within("presence", speaker.wait_for(left)).await.unwrap();
    assert_eq!(own(&a.enter(room).await.unwrap()), None);
}
