//! A node that crashes at a named point: it is killed while a wire holds the very request or answer.

use std::collections::BTreeSet;

use anteroom_client::{Account, Session};
use anteroom_protocol::entry::{Reservation, Reserve};
use anteroom_protocol::room::CreateRoom;

use super::meeting::CONFIRMS;
use super::redis::RESERVES;
use crate::harness::check::Logs;
use crate::harness::faults::{Ground, Round, Wanted};
use crate::harness::{Catch, alive, within};

/// What is caught, and on which of the node's wires.
#[derive(Clone, Copy, Debug)]
struct Point {
    name: &'static str,
    wire: Wire,
    words: &'static [&'static str],
    catch: fn(Vec<&'static str>) -> Catch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Redis,
    Postgres,
    Door,
}

const fn point(
    name: &'static str,
    wire: Wire,
    words: &'static [&'static str],
    catch: fn(Vec<&'static str>) -> Catch,
) -> Point {
    Point { name, wire, words, catch }
}

/// What a member says while the node crashes; found in the statement that stores it.
const SAYS: &str = "the last words of a node";

/// The id that its sender gave it.
const LAST: &str = "last";

/// The points, in the order in which an entry, a message and a close come to them.
const POINTS: [Point; 12] = [
    point("asked for / reserved", Wire::Redis, &[RESERVES], Catch::Request),
    point("reserved / answered", Wire::Redis, &[RESERVES], Catch::Answer),
    point("ticket shown / confirmed", Wire::Redis, &[CONFIRMS], Catch::Request),
    point("confirmed / written", Wire::Redis, &[CONFIRMS], Catch::Answer),
    point("written / committed", Wire::Postgres, &["COMMIT"], Catch::Request),
    point("committed / welcome", Wire::Postgres, &["COMMIT"], Catch::Answer),
    point("said / written", Wire::Postgres, &[SAYS], Catch::Request),
    point("written / stored", Wire::Postgres, &[SAYS, "COMMIT"], Catch::Request),
    point("stored / acknowledged", Wire::Postgres, &[SAYS, "COMMIT"], Catch::Answer),
    point("acknowledged / heard of", Wire::Door, &["\"type\":\"ack\""], Catch::Word),
    point("left / closed", Wire::Redis, &["\"clean\":true"], Catch::Request),
    point("closed / released", Wire::Redis, &["\"clean\":true"], Catch::Answer),
];

/// Which of them, by their places in [`POINTS`].
const OF_ENTRY: std::ops::Range<usize> = 0..6;
const OF_MESSAGES: std::ops::Range<usize> = 6..10;

#[tokio::test]
async fn f01_a_crash_at_a_named_point_leaves_nothing_half_done() {
    const EACH: usize = 5;
    let mut round = Round::begin("F01");
    let mut ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let mut points: Vec<usize> = (0..POINTS.len()).collect();
    round.dice.shuffle(&mut points);
    let mut perhaps = BTreeSet::new();
    for place in points.into_iter().take(EACH) {
        let node = round.dice.at(2);
        let (room, owner) = crash(&mut ground, &mut round, (place, node)).await;
        perhaps.insert(room);
        stands(&ground, &mut round, room).await;
        if OF_MESSAGES.contains(&place) {
            is_said_once(&ground, &mut round, (room, &owner)).await;
        }
    }
    ground.once(&mut round, Logs::Cut);
    ground.rooms(&mut round, &perhaps);
}

/// Brings a node to the point and ends it there; the room in which it was, and whose that is.
async fn crash(
    ground: &mut Ground,
    round: &mut Round,
    (place, node): (usize, usize),
) -> (i64, Account) {
    let point = &POINTS[place];
    let wire = match point.wire {
        Wire::Redis => &ground.to_redis[node],
        Wire::Postgres => &ground.to_postgres[node],
        Wire::Door => &ground.doors[node],
    };
    let owner = ground.at(node, &ground.nodes[1 - node].guest("owner").await);
    let body = CreateRoom { name: "A room".into(), capacity: 2, ..CreateRoom::default() };
    let created = owner.create_room(&body).await.unwrap();
    let room = created.room.id;
    round.counts().reserved(1);
    let mut inside = None;
    if !OF_ENTRY.contains(&place) || matches!(place, 0 | 1) {
        let mut session = owner.confirm(&created.reservation, Default::default()).await.unwrap();
        alive(&mut session).await;
        inside = Some(session);
    }
    let guest = ground.at(node, &ground.nodes[node].guest("guest").await);
    let stopped = wire.stop_at((point.catch)(point.words.to_vec()));
    let goes_on = steps(place, (&owner, &guest), (&created.reservation, inside));
    // It is over when the wire has stopped the node, or never.
    tokio::select! {
        () = stopped => {}
        () = goes_on => panic!("{} was never come to", point.name),
    }
    ground.nodes[node].kill9().await;
    round.injected();
    ground.to_redis[node].let_go();
    ground.to_postgres[node].let_go();
    ground.doors[node].let_go();
    ground.restart(node).await;
    (room, owner)
}

/// The steps that lead to the point.
async fn steps(
    place: usize,
    (owner, guest): (&Account, &Account),
    (reservation, inside): (&Reservation, Option<Session>),
) {
    // What comes of it nobody is told any more.
    match inside {
        None => drop(owner.confirm(reservation, Default::default()).await),
        Some(_) if OF_ENTRY.contains(&place) => {
            drop(guest.reserve(reservation.room_id, &Reserve::default()).await);
        }
        Some(mut session) if OF_MESSAGES.contains(&place) => {
            drop(session.send_as(LAST, SAYS).await);
        }
        Some(session) => drop(session.leave().await),
    }
}

/// Said again under its own id, the last words are there once, whether they had been stored or not.
async fn is_said_once(ground: &Ground, round: &mut Round, (room, owner): (i64, &Account)) {
    let mut session = within("an entry", async {
        loop {
            if let Ok(session) = ground.at(0, owner).enter(room).await {
                return session;
            }
        }
    })
    .await;
    let again = session.send_as(LAST, SAYS).await.unwrap();
    round.counts().acknowledged(1);
    let sql = format!("SELECT seq FROM messages WHERE room_id = {room} AND client_id = '{LAST}'");
    let stored = ground.say(&sql);
    round.holds("K-msg", stored == again.seq.to_string(), format!("{again:?}: {stored}"));
    session.leave().await.unwrap();
}

/// Nothing is half there: what may be there is there whole or not at all, and goes on by itself.
async fn stands(ground: &Ground, round: &mut Round, room: i64) {
    let other = ground.nodes[0].guest("other").await;
    let written = ground.say(&format!("SELECT count(*) FROM rooms WHERE id = {room}"));
    if written == "0" {
        // Never entered, as far as anybody knows: it waits for its creator, or is forgotten.
        return;
    }
    ground.leaks_nothing(round, room, 2).await;
    let mut session = within("an entry", async {
        loop {
            if let Ok(session) = other.enter(room).await {
                return session;
            }
        }
    })
    .await;
    let before = session.welcome().last_seq;
    let stored =
        ground.say(&format!("SELECT count(*), max(seq) FROM messages WHERE room_id = {room}"));
    round.holds("K-msg", stored == format!("{before}|{before}") || before == 0, &stored);
    let again = session.send_as("after", "it goes on").await.unwrap();
    round.counts().acknowledged(1);
    round.holds("K-msg", again.seq == before + 1, format!("{again:?} after {before}"));
    session.leave().await.unwrap();
    ground.leaks_nothing(round, room, 2).await;
}
