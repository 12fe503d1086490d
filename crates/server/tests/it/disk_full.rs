//! A disk that fills while people talk, and is given space again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anteroom_client::{Account, ConfirmOptions, Event, HistoryFrom, Session};
use anteroom_protocol::Code;
use anteroom_protocol::account::SignUp;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{Ack, ServerFrame};
use anteroom_protocol::message::Message;
use anteroom_protocol::room::CreateRoom;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::watch;

use crate::harness::{Answer, PASSWORD, TestServer, refused, resident_kib, within};

const TALKERS: usize = 4;
/// What a full disk may cost in memory, in KiB.
const GROWTH_MAX: u64 = 16 << 10;
/// How often the log may say that commits fail.
const LINES_MAX: usize = 24;

/// How often all talkers together were acknowledged, and how often refused.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    acked: usize,
    refused: usize,
}

/// Says one thing after the other, each until it is acknowledged; what was, in order, and who still sits.
async fn talk(
    mut session: Session,
    name: usize,
    tally: watch::Sender<Tally>,
    enough: Arc<AtomicBool>,
) -> (Session, Vec<Ack>) {
    let mut acked = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let (id, text) = (format!("{name}-{}", acked.len()), "words ".repeat(100));
        match session.send_as(id, text).await {
            Ok(ack) => {
                acked.push(ack);
                tally.send_modify(|tally| tally.acked += 1);
            }
            Err(error) => {
                assert_eq!(error.code(), Some(Code::Unavailable), "{error}");
                tally.send_modify(|tally| tally.refused += 1);
            }
        }
    }
    (session, acked)
}

/// Hears everything up to and with a message that says `last`; the numbers, as they came, and who heard.
async fn listen(mut session: Session, last: &str) -> (Session, Vec<i64>) {
    let mut heard = Vec::new();
    loop {
        match session.next().await {
            Some(Event::Frame(ServerFrame::Message(message))) => {
                heard.push(message.seq);
                if message.content == last {
                    return (session, heard);
                }
            }
            Some(Event::Closed(closed)) => panic!("the listener was cut: {closed:?}"),
            Some(_) => {}
            None => panic!("the listener is over"),
        }
    }
}

