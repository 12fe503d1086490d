//! What hangs on one person, and the end of an account.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::account::Role;
use futures_util::future::join;

use super::changes::one;
use super::search::{found, index_all};
use super::{NOW, login, new_user, open_room, said, stay};
use crate::storage::{
    AccountChanged, AccountEnd, AccountEnded, Erasure, LastAdmin, LoginEnd, NewUser, ProfilePatch,
    Storage, Stretch, UserQuery,
};

async fn plain(store: &dyn Storage, name: &str) -> UserId {
    let new = NewUser { roles: vec![Role::User], ..new_user(name) };
    store.create_user(new).await.unwrap().unwrap().id
}

fn end(user: UserId) -> AccountEnd {
    AccountEnd { user, at: NOW + 50, erase: false, last: LastAdmin::Stays(NOW) }
}

/// All of it, whose stretches are so wide.
macro_rules! all {
    ($store:ident . $of:ident ($($given:expr),*), $width:expr) => {{
        let (mut all, mut behind) = (Vec::new(), Some(0));
        while let Some(after) = behind {
            let Stretch { items, next } = $store.$of($($given,)* after, $width).await.unwrap();
            all.extend(items);
            behind = next;
        }
        all
    }};
}

pub(crate) async fn what_hangs_on_a_person_is_read_whole_in_stretches(store: &dyn Storage) {
    let (me, other) = (plain(store, "me").await, plain(store, "other").await);
    let mut rooms = Vec::new();
    for n in 0..7_u8 {
        let room = open_room(store, if n.is_multiple_of(2) { me } else { other }).await;
        store.enter(stay(room, if n.is_multiple_of(2) { other } else { me }, 1, 2)).await.unwrap();
        rooms.push(room);
        store.start_login(login(me, n), 2).await.unwrap();
        store.start_login(login(other, 100 + n), 2).await.unwrap();
        store.ban(room, if n == 3 { me } else { other }, other, NOW).await.unwrap();
    }
    store.close_room(rooms[2], NOW + 9).await.unwrap();
    let words =
        |n: usize| said(rooms[0], if n.is_multiple_of(3) { me } else { other }, &n.to_string());
    store.append((0..20).map(words).collect()).await.unwrap();
    for width in [1, 2, 3, 100] {
        let logins = all!(store.logins_of(me), width);
        assert_eq!(logins.len(), 7);
        assert_eq!(logins.iter().filter(|login| login.ended.is_none()).count(), 2);
        assert_eq!(logins[0].ended, Some((NOW, LoginEnd::Superseded.as_str().to_owned())));
        let stays = all!(store.stays_of(me), width);
        assert_eq!(stays.iter().map(|stay| stay.room).collect::<Vec<_>>(), rooms);
        let left = stays[2].left.clone().map(|(at, why)| (at, why == "room_closed"));
        assert_eq!((left, stays[0].left.clone()), (Some((NOW + 9, true)), None));
        let own = all!(store.rooms_of(me), width);
        let ids: Vec<RoomId> = own.iter().map(|room| room.id).collect();
        assert_eq!(ids, [0, 2, 4, 6].map(|n: usize| rooms[n]));
        assert_eq!(own[1].closed_at, Some(NOW + 9));
        let bans: Vec<RoomId> = all!(store.bans_of(me), width).iter().map(|it| it.room).collect();
        assert_eq!(bans, [rooms[3]]);
        let messages = all!(store.messages_of(me, rooms[0]), width);
        let seqs: Vec<i64> = messages.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, [1, 4, 7, 10, 13, 16, 19]);
        assert!(messages.iter().all(|it| it.sender.as_ref().is_some_and(|(id, _)| *id == me)));
        assert_eq!(all!(store.messages_of(me, rooms[1]), width), []);
    }
}

pub(crate) async fn an_account_that_ended_is_found_by_nothing_and_leaves_its_words(
    store: &dyn Storage,
) {
    let (me, other) = (plain(store, "me").await, plain(store, "other").await);
    let room = open_room(store, me).await;
    store.start_login(login(me, 1), 9).await.unwrap();
    let second = login(me, 2);
    store.start_login(second.clone(), 9).await.unwrap();
    let mine = said(room, me, "1");
    store.append(vec![mine.clone(), said(room, other, "2")]).await.unwrap();
    let AccountEnded::Done(ended) = store.end_account(end(me)).await.unwrap() else { panic!() };
    assert_eq!(ended.len(), 2);
    // Whoever asked first may not have come to tell anybody.
    let again = store.end_account(AccountEnd { at: end(me).at + 1, ..end(me) }).await.unwrap();
    assert_eq!(again, AccountEnded::Done(ended));

    store.start_login(login(me, 3), 9).await.unwrap_err();
    assert_eq!(store.user(me).await.unwrap(), None);
    assert_eq!(store.user_by_name("me").await.unwrap(), None);
    let everybody = UserQuery { prefix: String::new(), after: None, limit: 50 };
    let everybody = store.users(everybody).await.unwrap();
    assert_eq!(everybody.iter().map(|it| it.id).collect::<Vec<_>>(), [other]);
    assert_eq!(store.logins(me).await.unwrap(), []);
    assert_eq!(store.login_end(second.id).await.unwrap(), Some(LoginEnd::LoggedOut));
    assert_eq!(
        store.set_locked(me, None, LastAdmin::MayGo).await.unwrap(),
        AccountChanged::NoSuchUser,
        "nothing brings it back"
    );
    assert!(!store.set_password(me, "x".into(), None).await.unwrap());
    assert_eq!(
        store.set_roles(me, vec![Role::Admin], LastAdmin::MayGo).await.unwrap(),
        AccountChanged::NoSuchUser
    );
    assert_eq!(store.change_profile(me, ProfilePatch::default()).await.unwrap(), None);

    let read = store.message(mine.id).await.unwrap().unwrap();
    assert_eq!((read.sender, read.content, read.deleted_at), (None, mine.content, None));
    assert_eq!(store.room(room).await.unwrap().unwrap().room.owner, me, "the room stays");
    let again = store.create_user(new_user("me")).await.unwrap().unwrap();
    assert_ne!(again.id, me, "the name is free, and for another account");
    assert_eq!(store.erasures(9).await.unwrap(), []);
    let nobody = UserId(uuid::Uuid::now_v7());
    assert_eq!(store.end_account(end(nobody)).await.unwrap(), AccountEnded::NoSuchUser);
}

