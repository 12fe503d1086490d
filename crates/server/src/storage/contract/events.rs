//! Events: each fact leaves one, in its own transaction and in its place, and nothing else does.

use std::sync::LazyLock;
use std::time::Duration;

use anteroom_core::ids::{Generation, LoginId, MessageId, RoomId, UserId};
use futures_util::future::join_all;
use serde_json::Value;
use uuid::Uuid;

use super::{NOW, login, new_room, new_user, open_room, said, stay, user};
use crate::storage::{
    Alteration, EventBacklog, EventRecord, LastAdmin, LoginEnd, MembershipEnd, NewChange,
    NewRecord, RoomPatch, Storage,
};

/// Everything that waits to be published, each as it is declared.
async fn told(store: &dyn Storage) -> Vec<EventRecord> {
    let publisher = Uuid::from_u128(1);
    let all = store.next_events(publisher, Duration::from_secs(30), 10_000).await.unwrap().unwrap();
    all.iter().for_each(as_declared);
    all
}

async fn forget_all(store: &dyn Storage) {
    let all = told(store).await.iter().map(|event| event.n).collect();
    store.forget_events(all).await.unwrap();
}

/// Fails where an event is not as the AsyncAPI document has it.
fn as_declared(event: &EventRecord) {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(crate::documents::asyncapi);
    let told = json(event);
    let message = &DOCUMENT["components"]["messages"][told["type"].as_str().unwrap()];
    let schema = serde_json::json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [message["payload"]],
        "components": DOCUMENT["components"],
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&told).map(|it| it.to_string()).collect();
    assert!(message.is_object() && faults.is_empty(), "{faults:?}: {told}");
}

fn keys(events: &[EventRecord]) -> Vec<&str> {
    events.iter().map(|event| &*event.routing_key).collect()
}

fn json(event: &EventRecord) -> Value {
    serde_json::from_str(&event.payload).unwrap()
}

fn change(room: RoomId, target: MessageId, by: UserId, what: Alteration) -> NewRecord {
    NewRecord::Change(NewChange { room, target, by, what, at: NOW + 7 })
}

/// Whom and what a life was about.
pub(crate) struct Lived {
    room: RoomId,
    me: UserId,
    other: UserId,
    login: LoginId,
    message: MessageId,
}

/// Every fact there is, each once.
pub(crate) async fn a_whole_life(store: &dyn Storage) -> Lived {
    let (me, other) = (user(store, "me").await, user(store, "other").await);
    let mine = login(me, 1);
    store.start_login(mine.clone(), 1).await.unwrap();
    let room = open_room(store, me).await;
    store.enter(stay(room, other, 1, 2)).await.unwrap();
    let message = said(room, me, "a");
    let (target, edit) = (message.id, Alteration::Edit("new words".into()));
    let batch = vec![NewRecord::Message(message), change(room, target, me, edit)];
    store.record(batch).await.unwrap();
    store.record(vec![change(room, target, me, Alteration::Delete)]).await.unwrap();
    let patch = RoomPatch { capacity: Some(5), ..RoomPatch::default() };
    store.change_room(room, patch).await.unwrap();
    let theirs = Generation { epoch: 1, n: 2 };
    store.ban(room, other, me, NOW + 8).await.unwrap();
    store.end_membership(room, theirs, MembershipEnd::Removed, NOW + 9).await.unwrap();
    store.close_room(room, NOW + 10).await.unwrap();
    store.end_login(mine.id, LoginEnd::LoggedOut, NOW + 11).await.unwrap();
    store.set_locked(me, Some(NOW + 12), LastAdmin::MayGo).await.unwrap();
    store.set_locked(me, None, LastAdmin::MayGo).await.unwrap();
    Lived { room, me, other, login: mine.id, message: target }
}

