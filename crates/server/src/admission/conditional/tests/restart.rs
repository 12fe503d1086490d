//! What stands after the process ended, in whatever way.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::ids::{Generation, Owner, RoomId};
use anteroom_core::seat::{
    Ask, Change, Claim, Closed, End, Entry, Parting, Reserved, RoomSpec, SlotState, Terms,
};
use anteroom_core::time::Millis;

use super::{
    Conditional, Fixture, GENEROUS, ROOM, START, address, ask, claim, g, login, secret, spec,
    stream, user,
};
use crate::admission::{Admission, ConditionalOptions, Journal, Ticket, TicketKey};
use crate::clock::Clock;
use crate::sweeper::Due;

const NEXT: Owner = Owner { node: 0, incarnation: 2 };

/// The next life of the server: rooms added in a higher epoch, then taken up.
async fn next_life(it: Fixture, rooms: &[RoomId]) -> (Fixture, Journal) {
    let it = it.reopened();
    for room in rooms {
        it.seats.add_room(RoomSpec { epoch: 2, ..spec(*room, 2) }).await.unwrap();
    }
    let mut journal = Journal::new();
    it.seats.take_up(NEXT, &mut journal).await.unwrap();
    (it, journal)
}

#[tokio::test]
pub(super) async fn a_reservation_stands_with_the_same_ticket_and_deadline() {
    let it = Fixture::new().room(2).await;
    let before = it.reserve(ROOM, 1).await.unwrap();
    it.pass(Duration::from_secs(30));
    let (mut it, journal) = next_life(it, &[ROOM]).await;
    assert_eq!(journal, []);
    let after = it.seats.standing(ROOM, user(1)).await.unwrap().unwrap();
    assert_eq!(after.reservation, before.reservation);
    let key = TicketKey::new(&[1; 32]);
    let text = |it: &Reserved| key.seal(&Ticket::of(ROOM, it.user, &it.reservation));
    assert_eq!(text(&after), text(&before));
    assert_eq!(after.reservation.deadline, START.after(Duration::from_secs(120)));
    assert_eq!(it.deadlines.at(Due::Room(ROOM)), Some(after.reservation.deadline));
    let again = it.reserve(ROOM, 1).await.unwrap();
    assert!(!again.fresh && again.reservation == before.reservation);
    it.confirm(ROOM, &before).await.unwrap();
}

#[tokio::test]
pub(super) async fn seats_are_held_for_the_grace_and_taken_back_with_the_secret() {
    let mut it = Fixture::new().room(2).await;
    let part = it.enter(ROOM, 1).await;
    let (mut it, journal) = next_life(it, &[ROOM]).await;
    let until = START.after(Duration::from_secs(10));
    assert_eq!(journal, [(ROOM, Change::Held { user: user(1), until })]);
    let stale = it.seats.close(ROOM, part, Parting::Clean, &mut Journal::new()).await.unwrap();
    assert_eq!(stale, Closed::Stale);
    let members = it.seats.members(ROOM).await.unwrap();
    assert_eq!(members[0].state, SlotState::Held);
    assert!(members[0].settled && members[0].entered == g(1, 1));
    let resume = Some(secret(1));
    let ask = Ask { resume, ..ask(1) };
    let back = it.seats.reserve(ROOM, ask, None, &mut Journal::new()).await.unwrap();
    assert_eq!(back.reservation.generation, g(2, 1), "a number of the new epoch");
    let claim = Claim { presented: resume, ..claim(&back, 9) };
    let confirmed = it.seats.confirm(ROOM, claim, &mut Journal::new()).await.unwrap();
    assert_eq!(confirmed.entry, Entry::Refresh);
    assert!(confirmed.is_recorded && confirmed.entered == g(1, 1), "the stay goes on");
    it.enter(ROOM, 2).await;
    assert!(it.reserve(ROOM, 3).await.is_err(), "the room is as full as before");
}

