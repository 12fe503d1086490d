//! The narrow places between two steps of an entry, hit on purpose: the store is held or slowed from
//! outside, or ends race with beginnings for bounded rounds. Afterwards nothing may be left over.

use std::time::Duration;

use anteroom_client::{Account, RoomQuery, Session};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ServerFrame;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{
    Answer, Known as _, TestServer, Wire, alive, next_reservation, not_run, stagger, within,
};

/// Above what a follow-up in the store takes.
const SOON: Duration = Duration::from_secs(2);

/// Said at once; more than a session may owe before its `welcome`.
const AT_ONCE: usize = 8;

/// Says long things to a user without pause until `over` is done.
async fn talk_until<T>(chief: &Account, to: Uuid, over: impl Future<Output = T>) -> T {
    tokio::pin!(over);
    let (path, body) =
        (format!("/admin/users/{to}/messages"), json!({ "content": "x".repeat(4_000) }));
    loop {
        let one = || Answer::to(chief.request(Method::POST, &path).json(&body));
        let said = join_all((0..AT_ONCE).map(|_| one()));
        tokio::select! {
            biased;
            done = &mut over => return done,
            said = said => assert!(said.iter().all(|it| it.status == 200), "{said:?}"),
        }
    }
}

/// The new session is registered while its login is being refreshed; what it is told meanwhile is more
/// than it may owe, so it ends before its `welcome`.
#[tokio::test]
async fn bug_b04_a_session_that_ends_before_its_welcome_leaks_nothing() {
    let server = TestServer::start(|cfg| {
        cfg.set("limits.outbound_bytes", "16KiB").set("admission.grace", "100ms");
    })
    .await;
    if server.is_several() {
        return not_run("an end before the welcome", "the bus is too slow to hit the window");
    }
    let chief = server.administrator().await;
    let (room, _owner) = server.room(&server.user("owner").await, 10).await;
    let base = server.standing(&chief).await;
    let guests = server.guests(4).await;
    server.slow_store("INSERT ON memberships", 200_000);
    server.slow_store("UPDATE ON logins", 600_000);
    let mut early = 0;
    for guest in &guests {
        let reservation = guest.reserve(room, &Reserve::default()).await.unwrap();
        let entering = async {
            let mut wire = Wire::open(&reservation).await;
            server.event("entry.connecting", json!({ "user": guest.id() })).await;
            let (is_welcome, refreshed) = tokio::join!(wire.welcomed(), guest.refresh());
            refreshed.unwrap();
            is_welcome
        };
        early += usize::from(!within("an entry", talk_until(&chief, guest.id(), entering)).await);
    }
    assert!(early > 0, "the window was never hit");
    server.comes_to_rest(&chief, &base).await;
}

/// Two confirms of one user over a first entry that is still being written.
async fn second_arrives_while_first_is_written(server: &TestServer, name: &str) {
    let (room, _owner) = server.room(&server.user("owner").await, 5).await;
    let a = server.user(name).await;
    let one = a.reserve(room, &Reserve::default()).await.unwrap();
    let held = server.hold_store();
    let wire_one = Wire::open(&one).await;
    server.event("entry.connecting", json!({ "user": a.id() })).await;
    let two = next_reservation(&a, room, &one.ticket).await;
    let two = two.expect("the first ticket was used, so there is another");
    let wire_two = Wire::open(&two).await;
    server.events(2, "entry.connecting", json!({ "user": a.id() })).await;
    let rows_at_welcome = async |mut wire: Wire| {
        let is_welcome = wire.welcomed().await;
        is_welcome.then(|| (server.memberships_of(room, &a), wire))
    };
    let release = async {
        // Enough turns of the server for a `welcome` that does not wait for the store.
        for _ in 0..20 {
            a.presence(a.id()).await.unwrap();
        }
        drop(held);
    };
    let told = tokio::join!(rows_at_welcome(wire_one), rows_at_welcome(wire_two), release);
    let told: Vec<_> = [told.0, told.1].into_iter().flatten().collect();
    assert!(!told.is_empty(), "somebody came in");
    for (rows, _) in &told {
        assert_eq!(*rows, 1, "the row is there when `welcome` comes");
    }
    let mut other = server.guest("other").await.enter(room).await.unwrap();
    for _ in 0..3 {
        alive(&mut other).await;
        assert!(a.presence(a.id()).await.unwrap().sessions >= 1, "the last one sits");
        assert_eq!(server.memberships_of(room, &a), 1, "and its row stays open");
    }
}

