//! Scenario `refused`: many ask for a seat in a full room, over kept connections, and all are told so.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::Refused;
use crate::engine::crowd::{guest, room};
use crate::engine::http::{self, Http, Repeating};
use crate::latency::Spans;
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;
use crate::scenarios::load::STALL;

pub(crate) fn run(args: &Refused) -> Result<Report> {
    let server = args.common.server_pid;
    let lanes = args.common.concurrency.max(1);
    enough_files(lanes, server)?;
    let address = http::address(&args.common.url)?;
    let (number, host) = room(address, 1, lanes)?;
    let path = format!("/rooms/{number}/reservations");
    let mut guests = Vec::with_capacity(lanes);
    for lane in 0..lanes {
        let mut http = Http::new(address)?;
        let token = guest(&mut http, lane)?;
        guests.push(Guest { line: http.repeating(&path, &token, "")?, asked: None });
    }
    ask(&mut guests, args.warm_up)?;
    let mut report = Report::new("refused", args)?;
    let cpu = || server.map(Cpu::of_tree).transpose();
    let (before, start) = (cpu()?, Instant::now());
    let spans = ask(&mut guests, args.seconds)?;
    let (after, seconds) = (cpu()?, start.elapsed().as_secs_f64());
    let figures = spans.figures();
    report.rate("refusals", figures.count, seconds);
    report.spent("refusal", figures.count, before.zip(after));
    if let Some((before, after)) = before.zip(after) {
        let spent = after.since(before).total_s();
        report.figure("refusals per core second", figures.count as f64 / spent.max(1e-9));
    }
    report.latency("refusal", figures);
    report.check("the host still sits, and left with", &host.leave()?, &1000);
    report.finish(server)?;
    Ok(report)
}

/// Somebody at the door, and since when an answer is due.
struct Guest {
    line: Repeating,
    asked: Option<Instant>,
}

/// Everyone asks for `seconds`, each again as soon as the answer is there. One thread, which does not sleep.
fn ask(guests: &mut [Guest], seconds: f64) -> Result<Spans> {
    let lasts = Duration::try_from_secs_f64(seconds)?;
    let start = Instant::now();
    let mut spans = Spans::new()?;
    loop {
        let (is_open, mut outstanding) = (start.elapsed() < lasts, 0);
        for Guest { line, asked } in &mut *guests {
            if let Some(began) = asked
                && let Some((status, body)) = line.answered()?
            {
                if status != 409 || memchr::memmem::find(body, b"\"room_full\"").is_none() {
                    bail!("not refused: {status} {}", String::from_utf8_lossy(body));
                }
                spans.note(began.elapsed());
                *asked = None;
            }
            if asked.is_none() && is_open {
                line.ask()?;
                *asked = Some(Instant::now());
            }
            outstanding += usize::from(asked.is_some());
        }
        if outstanding == 0 {
            return Ok(spans);
        }
        if start.elapsed() > lasts + STALL {
            bail!("{outstanding} requests were not answered for {STALL:?}");
        }
    }
}
