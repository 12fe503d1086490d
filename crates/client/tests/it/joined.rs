//! The room that outlives its connections.

use std::time::Duration;

use anteroom_client::backoff::Backoff;
use anteroom_client::protocol::entry::Reserve;
use anteroom_client::protocol::frame::ClientFrame;
use anteroom_client::{Account, JoinOptions, JoinedRoom, RoomEvent};
use serde_json::json;
use tokio::join;
use tokio::time::timeout;

use crate::peer::{Line, Peer, ROOM, ack, item, message, problem, refused, welcome};

fn at_once() -> JoinOptions {
    let backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
    JoinOptions { backoff, ..JoinOptions::default() }
}

async fn joined(peer: &Peer, account: &Account) -> (JoinedRoom, Line) {
    let server = async {
        peer.reserved("t1").await;
        peer.welcomed("secret-1", 0).await
    };
    let (joined, line) = join!(account.join(ROOM, at_once()), server);
    (joined.unwrap(), line)
}

/// Nothing here takes longer unless it would take for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// The next events in short: what came, without the words.
async fn told(joined: &mut JoinedRoom, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    while told.len() < count {
        let next = timeout(PATIENCE, joined.next()).await;
        told.push(match next.unwrap_or_else(|_| panic!("nothing came after {told:?}")) {
            Some(RoomEvent::Entered(welcome)) => format!("entered {}", welcome.resume),
            Some(RoomEvent::Message(message)) => format!("{}", message.seq),
            Some(RoomEvent::Acked(ack)) => format!("ack {}", ack.seq),
            Some(RoomEvent::Missed { after, before }) => format!("missed {after}..{before}"),
            Some(RoomEvent::Away(closed)) => format!("away {}", closed.code),
            Some(RoomEvent::Over(error)) => format!("over {}", error.status().unwrap_or(0)),
            Some(other) => format!("{other:?}"),
            None => "none".into(),
        });
    }
    told
}

#[tokio::test]
async fn a_broken_line_comes_back_with_resume_and_since_and_nothing_is_lost_or_doubled() {
    let (peer, account) = Peer::bind().await;
    let (mut joined, mut line) = joined(&peer, &account).await;
    let sent = joined.send("hello").unwrap();
    let server = async {
        line.say(&message(1)).await;
        line.say(&message(2)).await;
        assert_eq!(line.hear_json().await["client_id"], sent);
        drop(line);
        let asked = peer.reserved("t2").await;
        assert_eq!(asked.body, json!({"resume": "secret-1"}));
        let mut line = peer.welcomed("secret-2", 4).await;
        assert_eq!(line.address, "/ws?ticket=t2&resume=secret-1&since=2");
        for seq in [2, 3, 4] {
            line.say(&message(seq)).await;
        }
        assert_eq!(line.hear_json().await["client_id"], sent, "the same id makes it safe");
        line.say(&ack(&sent, 3)).await;
        line
    };
    let (told, _line) = join!(told(&mut joined, 8), server);
    let expected =
        ["entered secret-1", "1", "2", "away 1006", "entered secret-2", "3", "4", "ack 3"];
    assert_eq!(told, expected);
    assert_eq!(joined.unacknowledged(), 0);
}

#[tokio::test]
async fn a_gap_is_filled_from_history_before_the_frame_that_showed_it() {
    let (peer, account) = Peer::bind().await;
    let (mut joined, mut line) = joined(&peer, &account).await;
    let server = async {
        line.say(&message(1)).await;
        line.say(&message(5)).await;
        line.say(&message(6)).await;
        let asked = peer.answer(200, &json!({"items": [item(2), item(4), item(5), item(6)]})).await;
        assert_eq!(asked.line, "GET /api/v1/rooms/101/messages?after=1&limit=200 HTTP/1.1");
    };
    let (told, ()) = join!(told(&mut joined, 7), server);
    assert_eq!(told, ["entered secret-1", "1", "2", "missed 2..4", "4", "5", "6"]);
}

