//! Many at once for few seats, over HTTP and WebSocket: never over capacity, never a lost seat,
//! never nobody where somebody could have had it.

use anteroom_client::{Account, Error, Session};
use anteroom_protocol::Code;
use anteroom_protocol::entry::{Reservation, Reserve};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Known as _, TestServer, alive, ended, within};

/// All ask at once; those who got a seat, with it. Everybody else must have been told `room_full`.
async fn reserve_at_once(people: &[Account], room: i64) -> Vec<(usize, Reservation)> {
    let body = Reserve::default();
    let outcomes = join_all(people.iter().map(|who| who.reserve(room, &body))).await;
    let mut seated = Vec::new();
    for (who, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(reservation) => seated.push((who, reservation)),
            Err(error) => {
                assert_eq!((error.status(), error.code()), (Some(409), Some(Code::RoomFull)));
                let seats = error.problem().and_then(|problem| problem.seats).expect("with seats");
                assert!(
                    seats.occupied + seats.reserved + seats.held <= seats.capacity,
                    "{seats:?}"
                );
            }
        }
    }
    seated
}

#[tokio::test]
async fn behaviour_b02_nobody_of_two_hundred_enters_a_full_room() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 10).await;
    let _sitting = server.fill(room, 9).await;
    let crowd = server.guests(200).await;
    assert!(reserve_at_once(&crowd, room).await.is_empty());
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.free), (10, 0, 0));
}

#[tokio::test]
async fn behaviour_b02_exactly_ten_of_two_hundred_enter_an_empty_room_of_ten() {
    let server = TestServer::plain().await;
    let room = server.empty_room(&server.user("owner").await, 10).await;
    let crowd = server.guests(200).await;
    let seated = reserve_at_once(&crowd, room).await;
    assert_eq!(seated.len(), 10);
    let entering = seated.iter().map(|(who, seat)| crowd[*who].confirm(seat, Default::default()));
    let sessions: Vec<Session> = join_all(entering).await.into_iter().map(Result::unwrap).collect();
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.free), (10, 0, 0));
    assert_eq!(server.open_memberships(room), 10);
    for session in sessions {
        session.leave().await.unwrap();
    }
    assert_eq!(server.balanced(room).await.free, 10, "every seat comes back");
}

#[tokio::test]
async fn behaviour_b02_ten_of_fifteen_at_once() {
    let server = TestServer::plain().await;
    let room = server.empty_room(&server.user("owner").await, 10).await;
    let crowd = server.guests(15).await;
    for _ in 0..10 {
        let seated = reserve_at_once(&crowd, room).await;
        assert_eq!(seated.len(), 10);
        assert_eq!(server.seats(room).await.reserved, 10);
        join_all(seated.iter().map(|(who, _)| crowd[*who].cancel(room))).await;
        assert_eq!(server.seats(room).await.free, 10);
    }
}

#[tokio::test]
async fn behaviour_b02_nine_of_ten_and_two_at_once_fifty_times() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 10).await;
    let _sitting = server.fill(room, 8).await;
    let pair = server.guests(2).await;
    for _ in 0..50 {
        let seated = reserve_at_once(&pair, room).await;
        assert_eq!(seated.len(), 1, "one and only one");
        pair[seated[0].0].cancel(room).await.unwrap();
    }
    assert_eq!(server.balanced(room).await.free, 1);
}

/// Ten thousand such duels run at the ledger itself (`ledgers`); these go through the whole house.
#[tokio::test]
async fn behaviour_b02_two_hundred_duels_for_the_only_seat_have_one_winner_each() {
    let server = TestServer::plain().await;
    let room = server.empty_room(&server.user("owner").await, 1).await;
    let pair = server.guests(2).await;
    for duel in 0..200 {
        let seated = reserve_at_once(&pair, room).await;
        assert_eq!(seated.len(), 1, "duel {duel}");
        let (who, seat) = &seated[0];
        // Some are fought for a seat that is really taken and left, not only promised.
        if duel % 20 == 0 {
            pair[*who].confirm(seat, Default::default()).await.unwrap().leave().await.unwrap();
            assert_eq!(server.balanced(room).await.free, 1);
        } else {
            pair[*who].cancel(room).await.unwrap();
        }
    }
    assert_eq!(server.seats(room).await.free, 1);
}

#[tokio::test]
async fn behaviour_b07_fifty_parallel_reservations_of_one_user_are_one_seat_and_one_ticket() {
    let server = TestServer::plain().await;
    let room = server.empty_room(&server.user("owner").await, 10).await;
    let a = server.user("a").await;
    let path = format!("/rooms/{room}/reservations");
    let asking = (0..50).map(|_| Answer::to(a.request(Method::POST, &path)));
    let answers = within("fifty answers", join_all(asking)).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let kept = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((made, kept), (1, 49), "made once, then answered as it stands");
    let first = answers[0].json();
    for answer in &answers {
        let other = answer.json();
        for same in ["ticket", "expires_at", "seat", "websocket_url", "room_id"] {
            assert_eq!(other[same], first[same], "{same}");
        }
    }
    assert_eq!(server.seats(room).await.reserved, 1);
    let fresh = server.logged("entry.reserved", json!({ "user": a.id(), "fresh": true }));
    assert_eq!(fresh.len(), 1);
}

