//! The board against the real ledger, without sockets: nobody is forgotten, nobody is told twice, and
//! a freed seat costs the same however many wait.

use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{LoginId, Nonce, Owner, RoomId, StreamId, UserId};
use anteroom_core::seat::{Ask, Change, Lifetime, RoomSpec, Terms, WaiterEnd, Waiting};
use anteroom_protocol::Code;
use futures_util::FutureExt as _;
use uuid::Uuid;

use super::LineBoard;
use super::line_board::{Call, News, Subscription};
use crate::admission::{Admission as _, Bounds, Journal, Semaphore};
use crate::clock::Clock;
use crate::sweeper::Deadlines;

const ROOM: RoomId = RoomId(7);

/// A ledger and its board, fed with what the ledger journals as the server feeds it.
struct House {
    seats: Semaphore,
    board: Arc<LineBoard>,
    clock: Arc<Clock>,
}

fn user(n: usize) -> UserId {
    UserId(Uuid::from_u128(n as u128 + 1))
}

fn login(n: usize) -> LoginId {
    LoginId(Uuid::from_u128(n as u128 + 1))
}

fn named(n: u64) -> StreamId {
    StreamId { owner: Owner { node: 0, incarnation: 1 }, n }
}

/// What a stream has been told and not read; `None` when there is nothing new.
fn told(stream: &mut Subscription) -> Option<News> {
    tokio::task::unconstrained(stream.next()).now_or_never()
}

fn ask(n: usize) -> Ask {
    let nonce = Nonce((n as u128).to_be_bytes());
    Ask { user: user(n), login: login(n), nonce, is_staff: false, resume: None, over: None }
}

impl House {
    async fn with_seats(capacity: u32) -> Self {
        let clock = Arc::new(Clock::new());
        let terms = Terms { waiter_ttl: Duration::from_millis(200), ..Terms::default() };
        let bounds = Bounds { per_user: 3, per_address: None };
        let seats =
            Semaphore::new(terms, bounds, Arc::clone(&clock), Arc::new(Deadlines::default()));
        let spec = RoomSpec {
            id: ROOM,
            epoch: 1,
            capacity,
            staff_seats: 0,
            lifetime: Lifetime::Persistent,
            pending_until: None,
        };
        seats.add_room(spec).await.unwrap();
        Self { seats, board: Arc::default(), clock }
    }

    /// As `Aftermath` does it.
    fn follow(&self, journal: Journal) -> Vec<UserId> {
        let now = self.clock.now();
        let mut offered = Vec::new();
        for (room, change) in journal {
            match change {
                Change::Offered { user, reservation } => {
                    offered.push(user);
                    self.board.offered(room, user, reservation, now);
                }
                Change::WaiterGone { user, cause } => self.board.gone(room, user, cause, now),
                _ => {}
            }
        }
        offered
    }

    async fn seat(&self, n: usize) {
        let mut journal = Journal::new();
        self.seats.reserve(ROOM, ask(n), None, &mut journal).await.unwrap();
        self.follow(journal);
    }

    async fn queue(&self, n: usize) -> Subscription {
        let mut journal = Journal::new();
        let waiting = self.seats.wait(ROOM, ask(n), None, &mut journal).await.unwrap();
        assert!(matches!(waiting, Waiting::InLine { .. }));
        let subscription = self.watch(n);
        self.seats.stream_attached(ROOM, user(n), named(1), &mut journal).await.unwrap();
        self.follow(journal);
        subscription
    }

    fn watch(&self, n: usize) -> Subscription {
        self.board.subscribe(ROOM, user(n), login(n), self.clock.now())
    }

    /// Gives the seat of `n` back; to whom it was offered.
    async fn free(&self, who: UserId) -> Vec<UserId> {
        let mut journal = Journal::new();
        self.seats.cancel(ROOM, who, &mut journal).await.unwrap().unwrap();
        self.follow(journal)
    }
}

#[tokio::test]
async fn an_offer_and_a_loss_are_called_out_at_once_to_every_stream_of_that_user_only() {
    let house = House::with_seats(1).await;
    house.seat(0).await;
    let (mut one, mut two) = (house.queue(1).await, house.watch(1));
    let mut next = house.queue(2).await;
    assert_eq!(house.free(user(0)).await, [user(1)]);
    for stream in [&mut one, &mut two] {
        let news = told(stream).expect("told by the step itself");
        assert!(matches!(news.call, Some(Call::Offered(_))));
    }
    assert!(told(&mut next).is_none(), "one seat wakes one waiter");
    let mut journal = Journal::new();
    house.seats.remove(ROOM, user(2), &mut journal).await.unwrap();
    house.follow(journal);
    let news = told(&mut next).expect("told by the step itself");
    assert_eq!(news.call, Some(Call::Gone(WaiterEnd::Removed)));
}

#[tokio::test]
async fn the_end_of_a_login_is_the_last_word_and_concerns_its_own_streams_only() {
    let house = House::with_seats(1).await;
    house.seat(0).await;
    let mut old = house.queue(1).await;
    let mut new = house.board.subscribe(ROOM, user(1), login(9), house.clock.now());
    house.board.end_login(user(1), login(1), Code::Unauthenticated);
    house.free(user(0)).await;
    assert_eq!(told(&mut old).unwrap().call, Some(Call::End(Code::Unauthenticated)));
    assert!(matches!(told(&mut new).unwrap().call, Some(Call::Offered(_))));
}

