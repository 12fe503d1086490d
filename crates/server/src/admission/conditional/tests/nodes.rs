//! Several nodes on one database: one seat has one winner, and nobody waits in a circle.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anteroom_core::ids::{Owner, RoomId};
use anteroom_core::seat::{Change, ReserveRefusal, RoomSpec, SlotImage, Terms, Waiting};
use futures_util::future::{join, join_all};

use super::{
    Conditional, GENEROUS, NODE, PostgresOptions, ROOM, START, address, ask, beside, claim, spec,
    user,
};
use crate::admission::conditional::book::Book;
use crate::admission::conditional::difference::Difference;
use crate::admission::conditional::transaction::Transaction as _;
use crate::admission::{Admission, Bounds, Journal, Refusal, Unavailable};
use crate::clock::Clock;
use crate::storage::contract::new_room;
use crate::storage::postgres::tests::server::Postgres;
use crate::storage::postgres::tests::wire::Wire;
use crate::storage::postgres::tests::{Fresh, PATIENCE};
use crate::storage::{NodeStore as _, RoomStore as _};

/// A database, and two nodes that keep their seats in it.
struct Nodes {
    fresh: Fresh,
    all: [Conditional; 2],
}

fn node(url: &str, bounds: Bounds) -> Conditional {
    let clock = Arc::new(Clock::standing_at(START));
    beside(url, (Terms::default(), bounds), (&clock, &Arc::default()))
}

impl Nodes {
    async fn with(bounds: Bounds) -> Self {
        let fresh = Fresh::new().await;
        let all = [node(&fresh.url, bounds), node(&fresh.url, bounds)];
        Self { fresh, all }
    }

    async fn room(&self, room: RoomId, capacity: u32) {
        self.all[0].add_room(spec(room, capacity)).await.unwrap();
    }

    /// The node that a user talks to.
    fn of(&self, who: u128) -> &Conditional {
        &self.all[usize::from(who % 2 == 1)]
    }

    fn circles(&self) -> String {
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        self.fresh.say(sql)
    }
}

async fn reserve(
    seats: &Conditional,
    room: RoomId,
    who: u128,
) -> Result<anteroom_core::seat::Reserved, Refusal> {
    seats.reserve(room, ask(who), address(1), &mut Journal::new()).await
}