/// Enters as a tab does that minds the contract: a ticket used by another tab means one new try, and
/// then it asks its user. Who tries on and on makes work that grows with the square of the tabs: a ticket
/// serves one of them and sends all the others back.
async fn open_tab(account: &Account, room: i64) -> Option<Session> {
    for _ in 0..2 {
        match account.enter(room).await {
            Ok(session) => return Some(session),
            Err(error) if error.code() == Some(Code::NoReservation) => {}
            // Another tab was faster and this one is told to stay away.
            Err(Error::RefusedAtConnect { status: 4409, .. }) => return None,
            Err(error) => panic!("a tab was refused: {error}"),
        }
    }
    None
}

#[tokio::test]
async fn behaviour_b19_a_hundred_tabs_of_one_user_at_once_leave_one_session_and_one_seat() {
    let server = TestServer::plain().await;
    let (room, _owner) = server.room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let tabs = within("a hundred tabs", join_all((0..100).map(|_| open_tab(&a, room)))).await;
    let mut tabs: Vec<Session> = tabs.into_iter().flatten().collect();
    assert!(!tabs.is_empty(), "somebody got in");
    let entered = tabs.len();
    let mut ends: FuturesUnordered<_> = tabs
        .iter_mut()
        .map(|tab| async {
            let (words, closed) = ended(tab).await;
            (words.map(|words| words.code), closed.code)
        })
        .collect();
    for _ in 1..entered {
        let end = within("a tab that was replaced", ends.next()).await;
        assert_eq!(end, Some((Some(Code::Replaced), 4409)), "each is told why it ends");
    }
    drop(ends);
    assert_eq!(a.presence(a.id()).await.unwrap().sessions, 1, "exactly one is left");
    let seats = server.balanced(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.held, seats.free), (2, 0, 0, 0));
    assert_eq!(server.memberships_of(room, &a), 1);
    let returned = server.logged("seat.returned", json!({ "user": a.id() }));
    assert!(returned.is_empty(), "one stay from the first tab to the last");
    let mut last = server.login("a").await.enter(room).await.unwrap();
    alive(&mut last).await;
}

#[tokio::test]
async fn behaviour_b15_two_first_entries_at_once_open_one_room_for_both() {
    let server = TestServer::plain().await;
    for round in 0..5 {
        let owner = server.guest("owner").await;
        let created = server.pending_room(&owner, 2).await;
        let room = created.room.id;
        let friend = server.guest("friend").await;
        let seat = friend.reserve(room, &Reserve::default()).await.unwrap();
        let (one, two) = tokio::join!(
            owner.confirm(&created.reservation, Default::default()),
            friend.confirm(&seat, Default::default()),
        );
        let (mut one, mut two) = (one.unwrap(), two.unwrap());
        alive(&mut one).await;
        alive(&mut two).await;
        assert_eq!(server.rows("rooms WHERE id = ?1", &[&room]), 1, "round {round}");
        assert_eq!(server.open_memberships(room), 2);
        assert_eq!(server.logged("room.opened", json!({ "room": room })).len(), 1);
    }
}

#[tokio::test]
async fn bug_b06_a_room_that_closes_while_people_arrive_keeps_nobody_and_refuses_the_rest() {
    let server = TestServer::plain().await;
    for _ in 0..5 {
        let owner = server.guest("owner").await;
        let (room, _owner) = server.room(&owner, 50).await;
        let crowd = server.guests(20).await;
        let arriving = join_all(crowd.iter().map(|who| who.enter(room)));
        let (outcomes, closed) = tokio::join!(arriving, owner.close_room(room));
        closed.unwrap();
        for outcome in outcomes {
            match outcome {
                Ok(mut session) => assert_eq!(ended(&mut session).await.1.code, 4410),
                Err(error) => {
                    let is_told = matches!(
                        error.code(),
                        Some(Code::RoomClosed | Code::RoomNotFound | Code::NoReservation)
                    );
                    assert!(is_told, "{error}");
                }
            }
        }
        server.event("room.closed", json!({ "room": room, "cause": "requested" })).await;
        assert_eq!(server.open_memberships(room), 0, "no zombie");
        let late = crowd[0].reserve(room, &Reserve::default()).await;
        assert!(matches!(late.unwrap_err().status(), Some(404 | 410)));
    }
}