async fn whole_history(who: &Account, room: i64) -> Vec<Message> {
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

/// Nothing that has to be kept is promised: sign-ups, logins, rooms and first entries are refused
/// in words, and nothing of them stays.
async fn nothing_is_promised(server: &TestServer, room: i64, known: &Account) {
    let body = SignUp {
        username: "too-late".into(),
        password: PASSWORD.into(),
        display_name: None,
        contact_number: None,
    };
    let client = server.client();
    refused(client.sign_up(&body).await, 503, Code::Unavailable);
    refused(client.guest("too late").await, 503, Code::Unavailable);
    refused(client.login("known", PASSWORD).await, 503, Code::Unavailable);
    let body = CreateRoom { name: "A room".into(), capacity: 2, ..CreateRoom::default() };
    refused(known.create_room(&body).await, 503, Code::Unavailable);
    let before = server.seats(room).await;
    match known.reserve(room, &Reserve::default()).await {
        Ok(reservation) => {
            let entry = known.confirm(&reservation, ConfirmOptions::default()).await;
            refused(entry, 4503, Code::Unavailable);
            let free = |seats: &anteroom_protocol::room::Seats, _| seats.free == before.free;
            server.seats_when(room, free).await;
        }
        // Where reservations are kept on the same disk.
        no_seat => drop(refused(no_seat, 503, Code::Unavailable)),
    }
}

/// Asks until the server says that it is not ready: what a commit that failed had already taken of the
/// disk has place for a few that are smaller.
async fn not_ready(server: &TestServer) {
    let client = crate::harness::http_client();
    while Answer::to(client.get(format!("{}/readyz", server.base()))).await.status != 503 {}
}

#[tokio::test]
async fn f38_a_disk_that_fills_while_messages_flow_loses_nothing_and_needs_no_restart() {
    const NAME: &str =
        "f38_a_disk_that_fills_while_messages_flow_loses_nothing_and_needs_no_restart";
    let started = TestServer::on_small_disk(24, NAME, |cfg| {
        cfg.set("admission.grace", "300ms");
    });
    let Some(server) = started.await else { return };
    server.expect_error("storage.group_lost");
    let (owner, known) = (server.user("owner").await, server.user("known").await);
    let (room, listener) = server.room(&owner, 20).await;
    let mut sessions = server.fill(room, TALKERS + 2).await;
    let (leaver, breaker) = (sessions.pop().unwrap(), sessions.pop().unwrap());
    let listening = tokio::spawn(listen(listener, "the last word"));
    let (tally, mut seen) = watch::channel(Tally::default());
    let enough = Arc::new(AtomicBool::new(false));
    let talks: Vec<_> = sessions
        .into_iter()
        .enumerate()
        .map(|(name, it)| tokio::spawn(talk(it, name, tally.clone(), Arc::clone(&enough))))
        .collect();
    within("traffic", seen.wait_for(|it| it.acked >= 100)).await.unwrap();
    // Whoever watches has signed in by now.
    assert_eq!(server.seats(room).await.occupied as usize, TALKERS + 3);

    server.disk().fill();
    within("refusals", seen.wait_for(|it| it.refused >= 1)).await.unwrap();
    nothing_is_promised(&server, room, &known).await;
    // Hashing the passwords of those who were refused took some, too.
    let memory = resident_kib(server.pid());
    leaver.leave().await.unwrap();
    breaker.abort();
    let both_gone = |seats: &anteroom_protocol::room::Seats, _| {
        seats.occupied as usize == TALKERS + 1 && seats.held == 0
    };
    // Where seats are kept on the same disk they come back with it.
    if !server.keeps_seats() {
        server.seats_when(room, both_gone).await;
    }
    let told = seen.borrow_and_update().refused;
    within("more refusals", seen.wait_for(|it| it.refused >= told + 1_000)).await.unwrap();
    let full = *seen.borrow_and_update();
    within("a server that is not ready", not_ready(&server)).await;
    let grown = resident_kib(server.pid()).saturating_sub(memory);
    assert!(grown < GROWTH_MAX, "{grown} KiB more after {full:?}");

    server.disk().free();
    within("acks again", seen.wait_for(|it| it.acked >= full.acked + 100)).await.unwrap();
    server.events(2, "membership.ended", json!({ "room": room })).await;
    server.seats_when(room, both_gone).await;
    server.event("storage.resumed", json!({})).await;
    enough.store(true, Ordering::Relaxed);
    let talks = within("the talks", join_all(talks)).await;
    let mut late = known.enter(room).await.unwrap();
    let last = within("an ack", late.send("the last word")).await.unwrap();

    let (_listener, heard) = within("the last word", listening).await.unwrap();
    assert_eq!(heard, (1..=last.seq).collect::<Vec<_>>(), "each once, in order");
    let history = whole_history(&owner, room).await;
    let seqs: Vec<i64> = history.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, heard, "what was told is kept, and nothing else");
    let (_seated, acked): (Vec<_>, Vec<_>) = talks.into_iter().map(Result::unwrap).unzip();
    let acked = acked.concat();
    for ack in &acked {
        let kept = &history[usize::try_from(ack.seq).unwrap() - 1];
        assert_eq!((kept.id, kept.client_id.as_ref()), (ack.id, Some(&ack.client_id)), "{ack:?}");
    }
    assert_eq!(history.len(), acked.len() + 1, "what was refused was said again, once");
    assert_eq!(server.open_memberships(room), i64::try_from(TALKERS + 2).unwrap());
    assert_eq!(server.logged("server.started", json!({})).len(), 1, "without a restart");
    for event in ["storage.group_lost", "messages.unavailable"] {
        let lines = server.logged(event, json!({})).len();
        assert!((1..LINES_MAX).contains(&lines), "{lines} × {event}");
    }
}
