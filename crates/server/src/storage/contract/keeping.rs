//! What is older than messages are kept: it goes in the order of its numbers, never early, and leaves no hole.

use anteroom_core::ids::{RoomId, UserId};
use futures_util::future::join;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::changes::{one, rand_below};
use super::messages::{after, before, history, last_seq};
use super::search::{found, index_all};
use super::{NOW, open_room, said, user};
use crate::storage::{
    Alteration, Appended, ChangeKind, LogItem, NewChange, NewMessage, NewRecord, Storage,
};

fn said_at(room: RoomId, sender: UserId, client_id: &str, at: i64) -> NewMessage {
    NewMessage { created_at: at, ..said(room, sender, client_id) }
}

fn edit_at(message: &NewMessage, words: &str, at: i64) -> NewRecord {
    let what = Alteration::Edit(words.to_owned());
    let by = message.sender.unwrap();
    NewRecord::Change(NewChange { room: message.room, target: message.id, by, what, at })
}

async fn first_seq(store: &dyn Storage, room: RoomId) -> i64 {
    store.first_seq(room).await.unwrap()
}

/// Takes away everything that is older, so many at once; answers how much went.
async fn forget_all(store: &dyn Storage, room: RoomId, before: i64, step: usize) -> usize {
    let mut all = 0;
    loop {
        let went = store.forget(room, before, step).await.unwrap();
        all += went;
        if went < step {
            return all;
        }
    }
}

pub(crate) async fn the_oldest_go_in_steps_and_no_number_comes_back(store: &dyn Storage) {
    let me = user(store, "me").await;
    let (room, other) = (open_room(store, me).await, open_room(store, me).await);
    let said_in = |room, n: i64| said_at(room, me, &n.to_string(), NOW + n);
    store.append((1..=10).map(|n| said_in(room, n)).collect()).await.unwrap();
    store.append((1..=3).map(|n| said_in(other, n)).collect()).await.unwrap();
    index_all(store, 100).await;
    assert_eq!(first_seq(store, room).await, 1);
    assert_eq!(store.forget(room, NOW + 1, 4).await.unwrap(), 0, "nothing is older");

    assert_eq!(store.forget(room, NOW + 7, 4).await.unwrap(), 4, "a step is bounded");
    assert_eq!(first_seq(store, room).await, 5);
    assert_eq!(store.forget(room, NOW + 7, 4).await.unwrap(), 2);
    assert_eq!(store.forget(room, NOW + 7, 4).await.unwrap(), 0);
    let seqs: Vec<i64> = history(store, room).await.iter().map(|it| it.seq).collect();
    assert_eq!((first_seq(store, room).await, seqs), (7, vec![7, 8, 9, 10]));
    assert_eq!(found(store, room, "안녕", 3).await, [10, 9, 8, 7]);
    assert_eq!(found(store, room, "안녕 3", 3).await, [0; 0]);
    assert_eq!(store.log(room, 0, 10).await.unwrap().len(), 4);

    assert_eq!(forget_all(store, room, i64::MAX, 3).await, 4);
    assert_eq!((first_seq(store, room).await, last_seq(store, room).await), (11, 10));
    assert_eq!(history(store, room).await, []);
    let next = store.append(vec![said_in(room, 11)]).await.unwrap();
    assert_eq!(next, [Appended::New { seq: 11 }], "no number is given twice");
    assert_eq!(store.unindexed_rooms().await.unwrap(), [room]);
    index_all(store, 2).await;
    assert_eq!(found(store, room, "안녕", 3).await, [11]);
    assert_eq!((first_seq(store, other).await, history(store, other).await.len()), (1, 3));
    assert_eq!(store.forget(RoomId(9_999), i64::MAX, 5).await.unwrap(), 0);
    assert_eq!(first_seq(store, RoomId(9_999)).await, 1);
}

pub(crate) async fn a_change_that_outlives_its_message_leaves_no_hole(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let (old, young) = (said_at(room, me, "1", NOW), said_at(room, me, "2", NOW + 50));
    store.append(vec![old.clone(), young.clone()]).await.unwrap();
    one(store, edit_at(&old, "고친 말", NOW + 60)).await;
    one(store, edit_at(&young, "다른 말", NOW + 70)).await;
    one(store, edit_at(&old, "또 고친 말", NOW + 80)).await;
    index_all(store, 100).await;
    assert_eq!(forget_all(store, room, NOW + 50, 1).await, 1);
    let log = store.log(room, 1, 5).await.unwrap();
    assert_eq!(log.iter().map(LogItem::seq).collect::<Vec<_>>(), [2, 3, 4, 5]);
    let LogItem::Change(change) = &log[1] else { panic!("{log:?}") };
    assert_eq!((change.target, change.target_seq), (old.id, 1));
    assert_eq!((change.kind, &*change.content), (ChangeKind::Deleted, ""));
    let LogItem::Change(change) = &log[2] else { panic!("{log:?}") };
    assert_eq!((change.kind, &*change.content), (ChangeKind::Edited, "다른 말"));
    assert_eq!(found(store, room, "또", 5).await, [0; 0]);
    // Nobody can change it any more.
    let late = one(store, edit_at(&old, "too late", NOW + 90)).await;
    assert_eq!(late, Appended::Refused(crate::storage::NoChange::NotFound));

    assert_eq!(forget_all(store, room, NOW + 65, 10).await, 2, "the message and the first edit");
    assert_eq!(store.log(room, 3, 5).await.unwrap().len(), 2);
    assert_eq!(forget_all(store, room, NOW + 100, 10).await, 2);
    assert_eq!((first_seq(store, room).await, last_seq(store, room).await), (6, 5));
}

