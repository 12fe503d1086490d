//! `cargo xtask upgrade`: an older program is replaced by this one under load, and takes over again.

use std::path::PathBuf;

use crate::harness::check::Logs;
use crate::harness::faults::{Ground, Load, Round, Wanted, under_load};
use crate::harness::{PROGRAM, shown};

/// Names the older program; the newer one is that of `TEST_PROGRAM`.
const OLD: &str = "OLD_PROGRAM";
/// What a program says that does not know the schema, and may not work on it.
const REFUSAL: &str = "written by a newer release";

struct Programs {
    old: PathBuf,
    new: PathBuf,
}

impl Programs {
    fn named() -> Self {
        let named = |name: &str| std::env::var_os(name).expect("a program is named").into();
        Self { old: named(OLD), new: named(PROGRAM) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "two programs: cargo xtask upgrade"]
async fn rolling() {
    let mut round = Round::begin("upgrade rolling");
    let programs = Programs::named();
    let wanted = Wanted::nodes(3).runs(&programs.old).set("cluster.lease", "8s");
    let mut ground = Ground::start(&mut round, wanted).await;
    // What a node that stops takes back in its last moment it may not say any more.
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        for node in 0..3 {
            replaces(ground, (node, &programs.new), load).await;
            round.injected();
        }
        // One goes back: the others are new, and so is the schema.
        goes_back(ground, (2, &programs), load).await;
        round.injected();
    })
    .await;
    shown("three nodes: old, new one by one, one old again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "two programs: cargo xtask upgrade"]
async fn alone() {
    let mut round = Round::begin("upgrade alone");
    let programs = Programs::named();
    let wanted = Wanted::alone().runs(&programs.old);
    let mut ground = Ground::start(&mut round, wanted).await;
    under_load(&mut ground, &mut round, Logs::Cut, async |ground, round, load| {
        replaces(ground, (0, &programs.new), load).await;
        goes_back(ground, (0, &programs), load).await;
        round.injected();
    })
    .await;
    shown("one server: old, new, old again");
}

/// As people upgrade: asked to stop, waited for, started as the other program.
async fn replaces(ground: &mut Ground, (node, program): (usize, &PathBuf), load: &Load) {
    ground.nodes[node].stop().await;
    ground.nodes[node].next_runs(program);
    ground.restart(node).await;
    load.goes_on().await;
}

/// The older program takes the place of the newer one, or says in words why it does not.
async fn goes_back(ground: &mut Ground, (node, programs): (usize, &Programs), load: &Load) {
    ground.nodes[node].stop().await;
    ground.nodes[node].next_runs(&programs.old);
    match ground.nodes[node].tries_to_restart().await {
        Ok(()) => {
            ground.door_turns(node);
            shown(&format!("node {node}: the older program works on the newer schema"));
        }
        Err(said) => {
            assert!(said.contains(REFUSAL), "{said}");
            shown(&format!("node {node}: the older program refuses the newer schema in words"));
            ground.nodes[node].next_runs(&programs.new);
            ground.restart(node).await;
        }
    }
    load.goes_on().await;
}
