//! A room with somebody on each of several nodes, who talk and hear each other.

use std::time::Duration;

use anteroom_client::Session;
use futures_util::future::join_all;

use super::server::TestServer;
use super::waiting::{next_message, within};

/// Within so long everybody has heard everything that was stored: a comparison with the store each 2 s, and
/// what a busy machine needs.
const SOON: Duration = Duration::from_secs(10);

/// A room with one member on each node.
pub(crate) async fn members(nodes: &[TestServer]) -> (i64, Vec<Session>) {
    let owner = nodes[0].user("owner").await;
    let (room, first) = nodes[0].room(&owner, 10).await;
    let mut sessions = vec![first];
    for node in &nodes[1..] {
        sessions.push(node.guest("guest").await.enter(room).await.unwrap());
    }
    (room, sessions)
}

/// Each of them says so much, one thing after the other, and has an answer to it.
pub(crate) async fn talk(sessions: &mut [Session], each: usize) {
    let talking = sessions.iter_mut().map(|session| async move {
        for n in 0..each {
            within("an ack", session.send(format!("{n}"))).await.unwrap();
        }
    });
    join_all(talking).await;
}

/// Each of them hears exactly these numbers next.
pub(crate) async fn hear(sessions: &mut [Session], first: i64, last: i64) {
    let hearing = sessions.iter_mut().map(|session| async move {
        for due in first..=last {
            assert_eq!(next_message(session).await.seq, due);
        }
    });
    let all = tokio::time::timeout(SOON, join_all(hearing)).await;
    assert!(all.is_ok(), "somebody has not heard all of {first} to {last} within {SOON:?}");
}
