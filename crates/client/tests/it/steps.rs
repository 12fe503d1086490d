//! One step at a time: how refusals, acks and ends reach the caller.

use anteroom_client::protocol::Code;
use anteroom_client::protocol::entry::Reserve;
use anteroom_client::protocol::frame::ServerFrame;
use anteroom_client::{Account, ConfirmOptions, Error, Event, Session};
use tokio::join;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::peer::{Line, Peer, ROOM, ack, message, problem, refused};

async fn entered(peer: &Peer, account: &Account) -> (Session, Line) {
    let server = async {
        peer.reserved("t").await;
        peer.welcomed("secret", 0).await
    };
    let (session, line) = join!(account.enter(ROOM), server);
    (session.unwrap(), line)
}

async fn refused_with(frame: Option<(u16, &str)>, close: u16) -> Error {
    let (peer, account) = Peer::bind().await;
    let server = async {
        let mut line = peer.upgrade().await;
        if let Some((status, code)) = frame {
            line.say(&refused(status, code)).await;
        }
        line.close(close).await;
        line
    };
    let options = ConfirmOptions::default();
    let (entry, _line) = join!(account.client().confirm_ticket("t", options), server);
    entry.err().unwrap()
}

#[tokio::test]
async fn a_refused_reservation_carries_the_stable_code_and_the_status() {
    let (peer, account) = Peer::bind().await;
    let (body, full) = (Reserve::default(), problem(409, "room_full"));
    let (full, asked) = join!(account.reserve(ROOM, &body), peer.answer(409, &full));
    let full = full.unwrap_err();
    assert_eq!((full.code(), full.status()), (Some(Code::RoomFull), Some(409)));
    assert_eq!(asked.line, "POST /api/v1/rooms/101/reservations HTTP/1.1");
    assert_eq!(asked.body, serde_json::json!({}));
}

#[tokio::test]
async fn a_refusal_after_the_upgrade_carries_the_code_of_the_frame() {
    let error = refused_with(Some((4408, "reservation_expired")), 4408).await;
    let Error::RefusedAtConnect { code, status, detail } = error else { panic!("{error}") };
    assert_eq!((code, status, &*detail), (Some(Code::ReservationExpired), 4408, "no"));
}

#[tokio::test]
async fn a_close_without_a_refused_frame_has_no_code() {
    let error = refused_with(None, 4500).await;
    assert!(matches!(error, Error::RefusedAtConnect { code: None, status: 4500, .. }), "{error}");
}

#[tokio::test]
async fn a_close_that_contradicts_the_refused_frame_breaks_the_contract() {
    let error = refused_with(Some((4408, "reservation_expired")), 4403).await;
    assert!(matches!(error, Error::Protocol(_)), "{error}");
}

#[tokio::test]
async fn a_line_that_ends_in_the_middle_of_the_upgrade_breaks_no_contract() {
    let (peer, account) = Peer::bind().await;
    let options = ConfirmOptions::default();
    let (entry, ()) = join!(account.client().confirm_ticket("t", options), peer.hear_and_die());
    let error = entry.err().unwrap();
    assert!(matches!(error, Error::Transport(_)), "{error}");
}

#[tokio::test]
async fn an_upgrade_refused_over_http_carries_the_status() {
    let (peer, account) = Peer::bind().await;
    let options =
        ConfirmOptions { origin: Some("http://evil.example".into()), ..Default::default() };
    let foreign = problem(403, "cross_site");
    let (entry, _) =
        join!(account.client().confirm_ticket("t", options), peer.answer(403, &foreign));
    assert_eq!(entry.err().unwrap().status(), Some(403));
}

