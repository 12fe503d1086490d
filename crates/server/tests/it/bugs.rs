//! Bugs that other systems had, by their number in `docs/bugs.md`, on real servers. Others stand with
//! their subject: `cargo test bug_b` runs them all.

use anteroom_client::{Account, ConfirmOptions, Session};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::{Presence, ServerFrame};
use anteroom_protocol::room::CreateRoom;
use anteroom_protocol::{CloseCode, Code};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::harness::{
    Answer, Known as _, PASSWORD, TestServer, Wire, alive, ended, next_reservation, refused, within,
};

/// Enough turns of the server for anything that waits for nothing but its turn.
async fn some_turns(anybody: &Account) {
    for _ in 0..30 {
        anybody.presence(anybody.id()).await.unwrap();
    }
}

/// Records of stays end soon after their seats do, in the background: until only so many are open.
async fn records_end(server: &TestServer, room: i64, open: i64) {
    let ending = async {
        while server.open_memberships(room) != open {
            tokio::task::yield_now().await;
        }
    };
    within("the ends of records", ending).await;
}

#[tokio::test]
async fn bug_b01_an_entry_still_being_written_keeps_its_place() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let (a, other) = (server.user("a").await, server.guest("other").await);
    let ticket = a.reserve(room, &Reserve::default()).await.unwrap();
    let held = server.hold_store();
    let mut wire = Wire::open(&ticket).await;
    server.event("entry.connecting", json!({ "user": a.id() })).await;
    for _ in 0..50 {
        refused(other.reserve(room, &Reserve::default()).await, 409, Code::RoomFull);
    }
    drop(held);
    assert!(wire.welcomed().await);
    assert_eq!(server.balanced(room).await.occupied, 2);
}

#[tokio::test]
async fn bug_b03_who_is_refused_after_the_grant_keeps_no_seat() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let password = Some(PASSWORD.to_owned());
    let body = CreateRoom {
        name: "Behind a door".into(),
        capacity: 30,
        password: password.clone(),
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let room = created.room.id;
    let _owner = owner.confirm(&created.reservation, ConfirmOptions::default()).await.unwrap();
    let ask = Reserve { password, ..Reserve::default() };
    // While the password is being checked the ban comes: after the first look, before the grant.
    let guests = server.guests(12).await;
    let rounds = guests.iter().map(|who| async {
        let (answer, banned) =
            tokio::join!(who.reserve(room, &ask), owner.ban_member(room, who.id()));
        banned.unwrap();
        answer.is_err()
    });
    let refused = within("the rounds", join_all(rounds)).await;
    assert!(refused.contains(&true), "the window was never hit");
    let seats = server.seats(room).await;
    assert_eq!((seats.reserved, seats.free), (0, 29), "{refused:?}");
}

#[tokio::test]
async fn bug_b04_an_entry_whose_welcome_cannot_be_told_leaves_nothing_behind() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let (room, mut owner) = server.room(&server.user("owner").await, 3).await;
    alive(&mut owner).await;
    let a = server.user("a").await;
    let base = server.standing(&chief).await;
    let ticket = a.reserve(room, &Reserve::default()).await.unwrap();
    // The entry is a fact by then; what it missed cannot be read.
    server.alter_store("ALTER TABLE messages RENAME TO messages_away");
    let options = ConfirmOptions { since: Some(0), ..ConfirmOptions::default() };
    let refused = a.confirm(&ticket, options).await;
    assert!(refused.is_err(), "a welcome without what it promises");
    server.alter_store("ALTER TABLE messages_away RENAME TO messages");
    server.comes_to_rest(&chief, &base).await;
    records_end(&server, room, 1).await;
    alive(&mut owner).await;
}

