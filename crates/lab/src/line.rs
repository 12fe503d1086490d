//! Scenario `line`: many wait for few seats, some leave the line and some vanish. Seats are freed one
//! by one; each must go to the head of the line, who must be told, and what that costs the server may
//! not depend on how many wait.
//!
//! Whoever is offered a seat gives it back after a while and joins the line again, so its length
//! stays. Grants are numbered by the ledger, so the order of offers is known exactly, whatever the
//! sockets do.
//!
//! Run the server with `limits.enabled=false`, a `admission.waiter_ttl` of a few seconds and
//! an `admission.reservation_ttl` that outlives the preparation.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anteroom_client::protocol::entry::{Reservation, Reserve, Wait, Waiting};
use anteroom_client::{Account, Client, LineEvent, LineStream};
use anyhow::{Context, Result, bail};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::args::Line;
use crate::crowd::{Venue, guests};
use crate::latency::Spans;
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;

/// How long a freed seat may take to reach the head before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a stream told.
enum Heard {
    Offered {
        who: usize,
        reservation: Box<Reservation>,
        at: Instant,
    },
    Position,
    /// The stream ended in another way than by an offer.
    Ended(usize),
}

/// Everybody, and who stands where as far as the lab knows.
struct Queue {
    people: Vec<Account>,
    room: i64,
    streams: Vec<Option<AbortHandle>>,
    /// In the order in which they joined.
    line: VecDeque<usize>,
    /// In the order in which they were given a seat.
    holders: VecDeque<usize>,
    hear: mpsc::UnboundedSender<Heard>,
    heard: mpsc::UnboundedReceiver<Heard>,
    positions: u64,
}

pub(crate) async fn run(args: &Line) -> Result<Report> {
    let server = args.common.server_pid;
    enough_files(args.waiters + args.capacity, server)?;
    let client = Client::new(&args.common.url)?;
    let count = args.waiters + args.capacity;
    let people = guests(&client, count, args.common.concurrency).await?;
    let venue = Venue::open(&client, "lab line", args.capacity).await?;
    let mut queue = Queue::fill(people, venue.room, args).await?;
    queue.thin_out(args, &venue).await?;

    let mut report = Report::new("line", args)?;
    let cpu = || server.map(|pid| Cpu::of(Some(pid))).transpose();
    let mut spans = Spans::new()?;
    let mut wrong = 0;
    let mut last_grant = 0;
    queue.positions = 0;
    let (before, start) = (cpu()?, Instant::now());
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / args.rate));
    for _ in 0..args.freed {
        pace.tick().await;
        let (who, grant, span) = queue.free_one().await?;
        spans.note(span);
        wrong += usize::from(Some(who) != queue.line.pop_front() || grant <= last_grant);
        last_grant = grant;
        queue.holders.push_back(who);
    }
    let seconds = start.elapsed().as_secs_f64();
    report.rate("freed seats", args.freed as u64, seconds);
    report.rate("positions told", queue.positions, seconds);
    report.latency("freed to offered", spans.figures());
    report.spent("freed seat", args.freed as u64, before.zip(cpu()?));
    report.check("offers out of order", &wrong, &0);
    let waiting = venue.seats().await?.waiting as usize;
    report.check("in line at the end", &waiting, &queue.line.len());
    report.finish(server)?;
    Ok(report)
}

impl Queue {
    /// Takes every seat, and puts the others in line one after the other.
    async fn fill(people: Vec<Account>, room: i64, args: &Line) -> Result<Self> {
        let (hear, heard) = mpsc::unbounded_channel();
        let streams = (0..people.len()).map(|_| None).collect();
        let mut queue = Self {
            people,
            room,
            streams,
            line: VecDeque::new(),
            holders: VecDeque::new(),
            hear,
            heard,
            positions: 0,
        };
        for who in 0..args.capacity {
            let taken = queue.people[who].reserve(room, &Reserve::default()).await;
            taken.context("filling the room")?;
            queue.holders.push_back(who);
        }
        for who in args.capacity..queue.people.len() {
            queue.join(who).await?;
        }
        Ok(queue)
    }

    async fn join(&mut self, who: usize) -> Result<()> {
        match self.people[who].wait(self.room, &Wait::default()).await.context("joining")? {
            Waiting::InLine(_) => {}
            Waiting::Offered { .. } => bail!("somebody was offered a seat past the line"),
        }
        let stream = self.people[who].watch_line(self.room).await.context("opening a stream")?;
        let listening = tokio::spawn(listen(who, stream, self.hear.clone()));
        self.streams[who] = Some(listening.abort_handle());
        self.line.push_back(who);
        Ok(())
    }

    /// Some leave, some vanish; waits until the server knows.
    async fn thin_out(&mut self, args: &Line, venue: &Venue) -> Result<()> {
        let mut staying = VecDeque::new();
        for (n, who) in std::mem::take(&mut self.line).into_iter().enumerate() {
            // Spread over the line without a pattern that meets the seats.
            match n.wrapping_mul(2_654_435_761) % 100 {
                dice if dice < args.leave => {
                    self.people[who].stop_waiting(self.room).await.context("leaving the line")?;
                }
                dice if dice < args.leave + args.vanish => {
                    if let Some(stream) = self.streams[who].take() {
                        stream.abort();
                    }
                }
                _ => staying.push_back(who),
            }
        }
        self.line = staying;
        let since = Instant::now();
        let mut look = tokio::time::interval(Duration::from_millis(200));
        while venue.seats().await?.waiting as usize != self.line.len() {
            if since.elapsed() > 3 * PATIENCE {
                bail!("the line did not come to the length that is due");
            }
            look.tick().await;
        }
        Ok(())
    }

    /// Frees the seat that was given first, and waits for the one to whom it goes. Answers who, the
    /// grant's number, and how long it took from the request on.
    async fn free_one(&mut self) -> Result<(usize, u64, Duration)> {
        let holder = self.holders.pop_front().context("nobody has a seat")?;
        let from = Instant::now();
        self.people[holder].cancel(self.room).await.context("freeing a seat")?;
        let (who, reservation, at) = loop {
            let heard = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
            match heard.context("a freed seat woke nobody")?.context("no streams")? {
                Heard::Offered { who, reservation, at } => break (who, reservation, at),
                Heard::Position => self.positions += 1,
                Heard::Ended(who) if self.line.contains(&who) => {
                    bail!("a stream in line ended without a reason")
                }
                Heard::Ended(_) => {}
            }
        };
        let number = reservation.seat.generation.split('.').next_back();
        let grant = number.and_then(|n| n.parse().ok()).context("an unreadable generation")?;
        self.join(holder).await?;
        Ok((who, grant, at.duration_since(from)))
    }
}

async fn listen(who: usize, mut stream: LineStream, hear: mpsc::UnboundedSender<Heard>) {
    loop {
        let heard = match stream.next().await {
            Ok(Some(LineEvent::Position(_))) => Heard::Position,
            Ok(Some(LineEvent::Offer(offer))) => {
                Heard::Offered { who, reservation: Box::new(offer), at: Instant::now() }
            }
            Ok(Some(LineEvent::Gone(_)) | None) | Err(_) => Heard::Ended(who),
        };
        let is_last = !matches!(heard, Heard::Position);
        if hear.send(heard).is_err() || is_last {
            return;
        }
    }
}
