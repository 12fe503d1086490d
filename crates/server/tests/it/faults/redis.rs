//! Redis that stalls, dies, forgets, is full, set otherwise, or far away.

use std::time::{Duration, Instant};

use anteroom_client::Error;
use anteroom_protocol::Code;
use anteroom_protocol::entry::{Reservation, Reserve};
use anteroom_protocol::room::Seats;
use futures_util::future::join_all;

use super::pause;
use crate::harness::check::{Logs, Resources, resources};
use crate::harness::faults::{Ground, Round, SEATS, Wanted, under_load};
use crate::harness::{Catch, Redis, Relay, TestServer, Way, Wires, alive, refused, within};

/// What the request of a reservation has in it, on its way to Redis.
pub(super) const RESERVES: &str = "\"staff\":false";

/// Asks until there is an answer again.
pub(super) async fn lives_again(ask: impl AsyncFn() -> Result<Reservation, Error>) -> Reservation {
    within("an answer", async {
        loop {
            match ask().await {
                Ok(reservation) => return reservation,
                Err(error) => assert_eq!(error.code(), Some(Code::Unavailable), "{error}"),
            }
        }
    })
    .await
}

#[tokio::test]
async fn f12_a_redis_that_is_killed_and_reads_its_file_brings_no_seat_and_no_login_back() {
    let mut round = Round::begin("F12");
    let wanted = Wanted::nodes(3).redis(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let mut ground = Ground::start(&mut round, wanted).await;
    ground.nodes.iter().for_each(TestServer::expect_repeats);
    let gone = ground.nodes[0].guest("gone").await;
    gone.logout().await.unwrap();
    under_load(&mut ground, &mut round, Logs::RolledBack, async |ground, round, load| {
        for _ in 0..2 {
            pause(round.dice.between(100, 900)).await;
            ground.redis.restart_on_its_data();
            round.injected();
            load.goes_on().await;
        }
    })
    .await;
    for node in 0..3 {
        let back = ground.at(node, &gone).me().await;
        let is_refused = back.err().and_then(|it| it.code()) == Some(Code::Unauthenticated);
        round.holds("K-rev", is_refused, "a login that had ended is good again");
    }
}

#[tokio::test]
async fn f13_while_redis_stalls_sockets_close_at_once_and_nothing_grows() {
    let mut round = Round::begin("F13");
    let mut ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let pids: Vec<u32> = ground.nodes.iter().map(|node| node.pid()).collect();
    let base: Vec<Resources> = pids.iter().map(|pid| Resources::of(*pid)).collect();
    let other = ground.room(2).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..2 {
            let mut leaves = ground.nodes[0].guest("leaves").await.enter(other).await.unwrap();
            alive(&mut leaves).await;
            let late = ground.nodes[1].guest("late").await;
            let stall = round.dice.between(1_000, 2_500);
            ground.redis.sleeps();
            round.injected();
            let began = Instant::now();
            leaves.leave().await.unwrap();
            let took = began.elapsed();
            round.holds("K-live", took < Duration::from_secs(1), format!("closed after {took:?}"));
            let asked = Instant::now();
            refused(late.reserve(other, &Reserve::default()).await, 503, Code::Unavailable);
            let took = asked.elapsed();
            round.holds("K-live", took < Duration::from_secs(3), format!("503 after {took:?}"));
            pause(stall.saturating_sub(began.elapsed())).await;
            ground.redis.wakes();
            load.goes_on().await;
        }
    })
    .await;
    for (pid, base) in pids.iter().zip(base) {
        round.check("K-res", resources(base, Resources::of(*pid)));
    }
}

#[tokio::test]
async fn f14_a_redis_that_was_emptied_under_load_overfills_no_room() {
    let mut round = Round::begin("F14");
    let mut ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    let gone = ground.nodes[0].guest("gone").await;
    gone.logout().await.unwrap();
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        for _ in 0..2 {
            pause(round.dice.between(50, 400)).await;
            match round.dice.below(2) {
                0 => assert_eq!(ground.redis.say("FLUSHALL"), "+OK"),
                _ => ground.redis.restart(),
            }
            round.injected();
            load.goes_on().await;
        }
    })
    .await;
    let back = ground.at(1, &gone).me().await;
    let is_refused = back.err().and_then(|it| it.code()) == Some(Code::Unauthenticated);
    round.holds("K-rev", is_refused, "a login that had ended is good again");
}