pub(crate) async fn the_last_administrator_stays_also_when_two_go_at_once(store: &dyn Storage) {
    let admin = async |name: &str| {
        let new = NewUser { roles: vec![Role::Admin, Role::User], ..new_user(name) };
        store.create_user(new).await.unwrap().unwrap().id
    };
    let (ann, ben) = (admin("ann").await, admin("ben").await);
    let locked = admin("locked").await;
    store.set_locked(locked, Some(NOW), LastAdmin::MayGo).await.unwrap();
    let both = join(store.end_account(end(ann)), store.end_account(end(ben))).await;
    let both = [both.0.unwrap(), both.1.unwrap()];
    assert_eq!(both.iter().filter(|it| **it == AccountEnded::LastAdmin).count(), 1, "{both:?}");
    let left = if both[0] == AccountEnded::LastAdmin { ann } else { ben };
    assert!(store.user(left).await.unwrap().is_some());
    assert_eq!(store.end_account(end(left)).await.unwrap(), AccountEnded::LastAdmin);
    assert_eq!(store.end_account(end(locked)).await.unwrap(), AccountEnded::Done(vec![]));
}

pub(crate) async fn what_is_still_to_go_is_known_until_it_is_gone(store: &dyn Storage) {
    let (me, other) = (plain(store, "me").await, plain(store, "other").await);
    let (open, closed) = (open_room(store, other).await, open_room(store, other).await);
    let batch = |room| {
        let who = |n: usize| if n.is_multiple_of(2) { me } else { other };
        (0..9).map(|n| said(room, who(n), &n.to_string())).collect::<Vec<_>>()
    };
    store.append(batch(open)).await.unwrap();
    store.append(batch(closed)).await.unwrap();
    index_all(store, 100).await;
    store.close_room(closed, NOW).await.unwrap();
    store.end_account(end(me)).await.unwrap();
    assert_eq!(store.erasures(9).await.unwrap(), [], "nobody asked for it");
    store.end_account(AccountEnd { erase: true, ..end(me) }).await.unwrap();
    let erasure = Erasure { user: me, since: NOW + 50 };
    assert_eq!(store.erasures(9).await.unwrap(), [erasure]);

    assert_eq!(store.erase_closed((me, NOW + 60), open, 0, 4).await.unwrap(), (0, None));
    assert_eq!(all!(store.messages_of(me, open), 4).len(), 5, "an open room is left to changes");
    let first = all!(store.messages_of(me, open), 4).remove(0);
    let what = crate::storage::Alteration::Delete;
    let (room, target) = (open, first.id);
    let change = crate::storage::NewChange { room, target, by: me, what, at: NOW + 60 };
    one(store, crate::storage::NewRecord::Change(change)).await;
    let read = store.message(first.id).await.unwrap().unwrap();
    assert_eq!((&*read.content, read.deleted_at), ("", Some(NOW + 60)), "by whoever said it");

    let mut behind = Some(0);
    let (mut stretches, mut emptied) = (0, 0);
    while let Some(after) = behind {
        let (some, next) = store.erase_closed((me, NOW + 60), closed, after, 4).await.unwrap();
        (stretches, emptied, behind) = (stretches + 1, emptied + some, next);
    }
    assert_eq!(stretches, 3);
    assert_eq!(
        store.erase_closed((me, NOW + 60), closed, 0, 100).await.unwrap(),
        (0, None),
        "again"
    );
    assert_eq!(found(store, closed, "안녕", 9).await, [8, 6, 4, 2], "no words are left of it");
    let said = all!(store.messages_of(me, closed), 4);
    assert_eq!(emptied, said.len());
    assert!(said.iter().all(|it| it.content.is_empty() && it.deleted_at == Some(NOW + 60)));
    store.erased(me).await.unwrap();
    assert_eq!(store.erasures(9).await.unwrap(), []);
}
