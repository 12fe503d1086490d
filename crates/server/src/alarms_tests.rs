use std::sync::Mutex;
use std::time::Instant as Moment;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use super::*;
use crate::rabbit::tests::place;

const PATIENCE: Duration = Duration::from_secs(60);
const SPAN: Duration = Duration::from_millis(300);
const SPANS: Spans = Spans {
    reservation: SPAN,
    offer: Duration::from_secs(3_600),
    grace: Duration::ZERO,
    waiter: Duration::from_secs(3_600),
    pending: Duration::from_secs(3_600),
};

/// Rooms in the order in which they were looked at.
async fn looking(broker: &Broker) -> (Alarms, UnboundedReceiver<RoomId>, DropGuard) {
    let stop = CancellationToken::new();
    let (alarms, rings) = Alarms::on(broker, SPANS, stop.clone()).await.unwrap();
    let (looked, rooms) = mpsc::unbounded_channel();
    let looked = Mutex::new(looked);
    let answering = rings.answer(move |room| {
        let told = looked.lock().unwrap().send(room).is_ok();
        async move { assert!(told) }
    });
    tokio::spawn(stop.clone().run_until_cancelled_owned(answering));
    (alarms, rooms, stop.drop_guard())
}

async fn next(rooms: &mut UnboundedReceiver<RoomId>) -> RoomId {
    timeout(PATIENCE, rooms.recv()).await.expect("an alarm rings").unwrap()
}

#[tokio::test]
async fn an_alarm_rings_after_its_span_and_not_before_and_what_waits_longer_holds_nothing_up() {
    let broker = place();
    let (alarms, mut rooms, _stop) = looking(&broker).await;
    for kind in [Kind::Offer, Kind::Grace, Kind::Pending, Kind::Waiter] {
        alarms.set(kind, RoomId(1));
    }
    let set = Moment::now();
    alarms.set(Kind::Reservation, RoomId(2));
    assert_eq!(next(&mut rooms).await, RoomId(2));
    assert!(set.elapsed() >= SPAN, "{:?} is before the deadline", set.elapsed());
}

#[tokio::test]
async fn with_another_span_the_queue_is_another_and_the_start_is_not_refused() {
    let broker = place();
    let (alarms, _rooms, stop) = looking(&broker).await;
    alarms.set(Kind::Reservation, RoomId(1));
    drop(stop);
    let stop = CancellationToken::new();
    let spans = Spans { reservation: SPAN * 2, ..SPANS };
    assert!(Alarms::on(&broker, spans, stop.clone()).await.is_ok());
    stop.cancel();
}

#[tokio::test]
async fn what_nobody_looked_at_to_the_end_rings_again_elsewhere() {
    let broker = place();
    let stop = CancellationToken::new();
    let (alarms, rings) = Alarms::on(&broker, SPANS, stop.clone()).await.unwrap();
    let (begun, mut is_begun) = mpsc::unbounded_channel();
    let stuck = rings.answer(move |_| {
        let begun = begun.clone();
        async move {
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        }
    });
    let stuck = tokio::spawn(stop.clone().run_until_cancelled_owned(stuck));
    alarms.set(Kind::Reservation, RoomId(7));
    timeout(PATIENCE, is_begun.recv()).await.unwrap().unwrap();
    let (_, mut rooms, _other) = looking(&broker).await;
    stop.cancel();
    stuck.await.unwrap();
    assert_eq!(next(&mut rooms).await, RoomId(7));
}