#[tokio::test]
async fn f15_a_replica_that_lagged_and_leads_gives_no_number_twice() {
    let mut round = Round::begin("F15");
    let mut ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    ground.nodes.iter().for_each(TestServer::expect_repeats);
    let (replica, behind) = (Redis::start(), Relay::to(ground.redis.port()).await);
    let follow = format!("REPLICAOF 127.0.0.1 {}", behind.address().port());
    assert_eq!(replica.say(&follow), "+OK");
    within("a replica that follows", async {
        while replica.say("EXISTS anteroom:clock") != ":1" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    under_load(&mut ground, &mut round, Logs::RolledBack, async move |ground, round, load| {
        pause(round.dice.between(100, 400)).await;
        // From here on it hears nothing more.
        behind.now(Wires::Hold);
        load.goes_on().await;
        drop(std::mem::replace(&mut ground.redis, replica));
        behind.now(Wires::Cut);
        round.injected();
        assert_eq!(ground.redis.say("REPLICAOF NO ONE"), "+OK");
        ground.to_redis.iter().for_each(|wire| wire.turn_to(ground.redis.port()));
        load.goes_on().await;
    })
    .await;
}

#[tokio::test]
async fn f17_who_asks_again_after_a_lost_answer_gets_the_same_grant() {
    let mut round = Round::begin("F17");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let room = ground.room(2).await;
    for _ in 0..3 {
        let (guest, node) = (ground.nodes[0].guest("guest").await, round.dice.at(2));
        let wire = &ground.to_redis[node];
        let lost = wire.stop_at(Catch::Answer(vec![RESERVES]));
        let me = ground.at(node, &guest);
        let ask = Reserve::default();
        let ((), answer) = tokio::join!(lost, me.reserve(room, &ask));
        refused(answer, 503, Code::Unavailable);
        round.injected();
        wire.reset();
        wire.let_go();
        let there = ground.nodes[1 - node].seats(room).await;
        round.holds("K-once", there.reserved == 1, format!("the script had run: {there:?}"));
        let first = ground.at(1 - node, &guest).reserve(room, &Reserve::default()).await.unwrap();
        let again = lives_again(async || me.reserve(room, &Reserve::default()).await).await;
        round.holds("K-once", first.ticket == again.ticket, "another grant");
        round.counts().reserved(1);
        // The line on which its node hears the others may still be down.
        within("an entry", async {
            while let Err(error) = me.enter(room).await {
                assert_eq!(error.code(), Some(Code::Unavailable), "{error}");
            }
        })
        .await;
        me.logout().await.unwrap();
        ground.leaks_nothing(&mut round, room, 2).await;
    }
    ground.once(&mut round, Logs::Cut);
}

#[tokio::test]
async fn f20_a_full_redis_gives_no_seat_and_takes_every_seat_back() {
    let mut round = Round::begin("F20");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let room = ground.room(SEATS).await;
    let mut sits = Vec::new();
    for (n, guest) in ground.people(SEATS).await.iter().take(SEATS).enumerate() {
        sits.push(ground.at(n % 2, guest).enter(room).await.unwrap());
        round.counts().reserved(1);
    }
    let late = ground.nodes[0].guest("late").await;
    // Whoever looks has signed in before.
    let full = ground.nodes[1].seats(room).await;
    assert_eq!(full.free, 0);
    assert_eq!(ground.redis.say("CONFIG SET maxmemory 1"), "+OK");
    round.injected();
    let leaving = 1 + round.dice.at(SEATS - 1);
    for session in sits.drain(..leaving) {
        session.leave().await.unwrap();
    }
    let is_back = |seats: &Seats, _| seats.free as usize == leaving;
    ground.nodes[1].seats_when(room, is_back).await;
    refused(late.reserve(room, &Reserve::default()).await, 503, Code::Unavailable);
    for session in &mut sits {
        alive(session).await;
    }
    assert_eq!(ground.redis.say("CONFIG SET maxmemory 0"), "+OK");
    for session in sits {
        session.leave().await.unwrap();
    }
    ground.leaks_nothing(&mut round, room, SEATS).await;
    ground.lives(&mut round, room, Duration::from_secs(5)).await;
    ground.once(&mut round, Logs::Cut);
}

#[tokio::test]
async fn f21_scripts_that_are_flushed_under_load_are_loaded_again() {
    let mut round = Round::begin("F21");
    let mut ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..8 {
            pause(round.dice.between(0, 100)).await;
            assert_eq!(ground.redis.say("SCRIPT FLUSH"), "+OK");
            round.injected();
        }
        load.goes_on().await;
    })
    .await;
}

