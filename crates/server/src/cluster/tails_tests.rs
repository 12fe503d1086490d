//! What arrives in any order, doubled or not at all is told once and in order.

use std::collections::HashMap;
use std::sync::Mutex;

use anteroom_core::ids::RoomId;
use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::cluster::News;

const ROOM: RoomId = RoomId(1);

/// A node with members, and the store behind it.
#[derive(Default)]
struct Node {
    durable: Mutex<i64>,
    told: Mutex<Vec<i64>>,
    reached: Mutex<i64>,
    members: Mutex<bool>,
    is_told: Notify,
}

impl Node {
    fn with(durable: i64) -> Self {
        Self { durable: Mutex::new(durable), members: Mutex::new(true), ..Self::default() }
    }

    fn told(&self) -> Vec<i64> {
        self.told.lock().unwrap().clone()
    }
}

fn frame(seq: i64) -> (i64, Bytes) {
    (seq, Bytes::from(seq.to_string()))
}

impl Ground for Node {
    fn tell(&self, _: RoomId, frames: &[(i64, Bytes)]) {
        for (seq, bytes) in frames {
            assert_eq!(bytes, &seq.to_string());
            self.told.lock().unwrap().push(*seq);
        }
        self.is_told.notify_one();
    }

    fn reached(&self, _: RoomId, seq: i64) {
        *self.reached.lock().unwrap() = seq;
    }

    async fn last(&self, _: RoomId) -> Stored<i64> {
        Ok(*self.durable.lock().unwrap())
    }

    async fn between(&self, _: RoomId, after: i64, last: i64) -> Stored<Numbered> {
        let last = last.min(*self.durable.lock().unwrap()).min(after + 3);
        Ok((after + 1..=last).map(frame).collect())
    }

    fn has_members(&self, _: RoomId) -> bool {
        *self.members.lock().unwrap()
    }
}

/// Counts what is attended.
#[derive(Default)]
struct Line {
    attended: Mutex<HashMap<RoomId, usize>>,
    is_away: bool,
}

#[async_trait]
impl Bus for Line {
    fn is_shared(&self) -> bool {
        true
    }

    fn is_up(&self) -> bool {
        !self.is_away
    }

    fn tell(&self, _: News) {}

    fn publish(&self, _: RoomId, _: &[(i64, Bytes)]) {}

    async fn attend(&self, room: RoomId) -> Result<(), Away> {
        if self.is_away {
            return Err(Away("the test says so".into()));
        }
        *self.attended.lock().unwrap().entry(room).or_default() += 1;
        Ok(())
    }

    async fn leave(&self, room: RoomId) {
        self.attended.lock().unwrap().remove(&room);
    }
}

#[tokio::test]
async fn what_was_durable_before_anybody_came_is_not_told_and_what_came_meanwhile_is() {
    let (tails, bus, node) = (Tails::default(), Line::default(), Node::with(7));
    tails.offer(ROOM, vec![frame(6)], &node);
    tails.attend(ROOM, &bus, &node).await.unwrap();
    assert_eq!((node.told(), *node.reached.lock().unwrap()), (vec![], 7));
    tails.offer(ROOM, vec![frame(7), frame(8)], &node);
    assert_eq!(node.told(), [8]);
    tails.attend(ROOM, &bus, &node).await.unwrap();
    assert_eq!(bus.attended.lock().unwrap()[&ROOM], 1, "attended once");
}

#[tokio::test]
async fn a_bus_that_is_away_lets_nobody_be_welcomed_and_may_be_asked_again() {
    let (tails, node) = (Tails::default(), Node::with(0));
    let away = Line { is_away: true, ..Line::default() };
    assert!(matches!(tails.attend(ROOM, &away, &node).await, Err(NotAttended::Bus(_))));
    tails.attend(ROOM, &Line::default(), &node).await.unwrap();
}

