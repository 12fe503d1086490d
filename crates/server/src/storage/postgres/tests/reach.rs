//! A search that goes further down than one step of it reads.

use super::Fresh;
use crate::search::Query;
use crate::storage::contract::{open_room, said, user};
use crate::storage::{MessageStore, NewMessage, SearchAsk, SearchStore};

#[tokio::test]
async fn rare_and_common_words_are_found_through_a_long_room() {
    let fresh = Fresh::new().await;
    let me = user(fresh.store(), "me").await;
    let (room, other) = (open_room(fresh.store(), me).await, open_room(fresh.store(), me).await);
    // Beyond what is read from the top, and more hits than are fetched at once.
    const COUNT: i64 = 3_500;
    for hundred in 0..COUNT / 100 {
        let batch: Vec<NewMessage> = (1..=100)
            .map(|n| hundred * 100 + n)
            .flat_map(|n| {
                let rare = if n % 500 == 3 { " 드문" } else { "" };
                let half = if n % 2 == 0 { " 짝수" } else { "" };
                let content = format!("모두{half}{rare}");
                let of = |room| NewMessage {
                    content: content.clone(),
                    ..said(room, me, &n.to_string())
                };
                [of(room), of(other)]
            })
            .collect();
        fresh.store.append(batch).await.unwrap();
    }
    let mut left = fresh.store.unindexed_rooms().await.unwrap();
    while !left.is_empty() {
        left = fresh.store.index(left, 1_000).await.unwrap();
    }
    for (word, every, first) in [("모두", 1, 1), ("짝수", 2, 2), ("드문", 500, 3)] {
        let expected: Vec<i64> =
            (0..).map(|n| first + n * every).take_while(|n| *n <= COUNT).collect();
        let mut found = Vec::new();
        let mut before = i64::MAX;
        loop {
            let ask = SearchAsk { room, query: Query::parse(word), before, limit: 700 };
            let page = fresh.store.search(ask).await.unwrap();
            assert!(page.items.iter().all(|it| it.message.room == room));
            found.extend(page.items.iter().map(|it| it.message.seq));
            let Some(next) = page.next else { break };
            before = next;
        }
        found.reverse();
        assert_eq!(found, expected, "{word}");
    }
}
