//! What goes wrong, and when.
//!
//! In the first three tenths of the time anything does, and in the last tenth. Between them node 0 is left to live
//! (only what it stands on fails), so that there is a life long enough to judge its memory by.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until};

use super::samples::Samples;
use super::wanderers::Wanderers;
use crate::harness::check::Span;
use crate::harness::dice::Dice;
use crate::harness::faults::{Ground, Round, Storm, Talk};
use crate::harness::{http_client, now_ms, shown};

/// Between two troubles, in milliseconds.
const QUIET: (u64, u64) = (5_000, 18_000);
/// How long something that stands still does, or is away.
const STILL: (u64, u64) = (500, 4_000);
/// Longer than a lease: others give the node up.
const TOO_LONG: Duration = Duration::from_secs(12);
/// After a trouble everything is ready again within so long, on a machine that is busy.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// So many lines of each node's log are shown when it is not.
const LINES: usize = 30;
/// So long a node may think about whether it is ready; it gives each store 3 s.
const ASKED: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    NodeKilled,
    NodeStopped,
    NodeStill,
    NodeAsleep,
    RedisLost,
    RedisStill,
    PostgresKilled,
    PostgresStill,
    BackendsEnded,
    RabbitKilled,
    RabbitStill,
}

use What::{
    BackendsEnded, NodeAsleep, NodeKilled, NodeStill, NodeStopped, PostgresKilled, PostgresStill,
    RabbitKilled, RabbitStill, RedisLost, RedisStill,
};

/// Of several nodes over stores.
const ALL: [What; 11] = [
    NodeKilled,
    NodeStopped,
    NodeStill,
    NodeAsleep,
    RedisLost,
    RedisStill,
    PostgresKilled,
    PostgresStill,
    BackendsEnded,
    RabbitKilled,
    RabbitStill,
];
/// The first of them: there is nobody else to wait for, nor a store to lose.
const ALONE: usize = 3;

pub(crate) struct Trouble {
    dice: Dice,
    began: Instant,
    span: Duration,
    counts: BTreeMap<What, usize>,
    losses: Vec<Span>,
}

impl Trouble {
    pub(crate) fn new(dice: Dice, span: Duration) -> Self {
        Self { dice, began: Instant::now(), span, counts: BTreeMap::new(), losses: Vec::new() }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.began.elapsed() >= self.span
    }

    /// How often each happened.
    pub(crate) fn counts(&self) -> String {
        format!("{:?}", self.counts)
    }

    /// When Redis was emptied.
    pub(crate) fn losses(&self) -> &[Span] {
        &self.losses
    }

    /// Whether node 0 is to live on.
    fn spares_a_node(&self) -> bool {
        let part = self.began.elapsed().as_secs_f64() / self.span.as_secs_f64();
        (0.3..0.9).contains(&part)
    }

    /// A quiet while with its samples, then one trouble, and everything is ready again.
    pub(crate) async fn next(
        &mut self,
        ground: &mut Ground,
        round: &Round,
        samples: &mut Samples,
        load: (&Talk, &Storm, &Wanderers),
    ) {
        let until = Instant::now() + self.dice.between(QUIET.0, QUIET.1);
        while Instant::now() < until && !self.is_over() {
            ground.restart_who_stopped().await;
            samples.take(ground, load, self.counts.values().sum()).await;
        }
        if self.is_over() {
            return;
        }
        let node = self.dice.at(ground.nodes.len());
        let what = self.dice.of(if ground.is_alone() { &ALL[..ALONE] } else { &ALL });
        let takes_a_life = matches!(what, NodeKilled | NodeStopped | NodeAsleep);
        if takes_a_life && node == 0 && self.spares_a_node() {
            return;
        }
        *self.counts.entry(what).or_default() += 1;
        round.injected();
        self.happens(what, node, ground).await;
        ground.restart_who_stopped().await;
        ready_again(ground, what).await;
    }

