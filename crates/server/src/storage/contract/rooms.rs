//! Rooms before and after somebody entered: numbers, what is kept, changes and bans.

use anteroom_core::ids::RoomId;
use anteroom_protocol::room::Visibility;
use futures_util::future::join_all;

use super::{NOW, new_room, open_room, stay, user};
use crate::storage::{MembershipEnd, RoomPatch, StandingRoom, Storage};

pub(crate) async fn a_queued_room_is_listed_and_forgotten_once(store: &dyn Storage) {
    let me = user(store, "me").await;
    let queued = store.queue_room(new_room(me)).await.unwrap();
    assert_eq!(queued.room, new_room(me));
    let other = store.queue_room(new_room(me)).await.unwrap();
    assert_eq!(store.queued_rooms().await.unwrap(), [queued.clone(), other.clone()]);
    assert_eq!(store.room(queued.id).await.unwrap(), None, "pending rooms are not rooms yet");
    assert!(store.forget_pending(queued.id).await.unwrap());
    assert!(!store.forget_pending(queued.id).await.unwrap());
    assert_eq!(store.queued_rooms().await.unwrap(), [other]);
}

pub(crate) async fn numbers_start_at_101_and_never_come_back(store: &dyn Storage) {
    let me = user(store, "me").await;
    let mut given = Vec::new();
    for _ in 0..3 {
        let queued = store.queue_room(new_room(me)).await.unwrap();
        given.push(queued.id.0);
        assert!(store.forget_pending(queued.id).await.unwrap());
    }
    // Opening one empties the queue as well; its number stays taken.
    given.push(open_room(store, me).await.0);
    let many = join_all((0..20).map(|_| store.queue_room(new_room(me)))).await;
    given.extend(many.into_iter().map(|queued| queued.unwrap().id.0));
    given.sort_unstable();
    assert_eq!(given, (101..125).collect::<Vec<_>>());
}

pub(crate) async fn a_room_opens_as_it_was_queued(store: &dyn Storage) {
    let me = user(store, "me").await;
    let id = open_room(store, me).await;
    let room = store.room(id).await.unwrap().unwrap();
    assert_eq!(room.id, id);
    assert_eq!(room.room, new_room(me));
    assert_eq!(room.opened_at, stay(id, me, 1, 1).at);
    assert_eq!((room.closed_at, room.last_seq), (None, 0));
    assert_eq!(store.queued_rooms().await.unwrap(), [], "it left the queue");
    assert!(!store.forget_pending(id).await.unwrap());
    assert_eq!(store.open_rooms().await.unwrap(), [room]);
}

pub(crate) async fn a_room_whose_only_entries_failed_is_forgotten_whole(store: &dyn Storage) {
    let me = user(store, "me").await;
    let id = open_room(store, me).await;
    let failed = stay(id, me, 1, 1).generation;
    assert!(!store.forget_pending(id).await.unwrap(), "somebody sits there");
    store.end_membership(id, failed, MembershipEnd::EntryFailed, NOW).await.unwrap();
    assert!(store.forget_pending(id).await.unwrap());
    assert_eq!(store.room(id).await.unwrap(), None, "no row that nobody ever entered");
    let id = open_room(store, me).await;
    store
        .end_membership(id, stay(id, me, 1, 1).generation, MembershipEnd::Left, NOW)
        .await
        .unwrap();
    assert!(!store.forget_pending(id).await.unwrap(), "somebody was there");
    assert!(store.room(id).await.unwrap().is_some());
}

pub(crate) async fn an_open_room_changes_only_where_it_is_told(store: &dyn Storage) {
    let me = user(store, "me").await;
    let id = open_room(store, me).await;
    let before = store.room(id).await.unwrap().unwrap();
    assert_eq!(store.change_room(id, RoomPatch::default()).await.unwrap(), Some(before.clone()));

    let mut expected = before;
    let patch = RoomPatch { staff_seats: Some(0), ..RoomPatch::default() };
    expected.room.staff_seats = 0;
    assert_eq!(store.change_room(id, patch).await.unwrap(), Some(expected.clone()));

    let patch = RoomPatch {
        capacity: Some(5),
        staff_seats: Some(3),
        visibility: Some((Visibility::Public, None)),
        ..RoomPatch::default()
    };
    expected.room.capacity = 5;
    expected.room.staff_seats = 3;
    expected.room.visibility = Visibility::Public;
    expected.room.key = None;
    assert_eq!(store.change_room(id, patch).await.unwrap(), Some(expected.clone()));

    let patch =
        RoomPatch { name: Some("B".into()), password_hash: Some(None), ..RoomPatch::default() };
    expected.room.name = "B".into();
    expected.room.password_hash = None;
    assert_eq!(store.change_room(id, patch).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.room(id).await.unwrap(), Some(expected));
}

