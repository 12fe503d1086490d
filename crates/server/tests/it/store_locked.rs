//! Another process that holds the database: what needs it waits so long and no longer, the rest goes on.

use std::time::{Duration, Instant};

use anteroom_client::HistoryFrom;
use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::CreateRoom;

use crate::harness::{TestServer, alive, next_message, refused, within};

/// How long the store waits for the other one, and what the machine may take on top of it.
const BUSY: Duration = Duration::from_secs(5);
const MARGIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn f41_a_database_that_another_process_holds_is_waited_for_so_long_and_no_longer() {
    let server = TestServer::plain().await;
    server.expect_error("storage.group_lost");
    let (owner, known) = (server.user("owner").await, server.user("known").await);
    let (room, mut session) = server.room(&owner, 4).await;
    let mut listener = server.guest("listener").await.enter(room).await.unwrap();
    alive(&mut session).await;
    assert_eq!(next_message(&mut listener).await.seq, 1);
    let body = CreateRoom { name: "A room".into(), capacity: 2, ..CreateRoom::default() };

    let (held, start) = (server.hold_store(), Instant::now());
    let asked = async { tokio::join!(session.send_as("held", "held"), known.create_room(&body)) };
    let reading = async {
        // Neither readers nor whoever needs only memory wait for it.
        let page = owner.history(room, HistoryFrom::After(0), None).await.unwrap();
        assert_eq!(page.items.len(), 1);
        known.reserve(room, &Reserve::default()).await.unwrap();
        start.elapsed()
    };
    let ((sent, created), read) = tokio::join!(within("refusals", asked), within("reads", reading));
    assert_eq!(sent.unwrap_err().code(), Some(Code::Unavailable));
    refused(created, 503, Code::Unavailable);
    assert!(read < BUSY, "a read took {read:?}");
    let took = start.elapsed();
    assert!((BUSY..BUSY * 2 + MARGIN).contains(&took), "refused after {took:?}");
    drop(held);

    let ack = within("an ack", session.send_as("held", "held")).await.unwrap();
    assert_eq!(ack.seq, 2, "no number is lost");
    assert_eq!(next_message(&mut listener).await.seq, 2, "and nothing was told before");
    known.create_room(&body).await.unwrap();
    alive(&mut known.enter(room).await.unwrap()).await;
}
