//! The entry log: appended, listed from the newest, trimmed from the oldest.

use anteroom_core::ids::{Generation, RoomId, UserId};
use anteroom_protocol::Code;
use anteroom_protocol::attempt::{Outcome, Stage};
use anteroom_protocol::frame::EntryKind;
use uuid::Uuid;

use super::NOW;
use crate::storage::{EntryCount, EntryQuery, EntryRecord, Storage};

const ALL: EntryQuery =
    EntryQuery { room: None, user: None, outcome: None, before: None, limit: 1_000 };

/// The `n`th line: ids rise with it.
fn line(n: u32, room: Option<i64>, user: Option<UserId>, outcome: Outcome) -> EntryRecord {
    EntryRecord {
        id: Uuid::from_u128(u128::from(n) << 64),
        at: NOW + i64::from(n),
        room: room.map(RoomId),
        user,
        generation: None,
        strategy: "semaphore".into(),
        outcome,
        code: None,
        stage: None,
        entry: None,
        takeover: false,
        offered: false,
        attempts: 0,
        reservation_to_connect: None,
        decision: None,
    }
}

/// Some line.
pub(crate) fn entry_line() -> EntryRecord {
    line(1, Some(101), Some(someone()), Outcome::Entered)
}

fn someone() -> UserId {
    UserId(Uuid::now_v7())
}

/// The numbers of the lines that a query finds, in its order.
async fn found(store: &dyn Storage, query: EntryQuery) -> Vec<i64> {
    let lines = store.entries(query).await.unwrap();
    lines.iter().map(|line| line.at - NOW).collect()
}

pub(crate) async fn a_line_reads_back_as_it_was_written(store: &dyn Storage) {
    let bare = line(1, None, None, Outcome::TicketRefused);
    let full = EntryRecord {
        generation: Some(Generation { epoch: 3, n: 9 }),
        code: Some(Code::EntryFailed),
        stage: Some(Stage::Persist),
        entry: Some(EntryKind::SecondDevice),
        takeover: true,
        offered: true,
        attempts: 7,
        reservation_to_connect: Some(119_999),
        decision: Some(12),
        ..line(2, Some(101), Some(someone()), Outcome::Failed)
    };
    store.add_entries(vec![bare.clone(), full.clone()]).await.unwrap();
    assert_eq!(store.entries(ALL).await.unwrap(), [full, bare]);
    store.add_entries(vec![]).await.unwrap();
    for (n, outcome) in (10..).zip(Outcome::ALL) {
        let line = line(n, None, None, *outcome);
        store.add_entries(vec![line.clone()]).await.unwrap();
        let query = EntryQuery { outcome: Some(*outcome), limit: 1, ..ALL };
        assert_eq!(store.entries(query).await.unwrap(), [line]);
    }
}

pub(crate) async fn lines_are_listed_newest_first_and_page_without_gaps(store: &dyn Storage) {
    let lines = (1..=25).map(|n| line(n, Some(101), None, Outcome::Refused));
    store.add_entries(lines.collect()).await.unwrap();
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = store.entries(EntryQuery { before, limit: 10, ..ALL }).await.unwrap();
        // What arrives meanwhile is newer and moves no page.
        let newer = line(100 + u32::try_from(all.len()).unwrap(), None, None, Outcome::Refused);
        store.add_entries(vec![newer]).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        all.extend(page.iter().map(|line| line.at - NOW));
    }
    assert_eq!(all, (1..=25).rev().collect::<Vec<i64>>());
}

