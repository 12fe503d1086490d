//! What is looked at all the time: the rooms as every node tells them, the counters, the processes.

use std::fmt::Write as _;
use std::time::Duration;

use anteroom_client::Account;
use tokio::time::{Instant, sleep_until, timeout};

use super::flat::{self, Life};
use super::wanderers::Wanderers;
use crate::harness::check::{Resources, Verdict};
use crate::harness::faults::{Ground, Storm, Talk};

/// Between two samples.
const EVERY: Duration = Duration::from_secs(2);
/// A node that takes longer is asked again with the next.
const PATIENCE: Duration = Duration::from_secs(3);
const VIOLATIONS: &str = "anteroom_capacity_violations_total ";

/// A minute of the table.
#[derive(Clone, Debug, Default)]
struct Minute {
    troubles: usize,
    entered: usize,
    acked: usize,
    wandered: usize,
    most: Vec<usize>,
    keys: Option<usize>,
    used: Vec<Option<Resources>>,
}

pub(crate) struct Samples {
    began: Instant,
    rooms: Vec<(i64, usize)>,
    watcher: Account,
    minutes: Vec<Minute>,
    wrong: Vec<String>,
    pub(crate) lives: Vec<Life>,
    asked: usize,
}

impl Samples {
    pub(crate) async fn new(ground: &Ground, rooms: &[(i64, usize)]) -> Self {
        let watcher = ground.nodes[0].guest("watcher").await;
        let (minutes, wrong, lives) = Default::default();
        let began = Instant::now();
        Self { began, rooms: rooms.to_vec(), watcher, minutes, wrong, lives, asked: 0 }
    }

    /// One look, and a pause.
    pub(crate) async fn take(
        &mut self,
        ground: &Ground,
        (talk, storm, wanderers): (&Talk, &Storm, &Wanderers),
        troubles: usize,
    ) {
        let at = self.began.elapsed();
        let mut most = vec![0; self.rooms.len()];
        for node in 0..ground.nodes.len() {
            for (n, (room, seats)) in self.rooms.clone().into_iter().enumerate() {
                let me = ground.at(node, &self.watcher);
                let Ok(Ok(told)) = timeout(PATIENCE, me.room(room)).await else { continue };
                self.asked += 1;
                let taken = (told.seats.occupied + told.seats.held + told.seats.reserved) as usize;
                most[n] = most[n].max(taken);
                if taken > seats {
                    self.wrong.push(format!("{at:?}: node {node} tells {:?}", told.seats));
                }
            }
            self.counters(ground, node, at).await;
        }
        // One that was given up by the others may have ended just now.
        let used: Vec<Option<Resources>> =
            ground.nodes.iter().map(|node| Resources::of_living(node.pid())).collect();
        for (node, used) in used.iter().enumerate().filter_map(|(node, it)| Some((node, (*it)?))) {
            flat::note(&mut self.lives, node, ground.nodes[node].pid(), (at, used));
        }
        let minute = usize::try_from(at.as_secs() / 60).unwrap();
        self.minutes.resize_with(minute + 1, Minute::default);
        let last = &mut self.minutes[minute];
        last.most.resize(most.len(), 0);
        last.most.iter_mut().zip(most).for_each(|(old, new)| *old = new.max(*old));
        (last.troubles, last.acked) = (troubles, talk.acked());
        (last.entered, last.wandered) = (storm.entered(), wanderers.acts());
        last.keys = (!ground.is_alone()).then(|| ground.redis.keys().len());
        last.used = used;
        sleep_until(Instant::now() + EVERY).await;
    }

    async fn counters(&mut self, ground: &Ground, node: usize, at: Duration) {
        let url = format!("{}/metrics", ground.nodes[node].base());
        let asked = crate::harness::http_client().get(url).timeout(PATIENCE).send().await;
        let Ok(Ok(text)) = futures_util::future::OptionFuture::from(asked.ok().map(|it| it.text()))
            .await
            .ok_or(())
        else {
            return;
        };
        let told = text.lines().find_map(|line| line.strip_prefix(VIOLATIONS));
        if told.is_some_and(|it| it != "0") {
            self.wrong.push(format!("{at:?}: node {node} counts {told:?} capacity violations"));
        }
    }

    /// No sample of any node had more in a room than it holds; how many samples there were.
    pub(crate) fn were_never_overfull(&self) -> Verdict<usize> {
        match self.wrong.first() {
            Some(found) => Err(found.clone()),
            None if self.asked == 0 => Err("no node ever answered a sample".into()),
            None => Ok(self.asked),
        }
    }

    /// What each life that was long enough used, in words.
    pub(crate) fn are_flat(&self) -> Verdict<Vec<String>> {
        self.lives.iter().filter_map(|life| life.judged().transpose()).collect()
    }

    /// Nothing but what there was before is left in Redis for the rooms of the storm.
    pub(crate) fn rest_at_the_end(&self, ground: &Ground) -> bool {
        let is_seat = |key: &String| {
            self.rooms.iter().any(|(room, _)| {
                ["slots", "line", "entering"]
                    .iter()
                    .any(|what| *key == format!("anteroom:room:{room}:{what}"))
            })
        };
        ground.is_alone() || !ground.redis.keys().iter().any(is_seat)
    }

    /// A line for each minute.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from(
            "| minute | troubles | entered | acts | acknowledged | most in the rooms | keys in Redis | \
             MiB, descriptors, threads of each node |\n| --: | --: | --: | --: | --: | --- | --: | --- |\n",
        );
        let mut before = Minute::default();
        for (n, it) in self.minutes.iter().enumerate() {
            let used: Vec<String> = it
                .used
                .iter()
                .map(|it| match it {
                    Some(it) => format!("{} {} {}", it.resident_kib >> 10, it.files, it.tasks),
                    None => "ended".to_owned(),
                })
                .collect();
            let keys = it.keys.map_or_else(|| "–".to_owned(), |keys| keys.to_string());
            let of = |now: usize, then: usize| now.saturating_sub(then);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {:?} | {keys} | {} |",
                n + 1,
                of(it.troubles, before.troubles),
                of(it.entered, before.entered),
                of(it.wandered, before.wandered),
                of(it.acked, before.acked),
                it.most,
                used.join("; "),
            );
            if !it.used.is_empty() {
                before = it.clone();
            }
        }
        text
    }
}