    async fn happens(&mut self, what: What, node: usize, ground: &mut Ground) {
        let still = self.dice.between(STILL.0, STILL.1);
        match what {
            NodeKilled => ground.kill_and_restart(node).await,
            NodeStopped => {
                ground.nodes[node].ask_to_stop();
                ground.nodes[node].exited().await;
                ground.restart(node).await;
            }
            NodeStill | NodeAsleep => {
                ground.nodes[node].sleeps();
                lasts(if what == NodeStill { still } else { TOO_LONG }).await;
                ground.nodes[node].wakes();
            }
            RedisLost => {
                let before = now_ms();
                block_in_place(|| ground.redis.restart());
                self.losses.push((before, now_ms()));
            }
            RedisStill => {
                ground.redis.sleeps();
                lasts(still).await;
                ground.redis.wakes();
            }
            PostgresKilled => {
                block_in_place(|| ground.postgres().stop());
                lasts(still).await;
                block_in_place(|| ground.postgres().start_again());
            }
            PostgresStill => {
                let all = block_in_place(|| of_postgres(ground));
                signal("STOP", &all);
                lasts(still).await;
                signal("CONT", &all);
            }
            BackendsEnded => block_in_place(|| ground.ends_backends()),
            RabbitKilled => {
                let rabbit = ground.rabbit.as_ref().expect("messages go through it");
                rabbit.kill9().await;
                lasts(still).await;
                rabbit.start_again().await;
            }
            RabbitStill => {
                let rabbit = ground.rabbit.as_ref().expect("messages go through it");
                let it = [rabbit.pid().to_string()];
                signal("STOP", &it);
                lasts(still).await;
                signal("CONT", &it);
            }
        }
    }
}

/// The server of PostgreSQL and all that serve for it.
fn of_postgres(ground: &Ground) -> Vec<String> {
    let one = ground.say("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    let status = std::fs::read_to_string(format!("/proc/{one}/status")).unwrap();
    let server = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
    let children = format!("/proc/{server}/task/{server}/children");
    let children = std::fs::read_to_string(children).unwrap();
    [server].into_iter().chain(children.split_whitespace()).map(str::to_owned).collect()
}

/// Of those that are still there.
fn signal(name: &str, pids: &[String]) {
    let kill = format!("kill -{name} {} 2>&1", pids.join(" "));
    Command::new("sh").args(["-c", &kill]).output().expect("a shell");
}

async fn lasts(span: Duration) {
    sleep_until(Instant::now() + span).await;
}

/// What the store knows of the nodes, and what each has logged of its seats and its lease.
fn told(ground: &Ground) -> String {
    let mut text = match ground.is_alone() {
        true => String::new(),
        false => ground.say("SELECT (SELECT seats_life FROM meta), nodes FROM nodes"),
    };
    for (number, node) in ground.nodes.iter().enumerate() {
        let of = |word: &str| node.lines_with(word);
        let mut lines: Vec<String> =
            ["seat_store.lost", "seat_store.re", "\"node."].map(of).concat();
        lines.sort();
        let last = lines.len().saturating_sub(LINES);
        text += &format!("\nnode {number}:\n{}", lines[last..].join("\n"));
    }
    text
}

/// Waits until every node says that it is ready; who stopped because others had given it up begins again.
async fn ready_again(ground: &mut Ground, what: What) {
    let until = Instant::now() + READY_WITHIN;
    for node in 0..ground.nodes.len() {
        loop {
            let url = format!("{}/readyz", ground.nodes[node].base());
            let answer = match http_client().get(url).timeout(ASKED).send().await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => format!("{error:?}"),
            };
            if Instant::now() >= until {
                panic!("node {node} is not ready again after {what:?}: {answer}; {}", told(ground));
            }
            ground.restart_who_stopped().await;
            lasts(Duration::from_millis(200)).await;
        }
    }
    shown(&format!("{what:?} is over"));
}