pub(crate) async fn each_fact_leaves_one_event_in_its_order(store: &dyn Storage) {
    let Lived { room, me, other, login, message } = a_whole_life(store).await;
    let events = told(store).await;
    let of_room = |what: &str| format!("room.{room}.{what}");
    let of = |user: UserId, what: &str| format!("account.{user}.{what}");
    let expected = [
        of(me, "created"),
        of(other, "created"),
        of_room("opened"),
        of_room("member.entered"),
        of_room("member.entered"),
        of_room("message.created"),
        of_room("message.edited"),
        of_room("message.deleted"),
        of_room("changed"),
        of_room("member.banned"),
        of_room("member.removed"),
        of_room("member.left"),
        of_room("closed"),
        of(me, "login.ended"),
        of(me, "locked"),
        of(me, "unlocked"),
    ];
    assert_eq!(keys(&events), expected);
    let all: Vec<Value> = events.iter().map(json).collect();
    for (event, told) in events.iter().zip(&all) {
        assert_eq!((&told["v"], &told["id"]), (&1.into(), &event.id.to_string().into()), "{told}");
        let (about, what) = event.routing_key.split_once('.').unwrap();
        let what = what.split_once('.').unwrap().1;
        assert_eq!(told["type"], format!("{about}.{what}"));
        assert_eq!(told["room_id"], if about == "room" { room.0.into() } else { Value::Null });
    }
    assert_eq!(all[2]["data"]["has_password"], true);
    assert_eq!(all[3]["data"]["stay"], "1.1");
    assert_eq!(all[5]["occurred_at"], serde_json::to_value(crate::storage::shown(NOW)).unwrap());
    assert_eq!(events[5].occurred_at, NOW);
    let (created, edited, deleted) = (&all[5]["data"], &all[6]["data"], &all[7]["data"]);
    assert_eq!((&created["seq"], &created["content"]), (&1.into(), &"안녕 a".into()));
    assert_eq!(created["id"], message.to_string());
    assert_eq!((&edited["seq"], &edited["content"]), (&2.into(), &"new words".into()));
    assert_eq!((&deleted["seq"], &deleted["message_seq"]), (&3.into(), &1.into()));
    assert_eq!(deleted["message_id"], message.to_string());
    assert_eq!(deleted.get("content"), None);
    assert_eq!(all[8]["data"]["capacity"], 5);
    assert_eq!(all[10]["data"]["user_id"], other.to_string());
    assert_eq!(all[11]["data"]["reason"], "room_closed");
    assert_eq!(all[12]["data"]["forgotten"], false);
    assert_eq!(all[13]["data"]["login_id"], login.to_string());
    assert_eq!(all[13]["data"]["reason"], "logged_out");
}

pub(crate) async fn stays_that_end_together_are_told_each(store: &dyn Storage) {
    let (me, other) = (user(store, "me").await, user(store, "other").await);
    let room = open_room(store, me).await;
    store.enter(stay(room, other, 1, 2)).await.unwrap();
    store.start_login(login(me, 1), 1).await.unwrap();
    forget_all(store).await;

    // A newer stay and a newer login end the older ones.
    store.enter(stay(room, me, 1, 3)).await.unwrap();
    store.start_login(login(me, 2), 1).await.unwrap();
    let events = told(store).await;
    let left = format!("room.{room}.member.left");
    let ended = format!("account.{me}.login.ended");
    assert_eq!(keys(&events), [&*left, &*format!("room.{room}.member.entered"), &*ended]);
    assert_eq!(json(&events[0])["data"]["stay"], "1.1");
    assert_eq!(json(&events[0])["data"]["reason"], "superseded");
    forget_all(store).await;

    // One that was overtaken is over as soon as it began.
    store.enter(stay(room, other, 1, 1_000)).await.unwrap();
    forget_all(store).await;
    store.enter(stay(room, other, 1, 999)).await.unwrap();
    let events = told(store).await;
    assert_eq!(keys(&events), [&*format!("room.{room}.member.entered"), &*left]);
    forget_all(store).await;

    let living = vec![(room, Generation { epoch: 1, n: 3 })];
    assert_eq!(store.end_memberships_but(living, NOW).await.unwrap(), 1);
    assert_eq!(store.end_memberships_but(vec![], NOW).await.unwrap(), 1);
    store.end_logins(me, LoginEnd::Locked, NOW).await.unwrap();
    let events = told(store).await;
    assert_eq!(keys(&events), [&*left, &*left, &*ended]);
    let whose: Vec<Value> =
        events.iter().map(|event| json(event)["data"]["user_id"].clone()).collect();
    let [me, other] = [me, other].map(|user| Value::from(user.to_string()));
    assert_eq!(whose, [other, me.clone(), me]);
}

