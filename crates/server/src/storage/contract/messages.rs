//! What is said: gapless numbers, retries that change nothing, stable pages.

use anteroom_core::ids::{MessageId, Owner, RoomId, UserId};
use futures_util::future::join_all;
use uuid::Uuid;

use super::{NOW, new_room, open_room, queued, said, user};
use crate::storage::{
    Appended, HistoryPage, MessageRecord, NewMessage, NewRecord, NotTaken, Storage,
};

pub(super) fn after(seq: i64, limit: usize) -> HistoryPage {
    HistoryPage::After { seq, limit }
}

pub(super) fn before(seq: i64, limit: usize) -> HistoryPage {
    HistoryPage::Before { seq, limit }
}

pub(super) async fn history(store: &dyn Storage, room: RoomId) -> Vec<MessageRecord> {
    store.messages(room, after(0, 10_000)).await.unwrap()
}

fn first_outcome(message: &NewMessage, seq: i64) -> Appended {
    Appended::Duplicate { id: message.id, seq, created_at: message.created_at }
}

pub(super) async fn last_seq(store: &dyn Storage, room: RoomId) -> i64 {
    store.room(room).await.unwrap().unwrap().last_seq
}

pub(crate) async fn numbers_follow_the_batch_without_gaps(store: &dyn Storage) {
    let me = user(store, "me").await;
    let (a, b) = (open_room(store, me).await, open_room(store, me).await);
    let batch = vec![said(a, me, "1"), said(b, me, "1"), said(a, me, "2"), said(a, me, "3")];
    let answers = store.append(batch).await.unwrap();
    assert_eq!(answers, [1, 1, 2, 3].map(|seq| Appended::New { seq }));
    let answers = store.append(vec![said(b, me, "2"), said(a, me, "4")]).await.unwrap();
    assert_eq!(answers, [2, 4].map(|seq| Appended::New { seq }));
    assert_eq!((last_seq(store, a).await, last_seq(store, b).await), (4, 2));
}

pub(crate) async fn sixty_four_parallel_callers_leave_no_gap_and_no_double(store: &dyn Storage) {
    let me = user(store, "me").await;
    let (a, b) = (open_room(store, me).await, open_room(store, me).await);
    // Half of the callers repeat what the other half says, and each says one thing of its own.
    let callers = (0..64_usize).map(|caller| async move {
        let mut answers = Vec::new();
        for round in 0..5 {
            let shared = format!("shared-{}-{round}", caller / 2);
            let batch = vec![
                said(a, me, &shared),
                said(b, me, &format!("own-{caller}-{round}")),
                said(a, me, &format!("own-{caller}-{round}")),
            ];
            answers.push(store.append(batch).await.unwrap());
        }
        answers
    });
    let answers: Vec<_> = join_all(callers).await.into_iter().flatten().collect();
    let new = answers.iter().filter(|three| matches!(three[0], Appended::New { .. })).count();
    assert_eq!(new, 32 * 5, "of each pair exactly one is new");
    for (room, expected) in [(a, 32 * 5 + 64 * 5), (b, 64 * 5)] {
        let seqs: Vec<i64> = history(store, room).await.iter().map(|m| m.seq).collect();
        assert_eq!(seqs, (1..=expected).collect::<Vec<_>>());
        assert_eq!(last_seq(store, room).await, expected);
    }
}

pub(crate) async fn a_duplicate_gets_its_first_outcome_also_within_a_batch(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let first = said(room, me, "x");
    let mut second = said(room, me, "x");
    second.content = "something else".into();
    second.created_at += 1_000;
    let batch = vec![first.clone(), second.clone(), said(room, me, "y")];
    let answers = store.append(batch).await.unwrap();
    let duplicate = first_outcome(&first, 1);
    assert_eq!(answers, [Appended::New { seq: 1 }, duplicate.clone(), Appended::New { seq: 2 }]);

    let answers = store.append(vec![second, said(room, me, "z")]).await.unwrap();
    assert_eq!(answers, [duplicate, Appended::New { seq: 3 }]);
    let stored = history(store, room).await;
    assert_eq!(stored.len(), 3);
    assert_eq!(stored[0].content, first.content);
}