pub(crate) async fn lines_are_found_by_room_user_and_outcome_together(store: &dyn Storage) {
    let (a, b) = (someone(), someone());
    let lines = vec![
        line(1, Some(101), Some(a), Outcome::Entered),
        line(2, Some(101), Some(b), Outcome::Entered),
        line(3, Some(102), Some(a), Outcome::Entered),
        line(4, Some(101), Some(a), Outcome::Refused),
        line(5, None, Some(a), Outcome::Refused),
        line(6, Some(101), None, Outcome::Refused),
    ];
    store.add_entries(lines).await.unwrap();
    let room = Some(RoomId(101));
    let refused = Some(Outcome::Refused);
    assert_eq!(found(store, EntryQuery { room, ..ALL }).await, [6, 4, 2, 1]);
    assert_eq!(found(store, EntryQuery { user: Some(a), ..ALL }).await, [5, 4, 3, 1]);
    assert_eq!(found(store, EntryQuery { room, user: Some(a), ..ALL }).await, [4, 1]);
    assert_eq!(found(store, EntryQuery { outcome: refused, ..ALL }).await, [6, 5, 4]);
    let all = EntryQuery { room, user: Some(a), outcome: refused, ..ALL };
    assert_eq!(found(store, all).await, [4]);
    assert_eq!(found(store, EntryQuery { room: Some(RoomId(1)), ..ALL }).await, [0_i64; 0]);
}

pub(crate) async fn a_batch_given_twice_is_there_once(store: &dyn Storage) {
    let first = vec![
        line(1, Some(101), None, Outcome::Refused),
        line(2, Some(101), None, Outcome::Refused),
    ];
    store.add_entries(first.clone()).await.unwrap();
    let mut again = first;
    again.push(line(3, Some(101), None, Outcome::Refused));
    store.add_entries(again).await.unwrap();
    assert_eq!(found(store, ALL).await, [3, 2, 1]);
}

pub(crate) async fn the_oldest_lines_go_in_small_batches_and_the_newest_stay(store: &dyn Storage) {
    let lines = (1..=10).map(|n| line(n, Some(101), None, Outcome::Refused));
    store.add_entries(lines.collect()).await.unwrap();
    assert_eq!(store.trim_entries(10, 4).await.unwrap(), 0, "as many as are kept");
    assert_eq!(store.trim_entries(3, 4).await.unwrap(), 4);
    assert_eq!(found(store, ALL).await, [10, 9, 8, 7, 6, 5]);
    assert_eq!(store.trim_entries(3, 4).await.unwrap(), 3);
    assert_eq!(store.trim_entries(3, 4).await.unwrap(), 0);
    assert_eq!(found(store, ALL).await, [10, 9, 8]);
    assert_eq!(store.trim_entries(0, 100).await.unwrap(), 3);
    assert_eq!(found(store, ALL).await, [0_i64; 0]);
}

pub(crate) async fn outcomes_are_counted_in_spans_of_time(store: &dyn Storage) {
    assert_eq!(store.oldest_entry().await.unwrap(), None);
    assert_eq!(store.entry_counts(0, 60_000).await.unwrap(), []);
    let minute = NOW / 60_000 * 60_000;
    let at = |n: u32, at: i64, outcome| EntryRecord { at, ..line(n, Some(101), None, outcome) };
    let lines = vec![
        at(1, minute - 1, Outcome::Entered),
        at(2, minute, Outcome::Entered),
        at(3, minute + 59_999, Outcome::Entered),
        at(4, minute + 30_000, Outcome::Refused),
        at(5, minute + 60_000, Outcome::Refused),
    ];
    store.add_entries(lines).await.unwrap();
    assert_eq!(store.oldest_entry().await.unwrap(), Some(minute - 1));
    let mut counts = store.entry_counts(minute, 60_000).await.unwrap();
    counts.sort_by_key(|it| (it.begins, it.outcome.as_str()));
    let count = |begins, outcome, count| EntryCount { begins, outcome, count };
    let expected = [
        count(minute, Outcome::Entered, 2),
        count(minute, Outcome::Refused, 1),
        count(minute + 60_000, Outcome::Refused, 1),
    ];
    assert_eq!(counts, expected);
    let whole = store.entry_counts(0, 7 * 86_400_000).await.unwrap();
    assert_eq!(whole.iter().map(|it| it.count).sum::<u64>(), 5);
}
