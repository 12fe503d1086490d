//! The engine for heavy load: one thread, epoll, raw frames; its own cost must stay below that of the
//! server it drives.
//!
//! No task and no timer per member, no JSON: a frame's header is read, and a `message` is compared
//! with what the others got ([`check`]). It waits on sockets level-triggered, reads each once per
//! turn into one shared buffer, and keeps per member only the part of a frame that is not whole yet.

pub(crate) mod check;
pub(crate) mod crowd;
pub(crate) mod http;
pub(crate) mod wire;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::engine::check::{Check, Heard};
use crate::engine::http::Seated;
use crate::engine::wire::Frame;

/// What one read may bring.
const READ_BYTES: usize = 256 << 10;
/// Sockets looked at per turn.
const EVENTS: usize = 1024;
/// Content of a message in bytes, unless a scenario wants another.
const CONTENT_BYTES: usize = 100;

/// What the engine saw so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: u64,
    /// Bytes of the `message` frames, headers included.
    pub(crate) message_bytes: u64,
    pub(crate) acks: u64,
    /// Reads that brought messages.
    pub(crate) reads: u64,
    /// Frames of any kind.
    pub(crate) frames: u64,
}

/// What was told of who came and went, and of how many seats are taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SeatNews {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// How many sit there, as it was told last.
    pub(crate) occupied: i64,
}

/// Everyone who sits, and what must hold of what they receive.
pub(crate) struct Engine {
    epoll: OwnedFd,
    members: Vec<Member>,
    /// Members with something to write.
    writers: Vec<usize>,
    pub(crate) check: Check,
    pub(crate) tally: Tally,
    pub(crate) seats: SeatNews,
    /// Content of the messages to come, in bytes.
    pub(crate) content_bytes: usize,
    /// Asks for what has come again and again instead of sleeping until it comes. On one machine whoever
    /// writes to a sleeping reader pays for waking it, microseconds that no reader elsewhere costs.
    pub(crate) stays_awake: bool,
    scratch: Vec<u8>,
    events: Vec<epoll::Event>,
}

struct Member {
    stream: TcpStream,
    partial: Vec<u8>,
    out: Vec<u8>,
}

