use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use super::*;
use crate::rabbit::tests::place;

const PATIENCE: Duration = Duration::from_secs(60);
const ROOM: RoomId = RoomId(42);

struct Node {
    bus: RabbitBus,
    arriving: mpsc::Receiver<Heard>,
    _stop: DropGuard,
}

impl Node {
    /// One that hears the others.
    async fn at(broker: &Broker) -> Self {
        let stop = CancellationToken::new();
        let (bus, arriving) = RabbitBus::join(broker, stop.clone()).await.unwrap();
        let mut node = Self { bus, arriving, _stop: stop.drop_guard() };
        assert_eq!(node.hears().await, Heard::Missed, "whatever was said before");
        node
    }

    async fn hears(&mut self) -> Heard {
        timeout(PATIENCE, self.arriving.recv()).await.expect("something is heard").unwrap()
    }
}

fn frame(seq: i64) -> (i64, Bytes) {
    (seq, Bytes::from(format!("frame {seq}")))
}

#[tokio::test]
async fn a_node_hears_the_others_and_of_rooms_those_it_attends() {
    let broker = place();
    let (mut a, mut b) = (Node::at(&broker).await, Node::at(&broker).await);
    b.bus.attend(ROOM).await.unwrap();
    let news = News::Room { room: 1 };
    a.bus.publish(RoomId(7), &[frame(1)]);
    a.bus.publish(ROOM, &[frame(1), frame(2)]);
    a.bus.tell(news.clone());
    assert_eq!(b.hears().await, Heard::Published(ROOM, vec![frame(1), frame(2)]));
    assert_eq!(b.hears().await, Heard::News(news.clone()));
    b.bus.leave(ROOM).await;
    a.bus.publish(ROOM, &[frame(3)]);
    a.bus.tell(news.clone());
    assert_eq!(b.hears().await, Heard::News(news.clone()));
    b.bus.tell(news.clone());
    assert_eq!(a.hears().await, Heard::News(news), "and nothing of what it said itself");
}

#[tokio::test]
async fn after_a_line_broke_the_rooms_are_attended_as_before_and_the_others_are_told() {
    let broker = place();
    let (mut a, mut b) = (Node::at(&broker).await, Node::at(&broker).await);
    b.bus.attend(ROOM).await.unwrap();
    b.bus.hears.begin_anew(1, "a test");
    assert_eq!(b.hears().await, Heard::Missed);
    a.bus.publish(ROOM, &[frame(1)]);
    assert_eq!(b.hears().await, Heard::Published(ROOM, vec![frame(1)]));
    // What is told while there is no line may be lost: the others hear that there was something.
    let gone = News::Room { room: 1 };
    b.bus.tells.begin_anew(1, "a test");
    b.bus.tell(gone.clone());
    let mut heard = vec![a.hears().await];
    while heard.last() != Some(&Heard::News(gone.clone())) && heard.last() != Some(&Heard::Missed) {
        heard.push(a.hears().await);
    }
    b.bus.tell(gone);
    while !heard.contains(&Heard::Missed) {
        heard.push(a.hears().await);
    }
}

#[tokio::test]
async fn news_that_a_full_queue_dropped_are_known_to_be_missing() {
    const HELD: usize = BACKLOG + PREFETCH as usize;
    let broker = place();
    let (a, mut b) = (Node::at(&broker).await, Node::at(&broker).await);
    let mut other = Node::at(&broker).await;
    // Nobody looks at what arrives at b: so many are held here, and then its queue fills up.
    let small = News::Room { room: 1 };
    let large = News::Direct { user: Uuid::nil(), frame: vec![255; 32 << 10] };
    for _ in 0..HELD + 8 {
        a.bus.tell(small.clone());
    }
    for _ in 0..128 {
        a.bus.tell(large.clone());
    }
    let last = News::Room { room: 2 };
    a.bus.tell(last.clone());
    // Once another has heard it, everything is out.
    while other.hears().await != Heard::News(last.clone()) {}
    let (mut is_missed, mut count) = (false, 0);
    loop {
        match b.hears().await {
            Heard::News(news) if news == last => break,
            Heard::News(_) => count += 1,
            heard => is_missed |= heard == Heard::Missed,
        }
    }
    assert!(count < HELD + 8 + 128, "nothing was dropped, and nothing is shown");
    assert!(is_missed, "{count} of {} were heard", HELD + 8 + 128);
}

#[test]
fn only_a_number_that_does_not_follow_leaves_something_out() {
    let (mut numbers, one, other) = (HashMap::new(), Uuid::from_u128(1), Uuid::from_u128(2));
    let heard = [(one, 7), (other, 1), (one, 8), (one, 10), (one, 11), (other, 2), (one, 11)];
    let left_out = heard.map(|(from, number)| left_out(&mut numbers, from, number));
    assert_eq!(left_out, [false, false, false, true, false, false, true]);
}
