//! Somebody is left who may administer, however many take that from each other at once.

use anteroom_core::ids::UserId;
use anteroom_protocol::account::Role;
use futures_util::future::{join, join_all};

use super::{NOW, new_user};
use crate::storage::AccountChanged::{Done, NoSuchUser};
use crate::storage::{AccountChanged, AccountEnd, AccountEnded, LastAdmin, NewUser, Storage};

const STAYS: LastAdmin = LastAdmin::Stays(NOW);

async fn administrator(store: &dyn Storage, name: &str) -> UserId {
    let new = NewUser { roles: vec![Role::Admin, Role::User], ..new_user(name) };
    store.create_user(new).await.unwrap().unwrap().id
}

/// Every way to take administration away.
#[derive(Clone, Copy, Debug)]
enum Way {
    Demote,
    Lock,
    End,
}

impl Way {
    const ALL: [Self; 3] = [Self::Demote, Self::Lock, Self::End];

    async fn take(self, store: &dyn Storage, from: UserId, last: LastAdmin) -> AccountChanged {
        match self {
            Self::Demote => store.set_roles(from, vec![Role::User], last).await.unwrap(),
            Self::Lock => store.set_locked(from, Some(NOW), last).await.unwrap(),
            Self::End => {
                let end = AccountEnd { user: from, at: NOW, erase: false, last };
                match store.end_account(end).await.unwrap() {
                    AccountEnded::Done(_) => Done,
                    AccountEnded::NoSuchUser => NoSuchUser,
                    AccountEnded::LastAdmin => AccountChanged::LastAdmin,
                }
            }
        }
    }
}

pub(crate) async fn nothing_takes_the_last_one_away_but_who_may(store: &dyn Storage) {
    assert_eq!(store.administrators(NOW).await.unwrap(), 0);
    for way in Way::ALL {
        let name = format!("{way:?}");
        let (last, other) = (administrator(store, &name).await, new_user(&format!("no {name}")));
        let other = store.create_user(other).await.unwrap().unwrap().id;
        let before = store.user(last).await.unwrap();
        assert_eq!(way.take(store, last, STAYS).await, AccountChanged::LastAdmin, "{way:?}");
        assert_eq!(store.user(last).await.unwrap(), before, "{way:?}: nothing is changed");
        assert_eq!(way.take(store, other, STAYS).await, Done, "{way:?}: no administrator");
        let more = vec![Role::Admin, Role::Service];
        assert_eq!(store.set_roles(last, more, STAYS).await.unwrap(), Done, "stays one");
        assert_eq!(store.set_locked(last, None, STAYS).await.unwrap(), Done);
        assert_eq!(store.administrators(NOW).await.unwrap(), 1);
        assert_eq!(way.take(store, last, LastAdmin::MayGo).await, Done, "{way:?}");
        assert_eq!(store.administrators(NOW).await.unwrap(), 0);
        assert_eq!(way.take(store, last, STAYS).await, Done, "{way:?}: again, which is harmless");
    }
}

pub(crate) async fn who_is_locked_or_at_the_end_does_not_count(store: &dyn Storage) {
    let (ann, ben) = (administrator(store, "ann").await, administrator(store, "ben").await);
    let lasting = NewUser {
        roles: vec![Role::Admin],
        expires_at: None,
        ..new_user("somebody without an end")
    };
    let lasting = store.create_user(lasting).await.unwrap().unwrap().id;
    let at_their_end = LastAdmin::Stays(NOW + 2);
    assert_eq!(store.administrators(NOW + 1).await.unwrap(), 3);
    assert_eq!(store.administrators(NOW + 2).await.unwrap(), 1);
    for way in Way::ALL {
        let taken = way.take(store, lasting, at_their_end).await;
        assert_eq!(taken, AccountChanged::LastAdmin, "{way:?}: the others are at their end");
    }
    assert_eq!(Way::Lock.take(store, lasting, STAYS).await, Done, "there are others");
    assert_eq!(Way::Lock.take(store, ben, STAYS).await, Done);
    for way in Way::ALL {
        let taken = way.take(store, ann, STAYS).await;
        assert_eq!(taken, AccountChanged::LastAdmin, "{way:?}: the others are locked");
        assert_eq!(way.take(store, ben, STAYS).await, Done, "{way:?}: is locked already");
    }
    assert_eq!(store.set_locked(lasting, None, STAYS).await.unwrap(), Done);
    assert_eq!(Way::Demote.take(store, ann, STAYS).await, Done);
    assert_eq!(store.administrators(NOW).await.unwrap(), 1);
}

pub(crate) async fn a_guest_who_may_administer_is_not_the_one_who_is_left(store: &dyn Storage) {
    let ann = administrator(store, "ann").await;
    let guest = NewUser { roles: vec![Role::Admin], password_hash: None, ..new_user("guest-1") };
    let guest = store.create_user(guest).await.unwrap().unwrap().id;
    assert_eq!(store.administrators(NOW).await.unwrap(), 1);
    for way in Way::ALL {
        let taken = way.take(store, ann, STAYS).await;
        assert_eq!(taken, AccountChanged::LastAdmin, "{way:?}: nobody could log in and administer");
    }
    assert_eq!(Way::Demote.take(store, guest, STAYS).await, Done);
}

pub(crate) async fn of_two_who_take_it_from_each_other_one_is_left(store: &dyn Storage) {
    for round in 0..10 {
        for (n, (way, back)) in
            Way::ALL.iter().flat_map(|way| Way::ALL.map(|back| (*way, back))).enumerate()
        {
            let ann = administrator(store, &format!("ann {round} {n}")).await;
            let ben = administrator(store, &format!("ben {round} {n}")).await;
            let both = join(way.take(store, ann, STAYS), back.take(store, ben, STAYS)).await;
            let left = store.administrators(NOW).await.unwrap();
            assert_eq!(left, 1, "{way:?} against {back:?}: {both:?}");
            let refused =
                [both.0, both.1].iter().filter(|it| **it == AccountChanged::LastAdmin).count();
            assert_eq!(refused, 1, "{way:?} against {back:?}: {both:?}");
            for who in [ann, ben] {
                Way::Demote.take(store, who, LastAdmin::MayGo).await;
            }
        }
    }
}

pub(crate) async fn of_many_who_take_it_from_the_next_one_is_left(store: &dyn Storage) {
    for round in 0..10 {
        let mut all = Vec::new();
        for n in 0..6 {
            all.push(administrator(store, &format!("one of many {round} {n}")).await);
        }
        let taken = all.iter().enumerate().map(|(n, who)| Way::ALL[n % 3].take(store, *who, STAYS));
        let taken = join_all(taken).await;
        assert_eq!(store.administrators(NOW).await.unwrap(), 1, "{taken:?}");
        assert_eq!(taken.iter().filter(|it| **it == Done).count(), 5, "{taken:?}");
        for who in all {
            Way::Demote.take(store, who, LastAdmin::MayGo).await;
        }
    }
}