pub(crate) async fn rooms_with_something_old_are_found_open_or_closed(store: &dyn Storage) {
    let me = user(store, "me").await;
    let mut rooms = Vec::new();
    for n in 0..5 {
        let room = open_room(store, me).await;
        store.append(vec![said_at(room, me, "1", NOW + 10 * n)]).await.unwrap();
        rooms.push(room);
    }
    let silent = open_room(store, me).await;
    store.close_room(rooms[1], NOW).await.unwrap();
    let (some, next) = store.rooms_to_forget(NOW + 25, RoomId(0), 100).await.unwrap();
    assert_eq!((some, next), (rooms[..3].to_vec(), None));
    let (some, next) = store.rooms_to_forget(NOW + 25, RoomId(0), 2).await.unwrap();
    assert_eq!((some, next), (rooms[..2].to_vec(), Some(rooms[1])));
    let (some, next) = store.rooms_to_forget(NOW + 25, rooms[1], 4).await.unwrap();
    assert_eq!((some, next), (vec![rooms[2]], Some(silent)));
    assert_eq!(store.rooms_to_forget(NOW + 25, silent, 4).await.unwrap(), (vec![], None));
    assert_eq!(forget_all(store, rooms[1], NOW + 25, 5).await, 1);
    assert_eq!(history(store, rooms[1]).await, []);
}

pub(crate) async fn words_that_were_being_indexed_go_with_their_message(store: &dyn Storage) {
    let me = user(store, "me").await;
    for round in 0..20 {
        let room = open_room(store, me).await;
        let batch = (1..=8).map(|n| said_at(room, me, &n.to_string(), NOW + n)).collect();
        store.append(batch).await.unwrap();
        let going = store.forget(room, NOW + 5, 4);
        let (went, indexed) = join(going, store.index(vec![room], 6)).await;
        assert_eq!((went.unwrap(), indexed.is_ok()), (4, true), "{round}");
        index_all(store, 100).await;
        assert_eq!(found(store, room, "안녕", 3).await, [8, 7, 6, 5]);
    }
}

pub(crate) async fn a_reader_who_pages_meanwhile_misses_nothing_that_is_kept(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let batch = (1..=60).map(|n| said_at(room, me, &n.to_string(), NOW + n)).collect();
    store.append(batch).await.unwrap();
    let reader = async {
        let (mut down, mut at) = (Vec::new(), i64::MAX);
        loop {
            let page = store.messages(room, before(at, 7)).await.unwrap();
            let Some(lowest) = page.last() else { return down };
            at = lowest.seq;
            down.extend(page.iter().map(|it| it.seq));
        }
    };
    let (down, went) = join(reader, forget_all(store, room, NOW + 41, 3)).await;
    assert_eq!(went, 40);
    let lowest = *down.last().unwrap();
    assert_eq!(down, (lowest..=60).rev().collect::<Vec<_>>(), "no hole");
    assert!(lowest <= first_seq(store, room).await, "down to where the room begins");
    let up = store.messages(room, after(0, 5)).await.unwrap();
    assert_eq!(up[0].seq, 41);
}

/// Random histories whose clocks also step back: whatever goes is old, and so is all before it.
pub(crate) async fn nothing_goes_early_and_what_is_kept_is_whole(store: &dyn Storage) {
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut draw = |below: usize| rand_below(&mut rng, below as u64) as usize;
    let me = user(store, "me").await;
    for round in 0..12 {
        let room = open_room(store, me).await;
        let (mut times, mut messages): (Vec<i64>, Vec<NewMessage>) = (vec![0], Vec::new());
        let mut cut = NOW;
        for step in 0..40 {
            let at = NOW + 10 * step + draw(40) as i64 - 20;
            let known = messages.get(draw(messages.len().max(1))).filter(|_| draw(3) == 0);
            let record = match known {
                Some(target) => edit_at(target, &format!("말 {step}"), at),
                None => {
                    let message = said_at(room, me, &format!("{round}-{step}"), at);
                    messages.push(message.clone());
                    NewRecord::Message(message)
                }
            };
            if matches!(one(store, record).await, Appended::New { .. } | Appended::Changed(_)) {
                times.push(at);
            }
            store.index(vec![room], draw(4)).await.unwrap();
            if draw(4) == 0 {
                cut = cut.max(NOW + 10 * step - draw(200) as i64);
                forget_all(store, room, cut, 1 + draw(5)).await;
            }
            let (first, last) = (first_seq(store, room).await, last_seq(store, room).await);
            assert_eq!(last, times.len() as i64 - 1, "no number is lost or given twice");
            let gone = &times[1..first as usize];
            assert!(gone.iter().all(|at| *at < cut), "early: {gone:?} before {cut}");
            let log = store.log(room, 0, last).await.unwrap();
            let seqs: Vec<i64> = log.iter().map(LogItem::seq).collect();
            assert_eq!(seqs, (first..=last).collect::<Vec<_>>());
        }
        let kept_from = times[1..].iter().position(|at| *at >= cut).map_or(times.len(), |n| n + 1);
        forget_all(store, room, cut, 7).await;
        assert_eq!(first_seq(store, room).await, kept_from as i64, "and all of that is gone");
        index_all(store, 5).await;
        let texts = history(store, room).await;
        let hits = texts.iter().rev().filter(|it| it.content.starts_with("안녕"));
        let hits: Vec<i64> = hits.map(|it| it.seq).collect();
        assert_eq!(found(store, room, "안녕", 9).await, hits);
    }
}
