//! Finding what was said: at once, by the words that stand now, and the same however far the index is.

use anteroom_core::ids::{RoomId, UserId};
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::changes::{delete, edit, one, rand_below};
use super::messages::{history, last_seq};
use super::{open_room, said, user};
use crate::search::Query;
use crate::storage::{MessageRecord, NewMessage, NewRecord, SearchAsk, Storage};

fn words(room: RoomId, sender: UserId, content: &str) -> NewMessage {
    let client_id = uuid::Uuid::now_v7().to_string();
    NewMessage { content: content.to_owned(), ..said(room, sender, &client_id) }
}

/// The numbers of all that is found, page by page.
pub(super) async fn found(
    store: &dyn Storage,
    room: RoomId,
    query: &str,
    limit: usize,
) -> Vec<i64> {
    let (query, mut before, mut seqs) = (Query::parse(query), i64::MAX, Vec::new());
    loop {
        let ask = SearchAsk { room, query: query.clone(), before, limit };
        let page = store.search(ask).await.unwrap();
        assert!(page.items.len() <= limit);
        seqs.extend(page.items.iter().map(|found| found.message.seq));
        for found in &page.items {
            let hits: Vec<&str> =
                found.hits.iter().map(|hit| &found.message.content[hit.clone()]).collect();
            assert!(!hits.is_empty() && hits.iter().all(|hit| !hit.is_empty()), "{hits:?}");
        }
        let Some(next) = page.next else { return seqs };
        assert!(next < before, "a cursor leads on");
        before = next;
    }
}

pub(super) async fn index_all(store: &dyn Storage, step: usize) {
    let mut rooms = store.unindexed_rooms().await.unwrap();
    while !rooms.is_empty() {
        rooms = store.index(rooms, step).await.unwrap();
    }
    assert_eq!(store.unindexed_rooms().await.unwrap(), []);
}

pub(crate) async fn what_was_answered_is_found_before_and_after_it_is_indexed(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let contents = ["내일 회의에서 봐요", "Meeting at 7", "회의록을 보냈어요", "책을 읽어요"];
    store.append(contents.map(|it| words(room, me, it)).to_vec()).await.unwrap();
    for is_indexed in [false, true] {
        for (query, expected) in [
            ("회의", vec![3, 1]),
            ("회의록", vec![3]),
            ("회", vec![3, 1]),
            ("책", vec![4]),
            ("meeting", vec![2]),
            ("ＭＥＥＴＩＮＧ 7", vec![2]),
            ("\"at 7\"", vec![2]),
            ("\"7 at\"", vec![]),
            ("회의 meeting", vec![]),
            ("록", vec![3]),
            ("요", vec![4, 3, 1]),
        ] {
            assert_eq!(found(store, room, query, 50).await, expected, "{query}");
        }
        if !is_indexed {
            index_all(store, 3).await;
        }
    }
}

pub(crate) async fn what_is_changed_is_found_by_the_words_that_stand(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let (first, second) = (words(room, me, "사과 주세요"), words(room, me, "사과 팔아요"));
    store.append(vec![first.clone(), second.clone()]).await.unwrap();
    index_all(store, 100).await;
    one(store, edit(&first, me, "포도 주세요")).await;
    one(store, delete(&second, me)).await;
    for is_indexed in [false, true] {
        assert_eq!(found(store, room, "사과", 50).await, [0; 0], "{is_indexed}");
        assert_eq!(found(store, room, "포도", 50).await, [1], "{is_indexed}");
        assert_eq!(found(store, room, "팔아", 50).await, [0; 0], "{is_indexed}");
        if !is_indexed {
            index_all(store, 1).await;
        }
    }
}

pub(crate) async fn pages_go_down_and_stay_within_the_room(store: &dyn Storage) {
    let me = user(store, "me").await;
    let (room, other) = (open_room(store, me).await, open_room(store, me).await);
    for n in 0..30 {
        let batch = vec![words(room, me, &format!("같은 말 {n}")), words(other, me, "같은 말")];
        store.append(batch).await.unwrap();
        if n == 19 {
            index_all(store, 7).await;
        }
    }
    let all: Vec<i64> = (1..=30).rev().collect();
    for limit in [1, 7, 29, 30, 31] {
        assert_eq!(found(store, room, "같은", limit).await, all, "by {limit}");
    }
    assert_eq!(found(store, room, "19", 5).await, [20]);
    assert_eq!(found(store, RoomId(9_999), "같은", 5).await, [0; 0]);
}

