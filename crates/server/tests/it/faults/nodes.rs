//! Nodes that die, sleep, wake and stop.

use std::process::Command;
use std::time::Duration;

use anteroom_protocol::entry::Reserve;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use super::pause;
use crate::harness::check::Logs;
use crate::harness::faults::{Ground, LEASE, Round, SEATS, Wanted, under_load};
use crate::harness::{TestServer, Wires, alive, ended, not_run, within};

#[tokio::test]
async fn f02_nodes_killed_at_random_lose_no_seat_and_no_message() {
    let mut round = Round::begin("F02");
    let mut ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        for _ in 0..3 {
            let node = round.dice.at(3);
            pause(round.dice.between(50, 600)).await;
            ground.kill_and_restart(node).await;
            round.injected();
            load.goes_on().await;
        }
    })
    .await;
}

#[tokio::test]
async fn f03_a_woken_zombie_writes_nothing() {
    let mut round = Round::begin("F03");
    let mut ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        let node = round.dice.at(3);
        let swept = format!("SELECT swept FROM nodes WHERE node = {}", node + 1);
        ground.nodes[node].sleeps();
        round.injected();
        // What was sent to it meanwhile waits for it.
        within("the end of its lease", async {
            while ground.say(&swept) != "t" {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // People stop waiting for it.
        ground.doors[node].now(Wires::Cut);
        load.goes_on().await;
        ground.nodes[node].wakes();
        let stopped = ground.nodes[node].exited().await;
        ground.doors[node].now(Wires::Pass);
        round.holds("K-one", !stopped.success(), "it went on where others had given it up");
        ground.restart(node).await;
    })
    .await;
}

#[tokio::test]
async fn f04_a_short_sleep_moves_no_seat_and_loses_no_message() {
    let mut round = Round::begin("F04");
    let wanted = Wanted::nodes(3).set("cluster.lease", "8s");
    let mut ground = Ground::start(&mut round, wanted).await;
    under_load(&mut ground, &mut round, Logs::Whole, async |ground, round, load| {
        for _ in 0..3 {
            let node = round.dice.at(3);
            ground.nodes[node].sleeps();
            pause(round.dice.between(100, 1_200)).await;
            ground.nodes[node].wakes();
            round.injected();
            load.goes_on().await;
        }
    })
    .await;
    let fenced = ground.nodes.iter().flat_map(|node| node.logged("node.fenced", json!({}))).count();
    round.holds("K-live", fenced == 0, "a node was given up that had only slept for a moment");
}

#[tokio::test]
async fn f05_a_node_that_stops_in_a_storm_gives_its_seats_back_before_it_ends() {
    let mut round = Round::begin("F05");
    // Nobody takes its seats away in the time of the test but the node itself.
    let wanted = Wanted::nodes(3).set("cluster.lease", "40s").set("admission.grace", "40s");
    let mut ground = Ground::start(&mut round, wanted).await;
    let room = ground.room(SEATS).await;
    let node = round.dice.at(3);
    let mut sits = Vec::new();
    for guest in ground.nodes[node].guests(SEATS).await {
        sits.push(ground.at(node, &guest).enter(room).await.unwrap());
        round.counts().reserved(1);
    }
    let others = ground.nodes[(node + 1) % 3].guests(SEATS).await;
    pause(round.dice.between(0, 100)).await;
    ground.nodes[node].ask_to_stop();
    round.injected();
    let late = ground.at(node, &others[0]).reserve(room, &Reserve::default()).await;
    round.holds("K-live", late.is_err(), "a node that stops takes reservations");
    for session in &mut sits {
        let code = ended(session).await.1.code;
        round.holds("K-one", code == 1012, format!("told {code}"));
    }
    let status = ground.nodes[node].exited().await;
    round.holds("K-live", status.success(), format!("{status}"));
    let seats = ground.nodes[(node + 1) % 3].seats(room).await;
    let kept = seats.occupied + seats.held + seats.reserved;
    round.holds("K-leak", kept == 0 || seats.held == kept, format!("{seats:?} after its end"));
    ground.restart(node).await;
    ground.once(&mut round, Logs::Cut);
}

#[tokio::test]
async fn f10_a_node_without_descriptors_does_not_spin_and_recovers() {
    const NAME: &str = "f10_a_node_without_descriptors_does_not_spin_and_recovers";
    let mut round = Round::begin("F10");
    let ground = Ground::start(&mut round, Wanted::nodes(1)).await;
    let node = &ground.nodes[0];
    let room = ground.room(SEATS).await;
    let mut sits = node.guest("sits").await.enter(room).await.unwrap();
    let pid = node.pid();
    let files = || std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let before = most_files(pid);
    let most = files() as u64 + 4 + round.dice.below(8);
    if !limited(node, &most.to_string(), NAME) {
        return;
    }
    round.injected();
    let mut lines = Vec::new();
    while files() < most as usize {
        lines.push(tokio::net::TcpStream::connect(("127.0.0.1", node.port())).await.unwrap());
    }
    // Nobody else gets in, and that costs nothing.
    for _ in 0..20 {
        lines.push(tokio::net::TcpStream::connect(("127.0.0.1", node.port())).await.unwrap());
    }
    let (began, spent) = (Instant::now(), cpu_ticks(pid));
    for _ in 0..4 {
        pause(Duration::from_millis(250)).await;
        alive(&mut sits).await;
    }
    let share = (cpu_ticks(pid) - spent) as f64 / 100.0 / began.elapsed().as_secs_f64();
    round.holds("K-live", share < 0.2, format!("{share:.2} of a core at rest"));
    drop(lines);
    assert!(limited(node, &before, NAME));
    alive(&mut sits).await;
    ground.lives(&mut round, room, Duration::from_secs(10)).await;
}

/// How many files a running process may have open.
fn most_files(pid: u32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

/// Bounds the files of a running node, where the machine allows it.
fn limited(node: &TestServer, most: &str, test: &str) -> bool {
    let (pid, files) = (node.pid().to_string(), format!("--nofile={most}:"));
    let said = match Command::new("prlimit").args(["--pid", &pid, &files]).output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => format!("prlimit: {error}"),
    };
    not_run(test, said.trim());
    false
}

/// Hundredths of a second of processor time so far.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn f50_everybody_of_a_dead_node_is_back_in_time_and_nobody_beside() {
    const CROWD: usize = 60;
    let mut round = Round::begin("F50");
    let mut ground = Ground::start(&mut round, Wanted::nodes(3)).await;
    let room = ground.room(CROWD).await;
    let dead = round.dice.at(3);
    let people = ground.nodes[dead].guests(CROWD).await;
    let mut sits = Vec::new();
    for guest in &people {
        sits.push(ground.at(dead, guest).enter(room).await.unwrap());
    }
    ground.nodes[dead].kill9().await;
    round.injected();
    let began = Instant::now();
    let comes_back = |who: usize| {
        let (ground, people) = (&ground, &people);
        async move {
            let there = (dead + 1 + who % 2) % 3;
            let me = ground.at(there, &people[who]);
            let (asked, again) = (Instant::now(), me.reserve(room, &Reserve::default()).await);
            let took = asked.elapsed();
            (took, me.confirm(&again.unwrap(), Default::default()).await.unwrap())
        }
    };
    let back = within("everybody who comes back", join_all((0..CROWD).map(comes_back))).await;
    round.counts().reserved(CROWD);
    let (mut took, mut sessions): (Vec<_>, Vec<_>) = back.into_iter().unzip();
    took.sort();
    let p99 = took[CROWD * 99 / 100];
    round.holds("K-live", p99 < Duration::from_secs(2), format!("a reservation took {p99:?}"));
    let all = began.elapsed();
    round.holds("K-live", all < LEASE * 10, format!("all were back only after {all:?}"));
    let late = ground.nodes[(dead + 1) % 3].guest("late").await;
    let late = late.reserve(room, &Reserve::default()).await;
    round.holds("K-cap", late.is_err(), "a seat was left over");
    for session in &mut sessions {
        alive(session).await;
    }
    ground.once(&mut round, Logs::Cut);
}