#[tokio::test]
async fn a_walk_tells_those_who_moved_and_the_second_that_missed_somebody_asks_to_look_again() {
    let house = House::with_seats(1).await;
    house.seat(0).await;
    let mut streams = Vec::new();
    for n in 1..=4 {
        streams.push(house.queue(n).await);
    }
    let mut stranger = house.watch(9);
    house.board.walk_now(ROOM, &house.seats, &house.clock).await;
    let position = |stream: &mut Subscription| {
        told(stream).and_then(|news| news.found).map(|found| found.position)
    };
    let found: Vec<_> = streams.iter_mut().map(position).collect();
    assert_eq!(found, [Some(1), Some(2), Some(3), Some(4)]);
    assert!(told(&mut stranger).is_none(), "whoever ended the wait may be about to say why");
    house.board.walk_now(ROOM, &house.seats, &house.clock).await;
    let missed = told(&mut stranger).unwrap();
    assert_eq!(missed.call, Some(Call::Missed));
    let mut journal = Journal::new();
    house.seats.stop_waiting(ROOM, user(2), &mut journal).await.unwrap();
    house.follow(journal);
    assert!(told(&mut streams[1]).is_some());
    drop(streams.remove(1));
    house.board.walk_now(ROOM, &house.seats, &house.clock).await;
    let found: Vec<_> = streams.iter_mut().map(position).collect();
    assert_eq!(found, [None, Some(2), Some(3)], "the head did not move");
    drop((streams, stranger));
    assert_eq!(house.board.watched(), 0, "nothing is left of a line that nobody watches");
}

/// The line of `waiters` in front of 100 seats: a tenth leave, a tenth vanish, the others are served
/// in order. Answers the processor time of one freed seat in nanoseconds, and that of one walk.
async fn crowd(waiters: usize) -> (u64, u64) {
    const SEATS: usize = 100;
    let house = House::with_seats(100).await;
    for n in 0..SEATS {
        house.seat(n).await;
    }
    let mut streams = Vec::new();
    for n in SEATS..SEATS + waiters {
        streams.push(Some(house.queue(n).await));
    }
    let mut due = Vec::new();
    for (at, stream) in streams.iter_mut().enumerate() {
        let n = SEATS + at;
        let mut journal = Journal::new();
        match n.wrapping_mul(2_654_435_761) % 10 {
            0 => assert!(house.seats.stop_waiting(ROOM, user(n), &mut journal).await.unwrap()),
            1 => {
                *stream = None;
                let seats = &house.seats;
                seats.stream_attached(ROOM, user(n), named(2), &mut journal).await.unwrap();
                for it in [named(1), named(2)] {
                    seats.stream_lost(ROOM, user(n), it, &mut journal).await.unwrap();
                }
            }
            _ => due.push(user(n)),
        }
        house.follow(journal);
    }
    let away = house.clock.now().after(Duration::from_millis(200));
    while house.clock.now() < away {
        tokio::task::yield_now().await;
    }
    let mut journal = Journal::new();
    house.seats.expire(ROOM, &mut journal).await.unwrap();
    house.follow(journal);
    assert_eq!(house.seats.line(ROOM).await.unwrap(), due, "in the order in which they came");

    let walked = spent();
    house.board.walk_now(ROOM, &house.seats, &house.clock).await;
    let walk = spent() - walked;
    let mut served = Vec::new();
    let mut holders: std::collections::VecDeque<UserId> = (0..SEATS).map(user).collect();
    // As many for every length, so that the figures compare.
    let measured = due.len().min(80);
    let began = spent();
    let mut took = 0;
    while served.len() < due.len() {
        let offered = house.free(holders.pop_front().unwrap()).await;
        assert_eq!(offered.len(), 1, "one seat, one waiter");
        served.extend(offered.iter().copied());
        holders.extend(offered);
        if served.len() == measured {
            took = spent() - began;
        }
    }
    assert_eq!(served, due, "first come, first served, and nobody lost");
    for (at, stream) in streams.iter_mut().enumerate() {
        let Some(stream) = stream else { continue };
        let call = told(stream).and_then(|news| news.call);
        let is_due = due.contains(&user(SEATS + at));
        assert_eq!(matches!(call, Some(Call::Offered(_))), is_due, "{at}: {call:?}");
        assert!(call.is_some(), "{at} was never told");
    }
    (took / measured as u64, walk)
}

/// Processor time of this thread so far, in nanoseconds.
fn spent() -> u64 {
    // The kernel brings the figure up to date when the thread offers to pause.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn b41_a_crowd_is_served_in_order_and_nobody_is_lost() {
    crowd(500).await;
}

/// `cargo test -p anteroom --lib -- --ignored --nocapture line_tests`
#[tokio::test]
#[ignore = "measures: ten thousand wait"]
async fn b41_what_a_freed_seat_costs_does_not_grow_with_the_line() {
    for waiters in [100, 1_000, 10_000] {
        let mut rounds = Vec::new();
        for _ in 0..5 {
            rounds.push(crowd(waiters).await);
        }
        let least = |of: fn(&(u64, u64)) -> u64| rounds.iter().map(of).min().unwrap_or_default();
        let (seat, walk) = (least(|it| it.0), least(|it| it.1));
        println!("{waiters} wait: {seat} ns of CPU for a freed seat, {walk} ns for one walk");
    }
}