/// The whole way in; the session.
async fn enter(seats: &Conditional, room: RoomId, who: u128, session: u128) {
    let reserved = reserve(seats, room, who).await.unwrap();
    let claim = claim(&reserved, session);
    seats.confirm(room, claim, &mut Journal::new()).await.unwrap();
    seats.settle(room, user(who), claim.session, &mut Journal::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_race_for_the_last_seats_give_each_to_one() {
    let nodes = Nodes::with(GENEROUS).await;
    for round in 0..5_u128 {
        let room = RoomId(200 + i64::try_from(round).unwrap());
        nodes.room(room, 5).await;
        let users = (0..40).map(|n| round * 100 + n);
        let asked = join_all(users.map(|who| reserve(nodes.of(who), room, who))).await;
        let given = asked.iter().filter(|it| it.is_ok()).count();
        let full = Err(Refusal::Ledger(ReserveRefusal::RoomFull));
        let refused = asked.iter().filter(|it| **it == full).count();
        assert_eq!((given, refused), (5, 35), "{asked:?}");
        let mut numbers: Vec<_> =
            asked.iter().flatten().map(|it| it.reservation.generation).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 5, "no number is given twice");
        for seats in &nodes.all {
            let shown = seats.seats(room).await.unwrap().unwrap();
            assert_eq!((shown.reserved, shown.free), (5, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_user_on_two_nodes_has_one_seat() {
    let nodes = Nodes::with(GENEROUS).await;
    for n in 0..10 {
        let room = RoomId(200 + n);
        nodes.room(room, 2).await;
        let both = join(reserve(&nodes.all[0], room, 1), reserve(&nodes.all[1], room, 1)).await;
        let (one, two) = (both.0.unwrap(), both.1.unwrap());
        assert_eq!(one.reservation, two.reservation);
        assert!(one.fresh ^ two.fresh);
        assert_eq!(nodes.all[0].seats(room).await.unwrap().unwrap().reserved, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_hold_for_a_user_who_asks_two_nodes_at_once() {
    let nodes = Nodes::with(Bounds { per_user: 3, per_address: None }).await;
    for n in 0..10 {
        nodes.room(RoomId(200 + n), 2).await;
    }
    let rooms = (0..10).map(|n| (&nodes.all[usize::from(n % 2 == 0)], RoomId(200 + n)));
    let asked = join_all(rooms.map(|(seats, room)| reserve(seats, room, 1))).await;
    assert_eq!(asked.iter().filter(|it| it.is_ok()).count(), 3, "{asked:?}");
    let refused = |it: &&Result<_, Refusal>| matches!(it, Err(Refusal::TooMany(_)));
    assert_eq!(asked.iter().filter(refused).count(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_move_in_opposite_directions_never_wait_in_a_circle() {
    let nodes = Nodes::with(GENEROUS).await;
    let rooms = [RoomId(200), RoomId(201), RoomId(202)];
    for room in rooms {
        nodes.room(room, 100).await;
    }
    let began = Instant::now();
    join_all((0..8_usize).map(|who| {
        let nodes = &nodes;
        async move {
            for turn in 0..12_usize {
                // Half of them go up and half of them down, each through both nodes by turns.
                let step = if who % 2 == 0 { turn } else { 12 - turn };
                let seats = &nodes.all[(who + turn) % 2];
                let session = (who * 100 + turn) as u128;
                enter(seats, rooms[step % 3], who as u128, session).await;
            }
        }
    }))
    .await;
    assert_eq!(nodes.circles(), "0");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    let shown = nodes.all[0].seats_of(&rooms).await.unwrap();
    assert_eq!(shown.iter().map(|it| it.unwrap().occupied).sum::<u32>(), 8, "each sits once");
    assert_eq!(nodes.fresh.say("SELECT count(*) FROM seat_places"), "8");
    assert_eq!(nodes.all[1].entries_under_way().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_two_nodes_fill_has_one_order_and_each_freed_seat_one_offer() {
    let nodes = Nodes::with(GENEROUS).await;
    nodes.room(ROOM, 4).await;
    for who in 0..4 {
        reserve(nodes.of(who), ROOM, who).await.unwrap();
    }
    let waiting = (10..30_u128).map(|who| async move { who });
    let waiting = join_all(waiting).await.into_iter().map(|who| {
        let seats = nodes.of(who);
        async move { seats.wait(ROOM, ask(who), address(1), &mut Journal::new()).await.unwrap() }
    });
    for waiting in join_all(waiting).await {
        assert!(matches!(waiting, Waiting::InLine { .. }));
    }
    let line = nodes.all[0].line(ROOM).await.unwrap();
    assert_eq!(line.len(), 20);
    assert_eq!(nodes.all[1].line(ROOM).await.unwrap(), line);
    let cancelled = join_all((0..4_u128).map(|who| {
        let seats = &nodes.all[usize::from(who % 2 == 0)];
        async move {
            let mut journal = Journal::new();
            seats.cancel(ROOM, user(who), &mut journal).await.unwrap();
            journal
        }
    }));
    let told = cancelled.await.concat();
    let offered = told.iter().filter(|(_, it)| matches!(it, Change::Offered { .. })).count();
    assert_eq!(offered, 4);
    for who in &line[..4] {
        assert!(nodes.all[0].standing(ROOM, *who).await.unwrap().is_some(), "the head goes first");
    }
    assert_eq!(nodes.all[0].line(ROOM).await.unwrap(), line[4..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_that_two_nodes_add_at_once_are_there_once() {
    let nodes = Nodes::with(GENEROUS).await;
    for n in 0..10 {
        let spec = spec(RoomId(200 + n), 3);
        let both = join(nodes.all[0].add_room(spec), nodes.all[1].add_room(spec)).await;
        assert_eq!(both, (Ok(()), Ok(())));
    }
    assert_eq!(nodes.fresh.say("SELECT count(*) FROM seat_rooms"), "10");
}

#[tokio::test]
async fn a_node_that_starts_leaves_alone_what_others_have_made_meanwhile() {
    let nodes = Nodes::with(GENEROUS).await;
    let [first, late] = &nodes.all;
    let me = crate::storage::contract::user(nodes.fresh.store(), "me").await;
    let queued = nodes.fresh.store.queue_room(new_room(me)).await.unwrap().id;
    first.add_room(spec(queued, 2)).await.unwrap();
    let left_over = RoomId(queued.0 + 1);
    first.add_room(spec(left_over, 2)).await.unwrap();
    enter(first, queued, 1, 1).await;
    // It looked at the rooms before that one was asked for.
    let owner = Owner { node: 1, incarnation: 2 };
    late.take_up(owner, &mut Journal::new()).await.unwrap();
    assert_eq!(first.seats(queued).await.unwrap().unwrap().occupied, 1);
    assert_eq!(first.seats(left_over).await.unwrap(), None, "nobody knows of it");
    late.add_room(RoomSpec { epoch: 2, ..spec(queued, 2) }).await.unwrap();
    assert!(first.is_seated(queued, user(1)).await.unwrap(), "and it goes on in a later epoch");
}

#[tokio::test]
async fn what_is_due_on_a_node_that_is_gone_is_ended_by_another() {
    let fresh = Fresh::new().await;
    let clock = Arc::new(Clock::standing_at(START));
    let of = || beside(&fresh.url, (Terms::default(), GENEROUS), (&clock, &Arc::default()));
    let (gone, left) = (of(), of());
    for room in [ROOM, RoomId(102), RoomId(103)] {
        gone.add_room(spec(room, 1)).await.unwrap();
    }
    let pending = Some(START.after(Terms::default().reservation_ttl));
    gone.add_room(RoomSpec { pending_until: pending, ..spec(RoomId(104), 1) }).await.unwrap();
    reserve(&gone, ROOM, 1).await.unwrap();
    enter(&gone, RoomId(103), 3, 3).await;
    clock.set(START.after(Terms::default().reservation_ttl));
    assert_eq!(left.overdue().await.unwrap(), [], "the node that knows of it has its turn first");
    clock.set(clock.now().after(std::time::Duration::from_secs(2)));
    assert_eq!(left.overdue().await.unwrap(), [ROOM, RoomId(104)]);
    for room in [ROOM, RoomId(104)] {
        left.expire(room, &mut Journal::new()).await.unwrap();
    }
    assert_eq!(left.overdue().await.unwrap(), []);
    reserve(&left, ROOM, 2).await.unwrap();
    assert_eq!(gone.seats(RoomId(104)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fence_that_fails_halfway_names_every_session_in_the_end() {
    // More than are gone through in one transaction.
    const ROOMS: u128 = 40;
    let nodes = Nodes::with(GENEROUS).await;
    for n in 0..ROOMS {
        let room = RoomId(200 + i64::try_from(n).unwrap());
        nodes.room(room, 2).await;
        enter(&nodes.all[0], room, n, n).await;
    }
    nodes.fresh.say(
        "CREATE FUNCTION injected() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$;
         CREATE TRIGGER injected BEFORE UPDATE ON seat_slots FOR EACH ROW
             WHEN (OLD.room >= 239) EXECUTE FUNCTION injected()",
    );
    let mut journal = Journal::new();
    nodes.all[1].fence(NODE, &mut journal).await.unwrap_err();
    let held = "SELECT count(*) FROM seat_slots WHERE state = 'held'";
    assert_eq!(nodes.fresh.say(held), "32", "what was ended is ended");
    nodes.fresh.say("DROP FUNCTION injected CASCADE");
    let ended = nodes.all[1].fence(NODE, &mut journal).await.unwrap();
    let ended: BTreeSet<_> = ended.into_iter().collect();
    assert_eq!(ended.len(), 40, "nobody else would tell those of the first part");
    assert_eq!(nodes.fresh.say(held), "40");
    assert_eq!(nodes.all[1].fence(NODE, &mut journal).await.unwrap(), [], "told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_gives_the_same_seat_again() {
    let fresh = Fresh::new().await;
    let (wire, through) = Wire::to(&fresh.url).await;
    let far = node(&through, GENEROUS);
    far.add_room(spec(ROOM, 1)).await.unwrap();
    wire.lose_next_commit();
    let lost = reserve(&far, ROOM, 1).await;
    assert!(matches!(lost, Err(Refusal::Unavailable(_))), "{lost:?}");
    assert_eq!(fresh.say("SELECT count(*) FROM seat_slots"), "1", "it was committed");
    let again = reserve(&far, ROOM, 1).await.unwrap();
    assert!(!again.fresh, "the same seat");
    let full = Err(Refusal::Ledger(ReserveRefusal::RoomFull));
    assert_eq!(reserve(&far, ROOM, 2).await, full);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_whose_database_was_away_stand_as_they_were() {
    let server = Postgres::start();
    let url = server.database();
    let seats = node(&url, GENEROUS);
    seats.add_room(spec(ROOM, 2)).await.unwrap();
    let before = reserve(&seats, ROOM, 1).await.unwrap();
    server.stop();
    let began = Instant::now();
    for who in 2..100 {
        let refused = reserve(&seats, ROOM, who).await;
        assert!(matches!(refused, Err(Refusal::Unavailable(Unavailable(_)))), "{refused:?}");
    }
    assert!(began.elapsed() < PATIENCE / 5, "refused at once: {:?}", began.elapsed());
    server.start_again();
    let mut look = tokio::time::interval(std::time::Duration::from_millis(20));
    while seats.ping().await.is_err() {
        look.tick().await;
        assert!(began.elapsed() < 2 * PATIENCE, "it never came back");
    }
    assert_eq!(
        seats.standing(ROOM, user(1)).await.unwrap().unwrap().reservation,
        before.reservation
    );
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().reserved, 1);
    reserve(&seats, ROOM, 2).await.unwrap();
}

#[tokio::test]
async fn a_seat_that_the_rows_do_not_have_is_not_given_whatever_was_decided() {
    let nodes = Nodes::with(GENEROUS).await;
    nodes.room(ROOM, 1).await;
    reserve(&nodes.all[0], ROOM, 1).await.unwrap();
    let stands = nodes.all[0].snapshot(ROOM).await.unwrap().unwrap();
    let one_more = SlotImage { user: user(2), ..stands.slots[0].clone() };
    let given = nodes.all[0].decide_silently(async move |book: &mut Book<'_, _>| {
        let mut difference = Difference::between(&stands, &stands, |_| None);
        difference.slots.new.push((one_more.clone(), None));
        book.tx.write(&difference).await
    });
    let Unavailable(why) = given.await.unwrap_err();
    assert!(why.contains("no place left"), "{why}");
    assert_eq!(nodes.fresh.say("SELECT count(*) FROM seat_slots"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures; wants a quiet machine"]
async fn cost_of_a_seat_in_one_room_and_in_many() {
    let nodes = Nodes::with(GENEROUS).await;
    for rooms in [1_i64, 64] {
        for n in 0..rooms {
            nodes.room(RoomId(rooms * 1_000 + n), 10_000).await;
        }
        let began = Instant::now();
        let askers = (0..16_u128).map(|asker| {
            let nodes = &nodes;
            async move {
                for turn in 0..50_u128 {
                    let who = asker * 1_000 + turn + u128::from(rooms.unsigned_abs()) * 1_000_000;
                    let room = RoomId(rooms * 1_000 + i64::try_from(who % 64).unwrap() % rooms);
                    let (seats, mut journal) = (nodes.of(asker), Journal::new());
                    seats.reserve(room, ask(who), None, &mut journal).await.unwrap();
                }
            }
        });
        join_all(askers).await;
        println!("{rooms:>3} rooms: {:>6.0} seats/s", 800.0 / began.elapsed().as_secs_f64());
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    use crate::admission::conditional::postgres;
    let nodes = Nodes::with(GENEROUS).await;
    let line = nodes.fresh.store.lines.line().await.unwrap();
    for (name, sql) in postgres::statements() {
        if let Err(error) = line.prepare(sql).await {
            panic!("{name}: {error:?}");
        }
    }
}

#[tokio::test]
async fn no_verb_of_a_fenced_life_takes_effect() {
    let fresh = Fresh::new().await;
    let facts = fresh.node().await;
    let life = Owner { node: 1, incarnation: 3 };
    let with = (Arc::new(Clock::standing_at(START)), Arc::default());
    let by = (Terms::default(), GENEROUS);
    let seats = Conditional::beside(&fresh.url, PostgresOptions::default(), by, with, Some(life));
    let seats = seats.await.unwrap();
    assert!(facts.take_lease(life, PATIENCE).await.unwrap().is_some());
    seats.add_room(spec(ROOM, 2)).await.unwrap();
    reserve(&seats, ROOM, 1).await.unwrap();
    fresh.say("UPDATE nodes SET leased_until = now() - interval '1 second'");
    assert_eq!(fresh.store.fence_overdue().await.unwrap(), [life]);
    let refused = reserve(&seats, ROOM, 2).await.unwrap_err();
    assert!(matches!(refused, Refusal::Unavailable(_)), "{refused}");
    let closed = seats.close_room(ROOM, &mut Journal::new()).await;
    assert!(closed.unwrap_err().0.contains("lease"), "what takes away is refused too");
    assert_eq!(seats.seats(ROOM).await.unwrap().unwrap().reserved, 1);
}