#[tokio::test]
async fn f22_a_redis_that_must_not_decide_decides_nothing_and_may_again() {
    let mut round = Round::begin("F22");
    let ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    let room = ground.room(2).await;
    let mut sits = ground.nodes[0].guest("sits").await.enter(room).await.unwrap();
    let late = ground.nodes[1].guest("late").await;
    let mut words = [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET min-replicas-to-write 3", "CONFIG SET min-replicas-to-write 0"),
        ("CONFIG SET maxmemory-policy allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
    ];
    round.dice.shuffle(&mut words);
    for (wrong, right) in &words[..2] {
        assert_eq!(ground.redis.say(wrong), "+OK");
        if wrong.contains("maxmemory-policy") {
            // Seen by whoever connects next.
            ground.to_redis.iter().for_each(Relay::reset);
        }
        round.injected();
        let refusal = within("a refusal", async {
            loop {
                if let Err(error) = late.reserve(room, &Reserve::default()).await {
                    return error;
                }
                late.cancel(room).await.unwrap();
            }
        })
        .await;
        round.holds("K-once", refusal.code() == Some(Code::Unavailable), format!("{refusal}"));
        alive(&mut sits).await;
        assert_eq!(ground.redis.say(right), "+OK");
        let taken = lives_again(async || late.reserve(room, &Reserve::default()).await).await;
        late.confirm(&taken, Default::default()).await.unwrap().leave().await.unwrap();
        round.counts().reserved(1);
    }
    sits.leave().await.unwrap();
    ground.leaks_nothing(&mut round, room, 2).await;
    ground.once(&mut round, Logs::Cut);
}

#[tokio::test]
async fn f23_deadlines_come_though_nobody_hears_what_redis_publishes() {
    let mut round = Round::begin("F23");
    let wanted = Wanted::nodes(2).set("admission.reservation_ttl", "1s");
    let mut ground = Ground::start(&mut round, wanted).await;
    let dropped = ground.room(2).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..3 {
            let guest = ground.nodes[round.dice.at(2)].guest("never comes").await;
            guest.reserve(dropped, &Reserve::default()).await.unwrap();
            round.counts().reserved(1);
            for _ in 0..4 {
                ground.redis.say("CLIENT KILL TYPE pubsub");
                round.injected();
                pause(round.dice.between(20, 150)).await;
            }
            load.goes_on().await;
        }
        ground.leaks_nothing(round, dropped, 2).await;
    })
    .await;
}

#[tokio::test]
async fn f24_a_redis_far_away_keeps_nobody_waiting_for_anybody_else() {
    const AT_ONCE: usize = 24;
    let mut round = Round::begin("F24");
    let wanted = Wanted::nodes(2).set("redis.timeout", "3s");
    let ground = Ground::start(&mut round, wanted).await;
    let room = ground.room(AT_ONCE).await;
    let people = ground.people(AT_ONCE).await;
    for wire in &ground.to_redis {
        wire.one_way(Way::Down, Wires::Slow(Duration::from_millis(200)));
    }
    round.injected();
    let began = Instant::now();
    let asked = people.iter().map(|one| async { one.reserve(room, &Reserve::default()).await });
    let answers = join_all(asked).await;
    let took = began.elapsed();
    let granted = answers.iter().filter(|it| it.is_ok()).count();
    round.counts().reserved(granted);
    round.holds("K-live", granted == AT_ONCE, format!("{granted} of {AT_ONCE}"));
    // One after the other they would take 24 times a tenth of a second for each of their questions.
    round.holds("K-live", took < Duration::from_millis(2_400), format!("{took:?} for all"));
    ground.to_redis.iter().for_each(|wire| wire.now(Wires::Pass));
    for one in &people {
        one.cancel(room).await.unwrap();
    }
    ground.leaks_nothing(&mut round, room, AT_ONCE).await;
}
