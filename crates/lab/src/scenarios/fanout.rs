//! Scenario `fanout`: rooms full of members, some of whom send; what a delivery costs the server and
//! how long it takes.
//!
//! Closed loop: a fixed number of messages is outstanding, and the next is sent as soon as one has
//! reached everyone; good for cost. Open loop: messages are due on a schedule, whatever the server
//! does, and latency counts from when each was due; good for latency.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::Fanout;
use crate::engine::check::Heard;
use crate::engine::crowd::Crowd;
use crate::engine::{Engine, Tally, http};
use crate::latency::Spans;
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;

/// How long the server may stay silent while something is outstanding.
const STALL: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_millis(300);

pub(crate) fn run(args: &Fanout) -> Result<Report> {
    let server = args.common.server_pid;
    enough_files(args.rooms * args.members, server)?;
    let address = http::address(&args.common.url)?;
    let crowd = Crowd::gather(address, args.rooms, args.members)?;
    let mut engine = Engine::new(crowd.seated, args.members)?;
    engine.settle(QUIET, STALL)?;

    let mut load = Load { args, latency: Spans::new()?, next: 0 };
    load.go(&mut engine, args.warm_up)?;
    load.latency = Spans::new()?;

    let cpu = || server.map(Cpu::of_tree).transpose();
    let (before, own, start, warm) = (cpu()?, Cpu::of(None)?, Instant::now(), engine.tally);
    load.go(&mut engine, args.seconds)?;
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
    report.figure("lab us per delivery", own.total_s() * 1e6 / done.deliveries.max(1) as f64);

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

/// Who sends next, and how long it took the others to hear it.
struct Load<'a> {
    args: &'a Fanout,
    latency: Spans,
    next: usize,
}

impl Load<'_> {
    fn go(&mut self, engine: &mut Engine, seconds: f64) -> Result<()> {
        let lasts = Duration::try_from_secs_f64(seconds)?;
        match self.args.deliveries_per_second {
            Some(rate) => self.open(engine, lasts, rate),
            None => self.closed(engine, lasts),
        }
    }

    /// Turn by turn through the rooms, and in each through its senders.
    fn say(&mut self, engine: &mut Engine) -> usize {
        let Fanout { rooms, members, senders, .. } = self.args;
        let (room, round) = (self.next % rooms, self.next / rooms);
        self.next += 1;
        engine.say(room * members + round % senders.min(members))
    }

    fn closed(&mut self, engine: &mut Engine, lasts: Duration) -> Result<()> {
        let start = Instant::now();
        let mut flight = Flight::default();
        loop {
            while start.elapsed() < lasts && flight.outstanding < self.args.window {
                let number = self.say(engine);
                flight.due(number, Instant::now());
            }
            if flight.outstanding == 0 {
                return Ok(());
            }
            let latency = &mut self.latency;
            engine.turn(STALL, &mut |heard| flight.heard(heard, latency))?;
            flight.not_stalled()?;
        }
    }

    fn open(&mut self, engine: &mut Engine, lasts: Duration, rate: f64) -> Result<()> {
        let every = Duration::try_from_secs_f64(self.args.members as f64 / rate)?;
        let start = Instant::now();
        let (mut flight, mut due) = (Flight::default(), start);
        loop {
            let now = Instant::now();
            while due <= now && due - start < lasts {
                let number = self.say(engine);
                flight.due(number, due);
                due += every;
            }
            let over = due - start >= lasts;
            if over && flight.outstanding == 0 {
                return Ok(());
            }
            let wait = if over { STALL } else { due.saturating_duration_since(Instant::now()) };
            let latency = &mut self.latency;
            engine.turn(wait, &mut |heard| flight.heard(heard, latency))?;
            flight.not_stalled()?;
        }
    }
}

/// Messages under way.
#[derive(Default)]
struct Flight {
    outstanding: usize,
    /// The number of the first message of this flight.
    first: Option<usize>,
    due: Vec<Instant>,
    last_heard: Option<Instant>,
}

impl Flight {
    fn due(&mut self, number: usize, at: Instant) {
        self.first.get_or_insert(number);
        self.outstanding += 1;
        self.due.push(at);
        // Time without anything outstanding is no stall.
        if self.outstanding == 1 {
            self.last_heard = Some(Instant::now());
        }
    }

    fn heard(&mut self, heard: Heard, latency: &mut Spans) {
        let now = Instant::now();
        self.last_heard = Some(now);
        self.outstanding -= usize::from(heard.complete);
        if let Some(due) = heard.number.checked_sub(self.first.unwrap_or(0))
            && let Some(due) = self.due.get(due)
        {
            latency.note(now.saturating_duration_since(*due));
        }
    }

    fn not_stalled(&self) -> Result<()> {
        match self.last_heard {
            Some(at) if self.outstanding > 0 && at.elapsed() > STALL => {
                bail!("{} messages outstanding and nothing heard for {STALL:?}", self.outstanding)
            }
            _ => Ok(()),
        }
    }
}
