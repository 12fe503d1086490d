//! Scenario `slow`: a room under load, first among those who read, then with one in ten who reads a byte
//! per second, one who reads nothing, and one who resets its line. Everyone else must get everything, and
//! not much later than before; the slow get a prefix without a hole: they may be cut, not lied to.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::net::sockopt::set_socket_linger;

use crate::args::Slow;
use crate::engine::check::Check;
use crate::engine::http::Seated;
use crate::engine::wire::{self, Frame};
use crate::engine::{Engine, crowd, http};
use crate::procfs::{Cpu, Memory, enough_files};
use crate::report::Report;
use crate::scenarios::load::{Load, Pace, STALL};

const QUIET: Duration = Duration::from_millis(300);
/// How long a reader that begins to read in earnest may wait for the rest.
const REST: Duration = Duration::from_secs(10);

/// A member that the engine does not read for.
struct Reader {
    member: usize,
    stream: TcpStream,
    bytes: Vec<u8>,
}

/// How a slow reader's session went on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Closed by the server, with a code where one could still be read.
    Cut,
    /// It has caught up.
    Complete,
}

pub(crate) fn run(args: &Slow) -> Result<Report> {
    let server = args.common.server_pid;
    enough_files(args.members, server)?;
    let address = http::address(&args.common.url)?;
    let dribblers = args.members / 10;
    ensure!(args.members >= 20, "a room of twenty at least");
    let healthy = args.members - dribblers - 2;
    let (room, maker) = crowd::room(address, args.members, 0)?;
    let mut seated = vec![maker];
    seated.extend(crowd::enter(address, room, 1, healthy - 1)?);
    let mut engine = Engine::new(seated, healthy)?;
    engine.content_bytes = args.content_bytes;
    engine.settle(QUIET, STALL)?;
    let mut report = Report::new("slow", args)?;
    if let Some(server) = server {
        report.memory_before(Memory::of(server)?);
    }
    let cpu = || server.map(Cpu::of_tree).transpose();
    let mut load = Load::new(1, healthy, args.senders)?;
    let before = cpu()?;
    load.go(&mut engine, Pace::Window(args.window), args.seconds)?;
    report.spent("delivery without them", engine.tally.deliveries, before.zip(cpu()?));
    let without = load.latency.figures();
    report.latency("delivery without them", without);
    load.forget()?;

    let slow = crowd::enter(address, room, healthy, dribblers + 2)?;
    engine.settle(QUIET, STALL)?;
    let mut readers = Vec::with_capacity(slow.len());
    for seated in slow {
        readers.push(Reader::new(seated, &mut engine.check)?);
    }
    let resetting = readers.pop().context("nobody resets")?;
    let earlier = engine.tally.deliveries;
    let (before, start) = (cpu()?, Instant::now());
    load.go(&mut engine, Pace::Window(args.window), 1.0)?;
    resetting.reset()?;
    while start.elapsed().as_secs_f64() < args.seconds {
        load.go(&mut engine, Pace::Window(args.window), 1.0)?;
        // The last of them is the one that reads nothing.
        readers.iter_mut().take(dribblers).try_for_each(Reader::read_a_byte)?;
    }
    let (after, seconds) = (cpu()?, start.elapsed().as_secs_f64());
    let deliveries = engine.tally.deliveries - earlier;
    report.rate("deliveries", deliveries, seconds);
    report.spent("delivery", deliveries, before.zip(after));
    let with = load.latency.figures();
    report.latency("delivery", with);
    report.figure("p99 of the healthy, times that without the slow", with.p99_ms / without.p99_ms);

    engine.settle(QUIET, STALL)?;
    let (sent, untold) = engine.check.sent_and_untold();
    report.check("messages sent that nobody was told", &untold, &0);
    let all = engine.tally.deliveries;
    report.check("deliveries to the healthy", &all, &((sent * healthy) as u64));
    let mut cut = 0;
    for reader in readers {
        let number = reader.member;
        let end = reader.read_out(&mut engine.check).with_context(|| format!("reader {number}"))?;
        cut += usize::from(end == End::Cut);
    }
    report.figure("slow readers cut", cut as f64);
    report.figure("slow readers that caught up", (dribblers + 1 - cut) as f64);
    report.finish(server)?;
    Ok(report)
}

impl Reader {
    fn new(Seated { stream, last_seq, rest }: Seated, check: &mut Check) -> Result<Self> {
        stream.set_nonblocking(true)?;
        let member = check.join(0, last_seq);
        check.excuse(member);
        Ok(Self { member, stream, bytes: rest })
    }

    fn reset(self) -> Result<()> {
        // Closing a socket that does not linger resets the line.
        set_socket_linger(&self.stream, Some(Duration::ZERO))?;
        Ok(())
    }

    fn read_a_byte(&mut self) -> Result<()> {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(read) => self.bytes.extend_from_slice(&byte[..read]),
            Err(error) if is_end(&error) || error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reads all there is, and fails when it is not a prefix of what was said.
    fn read_out(mut self, check: &mut Check) -> Result<End> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_read_timeout(Some(REST))?;
        let mut some = vec![0; 64 << 10];
        loop {
            let mut start = 0;
            while let Some(frame) = Frame::at_front(&self.bytes[start..]) {
                let payload = &self.bytes[start..][frame.payload.clone()];
                if payload.starts_with(b"{\"type\":\"message\"") {
                    check.hear(self.member, payload)?;
                } else if frame.opcode == wire::CLOSE {
                    ensure!(wire::close_code(payload) == 4508, "cut with {payload:?}");
                    return Ok(End::Cut);
                }
                start += frame.end();
            }
            self.bytes.drain(..start);
            if check.due_for(self.member) == check.due_for(0) {
                return Ok(End::Complete);
            }
            match self.stream.read(&mut some) {
                Ok(0) => return Ok(End::Cut),
                Ok(read) => self.bytes.extend_from_slice(&some[..read]),
                Err(error) if is_end(&error) => return Ok(End::Cut),
                Err(error) => return Err(error).context("neither cut nor told the rest"),
            }
        }
    }
}

fn is_end(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
