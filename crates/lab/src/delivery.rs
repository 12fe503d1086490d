//! The members of a full room: some send on a fixed schedule, all watch what arrives.
//!
//! What each must see is every message once, in order of `seq`, with the same `seq` as everyone
//! else. Latency counts from the instant a message was *due*, not from when it went out, so a stalled
//! server cannot hide its stall by holding up the senders.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anteroom_client::protocol::frame::{ClientFrame, Send};
use anteroom_client::{Closed, RawEvent, Session};
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use crate::latency::{Figures, Spans};

/// What the members are to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Gather,
    Send,
    Leave,
}

/// What all members share.
pub(crate) struct Delivery {
    messages: usize,
    senders: usize,
    every: Duration,
    start: OnceLock<Instant>,
    /// The `seq` of each message, as the first member saw it; 0 until then.
    seqs: Vec<AtomicI64>,
    waiting_for: AtomicUsize,
    all_done: Notify,
    latency: Mutex<Spans>,
}

/// What one member saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) messages: usize,
    pub(crate) doubled: usize,
    pub(crate) missing: usize,
    /// Under another `seq` than the others saw, or not one of ours.
    pub(crate) strange: usize,
    pub(crate) acks: usize,
    pub(crate) first_error: Option<String>,
    pub(crate) closed: Option<Closed>,
}

/// As much of a frame as the check needs.
#[derive(Deserialize)]
struct Brief<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    seq: Option<i64>,
    client_id: Option<&'a str>,
}

impl Delivery {
    pub(crate) fn new(messages: usize, rate: f64, senders: usize) -> anyhow::Result<Self> {
        Ok(Self {
            messages,
            senders: senders.max(1),
            every: Duration::try_from_secs_f64(1.0 / rate)?,
            start: OnceLock::new(),
            seqs: (0..messages).map(|_| AtomicI64::new(0)).collect(),
            waiting_for: AtomicUsize::new(0),
            all_done: Notify::new(),
            latency: Mutex::new(Spans::new()?),
        })
    }

    /// How long sending takes when nothing stalls.
    pub(crate) fn lasts(&self) -> Duration {
        self.every.saturating_mul(u32::try_from(self.messages).unwrap_or(u32::MAX))
    }

    /// Starts the schedule for `members` and waits until each has seen everything, or `limit`.
    pub(crate) async fn run(
        &self,
        members: usize,
        phase: &watch::Sender<Phase>,
        limit: Duration,
    ) -> bool {
        if self.messages == 0 || members == 0 {
            return true;
        }
        self.waiting_for.store(members, Ordering::SeqCst);
        self.start.get_or_init(Instant::now);
        let done = self.all_done.notified();
        phase.send_replace(Phase::Send);
        tokio::time::timeout(limit, done).await.is_ok()
    }

    pub(crate) fn latency(&self) -> Figures {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).figures()
    }

    fn due(&self, n: usize) -> Instant {
        let start = self.start.get().copied().unwrap_or_else(Instant::now);
        start + self.every.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// Whether everyone saw message `n` under this `seq`.
    fn agrees(&self, n: usize, seq: i64) -> bool {
        self.seqs.get(n).is_some_and(|cell| {
            match cell.compare_exchange(0, seq, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => true,
                Err(first) => first == seq,
            }
        })
    }

    fn one_done(&self) {
        if self.waiting_for.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.all_done.notify_one();
        }
    }
}

