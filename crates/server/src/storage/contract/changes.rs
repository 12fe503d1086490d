//! Edits and deletes: durable things with numbers of their own, judged in the order they came.

use anteroom_core::ids::{MessageId, UserId};
use anteroom_protocol::account::Role;
use anteroom_protocol::message::{APPLICATION_JSON, MessageKind};
use futures_util::future::join_all;
use proptest::test_runner::{RngAlgorithm, TestRng};
use uuid::Uuid;

use super::messages::{after, before, history, last_seq};
use super::{NOW, new_user, open_room, said, user};
use crate::storage::{
    AccountChanged, Alteration, Appended, ChangeKind, ChangeRecord, LastAdmin, LogItem,
    MessageRecord, NewChange, NewMessage, NewRecord, NoChange, Storage,
};

pub(super) fn edit(message: &NewMessage, by: UserId, words: &str) -> NewRecord {
    let what = Alteration::Edit(words.to_owned());
    let (room, target) = (message.room, message.id);
    NewRecord::Change(NewChange { room, target, by, what, at: NOW + 7 })
}

pub(super) fn delete(message: &NewMessage, by: UserId) -> NewRecord {
    let (room, target) = (message.room, message.id);
    NewRecord::Change(NewChange { room, target, by, what: Alteration::Delete, at: NOW + 9 })
}

fn stranger(name: &str) -> crate::storage::NewUser {
    crate::storage::NewUser { roles: vec![Role::User], ..new_user(name) }
}

/// Somebody with no rights beyond one's own words.
async fn plain(store: &dyn Storage, name: &str) -> UserId {
    store.create_user(stranger(name)).await.unwrap().unwrap().id
}

pub(super) async fn one(store: &dyn Storage, record: NewRecord) -> Appended {
    store.record(vec![record]).await.unwrap().remove(0)
}

fn refused(why: NoChange) -> Appended {
    Appended::Refused(why)
}

#[track_caller]
fn changed(outcome: Appended) -> ChangeRecord {
    let Appended::Changed(made) = outcome else { panic!("not changed: {outcome:?}") };
    made
}

pub(crate) async fn an_edit_and_a_delete_take_the_next_numbers_and_change_the_message(
    store: &dyn Storage,
) {
    let me = plain(store, "me").await;
    let room = open_room(store, me).await;
    let message = said(room, me, "1");
    store.append(vec![message.clone()]).await.unwrap();

    let made = changed(one(store, edit(&message, me, "고친 말")).await);
    let expected = ChangeRecord {
        seq: 2,
        target: message.id,
        target_seq: 1,
        kind: ChangeKind::Edited,
        content: "고친 말".into(),
        at: NOW + 7,
    };
    assert_eq!(made, expected);
    let read = store.message(message.id).await.unwrap().unwrap();
    assert_eq!((&*read.content, read.seq), ("고친 말", 1));
    assert_eq!((read.updated_at, read.deleted_at), (Some(NOW + 7), None));

    let made = changed(one(store, delete(&message, me)).await);
    assert_eq!((made.seq, made.kind, &*made.content), (3, ChangeKind::Deleted, ""));
    let read = store.message(message.id).await.unwrap().unwrap();
    assert_eq!((&*read.content, read.updated_at), ("", Some(NOW + 7)));
    assert_eq!(read.deleted_at, Some(NOW + 9));
    assert_eq!(last_seq(store, room).await, 3);
}