pub(crate) async fn a_client_id_is_the_senders_own_and_the_rooms_own(store: &dyn Storage) {
    let (me, other) = (user(store, "me").await, user(store, "other").await);
    let (a, b) = (open_room(store, me).await, open_room(store, me).await);
    let batch = vec![said(a, me, "1"), said(a, other, "1"), said(b, me, "1")];
    let answers = store.append(batch).await.unwrap();
    assert_eq!(answers, [1, 2, 1].map(|seq| Appended::New { seq }));
}

pub(crate) async fn the_same_message_without_a_client_id_is_stored_once(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let mut notice = said(room, me, "");
    (notice.sender, notice.client_id) = (None, None);
    let mut another = notice.clone();
    another.id = MessageId(Uuid::now_v7());
    let batch = vec![notice.clone(), another, notice.clone()];
    let answers = store.append(batch).await.unwrap();
    assert_eq!(answers[..2], [1, 2].map(|seq| Appended::New { seq }));
    assert_eq!(answers[2], first_outcome(&notice, 1));
    assert_eq!(history(store, room).await[0].sender, None);
}

pub(crate) async fn a_closed_or_unknown_room_takes_nothing_and_disturbs_nobody(
    store: &dyn Storage,
) {
    let me = user(store, "me").await;
    let (closed, open) = (open_room(store, me).await, open_room(store, me).await);
    let pending = store.queue_room(new_room(me)).await.unwrap().id;
    store.close_room(closed, NOW).await.unwrap();
    let batch = vec![
        said(open, me, "1"),
        said(closed, me, "1"),
        said(pending, me, "1"),
        said(RoomId(9_999), me, "1"),
        said(open, me, "2"),
    ];
    let answers = store.append(batch).await.unwrap();
    assert_eq!(answers[1..4], [const { Appended::NoRoom }; 3]);
    assert_eq!([answers[0].clone(), answers[4].clone()], [1, 2].map(|seq| Appended::New { seq }));
    assert_eq!(history(store, closed).await, []);
    assert_eq!(last_seq(store, closed).await, 0);
}

pub(crate) async fn a_retry_after_the_room_closed_gets_its_first_outcome(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let message = said(room, me, "1");
    store.append(vec![message.clone()]).await.unwrap();
    store.close_room(room, NOW).await.unwrap();
    let answers = store.append(vec![message.clone(), said(room, me, "2")]).await.unwrap();
    assert_eq!(answers, [first_outcome(&message, 1), Appended::NoRoom]);
}

pub(crate) async fn a_batch_with_an_unknown_sender_leaves_nothing(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let nobody = UserId(Uuid::now_v7());
    let bad = store.append(vec![said(room, me, "1"), said(room, nobody, "2")]);
    let good = store.append(vec![said(room, me, "3")]);
    let (bad, good) = futures_util::future::join(bad, good).await;
    assert!(bad.is_err());
    assert_eq!(good.unwrap(), [Appended::New { seq: 1 }], "a neighbour is not undone");
    assert_eq!(history(store, room).await.len(), 1);
    assert_eq!(last_seq(store, room).await, 1);
}

pub(crate) async fn pages_are_stable_while_messages_arrive(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let ten = |from: i64| (from..from + 10).map(|i| said(room, me, &i.to_string())).collect();
    store.append(ten(1)).await.unwrap();
    let seqs = |page: Vec<MessageRecord>| page.iter().map(|m| m.seq).collect::<Vec<_>>();

    let newest = store.messages(room, before(i64::MAX, 4)).await.unwrap();
    assert_eq!(seqs(newest), [10, 9, 8, 7]);
    let older = store.messages(room, before(7, 4)).await.unwrap();
    store.append(ten(11)).await.unwrap();
    assert_eq!(store.messages(room, before(7, 4)).await.unwrap(), older);
    assert_eq!(seqs(older), [6, 5, 4, 3]);
    assert_eq!(seqs(store.messages(room, before(3, 4)).await.unwrap()), [2, 1]);
    assert_eq!(seqs(store.messages(room, before(1, 4)).await.unwrap()), [0; 0]);

    assert_eq!(seqs(store.messages(room, after(0, 3)).await.unwrap()), [1, 2, 3]);
    assert_eq!(seqs(store.messages(room, after(18, 50)).await.unwrap()), [19, 20]);
    assert_eq!(seqs(store.messages(room, after(i64::MAX, 5)).await.unwrap()), [0; 0]);
    assert_eq!(seqs(store.messages(room, after(0, 0)).await.unwrap()), [0; 0]);
}

