//! Searches a scope to its end, or until the time is up.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::scope::Scope;
use super::world::World;

/// What came of a search.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scope.
    pub name: &'static str,
    /// States found, equivalent ones counted once.
    pub unique: usize,
    /// Steps made.
    pub generated: usize,
    /// The longest way taken.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// There are no other states.
    pub is_complete: bool,
    /// What did not hold, each with a way to it.
    pub broken: Vec<String>,
    /// What should have happened in some state, and did not.
    pub missed: Vec<&'static str>,
}

impl Outcome {
    /// Everything was seen, and everything held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.is_complete && self.broken.is_empty() && self.missed.is_empty()
    }
}

/// How a search goes about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Finds the shortest way to what does not hold; keeps many states in memory.
    Nearest,
    /// Keeps few states in memory.
    Deepest,
}

/// Searches a scope on `threads` threads for at most `limit`. `progress` is told now and then how
/// many states were found.
///
/// A search ends early when something does not hold.
pub fn search(
    scope: Scope,
    order: Order,
    threads: NonZeroUsize,
    limit: Duration,
    progress: &mut dyn FnMut(usize),
) -> Outcome {
    let builder = World::new(scope)
        .checker()
        .threads(threads.get())
        .finish_when(HasDiscoveries::AnyFailures)
        .timeout(limit);
    let began = Instant::now();
    match order {
        Order::Nearest => watch(scope, builder.spawn_bfs(), began, limit, progress),
        Order::Deepest => watch(scope, builder.spawn_dfs(), began, limit, progress),
    }
}

fn watch(
    scope: Scope,
    mut checker: impl Checker<World>,
    began: Instant,
    limit: Duration,
    progress: &mut dyn FnMut(usize),
) -> Outcome {
    let handles = checker.handles();
    let (done, wait) = std::sync::mpsc::channel::<bool>();
    let joiner = std::thread::spawn(move || {
        let joined = handles.into_iter().all(|handle| handle.join().is_ok());
        // Whoever waits is there until this was sent.
        let _ = done.send(joined);
    });
    let joined = loop {
        match wait.recv_timeout(Duration::from_secs(1)) {
            Ok(joined) => break joined,
            Err(_) => progress(checker.unique_state_count()),
        }
    };
    let took = began.elapsed();
    let _ = joiner.join();
    let mut outcome = Outcome {
        name: scope.name,
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took,
        is_complete: joined && took < limit,
        broken: vec![],
        missed: vec![],
    };
    if !joined {
        outcome.broken.push("the ledger panicked; see stderr".to_owned());
        return outcome;
    }
    let found = catch_unwind(AssertUnwindSafe(|| checker.discoveries())).unwrap_or_default();
    for property in checker.model().properties() {
        match (property.expectation, found.get(property.name)) {
            (Expectation::Sometimes, None) => outcome.missed.push(property.name),
            (Expectation::Always, Some(path)) => {
                let mut way = format!("{}: broken by", property.name);
                for action in path.clone().into_actions() {
                    // Writing to a string does not fail.
                    let _ = write!(way, "\n  {action:?}");
                }
                let _ = write!(way, "\nleaves {:#?}", path.last_state());
                outcome.broken.push(way);
            }
            _ => {}
        }
    }
    outcome
}