#[tokio::test]
async fn a_truncated_replay_is_completed_from_history() {
    let (peer, account) = Peer::bind().await;
    let (mut joined, line) = joined(&peer, &account).await;
    let server = async {
        drop(line);
        peer.reserved("t2").await;
        let mut line = peer.upgrade().await;
        let mut truncated = welcome("secret-2", 3, 60_000);
        truncated["replay"] = "truncated".into();
        line.say(&truncated).await;
        line.say(&message(4)).await;
        peer.answer(200, &json!({"items": [item(1), item(2)]})).await;
        peer.answer(200, &json!({"items": [item(3)]})).await;
        line
    };
    let (told, _line) = join!(told(&mut joined, 7), server);
    assert_eq!(told[1..], ["away 1006", "entered secret-2", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_replaced_session_stays_away_and_forgets_its_secret() {
    let (peer, account) = Peer::bind().await;
    let (mut joined, mut line) = joined(&peer, &account).await;
    assert_eq!(joined.resume(), Some("secret-1"));
    let (told, ()) = join!(told(&mut joined, 3), line.close(4409));
    assert_eq!(told, ["entered secret-1", "over 4409", "none"]);
    assert_eq!(joined.resume(), None);
}

#[tokio::test]
async fn a_ticket_that_is_not_known_any_more_is_replaced_once() {
    let (peer, account) = Peer::bind().await;
    let (mut joined, mut line) = joined(&peer, &account).await;
    let server = async {
        line.close(1012).await;
        for ticket in ["t2", "t3"] {
            peer.reserved(ticket).await;
            let mut line = peer.upgrade().await;
            line.say(&refused(4403, "no_reservation")).await;
            line.close(4403).await;
        }
    };
    let (told, ()) = join!(told(&mut joined, 4), server);
    assert_eq!(told, ["entered secret-1", "away 1012", "over 4403", "none"]);
}

#[tokio::test]
async fn a_server_that_is_only_away_is_asked_again_and_a_full_room_is_not() {
    let (peer, account) = Peer::bind().await;
    let (mut joined, mut line) = joined(&peer, &account).await;
    let server = async {
        line.close(4503).await;
        peer.answer(503, &problem(503, "unavailable")).await;
        peer.answer(429, &problem(429, "rate_limited")).await;
        peer.answer(409, &problem(409, "room_full")).await;
    };
    let (told, ()) = join!(told(&mut joined, 4), server);
    assert_eq!(told, ["entered secret-1", "away 4503", "over 409", "none"]);
}

#[tokio::test]
async fn a_silent_server_is_pinged_and_then_given_up() {
    let (peer, account) = Peer::bind().await;
    let server = async {
        peer.reserved("t1").await;
        let mut line = peer.upgrade().await;
        line.say(&welcome("secret-1", 0, 20)).await;
        assert_eq!(line.hear_json().await, json!({"type": "ping"}));
        peer.answer(404, &problem(404, "room_not_found")).await;
        line
    };
    let client = async {
        let mut joined = account.join(ROOM, at_once()).await.unwrap();
        told(&mut joined, 3).await
    };
    let (told, _line) = join!(client, server);
    assert_eq!(told, ["entered secret-1", "away 1006", "over 404"]);
}

#[tokio::test]
async fn a_seat_that_is_reserved_already_is_taken_and_what_is_told_once_goes_out_now_or_never() {
    let (peer, account) = Peer::bind().await;
    let body = Reserve::default();
    let (reservation, _) = join!(account.reserve(ROOM, &body), peer.reserved("t1"));
    let entry = account.join_reserved(reservation.as_ref().unwrap(), at_once());
    let (joined, mut line) = join!(entry, peer.welcomed("secret-1", 0));
    let mut joined = joined.unwrap();
    assert_eq!(line.address, "/ws?ticket=t1");
    assert!(joined.tell(&ClientFrame::Typing {}).await);
    assert_eq!(line.hear_json().await, json!({"type": "typing"}));
    drop(line);
    assert_eq!(told(&mut joined, 2).await, ["entered secret-1", "away 1006"]);
    assert!(!joined.tell(&ClientFrame::Typing {}).await, "nothing is kept for later");
}
