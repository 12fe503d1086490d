//! What a reservation is refused for, and that a refusal touches nothing that stood before it.

use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::CreateRoom;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Answer, Known as _, PASSWORD, TestServer, alive, not_run, refused, within};

#[tokio::test]
async fn bug_a_banned_user_who_keeps_asking_never_takes_the_last_seat_from_others() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _owner) = server.room(&owner, 2).await;
    let (banned, friend) = (server.user("banned").await, server.guest("friend").await);
    owner.ban_member(room, banned.id()).await.unwrap();
    let mark = server.mark();
    let body = Reserve::default();
    let pestering = join_all((0..4).map(|_| async {
        for _ in 0..60 {
            let code = banned.reserve(room, &body).await.unwrap_err().code();
            // A full room may be told first; the seat itself may not be had.
            assert!(matches!(code, Some(Code::Banned | Code::RoomFull)), "{code:?}");
        }
    }));
    let coming = async {
        let mut kept_out = 0;
        for _ in 0..80 {
            match friend.reserve(room, &body).await {
                Ok(_) => friend.cancel(room).await.unwrap(),
                Err(error) => {
                    assert_eq!(error.code(), Some(Code::RoomFull), "{error}");
                    kept_out += 1;
                }
            }
        }
        kept_out
    };
    let (_, kept_out) = within("both", async { tokio::join!(pestering, coming) }).await;
    assert_eq!(kept_out, 0, "the seat was counted for somebody who may not have it");
    let counted = server.logged("reservation.cancelled", json!({ "user": banned.id() }));
    assert!(counted.iter().all(|event| event.index < mark), "{} times", counted.len());
}

#[tokio::test]
async fn bug_what_a_second_login_is_refused_does_not_undo_the_first_logins_reservation() {
    let server = TestServer::start(|cfg| {
        cfg.set("auth.logins_per_user", 2);
    })
    .await;
    let owner = server.user("owner").await;
    let body = CreateRoom {
        name: "Behind a door".into(),
        capacity: 5,
        password: Some(PASSWORD.into()),
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let room = created.room.id;
    let _owner = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    let first = server.user("ann").await;
    let second = server.login("ann").await;
    let with_password = Reserve { password: Some(PASSWORD.into()), ..Reserve::default() };
    let reservation = first.reserve(room, &with_password).await.unwrap();
    for guess in [None, Some("a guess".to_owned())] {
        let ask = Reserve { password: guess, ..Reserve::default() };
        refused(second.reserve(room, &ask).await, 403, Code::WrongRoomPassword);
        assert_eq!(server.seats(room).await.reserved, 1, "the first login's seat is still counted");
    }
    let mut session = first.confirm(&reservation, Default::default()).await.unwrap();
    alive(&mut session).await;
}

#[tokio::test]
async fn bug_a_store_that_cannot_tell_counts_nothing_and_undoes_nothing() {
    let server = TestServer::plain().await;
    if server.is_several() {
        return not_run(
            "a store that cannot tell",
            "beside others nobody is known without the store",
        );
    }
    let (room, _owner) = server.room(&server.user("owner").await, 5).await;
    let (a, newcomer) = (server.guest("a").await, server.guest("newcomer").await);
    server.seats(room).await;
    let standing = a.reserve(room, &Reserve::default()).await.unwrap();
    server.alter_store("ALTER TABLE logins RENAME TO logins_away");
    for _ in 0..3 {
        // Whether this login lives is not known yet, and the store does not tell.
        let error = newcomer.reserve(room, &Reserve::default()).await.unwrap_err();
        assert_eq!(error.status(), Some(401), "{error}");
        assert_eq!(server.seats(room).await.reserved, 1, "only the one that stood before");
    }
    let again = a.reserve(room, &Reserve::default()).await.unwrap();
    assert_eq!(again.ticket, standing.ticket, "who is known needs no store for this");
    server.alter_store("ALTER TABLE logins_away RENAME TO logins");
    assert_eq!(server.seats(room).await.reserved, 1, "what stood before still stands");
    let mut session = a.confirm(&standing, Default::default()).await.unwrap();
    alive(&mut session).await;
    newcomer.reserve(room, &Reserve::default()).await.unwrap();
}

#[tokio::test]
async fn bug_banning_somebody_unknown_is_404() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 5).await;
    let unknown = format!("/rooms/{room}/members/{}", Uuid::new_v4());
    let banned = Answer::to(owner.request(Method::DELETE, &format!("{unknown}?ban=true"))).await;
    banned.refuses(404, "not_found");
    let kicked = Answer::to(owner.request(Method::DELETE, &unknown)).await;
    assert!(matches!(kicked.status, 204 | 404), "{kicked:?}");
    assert_eq!(server.rows("bans", &[]), 0);
    alive(&mut session).await;
}

#[tokio::test]
async fn bug_a_room_has_one_address_on_every_path() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 5).await;
    let guest = server.guest("guest").await;
    let _guest = guest.enter(room).await.unwrap();
    for written in [format!("+{room}"), format!("%2B{room}"), format!("0{room}"), "-1".into()] {
        for (method, rest) in [
            (Method::GET, String::new()),
            (Method::PATCH, String::new()),
            (Method::DELETE, String::new()),
            (Method::GET, "/members".into()),
            (Method::GET, "/messages".into()),
            (Method::POST, "/reservations".into()),
            (Method::DELETE, "/reservations/current".into()),
            (Method::DELETE, format!("/members/{}", guest.id())),
        ] {
            let path = format!("/rooms/{written}{rest}");
            let mut request = owner.request(method.clone(), &path);
            if method == Method::PATCH {
                request = request.json(&json!({ "name": "renamed" }));
            }
            let answer = Answer::to(request).await;
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
        }
        let page = server.browser_of(&owner, "en").get(&format!("/rooms/{written}")).await;
        assert_eq!(page.status, 404, "the page of {written}");
    }
    assert_eq!(server.seats(room).await.occupied, 2, "nobody was removed");
    alive(&mut session).await;
}