pub(crate) async fn a_batch_mixes_messages_and_changes_in_its_order(store: &dyn Storage) {
    let me = plain(store, "me").await;
    let (a, b) = (open_room(store, me).await, open_room(store, me).await);
    let (first, second) = (said(a, me, "1"), said(a, me, "2"));
    let batch = vec![
        NewRecord::Message(first.clone()),
        edit(&first, me, "x"),
        NewRecord::Message(said(b, me, "1")),
        edit(&second, me, "too early"),
        NewRecord::Message(second.clone()),
        delete(&first, me),
        edit(&first, me, "too late"),
        edit(&second, me, "y"),
    ];
    let answers = store.record(batch).await.unwrap();
    let seqs: Vec<Option<i64>> = answers
        .iter()
        .map(|answer| match answer {
            Appended::New { seq } => Some(*seq),
            Appended::Changed(made) => Some(made.seq),
            _ => None,
        })
        .collect();
    assert_eq!(seqs, [Some(1), Some(2), Some(1), None, Some(3), Some(4), None, Some(5)]);
    assert_eq!([&answers[3], &answers[6]], [&refused(NoChange::NotFound); 2]);
    assert_eq!((last_seq(store, a).await, last_seq(store, b).await), (5, 1));
    let again = store.append(vec![said(a, me, "3")]).await.unwrap();
    assert_eq!(again, [Appended::New { seq: 6 }]);
}

pub(crate) async fn who_may_change_what(store: &dyn Storage) {
    let (owner, sender) = (plain(store, "owner").await, plain(store, "sender").await);
    let (other, moderator) = (plain(store, "other").await, user(store, "moderator").await);
    let room = open_room(store, owner).await;
    let elsewhere = open_room(store, other).await;
    let of = |n: u32| said(room, sender, &n.to_string());
    let messages: Vec<_> = (0..4).map(of).collect();
    let mut notice = said(room, owner, "notice");
    (notice.sender, notice.kind) = (None, MessageKind::Notification);
    store.append([messages.clone(), vec![notice.clone()]].concat()).await.unwrap();

    for nobody in [owner, other, moderator] {
        assert_eq!(one(store, edit(&messages[0], nobody, "x")).await, refused(NoChange::Forbidden));
    }
    assert_eq!(one(store, delete(&messages[0], other)).await, refused(NoChange::Forbidden));
    assert_eq!(one(store, edit(&notice, owner, "x")).await, refused(NoChange::Forbidden));
    let mut misplaced = messages[0].clone();
    misplaced.room = elsewhere;
    for record in [edit(&misplaced, sender, "x"), delete(&misplaced, other)] {
        assert_eq!(one(store, record).await, refused(NoChange::NotFound), "not of this room");
    }
    let mut unknown = messages[0].clone();
    unknown.id = MessageId(Uuid::now_v7());
    assert_eq!(one(store, delete(&unknown, owner)).await, refused(NoChange::NotFound));
    assert_eq!(last_seq(store, room).await, 5, "what is refused takes no number");

    for (n, who) in [sender, owner, moderator].into_iter().enumerate() {
        changed(one(store, delete(&messages[n], who)).await);
    }
    assert_eq!(one(store, edit(&messages[0], sender, "x")).await, refused(NoChange::NotFound));
    assert_eq!(one(store, edit(&messages[0], other, "x")).await, refused(NoChange::Forbidden));
    // Whoever was a moderator is one no longer.
    let taken = store.set_roles(moderator, vec![Role::User], LastAdmin::MayGo).await.unwrap();
    assert_eq!(taken, AccountChanged::Done);
    assert_eq!(one(store, delete(&messages[3], moderator)).await, refused(NoChange::Forbidden));
    changed(one(store, delete(&notice, owner)).await);
}

pub(crate) async fn a_change_that_changes_nothing_is_answered_with_the_first_outcome(
    store: &dyn Storage,
) {
    let me = plain(store, "me").await;
    let room = open_room(store, me).await;
    let message = said(room, me, "1");
    store.append(vec![message.clone()]).await.unwrap();
    let Appended::Unchanged(never) = one(store, edit(&message, me, &message.content)).await else {
        panic!("the words are what was said first")
    };
    assert_eq!((never.seq, never.at, never.target_seq), (1, message.created_at, 1));

    let first = changed(one(store, edit(&message, me, "x")).await);
    let mut again = edit(&message, me, "x");
    if let NewRecord::Change(change) = &mut again {
        change.at += 1_000;
    }
    assert_eq!(one(store, again).await, Appended::Unchanged(first));
    let first = changed(one(store, delete(&message, me)).await);
    assert_eq!(one(store, delete(&message, me)).await, Appended::Unchanged(first));
    assert_eq!(last_seq(store, room).await, 3);
}