#[tokio::test]
async fn a_send_waits_for_its_own_ack_and_keeps_the_frames_before_it_in_order() {
    let (peer, account) = Peer::bind().await;
    let (mut session, mut line) = entered(&peer, &account).await;
    let server = async {
        line.say(&message(1)).await;
        let sent = line.hear_json().await;
        line.say(&ack("somebody else's", 1)).await;
        line.say(&message(2)).await;
        line.say(&ack(sent["client_id"].as_str().unwrap(), 2)).await;
        line.say(&message(3)).await;
    };
    let (acked, ()) = join!(session.send("hello"), server);
    assert_eq!(acked.unwrap().seq, 2);
    let mut seen = Vec::new();
    for _ in 0..4 {
        match session.next().await.unwrap() {
            Event::Frame(ServerFrame::Message(message)) => seen.push(message.seq),
            Event::Frame(ServerFrame::Ack(ack)) => seen.push(-ack.seq),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [1, -1, 2, 3]);
}

#[tokio::test]
async fn a_send_that_the_session_does_not_survive_says_so_and_the_end_is_still_handed_out() {
    let (peer, account) = Peer::bind().await;
    let (mut session, mut line) = entered(&peer, &account).await;
    let server = async {
        line.hear_json().await;
        line.close(4409).await;
        line
    };
    let (sent, _line) = join!(session.send("hello"), server);
    assert_eq!(sent.unwrap_err().status(), Some(4409));
    let Some(Event::Closed(closed)) = session.next().await else { panic!("no end") };
    assert_eq!(closed.code, 4409);
    assert!(session.next().await.is_none());
}

#[tokio::test]
async fn an_abort_ends_without_a_close_frame_and_a_close_with_one() {
    let (peer, account) = Peer::bind().await;
    let (session, mut line) = entered(&peer, &account).await;
    session.abort();
    assert!(line.hear().await.is_none());

    let (session, mut line) = entered(&peer, &account).await;
    session.reset();
    assert!(line.hear().await.is_none());

    let (session, mut line) = entered(&peer, &account).await;
    let server = async {
        let heard = line.hear().await;
        // The answer to the close goes out with the read that finds the end.
        line.hear().await;
        heard
    };
    let (closed, heard) = join!(session.close(1000), server);
    let Some(Message::Close(Some(frame))) = heard else { panic!("{heard:?}") };
    assert_eq!((u16::from(frame.code), closed.unwrap().code), (1000, 1000));
}

#[tokio::test]
async fn leaving_sends_the_frame_and_waits_for_the_close() {
    let (peer, account) = Peer::bind().await;
    let (session, mut line) = entered(&peer, &account).await;
    let server = async {
        let heard = line.hear_json().await;
        line.say(&message(1)).await;
        line.close(1000).await;
        (heard, line)
    };
    let (closed, (heard, _line)) = join!(session.leave(), server);
    assert_eq!(heard, serde_json::json!({"type": "leave"}));
    assert_eq!(closed.unwrap().code, 1000);
}

#[tokio::test]
async fn a_session_that_is_read_answers_pings() {
    let (peer, account) = Peer::bind().await;
    let (mut session, mut line) = entered(&peer, &account).await;
    let server = async {
        line.ping().await;
        let heard = line.hear().await;
        line.say(&message(1)).await;
        heard
    };
    let (event, heard) = join!(session.next(), server);
    assert_eq!(heard, Some(Message::Pong("alive?".into())));
    assert!(matches!(event, Some(Event::Frame(ServerFrame::Message(_)))), "{event:?}");
}

#[tokio::test]
async fn waiting_for_one_frame_keeps_the_others() {
    let (peer, account) = Peer::bind().await;
    let (mut session, mut line) = entered(&peer, &account).await;
    let server = async {
        for seq in 1..=3 {
            line.say(&message(seq)).await;
        }
    };
    let third = |frame: &ServerFrame| match frame {
        ServerFrame::Message(message) if message.seq == 3 => Some(message.content.clone()),
        _ => None,
    };
    let (found, ()) = join!(session.wait_for(third), server);
    assert_eq!(found.unwrap(), "number 3");
    for seq in 1..=2 {
        let wanted = |frame: &ServerFrame| anteroom_client::order::seq_of(frame);
        assert_eq!(session.wait_for(wanted).await.unwrap(), seq);
    }
}
