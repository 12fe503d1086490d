//! Entering and leaving: the room and its first stay appear together, and each stay ends once.

use anteroom_core::ids::{Generation, RoomId, UserId};
use futures_util::future::join;

use super::{NOW, new_room, open_room, stay, user};
use crate::storage::{Entered, MembershipEnd, Storage};

/// Ends a stay and says whether it was open.
async fn was_open(store: &dyn Storage, room: RoomId, epoch: u64, n: u64) -> bool {
    let generation = Generation { epoch, n };
    store.end_membership(room, generation, MembershipEnd::Left, NOW).await.unwrap()
}

pub(crate) async fn two_parallel_first_entries_open_the_room_once(store: &dyn Storage) {
    let (a, b) = (user(store, "a").await, user(store, "b").await);
    let room = store.queue_room(new_room(a)).await.unwrap().id;
    let (one, two) = join(store.enter(stay(room, a, 1, 1)), store.enter(stay(room, b, 1, 2))).await;
    let mut answers = [one.unwrap(), two.unwrap()];
    answers.sort_by_key(|entered| *entered == Entered::Opened);
    assert_eq!(answers, [Entered::Joined, Entered::Opened]);
    assert_eq!(store.open_rooms().await.unwrap().len(), 1);
    assert!(was_open(store, room, 1, 1).await);
    assert!(was_open(store, room, 1, 2).await);
}

pub(crate) async fn an_unknown_or_forgotten_room_takes_nobody(store: &dyn Storage) {
    let me = user(store, "me").await;
    assert_eq!(store.enter(stay(RoomId(101), me, 1, 1)).await.unwrap(), Entered::NoRoom);
    let room = store.queue_room(new_room(me)).await.unwrap().id;
    store.forget_pending(room).await.unwrap();
    assert_eq!(store.enter(stay(room, me, 1, 1)).await.unwrap(), Entered::NoRoom);
    assert!(!was_open(store, room, 1, 1).await);
    assert_eq!(store.room(room).await.unwrap(), None);
}

pub(crate) async fn repeating_an_entry_changes_nothing(store: &dyn Storage) {
    let (me, guest) = (user(store, "me").await, user(store, "guest").await);
    let room = open_room(store, me).await;
    let before = store.room(room).await.unwrap();
    let mut again = stay(room, me, 1, 1);
    again.at += 60_000;
    assert_eq!(store.enter(again).await.unwrap(), Entered::Opened, "as it was answered before");
    assert_eq!(store.enter(stay(room, guest, 1, 2)).await.unwrap(), Entered::Joined);
    assert_eq!(store.enter(stay(room, guest, 1, 2)).await.unwrap(), Entered::Joined);
    assert_eq!(store.room(room).await.unwrap(), before);

    assert!(was_open(store, room, 1, 1).await);
    store.enter(stay(room, me, 1, 1)).await.unwrap();
    assert!(!was_open(store, room, 1, 1).await, "an ended stay does not come back");
}

pub(crate) async fn a_generation_belongs_to_one_user(store: &dyn Storage) {
    let (me, thief) = (user(store, "me").await, user(store, "thief").await);
    let room = open_room(store, me).await;
    assert!(store.enter(stay(room, thief, 1, 1)).await.is_err());
    assert!(was_open(store, room, 1, 1).await);
}

pub(crate) async fn a_newer_stay_ends_the_older(store: &dyn Storage) {
    let (me, other) = (user(store, "me").await, user(store, "other").await);
    let room = open_room(store, me).await;
    store.enter(stay(room, other, 1, 2)).await.unwrap();
    // A later epoch is newer, however small its n.
    assert_eq!(store.enter(stay(room, me, 2, 0)).await.unwrap(), Entered::Joined);
    assert!(!was_open(store, room, 1, 1).await, "superseded");
    assert!(was_open(store, room, 1, 2).await, "another user's stay");
    assert!(was_open(store, room, 2, 0).await);
}