pub(crate) async fn a_message_reads_back_as_it_was_written(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let message = NewMessage { reply_to: Some(1), ..said(room, me, "e-2") };
    store.append(vec![said(room, me, "e-1"), message.clone()]).await.unwrap();
    let read = store.message(message.id).await.unwrap().unwrap();
    assert_eq!(read.id, message.id);
    assert_eq!((read.room, read.seq, read.reply_to), (room, 2, Some(1)));
    assert_eq!(read.sender, Some((me, "me 님".to_owned())));
    assert_eq!(read.client_id, message.client_id);
    assert_eq!(read.kind, message.kind);
    assert_eq!(read.content_type, message.content_type);
    assert_eq!(read.content, message.content);
    assert_eq!(read.created_at, message.created_at);
    assert_eq!((read.updated_at, read.deleted_at), (None, None));
    let first = store.messages(room, after(0, 1)).await.unwrap().remove(0);
    assert_eq!(first.reply_to, None);
    assert_eq!(history(store, room).await, [first, read]);
    assert_eq!(store.message(MessageId(Uuid::now_v7())).await.unwrap(), None);
}

pub(crate) async fn an_empty_batch_is_answered_empty(store: &dyn Storage) {
    assert_eq!(store.append(Vec::new()).await.unwrap(), []);
}

/// Where leases are kept, the only one that has none.
const ALONE: Owner = Owner { node: 0, incarnation: 1 };
const OUT_OF_TURN: Appended = Appended::NotTaken(NotTaken::OutOfTurn);

pub(crate) async fn what_was_queued_is_stored_after_what_was_said_before_it(store: &dyn Storage) {
    let (me, other) = (user(store, "me").await, user(store, "other").await);
    let (room, elsewhere) = (open_room(store, me).await, open_room(store, me).await);
    let late = |n: &str, after| queued(said(room, me, n), ALONE, Some(after));
    // What another one said, or the same one elsewhere, is not what was said before.
    store.append(vec![said(room, other, "1"), said(elsewhere, me, "1")]).await.unwrap();
    let lost = store.record(vec![late("2", "1"), late("3", "2")]).await.unwrap();
    assert_eq!(lost, [OUT_OF_TURN, OUT_OF_TURN]);
    assert_eq!(last_seq(store, room).await, 1, "it took no number");

    let first = queued(said(room, me, "1"), ALONE, None);
    let in_turn = store.record(vec![first, late("2", "1"), late("4", "3")]).await.unwrap();
    assert_eq!(in_turn, [Appended::New { seq: 2 }, Appended::New { seq: 3 }, OUT_OF_TURN]);
    let straight = NewRecord::Message(said(room, me, "3"));
    let both = store.record(vec![straight, late("4", "3")]).await.unwrap();
    assert_eq!(both, [Appended::New { seq: 4 }, Appended::New { seq: 5 }]);
    let words: Vec<_> = history(store, room).await.into_iter().map(|it| it.client_id).collect();
    assert_eq!(words, ["1", "1", "2", "3", "4"].map(|it| Some(it.to_owned())));

    store.close_room(room, NOW).await.unwrap();
    let too_late = store.record(vec![late("6", "5"), late("5", "4")]).await.unwrap();
    assert_eq!(too_late, [Appended::NoRoom, Appended::NoRoom]);
}

pub(crate) async fn what_was_queued_and_is_stored_gets_its_first_outcome(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let message = said(room, me, "2");
    let straight = store.append(vec![message.clone()]).await.unwrap();
    assert_eq!(straight, [Appended::New { seq: 1 }]);
    // It says of something that never came that it was said before: too late to ask.
    let copy = queued(message.clone(), ALONE, Some("1"));
    let again = store.record(vec![copy.clone(), copy.clone()]).await.unwrap();
    assert_eq!(again, [first_outcome(&message, 1), first_outcome(&message, 1)]);
    store.close_room(room, NOW).await.unwrap();
    assert_eq!(store.record(vec![copy]).await.unwrap(), [first_outcome(&message, 1)]);
}
