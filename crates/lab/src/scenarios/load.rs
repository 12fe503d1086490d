//! Load on rooms.
//!
//! Closed loop: a fixed number of messages is outstanding, and the next is sent as soon as one has
//! reached everyone; good for cost. Open loop: messages are due on a schedule, whatever the server
//! does, and latency counts from when each was due; good for latency.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::engine::Engine;
use crate::engine::check::Heard;
use crate::latency::Spans;

/// How long the server may stay silent while something is outstanding.
pub(crate) const STALL: Duration = Duration::from_secs(30);

/// When messages are sent.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Closed loop: so many are outstanding in all rooms together.
    Window(usize),
    /// Open loop: so many deliveries a second.
    Deliveries(f64),
}

/// Who sends next, and how long it took the others to hear it.
pub(crate) struct Load {
    rooms: usize,
    members: usize,
    senders: usize,
    pub(crate) latency: Spans,
    next: usize,
}

impl Load {
    /// In each room of `members` the first `senders` take turns.
    pub(crate) fn new(rooms: usize, members: usize, senders: usize) -> Result<Self> {
        let senders = senders.clamp(1, members);
        Ok(Self { rooms, members, senders, latency: Spans::new()?, next: 0 })
    }

    /// Forgets the latencies so far.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.latency = Spans::new()?;
        Ok(())
    }

    /// Sends for `seconds`, and returns once all that was sent has reached everyone.
    ///
    /// # Errors
    /// What [`Engine::turn`] fails of, and silence while something is outstanding.
    pub(crate) fn go(&mut self, engine: &mut Engine, pace: Pace, seconds: f64) -> Result<()> {
        let lasts = Duration::try_from_secs_f64(seconds)?;
        engine.stays_awake = matches!(pace, Pace::Window(_));
        let outcome = match pace {
            Pace::Deliveries(rate) => self.open(engine, lasts, rate),
            Pace::Window(window) => self.closed(engine, lasts, window),
        };
        engine.stays_awake = false;
        outcome
    }

    /// Turn by turn through the rooms, and in each through its senders.
    fn say(&mut self, engine: &mut Engine) -> usize {
        let Self { rooms, members, senders, .. } = *self;
        let (room, round) = (self.next % rooms, self.next / rooms);
        self.next += 1;
        engine.say(room * members + round % senders)
    }

    fn closed(&mut self, engine: &mut Engine, lasts: Duration, window: usize) -> Result<()> {
        let start = Instant::now();
        let mut flight = Flight::default();
        loop {
            while start.elapsed() < lasts && flight.outstanding < window {
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
        let every = Duration::try_from_secs_f64(self.members as f64 / rate)?;
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
            let wait = if over { STALL } else { whole_millis(due) };
            let latency = &mut self.latency;
            engine.turn(wait, &mut |heard| flight.heard(heard, latency))?;
            flight.not_stalled()?;
        }
    }
}

/// How long it is until `due`, in whole milliseconds as the kernel counts them: the rest is spent
/// turning, or the lab's own lateness would hide a server's.
fn whole_millis(due: Instant) -> Duration {
    let wait = due.saturating_duration_since(Instant::now());
    Duration::from_secs(wait.as_secs()) + Duration::from_millis(u64::from(wait.subsec_millis()))
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