pub(crate) async fn what_changes_nothing_tells_nothing(store: &dyn Storage) {
    let Lived { room, me, other, login, message } = a_whole_life(store).await;
    let open = open_room(store, me).await;
    let patch = RoomPatch { capacity: Some(5), ..RoomPatch::default() };
    store.ban(open, other, me, NOW).await.unwrap();
    forget_all(store).await;

    store.create_user(new_user("me")).await.unwrap();
    store.set_locked(UserId(Uuid::now_v7()), Some(NOW), LastAdmin::MayGo).await.unwrap();
    store.enter(stay(open, me, 1, 1)).await.unwrap();
    store.enter(stay(room, me, 1, 9)).await.unwrap();
    store
        .end_membership(room, Generation { epoch: 1, n: 2 }, MembershipEnd::Left, NOW)
        .await
        .unwrap();
    store.close_room(room, NOW).await.unwrap();
    store.change_room(room, patch).await.unwrap();
    store.change_room(open, RoomPatch::default()).await.unwrap();
    store.ban(open, other, me, NOW).await.unwrap();
    store.end_login(login, LoginEnd::Forced, NOW).await.unwrap();
    store.end_logins(me, LoginEnd::Forced, NOW).await.unwrap();
    store.end_memberships_but(vec![(open, Generation { epoch: 1, n: 1 })], NOW).await.unwrap();
    let again = vec![
        NewRecord::Message(said(room, me, "late")),
        change(room, message, me, Alteration::Delete),
        change(open, message, me, Alteration::Delete),
    ];
    store.record(again).await.unwrap();
    let first = said(open, me, "b");
    store.append(vec![first.clone()]).await.unwrap();
    forget_all(store).await;
    store.append(vec![first]).await.unwrap();
    let queued = store.queue_room(new_room(me)).await.unwrap().id;
    store.forget_pending(queued).await.unwrap();
    store.forget_pending(open).await.unwrap();
    assert_eq!(told(store).await, []);
}

pub(crate) async fn what_was_undone_tells_nothing(store: &dyn Storage) {
    let (me, other) = (user(store, "me").await, user(store, "other").await);
    let room = open_room(store, me).await;
    forget_all(store).await;
    let nobody = said(room, UserId(Uuid::now_v7()), "b");
    assert!(store.append(vec![said(room, me, "a"), nobody]).await.is_err());
    assert!(store.enter(stay(room, other, 1, 1)).await.is_err(), "another one's stay");
    assert_eq!(told(store).await, []);

    // A room whose only entry failed was told of, and so is its end.
    let id = open_room(store, me).await;
    let failed = stay(id, me, 1, 1).generation;
    store.end_membership(id, failed, MembershipEnd::EntryFailed, NOW).await.unwrap();
    assert!(store.forget_pending(id).await.unwrap());
    let events = told(store).await;
    let of_room = ["opened", "member.entered", "member.left", "closed"];
    assert_eq!(keys(&events), of_room.map(|what| format!("room.{id}.{what}")));
    assert_eq!(json(&events[3])["data"]["forgotten"], true);
}

pub(crate) async fn messages_are_told_in_the_order_of_their_numbers(store: &dyn Storage) {
    let me = user(store, "me").await;
    let rooms = [open_room(store, me).await, open_room(store, me).await];
    forget_all(store).await;
    let say = |n: usize| {
        let batch = rooms.map(|room| said(room, me, &format!("{n}")));
        async move { store.append(batch.into()).await.unwrap() }
    };
    join_all((0..32).map(say)).await;
    let events = told(store).await;
    for room in rooms {
        let of_room = events.iter().map(json).filter(|told| told["room_id"] == room.0);
        let seqs: Vec<i64> = of_room.map(|told| told["data"]["seq"].as_i64().unwrap()).collect();
        assert_eq!(seqs, (1..=32).collect::<Vec<_>>());
    }
}

pub(crate) async fn no_event_carries_a_secret(store: &dyn Storage) {
    a_whole_life(store).await;
    let me = user(store, "again").await;
    open_room(store, me).await;
    let events = told(store).await;
    assert!(!events.is_empty());
    for EventRecord { payload, .. } in &events {
        for secret in ["argon2", "the-key", "+82 2 000"] {
            assert!(!payload.contains(secret), "{payload}");
        }
    }
}

pub(crate) async fn an_event_stays_as_it_is_until_it_is_forgotten(store: &dyn Storage) {
    assert_eq!(store.event_backlog().await.unwrap(), EventBacklog::default());
    a_whole_life(store).await;
    let all = told(store).await;
    assert_eq!(told(store).await, all, "read again, the same again");
    let EventBacklog { waiting, oldest } = store.event_backlog().await.unwrap();
    assert!(waiting >= all.len() as u64, "{waiting}");
    assert_eq!(oldest, Some(all[0].occurred_at));
    assert!(all.windows(2).all(|two| two[0].n < two[1].n));

    let first_two =
        store.next_events(Uuid::from_u128(1), Duration::from_secs(30), 2).await.unwrap().unwrap();
    assert_eq!(first_two, all[..2]);
    // Published out of their order, as confirms come.
    store.forget_events(vec![all[1].n, all[3].n]).await.unwrap();
    store.forget_events(vec![all[1].n]).await.unwrap();
    store.forget_events(vec![]).await.unwrap();
    let mut left = all.clone();
    left.remove(3);
    left.remove(1);
    assert_eq!(told(store).await, left);
    forget_all(store).await;
    let me = user(store, "later").await;
    let later = told(store).await;
    assert_eq!(keys(&later), [format!("account.{me}.created")]);
    assert!(later[0].n > all[all.len() - 1].n, "a number that went never comes back");
}
