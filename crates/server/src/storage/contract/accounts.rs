//! People: unique names, and changes that touch only what they name.

use anteroom_core::ids::UserId;
use anteroom_protocol::account::Role;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{NOW, new_user, user};
use crate::storage::{AccountChanged, LastAdmin, ProfilePatch, Storage, UserQuery};

pub(crate) async fn a_user_reads_back_as_it_was_written(store: &dyn Storage) {
    let new = new_user("Min");
    let made = store.create_user(new.clone()).await.unwrap().unwrap();
    assert_eq!(made.id, new.id);
    assert_eq!(made.username, "Min");
    assert_eq!(made.display_name, new.display_name);
    assert_eq!(made.password_hash, new.password_hash);
    assert_eq!(made.password_expires_at, new.password_expires_at);
    assert_eq!(made.expires_at, new.expires_at);
    assert_eq!(made.locked_at, None);
    assert_eq!(made.contact_number, new.contact_number);
    assert_eq!(made.roles, [Role::User, Role::Moderator], "sorted");
    assert_eq!(made.created_at, NOW);
    assert_eq!(store.user(new.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(store.user_by_name("min").await.unwrap(), Some(made));
    assert_eq!(store.user_by_name("Min").await.unwrap(), None, "the folded name is asked for");
}

pub(crate) async fn a_hundred_parallel_sign_ups_of_one_name_leave_exactly_one(store: &dyn Storage) {
    let sign_ups = (0..100)
        .map(|i| store.create_user(new_user(if i % 2 == 0 { "Seo-yeon" } else { "SEO-YEON" })));
    let answers = join_all(sign_ups).await;
    let made: Vec<_> = answers.into_iter().filter_map(|answer| answer.unwrap()).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(store.user_by_name("seo-yeon").await.unwrap().as_ref(), made.first());
}

pub(crate) async fn repeating_a_sign_up_answers_the_same_user(store: &dyn Storage) {
    let new = new_user("Jun");
    let first = store.create_user(new.clone()).await.unwrap();
    assert!(first.is_some());
    assert_eq!(store.create_user(new).await.unwrap(), first);
}

pub(crate) async fn an_id_that_is_in_use_is_no_second_user(store: &dyn Storage) {
    let id = user(store, "first").await;
    let mut second = new_user("second");
    second.id = id;
    assert!(store.create_user(second).await.is_err());
    assert_eq!(store.user(id).await.unwrap().unwrap().username, "first");
}

pub(crate) async fn a_profile_changes_only_where_it_is_told(store: &dyn Storage) {
    let id = user(store, "Ha").await;
    let before = store.user(id).await.unwrap().unwrap();
    let untouched = store.change_profile(id, ProfilePatch::default()).await.unwrap().unwrap();
    assert_eq!(untouched, before);

    let named = ProfilePatch { display_name: Some("하늘".into()), contact_number: None };
    let after = store.change_profile(id, named).await.unwrap().unwrap();
    assert_eq!(
        (after.display_name.as_str(), after.contact_number),
        ("하늘", before.contact_number)
    );

    let unlisted = ProfilePatch { display_name: None, contact_number: Some(None) };
    let after = store.change_profile(id, unlisted).await.unwrap().unwrap();
    assert_eq!((after.display_name.as_str(), after.contact_number), ("하늘", None));
}

pub(crate) async fn password_lock_and_roles_are_replaced(store: &dyn Storage) {
    let id = user(store, "Do").await;
    assert!(store.set_password(id, "$argon2id$new".into(), None).await.unwrap());
    assert_eq!(
        store.set_locked(id, Some(NOW + 7), LastAdmin::MayGo).await.unwrap(),
        AccountChanged::Done
    );
    assert_eq!(
        store
            .set_roles(id, vec![Role::Admin, Role::User, Role::Admin], LastAdmin::MayGo)
            .await
            .unwrap(),
        AccountChanged::Done
    );
    let now = store.user(id).await.unwrap().unwrap();
    assert_eq!(now.password_hash.as_deref(), Some("$argon2id$new"));
    assert_eq!(now.password_expires_at, None);
    assert_eq!(now.locked_at, Some(NOW + 7));
    assert_eq!(now.roles, [Role::User, Role::Admin]);

    assert_eq!(store.set_locked(id, None, LastAdmin::MayGo).await.unwrap(), AccountChanged::Done);
    assert_eq!(store.user(id).await.unwrap().unwrap().locked_at, None);
}

pub(crate) async fn changing_nobody_is_said_so(store: &dyn Storage) {
    let nobody = UserId(Uuid::now_v7());
    assert_eq!(store.user(nobody).await.unwrap(), None);
    let patch = ProfilePatch { display_name: Some("x".into()), contact_number: None };
    assert_eq!(store.change_profile(nobody, patch).await.unwrap(), None);
    assert!(!store.set_password(nobody, "x".into(), None).await.unwrap());
    assert_eq!(
        store.set_locked(nobody, Some(NOW), LastAdmin::MayGo).await.unwrap(),
        AccountChanged::NoSuchUser
    );
    assert_eq!(
        store.set_roles(nobody, vec![Role::Admin], LastAdmin::MayGo).await.unwrap(),
        AccountChanged::NoSuchUser
    );
}

pub(crate) async fn people_are_found_by_how_their_names_begin(store: &dyn Storage) {
    for name in ["bob", "Anna", "ann", "an-other", "한글", "b", "ann_e"] {
        user(store, name).await;
    }
    let found = async |prefix: &str, after: Option<&str>, limit| {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        let users = store.users(UserQuery { prefix, after, limit }).await.unwrap();
        users.into_iter().map(|user| user.username).collect::<Vec<_>>()
    };
    let all = ["an-other", "ann", "ann_e", "Anna", "b", "bob", "한글"];
    assert_eq!(found("", None, 100).await, all, "by the bytes of their folded names");
    assert_eq!(found("ann", None, 100).await, ["ann", "ann_e", "Anna"]);
    assert_eq!(found("ann", Some("ann"), 1).await, ["ann_e"]);
    assert_eq!(found("한", None, 100).await, ["한글"]);
    for nobody in ["c", "ann_e_", "%", "_", "an%", "\0", "'"] {
        assert_eq!(found(nobody, None, 100).await, [""; 0], "{nobody:?}");
    }
}