pub(crate) async fn every_text_is_a_query(store: &dyn Storage) {
    let me = user(store, "me").await;
    let room = open_room(store, me).await;
    let contents = ["a* OR b", "NEAR(a b, 5)", "words : \"x\"", "'; DROP TABLE messages; --", ""];
    let long = "가".repeat(4_000);
    let mut batch: Vec<_> = contents.iter().map(|it| words(room, me, it)).collect();
    batch.push(words(room, me, &long));
    store.append(batch).await.unwrap();
    for is_indexed in [false, true] {
        for query in [
            "",
            " ",
            "\"",
            "\"\"",
            "*",
            "a*",
            "^a",
            "a OR b",
            "NOT",
            "NEAR(a b, 5)",
            "words:x",
            "{words} : x",
            "-a",
            "a AND",
            "(",
            ")",
            "'",
            "'; DROP TABLE messages; --",
            "\0",
            "a\0b",
            "👋",
            "\u{fe0f}",
            "\u{301}",
            "ᅡ",
            "%",
            "_",
            "\\",
            "AND OR NOT",
        ] {
            let _ = found(store, room, query, 3).await;
        }
        assert_eq!(found(store, room, "or", 9).await, [1], "no word is syntax");
        assert_eq!(found(store, room, "near a", 9).await, [2]);
        assert_eq!(found(store, room, "drop table", 9).await, [4]);
        assert_eq!(found(store, room, &long, 9).await, [6]);
        if !is_indexed {
            index_all(store, 100).await;
        }
    }
    assert_eq!(history(store, room).await.len(), 6);
}

pub(crate) async fn many_rooms_share_a_step_and_what_is_left_is_told(store: &dyn Storage) {
    let me = user(store, "me").await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        let room = open_room(store, me).await;
        store.append(["x", "y", "z"].map(|it| words(room, me, it)).to_vec()).await.unwrap();
        rooms.push(room);
    }
    assert_eq!(store.unindexed_rooms().await.unwrap(), rooms);
    let left = store.index(rooms.clone(), 7).await.unwrap();
    assert_eq!(left, rooms[2..], "two whole ones and a part");
    store.close_room(rooms[3], super::NOW).await.unwrap();
    index_all(store, 2).await;
    for room in rooms {
        assert_eq!(found(store, room, "y", 5).await, [2], "also in a closed one");
    }
}

/// What reading every message would find.
fn by_reading(history: &[MessageRecord], query: &str) -> Vec<i64> {
    let query = Query::parse(query);
    let is_hit = |it: &&MessageRecord| it.deleted_at.is_none() && query.find(&it.content).is_some();
    history.iter().rev().filter(is_hit).map(|it| it.seq).collect()
}

/// Random histories, with the index left behind by random steps.
pub(crate) async fn a_search_finds_what_reading_everything_would(store: &dyn Storage) {
    const VOCABULARY: [&str; 8] = ["회의", "회의에서", "시간", "the", "time", "책", "2024년", "a"];
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut draw = |below: usize| rand_below(&mut rng, below as u64) as usize;
    let me = user(store, "me").await;
    let rooms = [open_room(store, me).await, open_room(store, me).await];
    let mut messages: Vec<NewMessage> = Vec::new();
    for _ in 0..60 {
        for _ in 0..draw(6) {
            let content: Vec<&str> = (0..=draw(4)).map(|_| VOCABULARY[draw(8)]).collect();
            let record = match (draw(5), messages.get(draw(messages.len().max(1)))) {
                (0, Some(target)) => delete(target, me),
                (1, Some(target)) => edit(target, me, &content.join(" ")),
                _ => {
                    let message = words(rooms[draw(2)], me, &content.join(" "));
                    messages.push(message.clone());
                    NewRecord::Message(message)
                }
            };
            one(store, record).await;
        }
        store.index(rooms.to_vec(), draw(8)).await.unwrap();
        let room = rooms[draw(2)];
        let kept = history(store, room).await;
        for query in ["회의", "의", "회", "시간 the", "\"회의 시간\"", "2024년", "책", "a"]
        {
            let expected = by_reading(&kept, query);
            assert_eq!(found(store, room, query, 1 + draw(5)).await, expected, "{query}");
        }
        assert!(last_seq(store, room).await >= kept.len() as i64);
    }
}
