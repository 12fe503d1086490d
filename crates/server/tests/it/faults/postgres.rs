//! PostgreSQL that stops, drops its clients, has no place left, or takes no writes.

use std::process::Child;
use std::time::{Duration, Instant};

use anteroom_protocol::Code;
use anteroom_protocol::entry::Reserve;

use super::pause;
use crate::harness::check::Logs;
use crate::harness::faults::{Ground, Round, Saying, Talk, Wanted, under_load};
use crate::harness::{Catch, alive, within};

#[tokio::test]
async fn f33_a_commit_whose_answer_is_lost_and_one_cut_short_are_stored_once_or_not_at_all() {
    let mut round = Round::begin("F33");
    let wanted = Wanted::nodes(2).own_postgres();
    let mut ground = Ground::start(&mut round, wanted).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..3 {
            let wire = &ground.to_postgres[round.dice.at(2)];
            wire.stop_at(Catch::Answer(vec!["COMMIT"])).await;
            wire.reset();
            wire.let_go();
            round.injected();
            load.talk.goes_on(20).await;
        }
        pause(round.dice.between(0, 200)).await;
        ground.postgres().stop();
        round.injected();
        pause(round.dice.between(0, 800)).await;
        ground.postgres().start_again();
        load.goes_on().await;
    })
    .await;
}

#[tokio::test]
async fn f34_backends_that_are_ended_lose_and_double_nothing() {
    let mut round = Round::begin("F34");
    let mut ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..6 {
            let some = round.dice.below(3);
            let end = format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid % 3 = {some}"
            );
            ground.say(&end);
            round.injected();
            load.talk.goes_on(15).await;
            pause(round.dice.between(0, 150)).await;
        }
        load.goes_on().await;
    })
    .await;
}

/// Connections that do nothing but be there. They end with this.
struct Hogs(Vec<Child>);

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = (hog.kill(), hog.wait());
        }
    }
}

#[tokio::test]
async fn f35_without_a_connection_left_all_are_answered_in_time_and_seats_come_back() {
    const MOST: usize = 28;
    let mut round = Round::begin("F35");
    let wanted = Wanted::nodes(2).own_postgres().set("cluster.lease", "30s");
    let ground = Ground::start(&mut round, wanted).await;
    let room = ground.room(4).await;
    let mut sits = ground.nodes[0].guest("sits").await.enter(room).await.unwrap();
    let leaves = ground.nodes[1].guest("leaves").await.enter(room).await.unwrap();
    let late = ground.nodes[1].guest("late").await;
    round.counts().reserved(2);
    ground.say(&format!("ALTER SYSTEM SET max_connections = {MOST}"));
    ground.postgres().stop();
    ground.postgres().start_again();
    let hogs = ground.hogs(MOST);
    round.injected();
    leaves.leave().await.unwrap();
    let began = Instant::now();
    // It may be answered, or refused: in its time.
    let _ = late.reserve(room, &Reserve::default()).await;
    let took = began.elapsed();
    round.holds("K-live", took < Duration::from_secs(6), format!("answered after {took:?}"));
    pause(round.dice.between(100, 1_000)).await;
    drop(Hogs(hogs));
    within("a message that is stored", async {
        while let Err(error) = sits.send("again").await {
            assert_eq!(error.code(), Some(Code::Unavailable), "{error}");
        }
    })
    .await;
    alive(&mut sits).await;
    sits.leave().await.unwrap();
    // What the late one was given ends by its deadline, if it was.
    ground.leaks_nothing(&mut round, room, 4).await;
    ground.lives(&mut round, room, Duration::from_secs(10)).await;
}

#[tokio::test]
async fn f36_deadlocks_are_tried_again_and_stored_once() {
    let mut round = Round::begin("F36");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let saying = Saying { rooms: 2, members: 3, ..Saying::SMALL };
    let talk = Talk::begins(&ground, &mut round, saying).await;
    talk.goes_on(20).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    for _ in 0..6 {
        // In the opposite order of the nodes' own.
        let wait = round.dice.between(20, 120).as_secs_f64();
        let mut other = ground.begin_to_say(&format!(
            "BEGIN; SELECT FROM rooms WHERE id = (SELECT max(id) FROM rooms) FOR UPDATE;
             SELECT pg_sleep({wait}); SELECT FROM rooms ORDER BY id LIMIT 1 FOR UPDATE; COMMIT"
        ));
        talk.goes_on(20).await;
        // On a thread of its own: the wires run on this one, and who waits here for a lock that a node
        // holds would keep that node from letting go, until it gives itself up.
        let _ = tokio::task::spawn_blocking(move || other.wait()).await.unwrap();
        round.injected();
    }
    crate::harness::shown(&format!("deadlocks: {}", ground.say(deadlocks)));
    talk.ends(&ground, &mut round).await;
}

#[tokio::test]
async fn f37_a_database_that_takes_no_writes_acknowledges_nothing() {
    let mut round = Round::begin("F37");
    let wanted = Wanted::nodes(2).own_postgres().set("cluster.lease", "20s");
    let ground = Ground::start(&mut round, wanted).await;
    let talk = Talk::begins(&ground, &mut round, Saying::SMALL).await;
    talk.goes_on(20).await;
    let read_only = |is: &str| {
        ground.say(&format!("ALTER SYSTEM SET default_transaction_read_only = {is}"));
        ground.say("SELECT pg_reload_conf()");
    };
    let stored = || ground.say("SELECT count(*) FROM messages");
    for _ in 0..2 {
        read_only("on");
        round.injected();
        // What was under way may still be stored.
        let mut before = String::new();
        within("the last that is stored", async {
            while stored() != before {
                before = stored();
                pause(Duration::from_millis(200)).await;
            }
        })
        .await;
        let acked = talk.acked();
        pause(round.dice.between(200, 1_200)).await;
        round.holds(
            "K-msg",
            talk.acked() == acked,
            "acknowledged by a database that takes nothing",
        );
        read_only("off");
        talk.goes_on(20).await;
    }
    talk.ends(&ground, &mut round).await;
}
