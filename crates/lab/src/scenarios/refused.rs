//! Scenario `refused`: many ask for a seat in a full room, over kept connections, and all are told so.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::Refused;
use crate::engine::crowd::{guest, on_lanes, room};
use crate::engine::http::{self, Http};
use crate::latency::Spans;
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;

pub(crate) fn run(args: &Refused) -> Result<Report> {
    let server = args.common.server_pid;
    let lanes = args.common.concurrency.max(1);
    enough_files(lanes, server)?;
    let address = http::address(&args.common.url)?;
    let (number, host) = room(address, 1, lanes)?;
    let path = format!("/rooms/{number}/reservations");
    let guests = on_lanes(lanes, |lane| {
        let mut http = Http::new(address)?;
        let token = guest(&mut http, lane)?;
        Ok(std::sync::Mutex::new((http, token)))
    })?;
    let ask = |seconds: f64| {
        let lasts = Duration::try_from_secs_f64(seconds)?;
        let start = Instant::now();
        on_lanes(lanes, |lane| {
            let mut guest = guests[lane].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (http, token) = &mut *guest;
            let mut spans = Spans::new()?;
            while start.elapsed() < lasts {
                let began = Instant::now();
                let (status, body) = http.post(&path, token, "")?;
                if status != 409 || memchr::memmem::find(body, b"\"room_full\"").is_none() {
                    bail!("not refused: {status} {}", String::from_utf8_lossy(body));
                }
                spans.note(began.elapsed());
            }
            Ok(spans)
        })
    };
    ask(args.warm_up)?;
    let mut report = Report::new("refused", args)?;
    let cpu = || server.map(Cpu::of_tree).transpose();
    let (before, start) = (cpu()?, Instant::now());
    let lanes = ask(args.seconds)?;
    let (after, seconds) = (cpu()?, start.elapsed().as_secs_f64());
    let mut spans = Spans::new()?;
    lanes.iter().try_for_each(|lane| spans.add(lane))?;
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
