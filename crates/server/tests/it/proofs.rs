//! Forged tickets and stale secrets: they change nothing, and too many of them are refused at once.

use anteroom_client::ConfirmOptions;
use anteroom_protocol::Code;
use anteroom_protocol::entry::{Reservation, Reserve};

use crate::harness::{TestServer, alive, refused};

/// The same reservation with one character of its ticket changed.
fn forged(genuine: &Reservation, n: usize) -> Reservation {
    let mut bytes = genuine.ticket.clone().into_bytes();
    // The last character holds padding bits, which the decoder may not even look at.
    let at = n % (bytes.len() - 1);
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    let ticket = String::from_utf8(bytes).unwrap();
    let websocket_url = genuine.websocket_url.replace(&genuine.ticket, &ticket);
    Reservation { ticket, websocket_url, ..genuine.clone() }
}

#[tokio::test]
async fn forged_tickets_change_nothing_however_many() {
    let server = TestServer::plain().await;
    let room = server.empty_room(&server.user("owner").await, 1).await;
    let a = server.user("a").await;
    let genuine = a.reserve(room, &Reserve::default()).await.unwrap();
    for n in 0..300 {
        let outcome = a.confirm(&forged(&genuine, n), ConfirmOptions::default()).await;
        refused(outcome, 4403, Code::NoReservation);
    }
    let again = a.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!((&again.ticket, again.expires_at), (&genuine.ticket, genuine.expires_at));
    assert_eq!(server.seats(room).await.reserved, 1);
    let mut session = a.confirm(&genuine, ConfirmOptions::default()).await.unwrap();
    alive(&mut session).await;
}

#[tokio::test]
async fn too_many_forged_tickets_are_refused_before_the_upgrade_and_a_good_one_still_passes() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", "true").set("limits.bad_proofs", "5");
    })
    .await;
    let room = server.empty_room(&server.user("owner").await, 2).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let genuine = a.reserve(room, &Reserve::default()).await.unwrap();
    for n in 0..5 {
        let outcome = a.confirm(&forged(&genuine, n), ConfirmOptions::default()).await;
        refused(outcome, 4403, Code::NoReservation);
    }
    let error = a.confirm(&forged(&genuine, 6), ConfirmOptions::default()).await;
    refused(error, 429, Code::RateLimited);
    // Neither the one whose ticket was forged nor the neighbour suffers for it.
    let mut first = a.confirm(&genuine, ConfirmOptions::default()).await.unwrap();
    let mut second = b.enter(room).await.unwrap();
    alive(&mut first).await;
    alive(&mut second).await;
}

#[tokio::test]
async fn a_dead_ticket_presented_again_and_again_is_refused_before_the_upgrade_and_only_its_user_s()
{
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", "true").set("limits.bad_proofs", "5");
    })
    .await;
    let room = server.empty_room(&server.user("owner").await, 2).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let dead = a.reserve(room, &Reserve::default()).await.unwrap();
    a.cancel(room).await.unwrap();
    for _ in 0..5 {
        let outcome = a.confirm(&dead, ConfirmOptions::default()).await;
        refused(outcome, 4403, Code::NoReservation);
    }
    let error = a.confirm(&dead, ConfirmOptions::default()).await;
    refused(error, 429, Code::RateLimited);
    alive(&mut b.enter(room).await.unwrap()).await;
}

#[tokio::test]
async fn stale_secrets_change_nothing_and_too_many_are_refused_for_a_while() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.enabled", "true").set("limits.bad_proofs", "20");
    })
    .await;
    let room = server.empty_room(&server.user("owner").await, 1).await;
    let a = server.user("a").await;
    let mut session = a.enter(room).await.unwrap();
    let stale = Reserve { resume: Some("not the secret".into()), ..Reserve::default() };
    for _ in 0..10 {
        refused(a.reserve(room, &stale).await, 409, Code::Replaced);
    }
    // A ticket got without a secret, presented with a stale one: it is not consumed.
    let ticket = a.reserve(room, &Reserve::default()).await.unwrap();
    let options = || ConfirmOptions { resume: stale.resume.clone(), ..ConfirmOptions::default() };
    for _ in 0..10 {
        refused(a.confirm(&ticket, options()).await, 4409, Code::Replaced);
    }
    refused(a.reserve(room, &stale).await, 429, Code::RateLimited);
    refused(a.confirm(&ticket, options()).await, 4529, Code::RateLimited);
    alive(&mut session).await;
    assert_eq!(server.seats(room).await.occupied, 1);
    // Without a secret it is a deliberate takeover, as ever.
    let mut taken = a.confirm(&ticket, ConfirmOptions::default()).await.unwrap();
    alive(&mut taken).await;
}
