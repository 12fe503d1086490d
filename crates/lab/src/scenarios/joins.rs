//! Scenario `joins`: reserve, connect and leave, over and over, on many lanes at once; with `--chat`
//! each also says something and hears it before leaving, and every eighth breaks the line instead.
//! Nothing may be refused and nothing left over.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::args::Joins;
use crate::engine::check::number_after;
use crate::engine::crowd::{guest, on_lanes, reserve, room};
use crate::engine::http::{self, Http, take_seat};
use crate::latency::Spans;
use crate::procfs::{Cpu, Footprint, enough_files};
use crate::report::Report;

/// With `--chat`, every how many cycles a line breaks.
const BREAK_EVERY: usize = 8;

/// What one lane did.
struct Lane {
    cycles: u64,
    spans: Spans,
    unclean: u64,
}

/// Who comes and goes.
pub(super) struct Guest {
    http: Http,
    token: String,
    server: SocketAddr,
    room: i64,
}

pub(crate) fn run(args: &Joins) -> Result<Report> {
    let server = args.common.server_pid;
    let lanes = args.common.concurrency.max(1);
    enough_files(lanes * 3, server)?;
    let address = http::address(&args.common.url)?;
    let (number, host) = room(address, lanes, lanes)?;
    // It would have to read all that is said.
    let host_left = host.leave()?;
    let guests = on_lanes(lanes, |lane| Guest::sign_in(address, number, lane))?;
    let mut report = Report::new("joins", args)?;
    let (guests, _) = go(args, guests, args.warm_up)?;
    let footprint = || server.map(Footprint::of_tree).transpose();
    let cpu = || server.map(Cpu::of_tree).transpose();
    let base = footprint()?;

    let (before, start) = (cpu()?, Instant::now());
    let (mut guests, done) = go(args, guests, args.seconds)?;
    let seconds = start.elapsed().as_secs_f64();
    let cycles = done.iter().map(|lane| lane.cycles).sum();
    report.rate("joins", cycles, seconds);
    report.spent("join", cycles, before.zip(cpu()?));
    let mut spans = Spans::new()?;
    done.iter().try_for_each(|lane| spans.add(&lane.spans))?;
    report.latency("join", spans.figures());
    let unclean: u64 = done.iter().map(|lane| lane.unclean).sum();
    report.check("ends other than 1000", &unclean, &0);
    if let Some((base, now)) = base.zip(footprint()?) {
        report.figure("PSS before, KiB", base.pss_kib as f64);
        report.figure("PSS after, KiB", now.pss_kib as f64);
        report.figure("descriptors before", base.descriptors as f64);
        report.figure("descriptors after", now.descriptors as f64);
        let spare = lanes as u64;
        let grown = now.descriptors > base.descriptors + spare;
        report.check("descriptors grew", &grown, &false);
    }
    if !args.floor {
        if args.chat {
            // Lines that broke left seats that are held: whoever comes back takes them up and leaves.
            guests.iter_mut().try_for_each(|guest| guest.once(false, 0).map(drop))?;
        }
        let taken = seats_taken(guests.first_mut().context("nobody came")?)?;
        report.check("seats taken at the end", &taken, &0);
    }
    report.check("the host left with", &host_left, &1000);
    report.finish(server)?;
    Ok(report)
}

/// Everyone comes and goes for `seconds`.
fn go(args: &Joins, guests: Vec<Guest>, seconds: f64) -> Result<(Vec<Guest>, Vec<Lane>)> {
    static SAID: AtomicUsize = AtomicUsize::new(0);
    let lasts = Duration::try_from_secs_f64(seconds)?;
    let guests: Vec<_> = guests.into_iter().map(|it| std::sync::Mutex::new(Some(it))).collect();
    let start = Instant::now();
    let done = on_lanes(guests.len(), |lane| {
        let slot = guests[lane].lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let mut guest = slot.context("a lane without a guest")?;
        let mut done = Lane { cycles: 0, spans: Spans::new()?, unclean: 0 };
        while start.elapsed() < lasts {
            let began = Instant::now();
            let said = SAID.fetch_add(1, Ordering::Relaxed);
            done.unclean += u64::from(guest.once(args.chat, said)? != 1000);
            done.spans.note(began.elapsed());
            done.cycles += 1;
        }
        Ok((guest, done))
    })?;
    Ok(done.into_iter().unzip())
}

impl Guest {
    /// Somebody new, who will come to `room`.
    pub(super) fn sign_in(server: SocketAddr, room: i64, number: usize) -> Result<Self> {
        let mut http = Http::new(server)?;
        let token = guest(&mut http, number)?;
        Ok(Self { http, token, server, room })
    }

    /// In and out once; the code of the close. A line that breaks counts as well ended.
    pub(super) fn once(&mut self, chat: bool, said: usize) -> Result<u16> {
        let ticket = reserve(&mut self.http, self.room, &self.token).context("reserving")?;
        let mut seated = take_seat(self.server, &ticket).context("connecting")?;
        if chat {
            seated.say(said).context("saying something")?;
            if said.is_multiple_of(BREAK_EVERY) {
                return Ok(1000);
            }
        }
        seated.leave().context("leaving")
    }
}

fn seats_taken(guest: &mut Guest) -> Result<i64> {
    let path = format!("/rooms/{}", guest.room);
    let (status, answer) = guest.http.get(&path, &guest.token)?;
    if status != 200 {
        bail!("the room is {status}");
    }
    ["occupied", "reserved", "held"]
        .iter()
        .map(|name| number_after(answer, format!("\"{name}\":").as_bytes()).context("no seats"))
        .sum()
}
