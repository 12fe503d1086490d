//! `cargo xtask mutants`: puts known bugs in, one at a time, and sees that the tests find them.
//!
//! What the mutants are, and which tests must notice each, stands in `anteroom_core::mutants`. Here
//! they are built once, the tests are shown to be green without a mutant, and then each mutant meets
//! its killers until one of them fails. A mutant that none notices survives, and the command fails.
//! What was found is remembered for the state of the tree it was found in ([`memory`]), so a run that
//! was interrupted goes on where it was.

mod memory;
mod programs;

use std::path::Path;
use std::time::{Duration, Instant};

use anteroom_core::mutants::Mutant;
use anyhow::{Context as _, bail};
use clap::Args;

use crate::run::say;
use memory::Memory;
use programs::{Outcome, Programs};

/// A test that has not ended by then is ended. Above the patience of every test, and what it does before.
const PATIENCE: Duration = Duration::from_secs(90);

/// Which mutants.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Which {
    /// Only mutants whose name has one of these texts, as B13,B2.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only the K-th of N equal parts, as 1/4.
    #[arg(long, value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Find everything out anew, also what is remembered.
    #[arg(long)]
    fresh: bool,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    parts.filter(|(k, n)| (1..=*n).contains(k)).ok_or_else(|| "K/N, with K from 1 to N".into())
}

impl Which {
    fn mutants(&self) -> Vec<Mutant> {
        let (k, n) = self.shard.unwrap_or((1, 1));
        let parts = Mutant::ALL.iter().copied().enumerate().filter(|(at, _)| at % n == k - 1);
        let named = |mutant: &Mutant| {
            self.only.is_empty() || self.only.iter().any(|text| mutant.name().contains(text))
        };
        parts.map(|(_, mutant)| mutant).filter(named).collect()
    }
}

/// What became of one mutant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Verdict {
    /// The test that noticed; `None` for a survivor.
    killed_by: Option<String>,
    /// What that test said.
    words: String,
    millis: u64,
}

/// Runs them. Returns how many survived.
///
/// # Errors
/// The build is broken, a killer is missing or fails without a mutant, or a mutant never ran.
pub(crate) fn run(root: &Path, which: &Which) -> anyhow::Result<u32> {
    let mutants = which.mutants();
    if mutants.is_empty() {
        bail!("there is no such mutant");
    }
    let mut memory = Memory::open(root, which.fresh)?;
    let open: Vec<Mutant> =
        mutants.iter().copied().filter(|mutant| memory.verdict(*mutant).is_none()).collect();
    if !open.is_empty() {
        let programs = programs::build(root)?;
        all_green(&programs, &open)?;
        for mutant in &open {
            let verdict = judge(&programs, *mutant)?;
            say(&line(*mutant, &verdict));
            memory.keep(*mutant, verdict)?;
        }
    }
    Ok(summarise(&mutants, &memory))
}

/// Every killer exists, and is content when nothing is wrong.
fn all_green(programs: &Programs, mutants: &[Mutant]) -> anyhow::Result<()> {
    let mut killers: Vec<&str> = mutants.iter().flat_map(|it| it.killers()).copied().collect();
    killers.sort_unstable();
    killers.dedup();
    say(&format!("\n== {} killers without a mutant", killers.len()));
    for killer in killers {
        match programs.test(killer, None, PATIENCE)? {
            Outcome::Passed => {}
            outcome => bail!("{killer} without any mutant: {outcome:?}"),
        }
    }
    say("all green");
    Ok(())
}

fn judge(programs: &Programs, mutant: Mutant) -> anyhow::Result<Verdict> {
    let began = Instant::now();
    let millis = |began: Instant| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut words = String::new();
    for killer in mutant.killers() {
        match programs.test(killer, Some(mutant), PATIENCE).context(mutant.name())? {
            Outcome::Passed => {}
            Outcome::Hung => words = format!("{killer} did not end and was ended"),
            Outcome::Failed(why) => {
                let killed_by = Some((*killer).to_owned());
                return Ok(Verdict { killed_by, words: why, millis: millis(began) });
            }
        }
    }
    Ok(Verdict { killed_by: None, words, millis: millis(began) })
}

fn line(mutant: Mutant, verdict: &Verdict) -> String {
    let seconds = Duration::from_millis(verdict.millis).as_secs_f64();
    let killer = verdict.killed_by.as_deref().unwrap_or("SURVIVED");
    format!("{:<34} {} {seconds:>6.2} s  {killer}", mutant.name(), mutant.shape())
}

fn summarise(mutants: &[Mutant], memory: &Memory) -> u32 {
    say("\n== mutant · bug · seconds · killed by");
    let (mut killed, mut survivors) = (0, 0);
    for mutant in mutants {
        let Some(verdict) = memory.verdict(*mutant) else { continue };
        say(&line(*mutant, verdict));
        if !verdict.words.is_empty() {
            say(&format!("    {}", verdict.words));
        }
        if verdict.killed_by.is_some() { killed += 1 } else { survivors += 1 }
    }
    let mut shapes: Vec<&str> = mutants.iter().map(|it| it.shape()).collect();
    shapes.dedup();
    say(&format!("{killed} mutants of {} bugs killed, {survivors} survived", shapes.len()));
    survivors
}

#[cfg(test)]
mod tests;
