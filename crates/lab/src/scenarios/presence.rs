//! Scenario `presence`: many come to a room and leave it again, as fast as they can, while many sit there.
//! Those who sit are told the state, at a pace that the room's size sets, and at the end the truth.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::Presence;
use crate::engine::crowd::{self, on_lanes};
use crate::engine::{Engine, http};
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;
use crate::scenarios::joins::Guest;

const QUIET: Duration = Duration::from_millis(1_500);
const STALL: Duration = Duration::from_secs(60);
/// How long one turn of those who sit may wait.
const TURN: Duration = Duration::from_millis(50);
/// What a room is told a second, over all who sit there: writes, and for each member one more at the
/// beginning and the end. A write tells who came and went, and the seats.
const WRITES_MAX: f64 = 1_000.0;
const FRAMES_PER_WRITE: f64 = 2.0;

pub(crate) fn run(args: &Presence) -> Result<Report> {
    let (server, members) = (args.common.server_pid, args.members);
    let lanes = args.common.concurrency.clamp(1, args.visits.max(1));
    enough_files(members + lanes * 3, server)?;
    let address = http::address(&args.common.url)?;
    let (room, maker) = crowd::room(address, members + lanes, 0)?;
    let mut seated = vec![maker];
    seated.extend(crowd::enter(address, room, 1, members - 1)?);
    let guests = on_lanes(lanes, |lane| Guest::sign_in(address, room, members + lane))?;
    let guests: Vec<_> = guests.into_iter().map(Mutex::new).collect();
    let mut engine = Engine::new(seated, members)?;
    engine.settle(QUIET, STALL)?;

    let mut report = Report::new("presence", args)?;
    let cpu = || server.map(Cpu::of_tree).transpose();
    let (earlier, before, start) = (engine.seats, cpu()?, Instant::now());
    let (visited, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let visits = || {
        let all = on_lanes(lanes, |lane| {
            let mut guest = guests[lane].lock().unwrap_or_else(PoisonError::into_inner);
            while visited.fetch_add(1, Ordering::Relaxed) < args.visits {
                let code = guest.once(false, 0)?;
                if code != 1000 {
                    bail!("left with {code}");
                }
            }
            Ok(())
        });
        is_over.store(true, Ordering::Relaxed);
        all
    };
    thread::scope(|scope| {
        let visiting = scope.spawn(visits);
        while !is_over.load(Ordering::Relaxed) {
            engine.turn(TURN, &mut |_| {})?;
        }
        match visiting.join() {
            Ok(all) => all.map(drop),
            Err(_) => bail!("the visitors panicked"),
        }
    })?;
    let seconds = start.elapsed().as_secs_f64();
    engine.settle(QUIET, STALL)?;
    report.rate("visits", args.visits as u64, seconds);
    report.spent("visit", args.visits as u64, before.zip(cpu()?));
    let frames = (engine.seats.frames - earlier.frames) as f64;
    let bytes = (engine.seats.bytes - earlier.bytes) as f64;
    report.figure("seconds", seconds);
    report.figure("presence frames per member", frames / members as f64);
    report.figure("presence bytes per member", bytes / members as f64);
    let most = FRAMES_PER_WRITE * (WRITES_MAX * seconds + 2.0 * members as f64);
    report.check("more presence than the pace allows", &(frames > most), &false);
    report.check(
        "how many sit there, as it was told last",
        &engine.seats.occupied,
        &(members as i64),
    );
    report.finish(server)?;
    Ok(report)
}
