//! The session registry against a flat list, over random inserts and removals.

use anteroom_core::ids::{LoginId, RoomId, SessionId, UserId};
use anteroom_core::registry::{Registered, Registry};
use proptest::prelude::*;
use uuid::Uuid;

#[derive(Clone, Debug)]
enum Op {
    Insert { session: u8, user: u8, room: u8 },
    Remove { session: u8 },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..12_u8, 0..4_u8, 0..3_u8)
            .prop_map(|(session, user, room)| Op::Insert { session, user, room }),
        2 => (0..12_u8).prop_map(|session| Op::Remove { session }),
    ]
}

fn id(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

fn entry(user: u8, room: u8, link: usize) -> Registered<usize> {
    let (user, login) = (UserId(id(user)), LoginId(id(user)));
    Registered { user, room: RoomId(i64::from(room)), login, link }
}

fn agree(registry: &Registry<usize>, list: &[(SessionId, Registered<usize>)]) {
    registry.check();
    assert_eq!(registry.len(), list.len());
    assert_eq!(registry.is_empty(), list.is_empty());
    for n in 0..12 {
        let found = list.iter().find(|(session, _)| *session == SessionId(id(n)));
        assert_eq!(registry.get(SessionId(id(n))), found.map(|(_, entry)| entry));
    }
    for room in (0..3).map(RoomId) {
        let mut sessions: Vec<_> = registry.in_room(room).map(|(it, link)| (it, *link)).collect();
        sessions.sort();
        let of_room = list.iter().filter(|(_, entry)| entry.room == room);
        let mut expected: Vec<_> = of_room.map(|(it, entry)| (*it, entry.link)).collect();
        expected.sort();
        assert_eq!(registry.count_in_room(room), expected.len());
        assert_eq!(registry.rooms().any(|it| it == room), !expected.is_empty());
        assert_eq!(sessions, expected);
    }
    for user in (0..4).map(|n| UserId(id(n))) {
        let mut sessions: Vec<_> = registry.of_user(user).map(|(it, _)| it).collect();
        sessions.sort();
        let of_user = list.iter().filter(|(_, entry)| entry.user == user);
        let mut expected: Vec<_> = of_user.map(|(it, _)| *it).collect();
        expected.sort();
        assert_eq!(sessions, expected);
    }
    let mut users: Vec<_> = list.iter().map(|(_, entry)| entry.user).collect();
    users.sort();
    users.dedup();
    assert_eq!(registry.user_count(), users.len());
    assert_eq!(registry.iter().count(), list.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_three_indexes_say_what_a_flat_list_says(ops in prop::collection::vec(op(), 1..80)) {
        let mut registry = Registry::default();
        let mut list: Vec<(SessionId, Registered<usize>)> = vec![];
        for (link, op) in ops.into_iter().enumerate() {
            match op {
                Op::Insert { session, user, room } => {
                    let session = SessionId(id(session));
                    let is_new = list.iter().all(|(it, _)| *it != session);
                    assert_eq!(registry.insert(session, entry(user, room, link)), is_new);
                    if is_new {
                        list.push((session, entry(user, room, link)));
                    }
                }
                Op::Remove { session } => {
                    let session = SessionId(id(session));
                    let at = list.iter().position(|(it, _)| *it == session);
                    assert_eq!(registry.remove(session), at.map(|at| list.remove(at).1));
                }
            }
            agree(&registry, &list);
        }
        for (session, _) in list {
            assert!(registry.remove(session).is_some());
        }
        agree(&registry, &[]);
    }
}

#[test]
fn bug_b11_every_index_forgets_a_session_that_is_gone() {
    let mut registry = Registry::default();
    assert!(registry.insert(SessionId(id(1)), entry(1, 1, 0)));
    assert!(registry.insert(SessionId(id(2)), entry(2, 1, 1)));
    assert!(registry.remove(SessionId(id(1))).is_some());
    assert!(registry.remove(SessionId(id(1))).is_none(), "once");
    let in_room: Vec<_> = registry.in_room(RoomId(1)).map(|(session, _)| session).collect();
    assert_eq!(in_room, [SessionId(id(2))]);
    assert_eq!((registry.of_user(UserId(id(1))).count(), registry.user_count()), (0, 1));
    registry.check();
}

#[test]
fn bug_b17_a_session_told_twice_stays_where_it_was_told_first() {
    let mut registry = Registry::default();
    assert!(registry.insert(SessionId(id(1)), entry(1, 1, 0)));
    assert!(!registry.insert(SessionId(id(1)), entry(2, 2, 1)), "one id, one session");
    assert_eq!((registry.count_in_room(RoomId(1)), registry.count_in_room(RoomId(2))), (1, 0));
    registry.remove(SessionId(id(1)));
    assert_eq!((registry.count_in_room(RoomId(1)), registry.count_in_room(RoomId(2))), (0, 0));
    registry.check();
}