/// Sits in the room until told to leave. `number` tells the members apart; the first ones send.
pub(crate) async fn member(
    mut session: Session,
    number: usize,
    delivery: &Delivery,
    mut phase: watch::Receiver<Phase>,
) -> Seen {
    let mut seen = Seen::default();
    let mut next_seq = session.welcome().last_seq + 1;
    let mut to_send: Option<usize> = None;
    let mut done = false;
    loop {
        let due = to_send.map_or_else(Instant::now, |n| delivery.due(n));
        tokio::select! {
            event = session.next_raw() => match event {
                Some(RawEvent::Text(text)) => seen.take(&text, &mut next_seq, delivery),
                Some(RawEvent::Binary(_)) => seen.strange += 1,
                Some(RawEvent::Closed(closed)) => { seen.closed = Some(closed); break }
                None => break,
            },
            () = sleep_until(due), if to_send.is_some() => {
                let n = to_send.take().unwrap_or_default();
                let client_id = format!("lab-{n}");
                let send = Send { client_id, content: format!("message {n}"), content_type: None, reply_to: None };
                // A broken line shows in the read that follows.
                let _ = session.send_frame(&ClientFrame::Send(send)).await;
                to_send = Some(n + delivery.senders).filter(|n| *n < delivery.messages);
            }
            Ok(()) = phase.changed() => {
                let now = *phase.borrow_and_update();
                match now {
                    Phase::Gather => {}
                    Phase::Send => {
                        let mine = number < delivery.senders.min(delivery.messages);
                        to_send = mine.then_some(number);
                    }
                    Phase::Leave => {
                        let _ = session.send_frame(&ClientFrame::Leave {}).await;
                    }
                }
            },
        }
        if !done && seen.messages >= delivery.messages && delivery.messages > 0 {
            done = true;
            delivery.one_done();
        }
    }
    if !done && delivery.start.get().is_some() {
        delivery.one_done();
    }
    seen
}

impl Seen {
    fn take(&mut self, text: &str, next_seq: &mut i64, delivery: &Delivery) {
        let Ok(brief) = serde_json::from_str::<Brief<'_>>(text) else {
            self.strange += 1;
            return;
        };
        match (brief.kind, brief.seq) {
            ("message", Some(seq)) => {
                let n = brief.client_id.and_then(|id| id.strip_prefix("lab-")?.parse().ok());
                self.message(seq, n, next_seq, delivery);
            }
            ("ack", _) => self.acks += 1,
            ("error" | "closing", _) => {
                self.first_error.get_or_insert_with(|| text.to_owned());
            }
            _ => {}
        }
    }

    fn message(&mut self, seq: i64, n: Option<usize>, next_seq: &mut i64, delivery: &Delivery) {
        if seq < *next_seq {
            self.doubled += 1;
            return;
        }
        self.missing += usize::try_from(seq - *next_seq).unwrap_or(usize::MAX);
        *next_seq = seq + 1;
        match n {
            Some(n) if delivery.agrees(n, seq) => {
                self.messages += 1;
                let late = Instant::now().saturating_duration_since(delivery.due(n));
                delivery.latency.lock().unwrap_or_else(PoisonError::into_inner).note(late);
            }
            _ => self.strange += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: i64, n: usize) -> String {
        format!(
            r#"{{"type":"message","id":"x","seq":{seq},"content":"a\"b","client_id":"lab-{n}"}}"#
        )
    }

    fn saw(frames: &[String]) -> Seen {
        let delivery = Delivery::new(3, 1000.0, 1).unwrap();
        let mut seen = Seen::default();
        let mut next_seq = 5;
        for frame in frames {
            seen.take(frame, &mut next_seq, &delivery);
        }
        seen
    }

    #[test]
    fn every_message_once_and_in_order_is_faultless() {
        let seen =
            saw(&[message(5, 0), r#"{"type":"presence"}"#.into(), message(6, 2), message(7, 1)]);
        assert_eq!((seen.messages, seen.doubled, seen.missing, seen.strange), (3, 0, 0, 0));
    }

    #[test]
    fn a_double_a_gap_and_a_second_number_for_one_message_are_each_caught() {
        let seen = saw(&[message(5, 0), message(5, 0)]);
        assert_eq!((seen.messages, seen.doubled), (1, 1));
        let seen = saw(&[message(5, 0), message(8, 1)]);
        assert_eq!((seen.messages, seen.missing), (2, 2));
        let seen = saw(&[message(5, 0), message(6, 0)]);
        assert_eq!((seen.messages, seen.strange), (1, 1));
        assert_eq!(saw(&[message(5, 3)]).strange, 1, "only three were sent");
    }
}
