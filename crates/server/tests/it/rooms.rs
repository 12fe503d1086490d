//! Rooms: pending until somebody enters, listed with live seats, changed and closed by their owner.

use anteroom_client::RoomQuery;
use anteroom_protocol::Code;
use anteroom_protocol::room::{ChangeRoom, CreateRoom, RoomState, SeatState, Visibility};
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Known as _, TestServer, refused};

fn named(name: &str) -> CreateRoom {
    CreateRoom { name: name.into(), capacity: 5, ..CreateRoom::default() }
}

#[tokio::test]
async fn behaviour_b15_a_room_is_a_row_from_its_first_entry_on() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let created = owner.create_room(&named("  Tea  ")).await.unwrap();
    let room = created.room.id;
    assert_eq!((created.room.state, &*created.room.name), (RoomState::Pending, "Tea"));
    assert_eq!(created.room.seats.reserved, 1, "its creator's seat is counted");
    assert_eq!(created.reservation.room_id, room);
    server.event("room.queued", json!({ "room": room, "user": owner.id(), "capacity": 5 })).await;
    assert!(owner.rooms(&RoomQuery::default()).await.unwrap().items.is_empty(), "never listed");
    let other = server.user("other").await;
    assert_eq!(other.room(room).await.unwrap().state, RoomState::Pending, "by number it is");
    let _session = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    server.event("room.opened", json!({ "room": room, "user": owner.id() })).await;
    assert_eq!(other.room(room).await.unwrap().state, RoomState::Open);
    server.listed(&other, 1).await;
    let listed = other.rooms(&RoomQuery::default()).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].seats.occupied, 1);
}

#[tokio::test]
async fn behaviour_b29_the_list_and_the_public_list_agree_with_the_seats() {
    let server = TestServer::start(|cfg| {
        cfg.set("sessions.policy", "one_per_room");
    })
    .await;
    let owner = server.user("owner").await;
    let mut sessions = Vec::new();
    for (name, guests) in [("Apple tea", 0), ("Black tea", 2), ("Coffee", 1)] {
        let created = owner.create_room(&named(name)).await.unwrap();
        sessions.push(owner.confirm(&created.reservation, Default::default()).await.unwrap());
        sessions.extend(server.fill(created.room.id, guests).await);
    }
    server.listed(&owner, 3).await;
    let by = |sort: &str| RoomQuery { sort: Some(sort.into()), ..RoomQuery::default() };
    let names = async |query: &RoomQuery| {
        let items = owner.rooms(query).await.unwrap().items;
        items.into_iter().map(|room| (room.name, room.seats.occupied)).collect::<Vec<_>>()
    };
    let (apple, black, coffee) =
        (("Apple tea".into(), 1), ("Black tea".into(), 3), ("Coffee".into(), 2));
    assert_eq!(names(&by("name")).await, [apple, black, coffee]);
    assert_eq!(names(&by("occupied")).await[0].0, "Black tea");
    assert_eq!(names(&by("newest")).await[0].0, "Coffee");
    let tea = RoomQuery { q: Some("TEA".into()), ..by("name") };
    assert_eq!(names(&tea).await.len(), 2);

    let mut paged = Vec::new();
    let mut query = RoomQuery { limit: Some(2), ..by("name") };
    loop {
        let page = owner.rooms(&query).await.unwrap();
        paged.extend(page.items.into_iter().map(|room| room.name));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, ["Apple tea", "Black tea", "Coffee"]);

    let request = server.client().request(Method::GET, "/public/rooms");
    let answer = Answer::to(request.header("origin", "https://elsewhere.example")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let public = answer.json();
    assert_eq!(public["items"].as_array().unwrap().len(), 3);
    assert!(!answer.body.contains("owner"), "no private fields: {}", answer.body);
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 5).await;
    server.listed(&owner, 1).await;
    let first = Answer::to(owner.request(Method::GET, "/rooms")).await;
    let tag = first.header("etag").to_owned();
    assert!(!tag.is_empty());
    let again = owner.request(Method::GET, "/rooms").header("if-none-match", &tag);
    assert_eq!(Answer::to(again).await.status, 304);
    let _another = server.guest("a").await.enter(room).await.unwrap();
    let changed = owner.request(Method::GET, "/rooms").header("if-none-match", &tag);
    assert_eq!(Answer::to(changed).await.status, 200);
}

#[tokio::test]
async fn an_unlisted_room_is_found_only_with_its_key() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let body = CreateRoom { visibility: Visibility::Unlisted, ..named("Hidden") };
    let created = owner.create_room(&body).await.unwrap();
    let (room, key) = (created.room.id, created.room.key.clone().expect("its owner gets the key"));
    let _session = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    let a = server.user("a").await;
    assert!(a.rooms(&RoomQuery::default()).await.unwrap().items.is_empty());
    refused(a.room(room).await, 404, Code::RoomNotFound);
    refused(a.room_with_key(room, "wrong").await, 404, Code::RoomNotFound);
    refused(a.reserve(room, &Default::default()).await, 404, Code::RoomNotFound);
    let found = a.room_with_key(room, &key).await.unwrap();
    assert_eq!((found.name.as_str(), found.key), ("Hidden", None));
    let reserve = anteroom_protocol::entry::Reserve { key: Some(key), ..Default::default() };
    a.reserve(room, &reserve).await.unwrap();
}

#[tokio::test]
async fn a_smaller_capacity_throws_nobody_out_and_lets_nobody_in() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 5).await;
    let mut sessions = server.fill(room, 3).await;
    let a = server.user("a").await;
    let capacity = |capacity| ChangeRoom { capacity: Some(capacity), ..ChangeRoom::default() };
    refused(a.change_room(room, &capacity(9)).await, 403, Code::Forbidden);
    refused(owner.change_room(room, &capacity(0)).await, 422, Code::Invalid);
    let changed = owner.change_room(room, &capacity(2)).await.unwrap();
    assert_eq!((changed.capacity, changed.seats.occupied, changed.seats.free), (2, 4, 0));
    refused(a.reserve(room, &Default::default()).await, 409, Code::RoomFull);
    for _ in 0..3 {
        sessions.pop().unwrap().leave().await.unwrap();
    }
    a.enter(room).await.unwrap();
    let grown = owner.change_room(room, &capacity(3)).await.unwrap();
    assert_eq!(grown.capacity, 3);
}

#[tokio::test]
async fn members_are_told_to_those_inside() {
    let server = TestServer::start(|cfg| {
        cfg.set("admission.grace", "60s");
    })
    .await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 5).await;
    let (a, outside) = (server.user("a").await, server.user("outside").await);
    let session = a.enter(room).await.unwrap();
    assert_eq!(session.welcome().members.len(), 2);
    refused(outside.members(room).await, 403, Code::Forbidden);
    session.abort();
    server.event("seat.held", json!({ "user": a.id() })).await;
    let mut members: Vec<_> = owner
        .members(room)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|member| (member.user.name, member.state))
        .collect();
    members.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [("a".into(), SeatState::Held), ("owner".into(), SeatState::Occupied)];
    assert_eq!(members, expected);
}

#[tokio::test]
async fn the_process_tells_that_it_is_well() {
    let server = TestServer::plain().await;
    for path in ["/healthz", "/readyz"] {
        let request = server.client().http().get(server.client().url(path));
        assert_eq!(Answer::to(request).await.status, 200, "{path}");
    }
}