pub(crate) async fn what_is_deleted_is_gone_from_every_earlier_edit_too(store: &dyn Storage) {
    let me = plain(store, "me").await;
    let room = open_room(store, me).await;
    let message = said(room, me, "1");
    store.append(vec![message.clone()]).await.unwrap();
    for words in ["secret", "still secret"] {
        changed(one(store, edit(&message, me, words)).await);
    }
    let log = store.log(room, 0, 3).await.unwrap();
    let contents = |log: &[LogItem]| -> Vec<String> {
        let content = |item: &LogItem| match item {
            LogItem::Message(message) => message.content.clone(),
            LogItem::Change(change) => change.content.clone(),
        };
        log.iter().map(content).collect()
    };
    assert_eq!(contents(&log), ["still secret"; 3], "final states, also in between");
    changed(one(store, delete(&message, me)).await);
    let log = store.log(room, 0, 4).await.unwrap();
    assert_eq!(contents(&log), [""; 4]);
    assert_eq!(log.iter().map(LogItem::seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

pub(crate) async fn an_edit_keeps_the_kind_and_type_of_its_message(store: &dyn Storage) {
    let me = plain(store, "me").await;
    let room = open_room(store, me).await;
    let mut message = said(room, me, "1");
    (message.content_type, message.content) = (APPLICATION_JSON.into(), "{}".into());
    store.append(vec![message.clone()]).await.unwrap();
    assert_eq!(one(store, edit(&message, me, "{")).await, refused(NoChange::NotJson));
    changed(one(store, edit(&message, me, "[1]")).await);
    let read = store.message(message.id).await.unwrap().unwrap();
    assert_eq!((&*read.content_type, &*read.content), (APPLICATION_JSON, "[1]"));
    assert_eq!((read.kind, read.client_id), (message.kind, message.client_id));
}

pub(crate) async fn a_closed_room_takes_no_change_and_repeats_its_answers(store: &dyn Storage) {
    let me = plain(store, "me").await;
    let room = open_room(store, me).await;
    let (message, other) = (said(room, me, "1"), said(room, me, "2"));
    store.append(vec![message.clone(), other.clone()]).await.unwrap();
    let first = changed(one(store, edit(&message, me, "x")).await);
    store.close_room(room, NOW).await.unwrap();
    assert_eq!(one(store, edit(&message, me, "x")).await, Appended::Unchanged(first));
    for record in [edit(&message, me, "y"), delete(&other, me), edit(&other, me, "z")] {
        assert_eq!(one(store, record).await, Appended::NoRoom);
    }
    assert_eq!(last_seq(store, room).await, 3);
}

pub(crate) async fn of_edits_and_deletes_that_race_everybody_sees_one_order(store: &dyn Storage) {
    let me = plain(store, "me").await;
    let room = open_room(store, me).await;
    let messages: Vec<_> = (0..16).map(|n| said(room, me, &n.to_string())).collect();
    store.append(messages.clone()).await.unwrap();
    let races = messages.iter().flat_map(|message| {
        let words = |n: usize| edit(message, me, &format!("words {n}"));
        [words(0), delete(message, me), words(1)]
    });
    let outcomes = join_all(races.map(|record| one(store, record))).await;
    for (message, three) in messages.iter().zip(outcomes.chunks(3)) {
        let deleted = changed(three[1].clone()).seq;
        for outcome in [&three[0], &three[2]] {
            match outcome {
                Appended::Changed(made) => assert!(made.seq < deleted, "edited after its end"),
                other => assert_eq!(*other, refused(NoChange::NotFound)),
            }
        }
        let read = store.message(message.id).await.unwrap().unwrap();
        assert_eq!((&*read.content, read.deleted_at), ("", Some(NOW + 9)));
    }
    let last = last_seq(store, room).await;
    let seqs: Vec<i64> = store.log(room, 0, last).await.unwrap().iter().map(LogItem::seq).collect();
    assert_eq!(seqs, (1..=last).collect::<Vec<_>>(), "no gap, no double");
}

pub(crate) async fn pages_hold_messages_only_and_count_no_changes(store: &dyn Storage) {
    let me = plain(store, "me").await;
    let room = open_room(store, me).await;
    for n in 0..6 {
        let message = said(room, me, &n.to_string());
        let batch = vec![NewRecord::Message(message.clone()), edit(&message, me, "x")];
        store.record(batch).await.unwrap();
    }
    let seqs = |page: Vec<MessageRecord>| page.iter().map(|m| m.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.messages(room, before(i64::MAX, 4)).await.unwrap()), [11, 9, 7, 5]);
    assert_eq!(seqs(store.messages(room, before(5, 4)).await.unwrap()), [3, 1]);
    assert_eq!(seqs(store.messages(room, after(0, 4)).await.unwrap()), [1, 3, 5, 7]);
    assert_eq!(seqs(store.messages(room, after(8, 4)).await.unwrap()), [9, 11], "from a change on");
    assert_eq!(store.log(room, 2, 5).await.unwrap().iter().map(LogItem::seq).sum::<i64>(), 12);
}

/// What a client that keeps messages by id makes of a log.
fn folded(mut kept: Vec<MessageRecord>, log: Vec<LogItem>) -> Vec<MessageRecord> {
    for item in log {
        match item {
            LogItem::Message(message) => kept.push(message),
            LogItem::Change(change) => {
                let target = kept.iter_mut().find(|message| message.id == change.target);
                let target = target.expect("a change comes after its message");
                target.content = change.content;
                match change.kind {
                    ChangeKind::Edited => target.updated_at = Some(change.at),
                    ChangeKind::Deleted => target.deleted_at = Some(change.at),
                }
            }
        }
    }
    kept
}

/// Random histories: wherever a reader stopped, the log from there on leads to what history shows.
pub(crate) async fn the_log_folds_into_the_history(store: &dyn Storage) {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut draw = |below: usize| (rand_below(&mut rng, below as u64)) as usize;
    let me = plain(store, "me").await;
    for round in 0..20 {
        let room = open_room(store, me).await;
        let (mut messages, mut seen) = (Vec::new(), vec![Vec::new()]);
        for step in 0..30 {
            let mut batch = Vec::new();
            for n in 0..=draw(4) {
                let target = draw(messages.len().max(1));
                let known = messages.get(target);
                batch.push(match (draw(4), known) {
                    (0, Some(target)) => delete(target, me),
                    (1 | 2, Some(target)) => edit(target, me, &format!("words {}", draw(3))),
                    _ => {
                        let message = said(room, me, &format!("{round}-{step}-{n}"));
                        messages.push(message.clone());
                        NewRecord::Message(message)
                    }
                });
            }
            store.record(batch).await.unwrap();
            seen.resize(usize::try_from(last_seq(store, room).await).unwrap() + 1, Vec::new());
            *seen.last_mut().unwrap() = history(store, room).await;
        }
        let last = last_seq(store, room).await;
        let finally = history(store, room).await;
        for (since, kept) in seen.into_iter().enumerate() {
            if kept.is_empty() && since > 0 {
                continue; // nobody stood there: a batch went on
            }
            let since = i64::try_from(since).unwrap();
            let log = store.log(room, since, last).await.unwrap();
            let seqs: Vec<i64> = log.iter().map(LogItem::seq).collect();
            assert_eq!(seqs, (since + 1..=last).collect::<Vec<_>>());
            assert_eq!(folded(kept, log), finally, "from {since}");
        }
    }
}

pub(super) fn rand_below(rng: &mut TestRng, below: u64) -> u64 {
    use proptest::prelude::Rng as _;
    rng.next_u64() % below.max(1)
}
