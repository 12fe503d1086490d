//! The audit trail: a line before each act, settled once, found by whom it concerns, trimmed apart.

use anteroom_core::ids::{RoomId, UserId};
use anteroom_protocol::audit::{Act, ActOutcome};
use uuid::Uuid;

use super::{NOW, user};
use crate::storage::{Actor, AuditQuery, AuditRecord, Storage};

const ALL: AuditQuery = AuditQuery {
    actor: None,
    by_staff: None,
    act: None,
    user: None,
    room: None,
    before: None,
    limit: 1_000,
};

/// The `n`th line: ids rise with it.
fn line(n: u32, actor: Option<UserId>, act: Act) -> AuditRecord {
    AuditRecord {
        id: Uuid::from_u128(u128::from(n) << 64),
        at: NOW + i64::from(n),
        actor,
        by_staff: true,
        act,
        user: None,
        room: None,
        detail: "{}".to_owned(),
        outcome: ActOutcome::Begun,
        code: None,
    }
}

/// The numbers of the lines that a query finds, in its order.
async fn found(store: &dyn Storage, query: AuditQuery) -> Vec<i64> {
    let lines = store.audit(query).await.unwrap();
    lines.iter().map(|line| line.record.at - NOW).collect()
}

async fn noted(store: &dyn Storage, lines: impl IntoIterator<Item = AuditRecord>) {
    for line in lines {
        store.note(line).await.unwrap();
    }
}

pub(crate) async fn an_act_is_noted_once_and_settled_once(store: &dyn Storage) {
    let (chief, ann) = (user(store, "Chief").await, user(store, "ann").await);
    let full = AuditRecord {
        user: Some(ann),
        room: Some(RoomId(101)),
        detail: r#"{"roles":"user admin"}"#.to_owned(),
        ..line(2, Some(chief), Act::Roles)
    };
    let bare = AuditRecord { by_staff: false, ..line(1, None, Act::Unlock) };
    noted(store, [bare.clone(), full.clone(), full.clone()]).await;
    let all = store.audit(ALL).await.unwrap();
    assert_eq!(all.iter().map(|it| &it.record).collect::<Vec<_>>(), [&full, &bare]);
    assert_eq!(all[0].actor_name.as_deref(), Some("Chief"));
    assert_eq!(all[0].user_name.as_deref(), Some("ann"));
    assert_eq!((&all[1].actor_name, &all[1].user_name), (&None, &None));

    let code = || Some("unavailable".to_owned());
    assert!(store.settle_note(full.id, ActOutcome::Failed, code()).await.unwrap());
    assert!(!store.settle_note(full.id, ActOutcome::Done, None).await.unwrap(), "once");
    assert!(!store.settle_note(Uuid::now_v7(), ActOutcome::Done, None).await.unwrap());
    noted(store, [full.clone()]).await;
    let settled = AuditRecord { outcome: ActOutcome::Failed, code: code(), ..full };
    let all = store.audit(ALL).await.unwrap();
    assert_eq!(all[0].record, settled, "noted again, it stays as it is");
    for (n, act) in (10..).zip(Act::ALL) {
        noted(store, [line(n, Some(chief), *act)]).await;
        let query = AuditQuery { act: Some(*act), limit: 1, ..ALL };
        assert_eq!(found(store, query).await, [i64::from(n)]);
    }
}

pub(crate) async fn acts_are_found_by_everything_they_name(store: &dyn Storage) {
    let (a, b) = (UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    let room = Some(RoomId(101));
    noted(
        store,
        [
            AuditRecord { user: Some(b), room, ..line(1, Some(a), Act::Kick) },
            AuditRecord { user: Some(b), ..line(2, None, Act::Lock) },
            AuditRecord { user: Some(a), ..line(3, Some(b), Act::Lock) },
            AuditRecord { room, by_staff: false, ..line(4, Some(b), Act::CloseRoom) },
            AuditRecord { user: Some(b), ..line(5, Some(a), Act::Lock) },
        ],
    )
    .await;
    let by = |user| Some(Actor::User(user));
    let lock = Some(Act::Lock);
    let (staff, others) = (Some(true), Some(false));
    for (query, expected) in [
        (ALL, vec![5, 4, 3, 2, 1]),
        (AuditQuery { actor: by(b), ..ALL }, vec![4, 3]),
        (AuditQuery { actor: Some(Actor::CommandLine), ..ALL }, vec![2]),
        (AuditQuery { user: Some(b), ..ALL }, vec![5, 2, 1]),
        (AuditQuery { room, ..ALL }, vec![4, 1]),
        (AuditQuery { act: lock, ..ALL }, vec![5, 3, 2]),
        (AuditQuery { act: lock, actor: by(b), ..ALL }, vec![3]),
        (AuditQuery { act: lock, actor: Some(Actor::CommandLine), user: Some(b), ..ALL }, vec![2]),
        (AuditQuery { room, actor: by(a), user: Some(b), ..ALL }, vec![1]),
        (AuditQuery { room, user: Some(a), ..ALL }, vec![]),
        (AuditQuery { by_staff: staff, ..ALL }, vec![5, 3, 2, 1]),
        (AuditQuery { by_staff: others, ..ALL }, vec![4]),
        (AuditQuery { by_staff: staff, actor: by(b), ..ALL }, vec![3]),
        (AuditQuery { by_staff: staff, room, ..ALL }, vec![1]),
        (AuditQuery { by_staff: others, act: lock, ..ALL }, vec![]),
    ] {
        assert_eq!(found(store, query).await, expected, "{query:?}");
    }
}

pub(crate) async fn the_trail_pages_from_the_newest_without_gaps(store: &dyn Storage) {
    noted(store, (1..=25).map(|n| line(n, None, Act::Kick))).await;
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = store.audit(AuditQuery { before, limit: 10, ..ALL }).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.record.id);
        all.extend(page.iter().map(|it| it.record.at - NOW));
    }
    assert_eq!(all, (1..=25).rev().collect::<Vec<i64>>());
}

pub(crate) async fn what_staff_did_is_not_pushed_out_by_others(store: &dyn Storage) {
    let others = |n| AuditRecord { by_staff: n % 2 == 0, ..line(n, None, Act::ChangeRoom) };
    noted(store, (1..=10).map(others)).await;
    assert_eq!(store.trim_audit(false, 5, 9).await.unwrap(), 0, "as many as are kept");
    assert_eq!(store.trim_audit(false, 1, 3).await.unwrap(), 3);
    assert_eq!(found(store, ALL).await, [10, 9, 8, 7, 6, 4, 2]);
    assert_eq!(store.trim_audit(false, 1, 3).await.unwrap(), 1);
    assert_eq!(store.trim_audit(true, 2, 9).await.unwrap(), 3);
    assert_eq!(found(store, ALL).await, [10, 9, 8]);
}
