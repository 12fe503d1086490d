//! Several nodes on one database: one order for everybody, and nobody waits in a circle.

use futures_util::future::join_all;

use super::Fresh;
use crate::storage::contract::{login, new_room, open_room, said, stay, user};
use crate::storage::{
    AccountStore, Appended, AuthStore, Entered, HistoryPage, LastAdmin, LogItem, MessageStore,
    RoomStore, SearchAsk, SearchStore,
};

const ALL: HistoryPage = HistoryPage::After { seq: 0, limit: 10_000 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_leave_no_gap_in_a_room_and_each_message_is_answered_once() {
    let fresh = Fresh::new().await;
    let nodes = [fresh.node().await, fresh.node().await];
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    // Each thing is said through both nodes, as after an answer that was lost.
    let writers = (0..8_usize).flat_map(|writer| nodes.iter().map(move |node| (writer, node)));
    let answers = join_all(writers.map(|(writer, node)| async move {
        let mut answers = Vec::new();
        for turn in 0..25 {
            let batch = (0..3).map(|n| said(room, me, &format!("{writer}-{turn}-{n}"))).collect();
            answers.extend(node.append(batch).await.unwrap());
        }
        answers
    }))
    .await
    .concat();
    let is_new = |answer: &&Appended| matches!(answer, Appended::New { .. });
    assert_eq!(answers.iter().filter(is_new).count(), 8 * 25 * 3);
    let mut seqs: Vec<i64> = answers
        .iter()
        .filter_map(|answer| match answer {
            Appended::New { seq } => Some(*seq),
            _ => None,
        })
        .collect();
    seqs.sort_unstable();
    let expected: Vec<i64> = (1..=8 * 25 * 3).collect();
    assert_eq!(seqs, expected);
    for node in &nodes {
        let stored = node.messages(room, ALL).await.unwrap();
        assert_eq!(stored.iter().map(|message| message.seq).collect::<Vec<_>>(), expected);
        let first = &stored[0];
        for answer in &answers {
            if let Appended::Duplicate { id, seq, created_at } = answer
                && *seq == first.seq
            {
                assert_eq!((*id, *created_at), (first.id, first.created_at));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_name_their_rooms_in_opposite_orders_do_not_meet_in_a_circle() {
    let fresh = Fresh::new().await;
    let nodes = [fresh.node().await, fresh.node().await];
    let me = user(fresh.store(), "me").await;
    let mut rooms = Vec::new();
    for _ in 0..6 {
        rooms.push(open_room(fresh.store(), me).await);
    }
    let writers = (0..8_usize).map(|writer| {
        let (node, mut rooms) = (&nodes[writer % 2], rooms.clone());
        async move {
            if writer % 2 == 1 {
                rooms.reverse();
            }
            for turn in 0..20 {
                let of = |room| said(room, me, &format!("{writer}-{turn}"));
                node.append(rooms.iter().copied().map(of).collect()).await.unwrap();
            }
        }
    });
    join_all(writers).await;
    for room in rooms {
        assert_eq!(nodes[0].room(room).await.unwrap().unwrap().last_seq, 8 * 20);
    }
    let circles = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(fresh.say(circles), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_closes_while_two_nodes_speak_and_enter_is_closed_for_all() {
    let fresh = Fresh::new().await;
    let nodes = [fresh.node().await, fresh.node().await];
    let me = user(fresh.store(), "me").await;
    for round in 0..10 {
        let room = open_room(fresh.store(), me).await;
        let speak = nodes.iter().enumerate().map(|(n, node)| async move {
            for turn in 0..10 {
                node.append(vec![said(room, me, &format!("{round}-{n}-{turn}"))]).await.unwrap();
            }
        });
        let enter = nodes.iter().zip(1_u64..).map(|(node, n)| async move {
            for turn in 0..10 {
                node.enter(stay(room, me, 2, n * 100 + turn)).await.unwrap();
            }
        });
        let close = nodes[round % 2].close_room(room, 1);
        let all = futures_util::future::join3(join_all(speak), join_all(enter), close);
        assert!(all.await.2.unwrap());
        assert_eq!(nodes[0].open_memberships(room).await.unwrap(), [], "nobody is left inside");
        let last = nodes[0].room(room).await.unwrap().unwrap().last_seq;
        let log = nodes[1].log(room, 0, i64::MAX).await.unwrap();
        let seqs: Vec<i64> = log.iter().map(LogItem::seq).collect();
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_enters_through_two_nodes_stays_once() {
    let fresh = Fresh::new().await;
    let nodes = [fresh.node().await, fresh.node().await];
    let (owner, me) = (user(fresh.store(), "owner").await, user(fresh.store(), "me").await);
    let queued = fresh.store.queue_room(new_room(owner)).await.unwrap().id;
    let entries = (0..40_u64).map(|n| nodes[n as usize % 2].enter(stay(queued, me, 1, n)));
    let entered: Vec<Entered> = join_all(entries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(entered.iter().filter(|it| **it == Entered::Opened).count(), 1);
    let open = nodes[0].open_memberships(queued).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].0, open[0].1.n), (me, 39), "the latest grant stays");
    for n in (100..160_u64).step_by(2) {
        // Whichever of the two is written first.
        let both =
            [nodes[0].enter(stay(queued, me, 1, n + 1)), nodes[1].enter(stay(queued, me, 1, n))];
        assert!(join_all(both).await.iter().all(Result::is_ok));
        let open = nodes[0].open_memberships(queued).await.unwrap();
        assert_eq!(open.iter().map(|it| it.1.n).collect::<Vec<_>>(), [n + 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_through_two_nodes_leave_as_many_as_are_kept() {
    let fresh = Fresh::new().await;
    let nodes = [fresh.node().await, fresh.node().await];
    let me = user(fresh.store(), "me").await;
    let starts = (0..40_u8).map(|n| nodes[usize::from(n) % 2].start_login(login(me, n), 2));
    let ended: usize = join_all(starts).await.into_iter().map(|it| it.unwrap().len()).sum();
    assert_eq!(ended, 38, "each ended login is told to exactly one caller");
    assert_eq!(nodes[1].logins(me).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_index_one_room_together() {
    let fresh = Fresh::new().await;
    let nodes = [fresh.node().await, fresh.node().await];
    let me = user(fresh.store(), "me").await;
    let room = open_room(fresh.store(), me).await;
    let batch = (0..200).map(|n| said(room, me, &n.to_string())).collect();
    fresh.store.append(batch).await.unwrap();
    let indexers = nodes.iter().map(|node| async move {
        while !node.unindexed_rooms().await.unwrap().is_empty() {
            node.index(vec![room], 7).await.unwrap();
        }
    });
    join_all(indexers).await;
    assert_eq!(fresh.say("SELECT count(*) FROM found_words"), "200");
    let query = crate::search::Query::parse("안녕 117");
    let ask = SearchAsk { room, query, before: i64::MAX, limit: 5 };
    assert_eq!(nodes[0].search(ask).await.unwrap().items[0].message.seq, 118);
}

#[tokio::test]
async fn what_one_node_wrote_another_reads_at_once() {
    let fresh = Fresh::new().await;
    let other = fresh.node().await;
    let (me, them) = (user(fresh.store(), "me").await, user(fresh.store(), "them").await);
    let room = open_room(fresh.store(), me).await;
    for turn in 0..20 {
        fresh.store.ban(room, them, me, turn).await.unwrap();
        assert!(other.is_banned(room, them).await.unwrap());
        fresh.store.set_locked(me, Some(turn), LastAdmin::MayGo).await.unwrap();
        assert_eq!(other.user(me).await.unwrap().unwrap().locked_at, Some(turn));
    }
}