#[tokio::test]
async fn entries_under_way_are_forgotten_and_leave_nothing() {
    let mut it = Fixture::new().room(2).await;
    it.enter(ROOM, 1).await;
    // A takeover and a first entry, neither of them settled.
    for who in [1, 2] {
        let reserved = it.reserve(ROOM, who).await.unwrap();
        it.confirm(ROOM, &reserved).await.unwrap();
    }
    assert_eq!(it.seats.entries_under_way().await.unwrap(), 2);
    let (it, journal) = next_life(it, &[ROOM]).await;
    assert_eq!(it.seats.entries_under_way().await.unwrap(), 0);
    let seats = it.seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!((seats.occupied, seats.held, seats.reserved, seats.free), (0, 1, 0, 1));
    let returned = Change::Returned {
        user: user(2),
        entered: g(1, 3),
        last: g(1, 3),
        settled: false,
        cause: End::Fenced,
    };
    assert!(journal.contains(&(ROOM, returned)), "{journal:?}");
    it.pass(Duration::from_secs(10));
    it.seats.expire(ROOM, &mut Journal::new()).await.unwrap();
    it.seats
        .store
        .file()
        .read(|conn| {
            for table in ["slots", "waiters", "entering", "places"] {
                let sql = format!("SELECT count(*) FROM {table}");
                assert_eq!(conn.query_row(&sql, [], |row| row.get::<_, i64>(0))?, 0, "{table}");
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
pub(super) async fn no_grant_number_comes_back() {
    let mut it = Fixture::new().room(2).await;
    let mut seen: Vec<Generation> = Vec::new();
    for epoch in 2..5 {
        for who in 1..=2 {
            seen.push(it.reserve(ROOM, who).await.unwrap().reservation.generation);
            it.seats.cancel(ROOM, user(who), &mut Journal::new()).await.unwrap();
        }
        it = it.reopened();
        it.seats.add_room(RoomSpec { epoch, ..spec(ROOM, 2) }).await.unwrap();
        let owner = Owner { node: 0, incarnation: epoch };
        it.seats.take_up(owner, &mut Journal::new()).await.unwrap();
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

#[tokio::test]
pub(super) async fn a_room_is_taken_up_as_it_is_known_by_now_and_others_are_dropped() {
    let gone = RoomId(102);
    let mut it = Fixture::new().room(2).await;
    it.seats.add_room(spec(gone, 2)).await.unwrap();
    let kept = it.enter(ROOM, 1).await;
    let reserved = it.reserve(gone, 2).await.unwrap();
    it.confirm(gone, &reserved).await.unwrap();
    it.seats.add_room(spec(ROOM, 9)).await.unwrap();
    let seats = it.seats.seats(ROOM).await.unwrap().unwrap();
    assert_eq!(seats.capacity, 2, "repeating it changes nothing");
    let it = it.reopened();
    it.seats.add_room(RoomSpec { epoch: 2, ..spec(ROOM, 5) }).await.unwrap();
    it.seats.take_up(NEXT, &mut Journal::new()).await.unwrap();
    let shown = it.seats.seats_of(&[ROOM, gone]).await.unwrap();
    assert_eq!(shown[0].map(|it| (it.capacity, it.held)), Some((5, 1)));
    assert_eq!(shown[1], None);
    assert_eq!(it.deadlines.at(Due::Room(gone)), None);
    assert_eq!(it.seats.stay(ROOM, kept.user).await.unwrap(), Some(kept.generation));
    // A room that is added later in this life stays, also when it is taken up once more.
    it.seats.add_room(RoomSpec { epoch: 2, ..spec(gone, 2) }).await.unwrap();
    it.seats.take_up(NEXT, &mut Journal::new()).await.unwrap();
    assert!(it.seats.seats(gone).await.unwrap().is_some());
}

#[tokio::test]
pub(super) async fn the_line_stands_without_its_streams() {
    let it = Fixture::new().room(1).await;
    it.reserve(ROOM, 1).await.unwrap();
    for who in 2..=3 {
        it.seats.wait(ROOM, ask(who), address(1), &mut Journal::new()).await.unwrap();
        it.seats.stream_attached(ROOM, user(who), stream(1), &mut Journal::new()).await.unwrap();
    }
    it.pass(Duration::from_secs(60));
    let (it, _) = next_life(it, &[ROOM]).await;
    // The room has two seats now, so the head was offered one with the first step.
    it.seats.expire(ROOM, &mut Journal::new()).await.unwrap();
    assert!(it.seats.standing(ROOM, user(2)).await.unwrap().is_some());
    assert_eq!(it.seats.line(ROOM).await.unwrap(), [user(3)]);
    it.pass(Duration::from_secs(30));
    it.seats.expire(ROOM, &mut Journal::new()).await.unwrap();
    assert_eq!(it.seats.line(ROOM).await.unwrap(), []);
}

#[tokio::test]
pub(super) async fn a_wall_clock_set_back_holds_nothing_for_longer_than_its_span() {
    let mut it = Fixture::new().room(2).await;
    let part = it.enter(ROOM, 1).await;
    it.seats.close(ROOM, part, Parting::Unclean, &mut Journal::new()).await.unwrap();
    it.reserve(ROOM, 2).await.unwrap();
    let now = Millis(5_000);
    it.clock.set(now);
    let (it, _) = next_life(it, &[ROOM]).await;
    let snapshot = it.seats.snapshot(ROOM).await.unwrap().unwrap();
    let held = snapshot.slots[0].sitting.held.as_ref().unwrap().deadline;
    assert_eq!(held, now.after(Duration::from_secs(10)));
    let reserved = snapshot.slots[1].reservation.unwrap().deadline;
    assert_eq!(reserved, now.after(Duration::from_secs(120)));
}

#[tokio::test]
async fn a_room_that_was_closing_opens_again_if_its_record_is_open() {
    let mut it = Fixture::new().room(2).await;
    let reserved = it.reserve(ROOM, 1).await.unwrap();
    it.confirm(ROOM, &reserved).await.unwrap();
    it.seats.close_room(ROOM, &mut Journal::new()).await.unwrap();
    assert!(it.seats.seats(ROOM).await.unwrap().is_some(), "an entry has yet to learn it");
    let (it, _) = next_life(it, &[ROOM]).await;
    it.reserve(ROOM, 2).await.unwrap();
}

/// Where a child of this test is told to keep its seats.
const CHILD: &str = "ANTEROOM_SEATS_CHILD";

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    if let Ok(path) = std::env::var(CHILD) {
        return be_killed(Path::new(&path)).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seats.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("admission::conditional::tests::restart::what_was_answered_survives_a_kill")
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut answered = 0;
    while answered < 200 {
        let mut line = String::new();
        assert_ne!(told.read_line(&mut line).unwrap(), 0, "it lives");
        answered = line.trim().strip_prefix("reserved ").map_or(answered, |n| n.parse().unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let seats = opened(&path);
    let snapshot = seats.snapshot(ROOM).await.unwrap().unwrap();
    assert!(snapshot.slots.len() >= answered, "{} of {answered}", snapshot.slots.len());
    for who in 1..=answered {
        let standing = seats.standing(ROOM, user(who as u128)).await.unwrap().unwrap();
        assert_eq!(standing.reservation.generation, g(1, who as u64));
        assert_eq!(standing.reservation.login, login(who as u128));
    }
}

async fn be_killed(path: &Path) {
    let seats = opened(path);
    seats.add_room(spec(ROOM, 10_000)).await.unwrap();
    for who in 1..10_000 {
        seats.reserve(ROOM, ask(who), None, &mut Journal::new()).await.unwrap();
        println!("reserved {who}");
    }
}

fn opened(path: &Path) -> Conditional {
    let (options, deadlines) = (ConditionalOptions::default(), Arc::default());
    let clock = Arc::new(Clock::standing_at(START));
    super::open(path, options, Terms::default(), GENEROUS, &clock, &deadlines)
}