#[tokio::test]
async fn bug_a_takeover_of_an_entry_still_being_written_has_a_membership() {
    let server = TestServer::plain().await;
    second_arrives_while_first_is_written(&server, "ann").await;
}

#[tokio::test]
async fn bug_a_second_device_beside_an_entry_still_being_written_has_a_membership() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "many");
    })
    .await;
    second_arrives_while_first_is_written(&server, "ann").await;
}

#[tokio::test]
async fn bug_two_confirms_at_once_leave_one_open_membership_each_round() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 60).await;
    let guests = server.guests(40).await;
    for (round, a) in guests.iter().enumerate() {
        let one = a.reserve(room, &Reserve::default()).await.unwrap();
        let second = async {
            stagger(round).await;
            let two = next_reservation(a, room, &one.ticket).await?;
            let mut wire = Wire::open(&two).await;
            wire.welcomed().await.then(|| (server.memberships_of(room, a), wire))
        };
        let first = async {
            let mut wire = Wire::open(&one).await;
            wire.welcomed().await.then_some(wire)
        };
        let (first, second) = tokio::join!(first, second);
        if let Some((rows, _)) = &second {
            assert_eq!(*rows, 1, "round {round}");
        }
        assert!(first.is_some() || second.is_some(), "round {round}: nobody came in");
        within("the end of the session that was replaced", async {
            while a.presence(a.id()).await.unwrap().sessions != 1 {}
        })
        .await;
        assert_eq!(server.memberships_of(room, a), 1, "round {round}");
    }
}

/// A server whose pending rooms are soon forgotten.
async fn forgetful() -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("admission.pending_room_ttl", "3s").set("admission.grace", "0s");
    })
    .await
}

/// Sixty times somebody asks for a room, connects and logs out at once. The rooms nobody was let
/// into, when the time in which somebody could have been is over.
async fn unentered_rooms(server: &TestServer) -> Vec<i64> {
    let guests = server.guests(60).await;
    let mut unentered = Vec::new();
    for batch in guests.chunks(10) {
        let all = batch.iter().enumerate();
        let rounds = all.map(|(n, guest)| create_and_log_out(server, n, guest));
        unentered.extend(join_all(rounds).await.into_iter().flatten());
    }
    // An entry that became a fact and ended before its words were written made a room.
    unentered.retain(|room| server.logged("entry.confirmed", json!({ "room": room })).is_empty());
    assert!(!unentered.is_empty(), "the window was never hit");
    let last = server.pending_room(&server.guest("last").await, 2).await.room.id;
    server.event("room.pending_expired", json!({ "room": last })).await;
    unentered
}