pub(crate) async fn an_overtaken_stay_does_not_end_the_newer(store: &dyn Storage) {
    let (owner, me) = (user(store, "owner").await, user(store, "me").await);
    let room = open_room(store, owner).await;
    store.enter(stay(room, me, 1, 7)).await.unwrap();
    assert_eq!(store.enter(stay(room, me, 1, 6)).await.unwrap(), Entered::Joined);
    assert!(!was_open(store, room, 1, 6).await, "it is history already");
    assert!(was_open(store, room, 1, 7).await);
}

pub(crate) async fn a_stay_ends_once(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    assert!(!was_open(store, room, 1, 2).await);
    assert!(!was_open(store, RoomId(room.0 + 1), 1, 1).await);
    let (a, b) = join(was_open(store, room, 1, 1), was_open(store, room, 1, 1)).await;
    assert!(a ^ b);
}

pub(crate) async fn an_epoch_rises_and_ends_what_was_left_open(store: &dyn Storage) {
    let (name, epoch) = store.founded().await.unwrap();
    assert!(!name.is_nil() && epoch == 0, "{name} {epoch}");
    assert_eq!(store.begin_epoch().await.unwrap(), 1);
    assert_eq!(store.founded().await.unwrap(), (name, 1), "the name stays");
    assert_eq!(store.end_memberships_but(vec![], NOW).await.unwrap(), 0);
    let users: [UserId; 3] =
        [user(store, "a").await, user(store, "b").await, user(store, "c").await];
    let room = open_room(store, users[0]).await;
    store.enter(stay(room, users[1], 1, 2)).await.unwrap();
    store.enter(stay(room, users[2], 1, 3)).await.unwrap();
    assert!(was_open(store, room, 1, 3).await);

    assert_eq!(store.begin_epoch().await.unwrap(), 2);
    assert_eq!(store.end_memberships_but(vec![], NOW + 1).await.unwrap(), 2);
    assert!(!was_open(store, room, 1, 1).await);
    assert!(!was_open(store, room, 1, 2).await);
    assert_eq!(store.enter(stay(room, users[0], 2, 1)).await.unwrap(), Entered::Joined);
    assert_eq!(store.begin_epoch().await.unwrap(), 3);
    assert_eq!(store.end_memberships_but(vec![], NOW + 2).await.unwrap(), 1);
}

pub(crate) async fn stays_that_go_on_keep_their_records(store: &dyn Storage) {
    let users: [UserId; 3] =
        [user(store, "a").await, user(store, "b").await, user(store, "c").await];
    let room = open_room(store, users[0]).await;
    let kept = stay(room, users[1], 1, 2);
    store.enter(kept).await.unwrap();
    store.enter(stay(room, users[2], 1, 3)).await.unwrap();
    let elsewhere = (RoomId(room.0 + 1), Generation { epoch: 1, n: 3 });
    let living = vec![(room, kept.generation), elsewhere];
    assert_eq!(store.end_memberships_but(living, NOW).await.unwrap(), 2);
    assert_eq!(store.open_memberships(room).await.unwrap(), [(users[1], kept.generation)]);
    assert_eq!(store.open_memberships(elsewhere.0).await.unwrap(), []);
    assert!(was_open(store, room, 1, 2).await);
}

pub(crate) async fn closing_a_room_ends_its_stays(store: &dyn Storage) {
    let me = user(store, "me").await;
    let (room, other) = (open_room(store, me).await, open_room(store, me).await);
    assert!(store.close_room(room, NOW).await.unwrap());
    assert!(!was_open(store, room, 1, 1).await);
    assert!(was_open(store, other, 1, 1).await);
    assert_eq!(store.enter(stay(room, me, 1, 2)).await.unwrap(), Entered::NoRoom);
    assert!(!was_open(store, room, 1, 2).await, "nothing was written");
}
