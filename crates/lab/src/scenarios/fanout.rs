//! Scenario `fanout`: rooms full of members, some of whom send; what a delivery costs the server and
//! how long it takes.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::args::Fanout;
use crate::engine::crowd::Crowd;
use crate::engine::{Engine, Tally, http};
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;
use crate::scenarios::load::{Load, Pace, STALL};

const QUIET: Duration = Duration::from_millis(300);

pub(crate) fn run(args: &Fanout) -> Result<Report> {
    let server = args.common.server_pid;
    enough_files(args.rooms * args.members, server)?;
    let urls = std::iter::once(&args.common.url).chain(&args.node);
    let nodes = urls.map(|url| http::address(url)).collect::<Result<Vec<_>>>()?;
    let crowd = Crowd::gather(&nodes, args.rooms, args.members)?;
    let mut engine = Engine::new(crowd.seated, args.members)?;
    engine.settle(QUIET, STALL)?;

    let Fanout { rooms, members, senders, window, .. } = *args;
    let pace = args.deliveries_per_second.map_or(Pace::Window(window), Pace::Deliveries);
    let mut load = Load::new(rooms, members, senders)?;
    load.go(&mut engine, pace, args.warm_up)?;
    load.forget()?;

    let cpu = || {
        let all = server.iter().chain(&args.pid);
        let sum = all.map(|pid| Cpu::of_tree(*pid)).sum::<Result<Cpu>>()?;
        anyhow::Ok(server.is_some().then_some(sum))
    };
    let (before, own, start, warm) = (cpu()?, Cpu::of(None)?, Instant::now(), engine.tally);
    load.go(&mut engine, pace, args.seconds)?;
    let (after, seconds) = (cpu()?, start.elapsed().as_secs_f64());
    let own = Cpu::of(None)?.since(own);

    let mut report = Report::new("fanout", args)?;
    let done = since(engine.tally, warm);
    let messages = done.deliveries / args.members as u64;
    report.rate("deliveries", done.deliveries, seconds);
    report.rate("messages", messages, seconds);
    report.spent("delivery", done.deliveries, before.zip(after));
    report.spent("message", messages, before.zip(after));
    report.latency("delivery", load.latency.figures());
    let each = |sum: u64, count: u64| sum as f64 / count.max(1) as f64;
    report.figure("frame bytes", each(done.message_bytes, done.deliveries));
    report.figure("messages per read", each(done.deliveries, done.reads));
    if let Some((before, after)) = before.zip(after) {
        // A read of one member is what one write to it brought, as long as the lab keeps up.
        let spent = after.since(before).total_s();
        report.figure("server us per member and batch", spent * 1e6 / done.reads.max(1) as f64);
    }
    if matches!(pace, Pace::Deliveries(_)) {
        // In a closed loop the lab does not sleep, and its time says nothing.
        report.figure("lab us per delivery", own.total_s() * 1e6 / done.deliveries.max(1) as f64);
    }

    engine.settle(QUIET, STALL)?;
    check(&mut report, args, &engine);
    report.finish(server)?;
    Ok(report)
}

/// Faults of single deliveries have ended the run before; this is what only the end can tell.
fn check(report: &mut Report, args: &Fanout, engine: &Engine) {
    let (sent, untold) = engine.check.sent_and_untold();
    report.check("messages sent that nobody was told", &untold, &0);
    let deliveries = (sent * args.members) as u64;
    report.check("deliveries, each once and in order", &engine.tally.deliveries, &deliveries);
    if !args.floor {
        report.check("acks", &engine.tally.acks, &(sent as u64));
    }
}

fn since(now: Tally, then: Tally) -> Tally {
    Tally {
        deliveries: now.deliveries - then.deliveries,
        message_bytes: now.message_bytes - then.message_bytes,
        acks: now.acks - then.acks,
        reads: now.reads - then.reads,
        frames: now.frames - then.frames,
    }
}