#[tokio::test]
async fn bug_create_connect_and_logout_at_once_leave_no_row_of_a_room_nobody_entered() {
    let server = forgetful().await;
    let unentered = unentered_rooms(&server).await;
    let remaining = || -> Vec<i64> {
        let is_there = |room: &i64| server.rows("rooms WHERE id = ?1", &[room]) > 0;
        unentered.iter().copied().filter(is_there).collect()
    };
    // What follows an expiry in the store follows soon, but not in the same step.
    let forgotten = tokio::time::timeout(SOON, async {
        while server.rows("creation_queue", &[]) > 0 || !remaining().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    let is_forgotten = forgotten.await.is_ok();
    let rooms = remaining();
    assert!(is_forgotten, "{} of {} rows remain: {rooms:?}", rooms.len(), unentered.len());
}

#[tokio::test]
async fn bug_no_room_nobody_entered_is_listed_or_found_after_a_restart() {
    let mut server = forgetful().await;
    let unentered = unentered_rooms(&server).await;
    server.ask_to_stop();
    server.exited().await;
    server.restart().await;
    let reader = server.guest("reader").await;
    let query = RoomQuery { limit: Some(200), ..RoomQuery::default() };
    let listed = reader.rooms(&query).await.unwrap().items;
    let ghosts = listed.iter().filter(|room| unentered.contains(&room.id)).count();
    assert_eq!(ghosts, 0, "of {} listed, though nobody was ever let in", unentered.len());
    for room in unentered {
        let status = reader.room(room).await.unwrap_err().status();
        assert!(matches!(status, Some(404 | 410)), "room {room}: {status:?}");
    }
}

/// The room, when its creator was not let in.
async fn create_and_log_out(server: &TestServer, round: usize, guest: &Account) -> Option<i64> {
    let created = server.pending_room(guest, 3).await;
    let wire = Wire::open(&created.reservation).await;
    let out = async {
        if round.is_multiple_of(2) {
            server.event("entry.connecting", json!({ "user": guest.id() })).await;
        }
        stagger(round).await;
        guest.logout().await.unwrap();
    };
    let (heard, ()) = tokio::join!(wire.until_end(), out);
    heard.last_words().unwrap();
    (!heard.is_welcome()).then_some(created.room.id)
}

/// Waits until `gone` is reported gone; whether `newcomer` was reported come until then.
async fn told_joined_until(observer: &mut Session, gone: Uuid, newcomer: Uuid) -> bool {
    let mut joined = false;
    let left = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(presence) => {
            joined |= presence.joined.iter().any(|who| who.id == newcomer);
            presence.left.contains(&gone).then_some(())
        }
        _ => None,
    };
    within("news of a parting", observer.wait_for(left)).await.unwrap();
    joined
}

/// People who sit in a room, to leave one after the other.
async fn visitors(server: &TestServer, room: i64, observer: &mut Session) -> Vec<(Uuid, Session)> {
    let mut sitting = Vec::new();
    for guest in server.guests(5).await {
        let id = guest.id();
        sitting.push((id, guest.enter(room).await.unwrap()));
        let came = |frame: &ServerFrame| match frame {
            ServerFrame::Presence(presence) => {
                presence.joined.iter().any(|who| who.id == id).then_some(())
            }
            _ => None,
        };
        within("news of an arrival", observer.wait_for(came)).await.unwrap();
    }
    sitting
}

#[tokio::test]
async fn bug_a_newcomer_is_announced_when_the_membership_is_written_and_not_before() {
    let server = TestServer::plain().await;
    let (room, mut observer) = server.room(&server.user("owner").await, 10).await;
    let sitting = visitors(&server, room, &mut observer).await;
    let a = server.user("a").await;
    let reservation = a.reserve(room, &Reserve::default()).await.unwrap();
    let held = server.hold_store();
    let mut wire = Wire::open(&reservation).await;
    server.event("entry.connecting", json!({ "user": a.id() })).await;
    for (id, visitor) in sitting {
        visitor.leave().await.unwrap();
        let was_told = told_joined_until(&mut observer, id, a.id()).await;
        assert_eq!(server.memberships_of(room, &a), 0, "nothing is written yet");
        assert!(!was_told, "announced before there was a membership");
    }
    drop(held);
    assert!(wire.welcomed().await);
    let came = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(presence) => {
            presence.joined.iter().find(|who| who.id == a.id()).map(|who| who.name.clone())
        }
        _ => None,
    };
    let name = within("news of the newcomer", observer.wait_for(came)).await.unwrap();
    assert_eq!(name, "a", "announced by name");
    assert_eq!(server.memberships_of(room, &a), 1);
}

#[tokio::test]
async fn bug_an_entry_that_fails_is_never_announced() {
    let server = TestServer::plain().await;
    server.expect_error("entry.failed");
    let (room, mut observer) = server.room(&server.user("owner").await, 10).await;
    let mut sitting = visitors(&server, room, &mut observer).await;
    let (last, last_visitor) = sitting.pop().unwrap();
    let a = server.user("a").await;
    let reservation = a.reserve(room, &Reserve::default()).await.unwrap();
    server.break_store("INSERT ON memberships");
    let held = server.hold_store();
    let wire = Wire::open(&reservation).await;
    server.event("entry.connecting", json!({ "user": a.id() })).await;
    let mut was_told = false;
    for (id, visitor) in sitting {
        visitor.leave().await.unwrap();
        was_told |= told_joined_until(&mut observer, id, a.id()).await;
    }
    drop(held);
    let heard = wire.until_end().await;
    assert_eq!(heard.last_words(), Ok("entry_failed"), "{heard:?}");
    last_visitor.leave().await.unwrap();
    was_told |= told_joined_until(&mut observer, last, a.id()).await;
    assert!(!was_told, "somebody who never came in was announced");
}