#[tokio::test]
async fn what_stays_away_is_read_from_the_store() {
    let (tails, bus, node) = (Tails::default(), Line::default(), Node::with(0));
    tails.attend(ROOM, &bus, &node).await.unwrap();
    *node.durable.lock().unwrap() = 12;
    tails.offer(ROOM, vec![frame(12)], &node);
    assert_eq!(node.told(), Vec::<i64>::new(), "it waits for what precedes it");
    let whole = async {
        while node.told().len() < 12 {
            node.is_told.notified().await;
        }
    };
    tokio::select! {
        () = tails.repair(&node) => unreachable!("it never ends"),
        () = whole => {}
    }
    assert_eq!(node.told(), (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_last_one_that_was_lost_is_found_by_comparing() {
    let (tails, bus, node) = (Tails::default(), Line::default(), Node::with(4));
    tails.attend(ROOM, &bus, &node).await.unwrap();
    *node.durable.lock().unwrap() = 6;
    tails.compare(&bus, &node).await.unwrap();
    assert_eq!(node.told(), [5, 6]);
}

#[tokio::test]
async fn a_room_without_members_is_let_go_and_begins_where_the_store_is() {
    let (tails, bus, node) = (Tails::default(), Line::default(), Node::with(1));
    tails.attend(ROOM, &bus, &node).await.unwrap();
    *node.members.lock().unwrap() = false;
    tails.compare(&bus, &node).await.unwrap();
    assert!(bus.attended.lock().unwrap().is_empty() && tails.rooms().is_empty());
    *node.durable.lock().unwrap() = 9;
    tails.offer(ROOM, vec![frame(9)], &node);
    tails.attend(ROOM, &bus, &node).await.unwrap();
    assert_eq!((node.told(), *node.reached.lock().unwrap()), (vec![], 9));
}

#[test]
fn what_is_next_goes_out_however_much_is_early() {
    let mut tail = Tail { told: Some(0), ..Tail::default() };
    let large = |seq| (seq, Bytes::from(vec![b'x'; EARLY_MAX / 3]));
    assert!(tail.take((2..20).map(large)).is_empty());
    assert!(tail.early_bytes <= EARLY_MAX, "bounded");
    let due: Vec<i64> = tail.take([large(1)].into_iter()).into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(due, [1, 2, 3, 4], "what was kept is what comes first");
}

proptest! {
    #[test]
    fn any_order_of_arrival_is_told_in_one(
        arrivals in proptest::collection::vec((1..40_i64, 1..5_i64), 0..80),
        from in 0..5_i64,
    ) {
        let mut tail = Tail { told: Some(from), ..Tail::default() };
        let (mut told, mut arrived) = (Vec::new(), std::collections::BTreeSet::new());
        for (first, many) in arrivals {
            let frames: Vec<_> = (first..first + many).map(frame).collect();
            arrived.extend(first..first + many);
            told.extend(tail.take(frames.into_iter()).into_iter().map(|(seq, _)| seq));
            let whole = (from + 1..).take_while(|seq| arrived.contains(seq)).collect::<Vec<_>>();
            prop_assert_eq!(&told, &whole, "all that is whole, and nothing else");
            prop_assert_eq!(tail.gap_since.is_some(), !tail.early.is_empty());
            let bytes: usize = tail.early.values().map(Bytes::len).sum();
            prop_assert_eq!(tail.early_bytes, bytes);
        }
    }
}

#[tokio::test]
async fn a_room_that_never_came_to_be_attended_is_let_go() {
    let (tails, node) = (Tails::default(), Node::with(7));
    let away = Line { is_away: true, ..Line::default() };
    tails.attend(ROOM, &away, &node).await.unwrap_err();
    tails.compare(&away, &node).await.unwrap();
    assert_eq!(tails.rooms().len(), 1, "somebody may sit there and try again");
    *node.members.lock().unwrap() = false;
    tails.compare(&away, &node).await.unwrap();
    assert_eq!(tails.rooms().len(), 0, "nobody does");
}

#[tokio::test]
async fn a_room_that_the_bus_keeps_waiting_holds_up_no_other() {
    /// The first room stands still for ever.
    struct Still(Line);

    #[async_trait]
    impl Bus for Still {
        fn is_shared(&self) -> bool {
            true
        }

        fn is_up(&self) -> bool {
            true
        }

        fn tell(&self, _: News) {}

        fn publish(&self, _: RoomId, _: &[(i64, Bytes)]) {}

        async fn attend(&self, room: RoomId) -> Result<(), Away> {
            if room == ROOM {
                std::future::pending::<()>().await;
            }
            self.0.attend(room).await
        }

        async fn leave(&self, room: RoomId) {
            self.0.leave(room).await;
        }
    }

    let (tails, bus, node) = (Tails::default(), Still(Line::default()), Node::with(7));
    let (stuck, other) = (tails.attend(ROOM, &bus, &node), tails.attend(RoomId(2), &bus, &node));
    tokio::select! {
        biased;
        stuck = stuck => panic!("attended, or given up before the other: {stuck:?}"),
        other = other => other.unwrap(),
    }
}
