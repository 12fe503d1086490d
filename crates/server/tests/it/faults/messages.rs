//! Acknowledged messages through kills, cuts and restarts of every engine: none lost, none doubled, none out
//! of order.
//!
//! The short form says a few thousand. The long one takes its number from the environment:
//!
//! ```sh
//! ANTEROOM_FAULT_MESSAGES=1000000 cargo test --profile proof -p anteroom --test it -- \
//!     --ignored --nocapture acknowledged_messages
//! ```

use std::time::{Duration, Instant};

use super::pause;
use crate::harness::faults::{Ground, Round, Saying, Talk, Wanted};
use crate::harness::{Wires, shown};

/// How many messages the long form says in all.
const MESSAGES: &str = "ANTEROOM_FAULT_MESSAGES";
/// Between two faults of the long form; in the short one they follow each other at once.
const EVERY: Duration = Duration::from_millis(300);
/// How often the long form says how far it is.
const TOLD_EVERY: usize = 20_000;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    CutFromRedis,
    CutFromPostgres,
    CutFromPeople,
    RedisRestarts,
    PostgresRestarts,
    BackendsEnd,
    NodeSleeps,
    BrokerRestarts,
    BrokerDropsEveryone,
}

/// Every kind, and therefore every engine.
const FAULTS: [Fault; 10] = [
    Fault::Kill,
    Fault::CutFromRedis,
    Fault::CutFromPostgres,
    Fault::CutFromPeople,
    Fault::RedisRestarts,
    Fault::PostgresRestarts,
    Fault::BackendsEnd,
    Fault::NodeSleeps,
    Fault::BrokerRestarts,
    Fault::BrokerDropsEveryone,
];

impl Fault {
    async fn happens(self, ground: &mut Ground, round: &mut Round) {
        let node = round.dice.at(ground.nodes.len());
        let span = round.dice.between(100, 1_200);
        match self {
            Self::Kill => ground.kill_and_restart(node).await,
            Self::CutFromRedis => {
                ground.to_redis[node].now(Wires::Cut);
                pause(span).await;
                ground.to_redis[node].now(Wires::Pass);
            }
            Self::CutFromPostgres => {
                ground.to_postgres[node].now(round.dice.of(&[Wires::Cut, Wires::Hold]));
                pause(span).await;
                ground.to_postgres[node].now(Wires::Pass);
            }
            Self::CutFromPeople => ground.doors[node].reset(),
            Self::RedisRestarts => ground.redis.restart(),
            Self::PostgresRestarts => {
                ground.postgres().stop();
                pause(span / 2).await;
                ground.postgres().start_again();
            }
            Self::BackendsEnd => ground.ends_backends(),
            Self::BrokerRestarts => {
                let rabbit = ground.rabbit.as_ref().expect("messages go through queues");
                rabbit.kill9().await;
                rabbit.start_again().await;
            }
            Self::BrokerDropsEveryone => {
                let rabbit = ground.rabbit.as_ref().expect("messages go through queues");
                let words = ["close_all_connections", "a fault of this round"];
                rabbit.ctl(&words).await;
            }
            Self::NodeSleeps => {
                ground.nodes[node].sleeps();
                pause(span).await;
                ground.nodes[node].wakes();
            }
        }
        round.injected();
        // A node that was given up meanwhile ends, as it must, and begins again.
        ground.restart_who_stopped().await;
    }
}

/// Says so much while everything fails in turn, at that pace, and judges all of it.
async fn says(row: &'static str, saying: Saying, every: Duration) {
    let mut round = Round::begin(row);
    // Every engine restarts: who sits is let sit, and who is cut off for a second is not given up.
    let wanted = Wanted::nodes(3).own_postgres().over_rabbit().set("cluster.lease", "6s");
    let mut ground = Ground::start(&mut round, wanted).await;
    let began = Instant::now();
    let talk = Talk::begins(&ground, &mut round, saying).await;
    let all = saying.rooms * saying.members * saying.each;
    let mut faults = FAULTS;
    let (mut happened, mut told) = (0, 0);
    while talk.acked() < all * 9 / 10 || happened < FAULTS.len() {
        if happened % FAULTS.len() == 0 {
            round.dice.shuffle(&mut faults);
        }
        faults[happened % FAULTS.len()].happens(&mut ground, &mut round).await;
        happened += 1;
        talk.goes_on(if talk.acked() + 50 < all { 50 } else { 0 }).await;
        pause(every).await;
        if talk.acked() / TOLD_EVERY > told {
            told = talk.acked() / TOLD_EVERY;
            shown(&format!(
                "{} of {all} after {:?}, {happened} faults",
                talk.acked(),
                began.elapsed()
            ));
        }
    }
    talk.said().await;
    let rate = talk.acked() as f64 / began.elapsed().as_secs_f64();
    let acked = talk.ends(&ground, &mut round).await;
    shown(&format!("{acked} acknowledged, {rate:.0} a second, {happened} faults"));
    round.holds("K-msg", acked == all, format!("{acked} of {all} were acknowledged"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_acknowledged_messages_outlive_every_engine() {
    let saying = Saying { rooms: 3, members: 4, each: 300, window: 8, stays: 250, ..Saying::SMALL };
    says("messages", saying, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the long form: a million messages, ANTEROOM_FAULT_MESSAGES says how many"]
async fn a_million_acknowledged_messages_outlive_every_engine() {
    let wanted = std::env::var(MESSAGES).map_or(1_000_000, |text| text.parse().expect("a number"));
    let (rooms, members) = (16, 4);
    let each = usize::div_ceil(wanted, rooms * members);
    let saying = Saying { rooms, members, each, window: 32, stays: 4_000, ..Saying::SMALL };
    says("messages", saying, EVERY).await;
}