#[tokio::test]
async fn bug_b08_ticket_and_resume_secret_are_told_to_their_owner_only() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 5).await;
    let watcher = server.user("watcher").await;
    let ticket = watcher.reserve(room, &Reserve::default()).await.unwrap();
    let mut wire = Wire::open(&ticket).await;
    assert!(wire.welcomed().await);
    let a = server.user("a").await;
    let first = a.reserve(room, &Reserve::default()).await.unwrap();
    let mut session = a.confirm(&first, ConfirmOptions::default()).await.unwrap();
    let open = a.reserve(room, &Reserve::default()).await.unwrap();
    let resume = session.welcome().resume.clone();
    alive(&mut session).await;

    let mut told = Vec::new();
    for path in [
        format!("/rooms/{room}"),
        "/rooms".into(),
        format!("/rooms/{room}/members"),
        format!("/rooms/{room}/messages"),
        format!("/users/{}/presence", a.id()),
    ] {
        told.push(Answer::to(watcher.request(Method::GET, &path)).await.body);
    }
    let known = session.welcome().session.to_string();
    for guess in [known.as_str(), &a.id().to_string(), &first.seat.generation, &first.ticket] {
        let body = Reserve { resume: Some(guess.into()), ..Reserve::default() };
        refused(a.reserve(room, &body).await, 409, Code::Replaced);
    }
    alive(&mut session).await;
    watcher.logout().await.unwrap();
    told.extend(wire.until_end().await.frames.iter().map(ToString::to_string));
    for secret in [&first.ticket, &open.ticket, &resume] {
        assert!(told.iter().all(|text| !text.contains(secret.as_str())), "{told:?}");
        assert!(!server.log_has(secret), "a secret is in the log");
    }
}

#[tokio::test]
async fn bug_b10_a_session_that_ended_while_it_entered_is_not_registered() {
    let server = TestServer::plain().await;
    let chief = server.administrator().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 5).await;
    let a = server.user("a").await;
    let base = server.standing(&chief).await;
    let ticket = a.reserve(room, &Reserve::default()).await.unwrap();
    let held = server.hold_store();
    let wire = Wire::open(&ticket).await;
    // There is another ticket once the first was consumed.
    next_reservation(&a, room, &ticket.ticket).await.expect("the entry is under way");
    owner.remove_member(room, a.id()).await.unwrap();
    drop(held);
    assert_eq!(wire.until_end().await.last_words(), Ok("removed"));
    server.comes_to_rest(&chief, &base).await;
    assert_eq!(a.presence(a.id()).await.unwrap().sessions, 0);
    records_end(&server, room, 1).await;
}

#[tokio::test]
async fn bug_b11_after_many_visits_everything_stands_as_before() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "100ms").set("heartbeat.ping", "1h");
        cfg.set("heartbeat.silence", "2h");
    })
    .await;
    let chief = server.administrator().await;
    let (room, _owner) = server.room(&server.user("owner").await, 8).await;
    let guests = server.guests(6).await;
    let base = server.standing(&chief).await;
    for round in 0..10 {
        let visits = guests.iter().enumerate().map(|(n, who)| async move {
            let session = who.enter(room).await.unwrap();
            match (n + round) % 5 {
                0 => drop(session.leave().await.unwrap()),
                1 => session.abort(),
                2 => session.reset(),
                3 => drop(session.close(1001).await.unwrap()),
                _ => {
                    let newer = who.enter(room).await.unwrap();
                    who.reserve(room, &Reserve::default()).await.unwrap();
                    who.cancel(room).await.unwrap();
                    newer.leave().await.unwrap();
                }
            }
        });
        join_all(visits).await;
    }
    server.comes_to_rest(&chief, &base).await;
    records_end(&server, room, 1).await;
}

/// Two logins of one user: the second takes over an entry of the first that is still being written,
/// and logs out before it is complete.
#[tokio::test]
async fn bug_b13_a_takeover_that_fails_leaves_the_living_session_alone() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.logins_per_user", 2);
    })
    .await;
    let (room, _owner) = server.room(&server.user("owner").await, 3).await;
    let first = server.user("ann").await;
    let second = server.login("ann").await;
    let other = server.guest("other").await;
    let ticket = first.reserve(room, &Reserve::default()).await.unwrap();
    let held = server.hold_store();
    let mut living = Wire::open(&ticket).await;
    next_reservation(&first, room, &ticket.ticket).await.expect("the first entry is under way");
    let ticket = second.reserve(room, &Reserve::default()).await.unwrap();
    let failing = Wire::open(&ticket).await;
    next_reservation(&second, room, &ticket.ticket).await.expect("and so is the second");
    let out = async {
        let release = async {
            some_turns(&other).await;
            drop(held);
        };
        tokio::join!(second.logout(), release).0.unwrap();
    };
    let (heard, is_welcome, ()) = tokio::join!(failing.until_end(), living.welcomed(), out);
    assert!(!heard.is_welcome(), "{heard:?}");
    assert!(is_welcome, "the first entry came in");
    some_turns(&other).await;
    assert_eq!(first.presence(first.id()).await.unwrap().sessions, 1, "and is still there");
    assert_eq!(server.memberships_of(room, &first), 1);
    assert_eq!(server.balanced(room).await.occupied, 2);
}

