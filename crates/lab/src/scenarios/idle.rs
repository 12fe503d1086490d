//! Scenario `idle`: many sit and say nothing; what each costs the server in memory and over time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::args::Idle;
use crate::engine::crowd::Crowd;
use crate::engine::{Engine, http};
use crate::procfs::{Cpu, Footprint, enough_files};
use crate::report::Report;

/// Silence after which nothing is under way any more.
const QUIET: Duration = Duration::from_secs(2);
const STALL: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &Idle) -> Result<Report> {
    let server = args.common.server_pid.context("`idle` needs --server-pid")?;
    let members = args.rooms * args.members;
    enough_files(members, Some(server))?;
    let address = http::address(&args.common.url)?;
    // What the server needs for anyone at all is not the members'.
    drop(Crowd::gather(&[address], 1, 2)?);
    let base = Footprint::of_tree(server)?;

    let start = Instant::now();
    let crowd = Crowd::gather(&[address], args.rooms, args.members)?;
    let mut report = Report::new("idle", args)?;
    report.rate("sign-ins and entries", members as u64, start.elapsed().as_secs_f64());
    let mut engine = Engine::new(crowd.seated, args.members)?;
    engine.settle(QUIET, STALL)?;
    let full = Footprint::of_tree(server)?;
    let (before, start) = (Cpu::of_tree(server)?, Instant::now());
    let lasts = Duration::try_from_secs_f64(args.seconds)?;
    while start.elapsed() < lasts {
        engine.turn(lasts.saturating_sub(start.elapsed()), &mut |_| {})?;
    }
    let spent = Cpu::of_tree(server)?.since(before).total_s();
    let seconds = start.elapsed().as_secs_f64();

    report.figure("PSS before, KiB", base.pss_kib as f64);
    report.figure("PSS with everyone, KiB", full.pss_kib as f64);
    let grown = full.pss_kib.saturating_sub(base.pss_kib) as f64;
    report.figure("PSS per member, KiB", grown / members as f64);
    report.figure("CPU us per member and second", spent * 1e6 / members as f64 / seconds);
    let sockets = full.descriptors.saturating_sub(base.descriptors);
    report.check("everyone has a socket", &(sockets >= members as u64), &true);
    report.finish(Some(server))?;
    Ok(report)
}