impl Engine {
    /// Takes over who was seated: `per_room` members of the first room, then of the second, ….
    pub(crate) fn new(seated: Vec<Seated>, per_room: usize) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut check = Check::default();
        let mut members = Vec::with_capacity(seated.len());
        for (n, Seated { stream, last_seq, rest }) in seated.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            epoll::add(
                &epoll,
                &stream,
                epoll::EventData::new_u64(n as u64),
                epoll::EventFlags::IN,
            )?;
            check.join(n / per_room, last_seq);
            members.push(Member { stream, partial: rest, out: Vec::new() });
        }
        Ok(Self {
            epoll,
            members,
            writers: Vec::new(),
            check,
            tally: Tally::default(),
            seats: SeatNews::default(),
            content_bytes: CONTENT_BYTES,
            stays_awake: false,
            scratch: vec![0; READ_BYTES],
            events: Vec::with_capacity(EVENTS),
        })
    }

    /// Queues a message by `sender`; [`Engine::turn`] sends it. Answers its number.
    pub(crate) fn say(&mut self, sender: usize) -> usize {
        let number = self.check.say(sender);
        let width = self.content_bytes;
        let payload =
            format!(r#"{{"type":"send","client_id":"{number:012}","content":"{number:0width$}"}}"#);
        self.queue(sender, wire::TEXT, payload.as_bytes());
        number
    }

    fn queue(&mut self, member: usize, opcode: u8, payload: &[u8]) {
        let out = &mut self.members[member].out;
        if out.is_empty() {
            self.writers.push(member);
        }
        wire::put_masked(out, opcode, payload);
    }

    /// Sends what is queued, waits at most `wait` for something to read, and reads every socket that
    /// has something once. `heard` is told of each delivery.
    ///
    /// # Errors
    /// The first fault of a delivery, an `error` frame, a close, or a broken line.
    pub(crate) fn turn(&mut self, wait: Duration, heard: &mut dyn FnMut(Heard)) -> Result<()> {
        self.flush()?;
        let wait = if self.writers.is_empty() { wait } else { wait.min(Duration::from_millis(1)) };
        self.events.clear();
        if !self.wait(wait)? {
            return Ok(());
        }
        for at in 0..self.events.len() {
            let member = self.events[at].data.u64() as usize;
            self.read(member, heard).with_context(|| format!("member {member}"))?;
        }
        Ok(())
    }

    /// Waits for events; false when it was interrupted.
    fn wait(&mut self, at_most: Duration) -> Result<bool> {
        let until = self.stays_awake.then(|| Instant::now() + at_most);
        let timeout = Timespec::try_from(if self.stays_awake { Duration::ZERO } else { at_most })?;
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
                Ok(0) if until.is_some_and(|until| Instant::now() < until) => {}
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Turns until nothing has come for `quiet`; what comes is checked like everything else.
    pub(crate) fn settle(&mut self, quiet: Duration, limit: Duration) -> Result<()> {
        let start = Instant::now();
        let mut last = (self.tally.frames, start);
        while last.1.elapsed() < quiet {
            if start.elapsed() > limit {
                bail!("the server is still talking after {limit:?}");
            }
            self.turn(quiet / 4, &mut |_| {})?;
            if self.tally.frames != last.0 {
                last = (self.tally.frames, Instant::now());
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let members = &mut self.members;
        let mut failed = None;
        self.writers.retain(|&n| {
            let Member { stream, out, .. } = &mut members[n];
            match stream.write(out) {
                Ok(wrote) => drop(out.drain(..wrote)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => failed = Some((n, error)),
            }
            !out.is_empty()
        });
        match failed {
            Some((n, error)) => Err(error).with_context(|| format!("member {n} cannot write")),
            None => Ok(()),
        }
    }

    fn read(&mut self, number: usize, heard: &mut dyn FnMut(Heard)) -> Result<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let member = &mut self.members[number];
        let kept = member.partial.len();
        if scratch.len() < kept + READ_BYTES {
            scratch.resize(kept + READ_BYTES, 0);
        }
        scratch[..kept].copy_from_slice(&member.partial);
        member.partial.clear();
        let read = member.stream.read(&mut scratch[kept..]);
        let outcome = match read {
            Ok(0) => Err(anyhow::anyhow!("the server closed the connection")),
            Ok(read) => self.take(number, &scratch[..kept + read], heard),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.members[number].partial.extend_from_slice(&scratch[..kept]);
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        self.scratch = scratch;
        outcome
    }

    /// Takes the frames in `bytes` and keeps what is not whole yet.
    fn take(&mut self, number: usize, bytes: &[u8], heard: &mut dyn FnMut(Heard)) -> Result<()> {
        let (mut rest, before) = (bytes, self.tally.deliveries);
        while let Some(frame) = Frame::at_front(rest) {
            self.tally.frames += 1;
            let payload = &rest[frame.payload.clone()];
            match frame.opcode {
                wire::TEXT if payload.starts_with(b"{\"type\":\"message\"") => {
                    heard(self.check.hear(number, payload)?);
                    self.tally.deliveries += 1;
                    self.tally.message_bytes += frame.end() as u64;
                }
                wire::TEXT if payload.starts_with(b"{\"type\":\"ack\"") => self.tally.acks += 1,
                wire::TEXT if tells_of_seats(payload) => {
                    self.seats.frames += 1;
                    self.seats.bytes += frame.end() as u64;
                    let occupied = check::number_after(payload, b"\"occupied\":");
                    self.seats.occupied = occupied.context("seats without a number")?;
                }
                wire::TEXT if payload.starts_with(b"{\"type\":\"error\"") => {
                    bail!("{}", String::from_utf8_lossy(payload));
                }
                wire::PING => self.queue(number, wire::PONG, payload),
                wire::CLOSE => bail!("closed: {}", String::from_utf8_lossy(payload)),
                _ => {}
            }
            rest = &rest[frame.end()..];
        }
        self.tally.reads += u64::from(self.tally.deliveries > before);
        self.members[number].partial.extend_from_slice(rest);
        Ok(())
    }
}

fn tells_of_seats(payload: &[u8]) -> bool {
    payload.starts_with(b"{\"type\":\"presence\"") || payload.starts_with(b"{\"type\":\"seats\"")
}