#[tokio::test]
async fn bug_b14_no_stay_outlives_a_killed_process() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 3).await;
    let _sitting = server.fill(room, 2).await;
    assert_eq!(server.open_memberships(room), 3);
    server.kill9().await;
    server.restart().await;
    assert_eq!(server.open_memberships(room), 0);
    let back = server.client().with_token(owner.token());
    assert_eq!(back.room(room).await.unwrap().seats.free, 3);
    alive(&mut back.enter(room).await.unwrap()).await;
    assert_eq!(server.open_memberships(room), 1);
}

/// The next presence that tells of `who`: true when it tells of coming.
async fn told_of(observer: &mut Session, who: Uuid) -> bool {
    let moved = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(Presence { joined, left, .. }) => {
            let came = joined.iter().any(|it| it.id == who);
            (came || left.contains(&who)).then_some(came)
        }
        _ => None,
    };
    within("news of somebody", observer.wait_for(moved)).await.unwrap()
}

#[tokio::test]
async fn bug_b16_who_comes_back_is_told_of_again() {
    let server = TestServer::plain().await;
    let (room, mut observer) = server.room(&server.user("owner").await, 3).await;
    let a = server.user("a").await;
    for _ in 0..3 {
        let session = a.enter(room).await.unwrap();
        assert!(told_of(&mut observer, a.id()).await, "came");
        session.leave().await.unwrap();
        assert!(!told_of(&mut observer, a.id()).await, "went");
    }
}

#[tokio::test]
async fn bug_b25_a_removal_whose_asker_hangs_up_is_carried_through() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 3).await;
    let a = server.user("a").await;
    let mut session = a.enter(room).await.unwrap();
    let address = server.base().strip_prefix("http://").unwrap();
    let request = format!(
        "DELETE /api/v1/rooms/{room}/members/{}?ban=true HTTP/1.1\r\nhost: {address}\r\n\
         authorization: Bearer {}\r\ncontent-length: 0\r\n\r\n",
        a.id(),
        owner.token()
    );
    let held = server.hold_store();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // The ban waits for the store by now; whoever asked for it does not.
    some_turns(&a).await;
    stream.set_zero_linger().unwrap();
    drop(stream);
    some_turns(&a).await;
    drop(held);
    let (_, closed) = ended(&mut session).await;
    assert_eq!(closed.code, CloseCode::Removed.status());
    assert_eq!(server.rows("bans WHERE user_id = ?1", &[&a.id()]), 1);
    assert_eq!(server.balanced(room).await.occupied, 1);
}

#[tokio::test]
async fn bug_b27_a_store_that_stands_still_keeps_no_connection_open() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 5).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let leaving = a.enter(room).await.unwrap();
    let mut replaced = b.enter(room).await.unwrap();
    let ticket = b.reserve(room, &Reserve::default()).await.unwrap();
    let held = server.hold_store();
    let closed = within("the answer to a close", leaving.leave()).await.unwrap();
    assert_eq!(closed.code, CloseCode::Normal.status());
    let mut newer = Wire::open(&ticket).await;
    assert!(within("a welcome", newer.welcomed()).await, "a takeover writes nothing");
    assert_eq!(ended(&mut replaced).await.1.code, CloseCode::Replaced.status());
    let id = replaced.welcome().session;
    server.event("session.closed", json!({ "session": id })).await;
    drop(held);
    assert_eq!(server.balanced(room).await.occupied, 2);
}

#[tokio::test]
async fn bug_b30_an_entry_into_a_room_that_was_closed_meanwhile_is_refused() {
    let server = TestServer::plain().await;
    server.expect_error("entry.failed");
    let (room, _owner) = server.room(&server.user("owner").await, 5).await;
    let a = server.user("a").await;
    let ticket = a.reserve(room, &Reserve::default()).await.unwrap();
    // Durable, and not yet told to the ledger.
    let closed = "UPDATE rooms SET closed_at = opened_at WHERE id = ?1";
    assert_eq!(server.change_rows(closed, &[&room]), 1);
    refused(a.confirm(&ticket, ConfirmOptions::default()).await, 4410, Code::RoomClosed);
    assert_eq!(server.memberships_of(room, &a), 0);
    assert_eq!(server.balanced(room).await.occupied, 1);
}
