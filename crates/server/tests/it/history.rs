//! What was said earlier: in pages, in order, to those who may read it.

use anteroom_client::{Account, HistoryFrom};
use anteroom_protocol::Code;
use anteroom_protocol::message::Message;
use reqwest::Method;

use crate::harness::{Answer, TestServer, refused};

fn seqs(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.seq).collect()
}

async fn page(who: &Account, room: i64, from: HistoryFrom, limit: u32) -> Vec<i64> {
    seqs(&who.history(room, from, Some(limit)).await.unwrap().items)
}

#[tokio::test]
async fn behaviour_b40_history_is_newest_first_backwards_and_oldest_first_forwards() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 3).await;
    for n in 1..=60 {
        session.send(format!("{n}")).await.unwrap();
    }
    assert_eq!(page(&owner, room, HistoryFrom::Newest, 3).await, [60, 59, 58]);
    assert_eq!(page(&owner, room, HistoryFrom::Before(58), 3).await, [57, 56, 55]);
    assert_eq!(page(&owner, room, HistoryFrom::After(57), 10).await, [58, 59, 60]);
    assert_eq!(page(&owner, room, HistoryFrom::After(60), 10).await, [0; 0]);
    assert_eq!(page(&owner, room, HistoryFrom::Before(1), 10).await, [0; 0]);
    let usual = owner.history(room, HistoryFrom::Newest, None).await.unwrap().items;
    assert_eq!(usual.len(), 50, "the default page");
    let mut whole = Vec::new();
    while let Some(last) =
        page(&owner, room, HistoryFrom::After(whole.len() as i64), 7).await.last()
    {
        whole.extend(whole.len() as i64 + 1..=*last);
    }
    assert_eq!(whole, (1..=60).collect::<Vec<_>>(), "pages meet without gap or double");
}

#[tokio::test]
async fn behaviour_b40_only_who_sits_there_or_moderates_reads_history() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 3).await;
    session.send("for those inside").await.unwrap();
    let a = server.user("a").await;
    let read = async |who: &Account| who.history(room, HistoryFrom::Newest, None).await;
    refused(read(&a).await, 403, Code::Forbidden);
    let reservation = a.reserve(room, &Default::default()).await.unwrap();
    refused(read(&a).await, 403, Code::Forbidden);
    let inside = a.confirm(&reservation, Default::default()).await.unwrap();
    assert_eq!(read(&a).await.unwrap().items.len(), 1);
    inside.leave().await.unwrap();
    refused(read(&a).await, 403, Code::Forbidden);
    session.leave().await.unwrap();
    assert_eq!(read(&owner).await.unwrap().items.len(), 1, "the owner may, also from outside");
    let moderator = server.user("steward").await;
    refused(read(&moderator).await, 403, Code::Forbidden);
    let nobody = server.client().request(Method::GET, &format!("/rooms/{room}/messages"));
    Answer::to(nobody).await.refuses(401, "unauthenticated");
}

#[tokio::test]
async fn history_asked_for_wrongly_is_refused_and_not_a_fault() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 3).await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "before=x",
        "after=x",
        "before=1&after=1",
        "before=99999999999999999999",
    ] {
        let path = format!("/rooms/{room}/messages?{query}");
        let answer = Answer::to(owner.request(Method::GET, &path)).await;
        assert!(matches!(answer.status, 400 | 422), "{query}: {answer:?}");
    }
    for query in ["before=-5", "after=-5", "after=9223372036854775807", "before=0"] {
        let path = format!("/rooms/{room}/messages?{query}");
        let answer = Answer::to(owner.request(Method::GET, &path)).await;
        assert!(matches!(answer.status, 200 | 400 | 422), "{query}: {answer:?}");
    }
    let gone = Answer::to(owner.request(Method::GET, "/rooms/999999/messages")).await;
    gone.refuses(404, "room_not_found");
}
