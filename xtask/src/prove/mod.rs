//! `cargo xtask prove`: the long form of what `cargo xtask test` shows in short.
//!
//! The work is cut into shards that each end within ten minutes ([`shards`]). A shard that held is
//! remembered for exactly the tree in which it ran ([`crate::tree`]), so a run that was interrupted, or
//! was given only so many minutes, goes on where it was. Shards run side by side ([`lanes`]) where they
//! neither measure time nor use every core themselves. At the end stands what was shown in all.

mod duels;
mod lanes;
mod memory;
mod shards;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;

use crate::mutants;
use crate::run::say;
use memory::Memory;
use shards::{Built, Figures, Shard};

/// Which of it, and for how long.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Only shards whose name has one of these texts, as `duels,model`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Run so many shards side by side, of those that may be; without it, one for each core.
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    /// Begin no shard after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Do everything anew, also what is remembered.
    #[arg(long)]
    fresh: bool,
    /// Say which shards there are, and do nothing.
    #[arg(long)]
    list: bool,
    /// Leave the mutants out.
    #[arg(long)]
    no_mutants: bool,
}

impl Wanted {
    fn jobs(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.jobs.unwrap_or_else(cores)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| name.contains(text.as_str()))
    }
}

/// Runs what is wanted and not remembered. Answers how many shards, and mutants, failed.
///
/// # Errors
/// Something cannot be built or begun.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<u32> {
    let shards: Vec<Shard> =
        shards::all().into_iter().filter(|shard| wanted.wants(&shard.name)).collect();
    if wanted.list {
        shards.iter().for_each(|shard| say(&shard.name));
        return Ok(0);
    }
    let mut memory = Memory::open(root, wanted.fresh)?;
    let until = wanted.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let open: Vec<&Shard> = shards.iter().filter(|it| memory.figures(&it.name).is_none()).collect();
    let mut failed = Vec::new();
    if !open.is_empty() {
        let plan = Proving { built: shards::build(root)?, until };
        lanes::run(&open, wanted.jobs(), &plan, |shard, figures| {
            match figures? {
                Some(figures) => memory.keep(&shard.name, figures)?,
                None => failed.push(shard.name.clone()),
            }
            Ok(())
        })?;
    }
    let left = summarise(&shards, &memory, &failed);
    let mut wrong = u32::try_from(failed.len()).unwrap_or(u32::MAX);
    if left == 0 && !wanted.no_mutants && wanted.wants("mutants") {
        wrong += mutants::run(root, &mutants::Which::default())?;
    }
    Ok(wrong)
}

/// How shards are run.
struct Proving {
    built: Built,
    until: Option<Instant>,
}

impl lanes::Plan<&Shard, anyhow::Result<Option<Figures>>> for Proving {
    fn is_alone(&self, shard: &&Shard) -> bool {
        shard.is_alone()
    }

    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn act(&self, shard: &&Shard) -> anyhow::Result<Option<Figures>> {
        prove(shard, &self.built)
    }
}

fn prove(shard: &Shard, built: &Built) -> anyhow::Result<Option<Figures>> {
    say(&format!("\n== {}", shard.name));
    let began = Instant::now();
    let figures = shard.run(built)?;
    let seconds = began.elapsed().as_secs_f64();
    match &figures {
        Some(figures) => say(&format!("{}: held, {figures}, {seconds:.0} s", shard.name)),
        None => say(&format!("{}: FAILED after {seconds:.0} s", shard.name)),
    }
    Ok(figures)
}

/// What was shown in all, by kind of proof. Answers how many shards have yet to run.
fn summarise(shards: &[Shard], memory: &Memory, failed: &[String]) -> usize {
    say("\n== shown");
    let mut kinds: Vec<&str> = shards.iter().map(|shard| shard.kind).collect();
    kinds.dedup();
    let mut left = 0;
    for kind in kinds {
        let of_kind = shards.iter().filter(|shard| shard.kind == kind);
        let found: Vec<Option<&Figures>> =
            of_kind.map(|shard| memory.figures(&shard.name)).collect();
        let sum: Figures = found.iter().flatten().copied().sum();
        let missing = found.iter().filter(|it| it.is_none()).count();
        left += missing;
        let done = found.len() - missing;
        say(&format!("{kind:<34} {sum}   ({done} of {} shards)", found.len()));
    }
    failed.iter().for_each(|name| say(&format!("FAILED  {name}")));
    if left > 0 {
        say(&format!("{left} shards have not held yet; run the command again to go on"));
    }
    left
}
