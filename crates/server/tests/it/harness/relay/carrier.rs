//! One direction of one line.

use std::collections::VecDeque;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::published::Published;
use super::{Orders, Shared, Way, Wires};

/// Read at once.
const READ_BYTES: usize = 64 << 10;
/// The largest piece of what is chopped.
const PIECE_MAX: u64 = 40;
/// Between two portions of what drips.
const TICK: Duration = Duration::from_millis(10);

pub(super) struct Carrier {
    way: Way,
    /// The line's number.
    line: usize,
    orders: watch::Receiver<Orders>,
    shared: Arc<Shared>,
    waiting: BytesMut,
    /// What comes later, and when.
    late: VecDeque<(Instant, BytesMut)>,
    published: Published,
    resets: usize,
}

/// The line is broken, both ways.
pub(super) enum Broken {
    /// An end is gone, or it was cut.
    Gone,
    /// It is to be reset.
    Reset,
}

impl Carrier {
    pub(super) fn new(
        way: Way,
        line: usize,
        (orders, shared): (&watch::Receiver<Orders>, &Arc<Shared>),
    ) -> Self {
        let (orders, shared) = (orders.clone(), Arc::clone(shared));
        let resets = orders.borrow().resets;
        let (waiting, late, published) = (BytesMut::new(), VecDeque::new(), Published::default());
        Self { way, line, orders, shared, waiting, late, published, resets }
    }

    /// Passes on what comes, as ordered, to its end.
    pub(super) async fn carry(
        mut self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> Result<(), Broken> {
        self.carry_on(&mut from, &mut to).await?;
        to.shutdown().await.map_err(|_| Broken::Gone)
    }

    async fn carry_on(
        &mut self,
        from: &mut ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
    ) -> Result<(), Broken> {
        loop {
            // Whatever is written at once is to be seen at once.
            self.waiting.reserve(READ_BYTES);
            let mut orders = self.orders.clone();
            let (way, resets) = (self.way, self.resets);
            let is_over = |it: &Orders| it.of(way) == Wires::Cut || it.resets > resets;
            let (due, mut has_ended) = (self.late.front().map(|it| it.0), false);
            tokio::select! {
                read = from.read_buf(&mut self.waiting) => match read {
                    Ok(0) => has_ended = true,
                    Ok(_) => {}
                    Err(_) => return Err(Broken::Gone),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                over = orders.wait_for(is_over) => return Err(match over {
                    Ok(it) if it.resets > resets => Broken::Reset,
                    _ => Broken::Gone,
                }),
            }
            if has_ended {
                return self.all_the_rest(to).await;
            }
            if let Some(trap) = self.shared.trap.lock().unwrap().as_mut() {
                trap.sees(self.way, self.line, &self.waiting);
            }
            let order = self.released().await?;
            if self.pass(order, to).await.is_break() || self.pass_late(to).await.is_break() {
                return Err(Broken::Gone);
            }
        }
    }

    /// The other end says nothing more; what is still to come late comes.
    async fn all_the_rest(&mut self, to: &mut WriteHalf<'_>) -> Result<(), Broken> {
        while let Some((due, bytes)) = self.late.pop_front() {
            sleep_until(due).await;
            if written(to, &bytes).await.is_break() {
                return Err(Broken::Gone);
            }
        }
        Ok(())
    }

    /// What was to come late and is due.
    async fn pass_late(&mut self, to: &mut WriteHalf<'_>) -> ControlFlow<()> {
        while self.late.front().is_some_and(|it| it.0 <= Instant::now()) {
            let (_, bytes) = self.late.pop_front().expect("looked at");
            written(to, &bytes).await?;
        }
        ControlFlow::Continue(())
    }

    /// Waits until something may pass; what holds then.
    async fn released(&self) -> Result<Wires, Broken> {
        let (shared, way, line) = (Arc::clone(&self.shared), self.way, self.line);
        let resets = self.resets;
        let stands = move |it: &Orders| {
            let is_caught =
                shared.trap.lock().unwrap().as_ref().is_some_and(|trap| trap.stops(way, line));
            let is_over = it.of(way) == Wires::Cut || it.resets > resets;
            !is_over && (is_caught || it.of(way) == Wires::Hold)
        };
        let mut orders = self.orders.clone();
        let now = *orders.wait_for(|it| !stands(it)).await.map_err(|_| Broken::Gone)?;
        match now.of(way) {
            _ if now.resets > resets => Err(Broken::Reset),
            Wires::Cut => Err(Broken::Gone),
            order => Ok(order),
        }
    }

    async fn pass(&mut self, order: Wires, to: &mut WriteHalf<'_>) -> ControlFlow<()> {
        let passed = match order {
            Wires::Garble if self.way == Way::Down => {
                let (passed, garbled) = self.published.garble(&mut self.waiting);
                self.shared.garbled.fetch_add(garbled, Ordering::Relaxed);
                passed
            }
            Wires::Lose => {
                self.waiting.clear();
                return ControlFlow::Continue(());
            }
            Wires::Slow(most) => {
                let late = Duration::from_millis(self.drawn(most.as_millis() as u64));
                self.comes_at(Instant::now() + late);
                return ControlFlow::Continue(());
            }
            // In its order.
            _ if !self.late.is_empty() => {
                self.comes_at(Instant::now());
                return ControlFlow::Continue(());
            }
            Wires::Chop => return self.in_pieces(to, None).await,
            Wires::Drip(bytes) => return self.in_pieces(to, Some(bytes)).await,
            _ => self.all(),
        };
        written(to, &passed).await
    }

    /// Everything that waits, then or when what is before it has come.
    fn comes_at(&mut self, due: Instant) {
        let before = self.late.back().map_or(due, |it| it.0);
        let bytes = self.all();
        self.late.push_back((due.max(before), bytes));
    }

    /// In pieces of some bytes; of so many in each tick, where that is given.
    async fn in_pieces(
        &mut self,
        to: &mut WriteHalf<'_>,
        each_tick: Option<usize>,
    ) -> ControlFlow<()> {
        let mut left = self.all();
        while !left.is_empty() {
            let piece = each_tick.unwrap_or_else(|| 1 + self.drawn(PIECE_MAX) as usize);
            let piece = left.split_to(piece.min(left.len()));
            written(to, &piece).await?;
            match each_tick {
                Some(_) => sleep_until(Instant::now() + TICK).await,
                None => tokio::task::yield_now().await,
            }
        }
        ControlFlow::Continue(())
    }

    fn drawn(&self, below: u64) -> u64 {
        self.shared.dice.lock().unwrap().below(below.max(1))
    }

    fn all(&mut self) -> BytesMut {
        let mut passed = mem::take(&mut self.waiting);
        passed.unsplit(self.published.kept());
        passed
    }
}

async fn written(to: &mut WriteHalf<'_>, bytes: &[u8]) -> ControlFlow<()> {
    match to.write_all(bytes).await {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}
