//! Seats for several users at once, by a service account: all of them or none.

use anteroom_client::Account;
use anteroom_protocol::Code;
use anteroom_protocol::entry::{PartyReserved, Reserve};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Known, TestServer, refused};

async fn ask(service: &Account, room: i64, users: &[uuid::Uuid]) -> Answer {
    let path = format!("/rooms/{room}/reservations");
    Answer::to(service.request(Method::POST, &path).json(&json!({ "users": users }))).await
}

fn failed(problem: &Value) -> Vec<(String, String)> {
    let failed = problem["failed"].as_array().unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    failed.iter().map(|one| (word(&one["user_id"]), word(&one["code"]))).collect()
}

#[tokio::test]
async fn a_party_that_fits_sits_down_together() {
    let server = TestServer::plain().await;
    let room = server.empty_room(&server.user("owner").await, 3).await;
    let (a, b) = (server.user("a").await, server.user("b").await);
    let service = server.service().await;
    let answer = ask(&service, room, &[a.id(), b.id()]).await;
    assert_eq!(answer.status, 201);
    let reserved: PartyReserved = serde_json::from_value(answer.json()).unwrap();
    assert_eq!(server.seats(room).await.reserved, 2);
    let of = |account: &Account| {
        let found = reserved.reservations.iter().find(|one| one.user_id == account.id());
        found.unwrap().reservation.clone()
    };
    let again = ask(&service, room, &[a.id(), b.id()]).await;
    let again: PartyReserved = serde_json::from_value(again.json()).unwrap();
    assert_eq!(again.reservations[0].reservation.ticket, of(&a).ticket, "the same seat again");

    let first = a.confirm(&of(&a), Default::default()).await.unwrap();
    assert_eq!(first.welcome().you.id, a.id());
    let second = b.confirm(&of(&b), Default::default()).await.unwrap();
    assert_eq!(server.balanced(room).await.occupied, 2);
    drop((first, second));
}

#[tokio::test]
async fn a_party_that_does_not_fit_leaves_no_seat_behind() {
    let server = TestServer::plain().await;
    let (room, owner) = server.room(&server.user("owner").await, 3).await;
    let people = server.guests(3).await;
    let service = server.service().await;
    let ids: Vec<_> = people.iter().map(Known::id).collect();
    let answer = ask(&service, room, &ids).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (409, Some("room_full")));
    assert_eq!(failed(&answer.json()), [(ids[2].to_string(), "room_full".into())]);
    let seats = server.seats(room).await;
    assert_eq!((seats.occupied, seats.reserved, seats.free), (1, 0, 2), "none of them has a seat");
    drop(owner);
}

#[tokio::test]
async fn who_is_banned_or_not_logged_in_stands_in_the_way_of_all() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 5).await;
    let (a, b, gone) = (server.user("a").await, server.user("b").await, server.user("c").await);
    let ban = format!("/rooms/{room}/members/{}?ban=true", b.id());
    assert_eq!(Answer::to(owner.request(Method::DELETE, &ban)).await.status, 204);
    gone.logout().await.unwrap();
    let service = server.service().await;
    let nobody = uuid::Uuid::now_v7();
    let answer = ask(&service, room, &[a.id(), b.id(), gone.id(), nobody]).await;
    assert_eq!(
        failed(&answer.json()),
        [
            (b.id().to_string(), "banned".into()),
            (gone.id().to_string(), "unauthenticated".into()),
            (nobody.to_string(), "not_found".into()),
        ]
    );
    assert_eq!(server.seats(room).await.reserved, 0);
    assert_eq!(ask(&service, room, &[a.id()]).await.status, 201);
}

#[tokio::test]
async fn only_a_service_account_reserves_for_others_and_only_for_a_party() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 5).await;
    assert_eq!(ask(&owner, room, &[owner.id()]).await.status, 403, "the owner is no service");
    let service = server.service().await;
    let crowd: Vec<_> = (0..101).map(|_| uuid::Uuid::now_v7()).collect();
    for wrong in [&[][..], &[owner.id(), owner.id()], &crowd] {
        let answer = ask(&service, room, wrong).await;
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["field"].as_str()),
            (422, Some("users"))
        );
    }
    assert_eq!(ask(&service, 9_999, &[owner.id()]).await.status, 404);
    assert_eq!(server.seats(room).await.reserved, 0);
}

#[tokio::test]
async fn logging_out_takes_a_partys_seat_with_it() {
    let server = TestServer::plain().await;
    let room = server.empty_room(&server.user("owner").await, 2).await;
    let a = server.user("a").await;
    let service = server.service().await;
    let answer = ask(&service, room, &[a.id()]).await;
    let reserved: PartyReserved = serde_json::from_value(answer.json()).unwrap();
    a.logout().await.unwrap();
    assert_eq!(server.seats(room).await.reserved, 0);
    let late = a.confirm(&reserved.reservations[0].reservation, Default::default()).await;
    refused(late, 4401, Code::Unauthenticated);
    // The next login is another one: nothing of the party is left for it.
    let next = server.login("a").await;
    next.reserve(room, &Reserve::default()).await.unwrap();
}
