//! Lines that are cut, held one way, chopped, late, reset and half closed.

use super::pause;
use crate::harness::check::Logs;
use crate::harness::faults::{Ground, Round, Wanted, under_load};
use crate::harness::{Relay, Way, Wires};

/// Every wire there is.
fn wires(ground: &Ground) -> Vec<&Relay> {
    ground.to_redis.iter().chain(&ground.to_postgres).chain(&ground.doors).collect()
}

#[tokio::test]
async fn f46_a_node_apart_from_the_others_overfills_nothing_then_or_later() {
    let mut round = Round::begin("F46");
    let mut ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        for _ in 0..2 {
            // The nodes meet in Redis and PostgreSQL only.
            let node = round.dice.at(3);
            let ways = round.dice.of(&[&[Way::Up][..], &[Way::Down], &[Way::Up, Way::Down]]);
            let apart = |order| {
                for way in ways {
                    ground.to_redis[node].one_way(*way, order);
                    ground.to_postgres[node].one_way(*way, order);
                }
            };
            apart(Wires::Hold);
            round.injected();
            pause(round.dice.between(300, 1_500)).await;
            load.goes_on().await;
            apart(Wires::Pass);
            load.goes_on().await;
            ground.restart_who_stopped().await;
        }
    })
    .await;
}

#[tokio::test]
async fn f47_a_node_without_redis_admits_nobody_and_misses_nothing() {
    let mut round = Round::begin("F47");
    let mut ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        let node = round.dice.at(3);
        let order = round.dice.of(&[Wires::Hold, Wires::Cut, Wires::Lose]);
        ground.to_redis[node].now(order);
        round.injected();
        pause(round.dice.between(500, 3_500)).await;
        load.goes_on().await;
        ground.to_redis[node].now(Wires::Pass);
        // What was lost on a line cannot be made up for on it.
        ground.to_redis[node].reset();
        load.goes_on().await;
    })
    .await;
}

#[tokio::test]
async fn f48_lines_that_chop_and_delay_everything_change_nothing() {
    let mut round = Round::begin("F48");
    let wanted = Wanted::nodes(2).set("redis.timeout", "5s").set("storage.timeout", "5s");
    let mut ground = Ground::start(&mut round, wanted.set("cluster.lease", "30s")).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..2 {
            for wire in wires(ground) {
                let slow = Wires::Slow(round.dice.between(1, 60));
                wire.now(round.dice.of(&[Wires::Chop, slow, Wires::Drip(300)]));
                round.injected();
            }
            load.goes_on().await;
        }
        wires(ground).into_iter().for_each(|wire| wire.now(Wires::Pass));
    })
    .await;
}

#[tokio::test]
async fn f49_lines_that_are_reset_give_every_seat_back_once() {
    let mut round = Round::begin("F49");
    let mut ground = Ground::start(&mut round, Wanted::nodes(2)).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..10 {
            wires(ground)[round.dice.at(6)].reset();
            round.injected();
            pause(round.dice.between(20, 250)).await;
        }
        load.goes_on().await;
    })
    .await;
}

#[tokio::test]
async fn f66_links_that_stop_one_by_one_and_come_back_in_another_order() {
    let mut round = Round::begin("F66");
    let mut ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        let mut links: Vec<usize> = (0..9).collect();
        round.dice.shuffle(&mut links);
        let some = 3 + round.dice.at(7);
        links.truncate(some);
        for link in &links {
            wires(ground)[*link].now(Wires::Hold);
            round.injected();
            pause(round.dice.between(0, 300)).await;
        }
        round.dice.shuffle(&mut links);
        for link in &links {
            pause(round.dice.between(0, 300)).await;
            wires(ground)[*link].now(Wires::Pass);
        }
        ground.restart_who_stopped().await;
        load.goes_on().await;
    })
    .await;
}