pub(crate) async fn a_closed_room_stays_closed(store: &dyn Storage) {
    let me = user(store, "me").await;
    let (id, other) = (open_room(store, me).await, open_room(store, me).await);
    assert!(!store.close_room(RoomId(9_999), NOW).await.unwrap());
    assert!(store.close_room(id, NOW + 9).await.unwrap());
    assert!(!store.close_room(id, NOW + 10).await.unwrap());
    assert_eq!(store.room(id).await.unwrap().unwrap().closed_at, Some(NOW + 9));
    let patch = RoomPatch { capacity: Some(5), ..RoomPatch::default() };
    assert_eq!(store.change_room(id, patch).await.unwrap(), None);
    let open: Vec<_> = store.open_rooms().await.unwrap().into_iter().map(|room| room.id).collect();
    assert_eq!(open, [other]);
}

pub(crate) async fn a_ban_can_be_repeated_and_may_come_before_the_room_opens(store: &dyn Storage) {
    let (me, them) = (user(store, "me").await, user(store, "them").await);
    let room = store.queue_room(new_room(me)).await.unwrap().id;
    assert!(!store.is_banned(room, them).await.unwrap());
    store.ban(room, them, me, NOW).await.unwrap();
    store.ban(room, them, me, NOW + 1).await.unwrap();
    assert!(store.is_banned(room, them).await.unwrap());
    assert!(!store.is_banned(room, me).await.unwrap());
    assert!(!store.is_banned(RoomId(room.0 + 1), them).await.unwrap());
}

pub(crate) async fn a_room_stands_in_one_place_at_every_moment(store: &dyn Storage) {
    let me = user(store, "me").await;
    assert_eq!(store.standing_room(RoomId(7)).await.unwrap(), None);
    let queued = store.queue_room(new_room(me)).await.unwrap();
    let id = queued.id;
    let standing = store.standing_room(id).await.unwrap();
    assert_eq!(standing, Some(StandingRoom::Queued(queued)));
    store.enter(stay(id, me, 1, 1)).await.unwrap();
    let record = store.room(id).await.unwrap().unwrap();
    assert_eq!(store.standing_room(id).await.unwrap(), Some(StandingRoom::Opened(record)));
    assert!(store.close_room(id, NOW).await.unwrap());
    let closed = store.room(id).await.unwrap().unwrap();
    assert!(closed.closed_at.is_some());
    assert_eq!(store.standing_room(id).await.unwrap(), Some(StandingRoom::Opened(closed)));
    // Looked for while they open, none is missed.
    for _ in 0..20 {
        let id = store.queue_room(new_room(me)).await.unwrap().id;
        let looks = join_all((0..8).map(|_| store.standing_room(id)));
        let (entered, looks) = tokio::join!(store.enter(stay(id, me, 1, 1)), looks);
        entered.unwrap();
        assert!(looks.into_iter().all(|look| look.unwrap().is_some()));
        assert!(store.close_room(id, NOW).await.unwrap());
    }
}

pub(crate) async fn a_ban_is_listed_and_lifted_once(store: &dyn Storage) {
    let (me, a, b) = (user(store, "me").await, user(store, "a").await, user(store, "b").await);
    let room = open_room(store, me).await;
    store.ban(room, b, me, NOW + 1).await.unwrap();
    store.ban(room, a, me, NOW + 2).await.unwrap();
    store.ban(RoomId(room.0 + 1), a, me, NOW).await.unwrap();
    let all = store.bans(room, None, 10).await.unwrap();
    let told: Vec<_> = all.iter().map(|it| (it.user, &*it.username, it.by, it.at)).collect();
    assert_eq!(told, [(a, "a", me, NOW + 2), (b, "b", me, NOW + 1)], "by user");
    assert_eq!(all[0].display_name, "a 님");
    assert_eq!(store.bans(room, None, 1).await.unwrap(), all[..1]);
    assert_eq!(store.bans(room, Some(a), 10).await.unwrap(), all[1..]);
    assert!(store.unban(room, a, me, NOW + 3).await.unwrap());
    assert!(!store.unban(room, a, me, NOW + 4).await.unwrap(), "once");
    assert!(!store.is_banned(room, a).await.unwrap());
    assert!(store.is_banned(room, b).await.unwrap());
    assert!(store.is_banned(RoomId(room.0 + 1), a).await.unwrap(), "elsewhere it stands");
}
