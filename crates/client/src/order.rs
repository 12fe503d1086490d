//! Which durable thing comes next. `seq` has no gaps within a room, so one number decides whether a
//! frame is delivered, dropped as already seen, or waits until history has filled what is missing.
//!
//! Pure: it neither reads sockets nor asks for history.

use anteroom_protocol::frame::ServerFrame;

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It carries no `seq`, or is exactly the next: hand it out.
    Deliver,
    /// It was handed out before.
    Seen,
    /// Everything above `after` and below the frame is missing: ask history first.
    Gap {
        /// The last `seq` that was handed out.
        after: i64,
    },
}

/// The position in one room's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    seen: i64,
}

impl Order {
    /// Starts after `seen`: the next durable thing is `seen + 1`.
    #[must_use]
    pub const fn after(seen: i64) -> Self {
        Self { seen }
    }

    /// The last `seq` handed out; what a reconnect sends as `since`.
    #[must_use]
    pub const fn seen(self) -> i64 {
        self.seen
    }

    /// What to do with a frame. Nothing changes.
    #[must_use]
    pub fn judge(self, frame: &ServerFrame) -> Verdict {
        seq_of(frame).map_or(Verdict::Deliver, |seq| self.judge_seq(seq))
    }

    /// As [`Order::judge`], by the number alone.
    #[must_use]
    pub fn judge_seq(self, seq: i64) -> Verdict {
        if seq <= self.seen {
            Verdict::Seen
        } else if seq == self.seen + 1 {
            Verdict::Deliver
        } else {
            Verdict::Gap { after: self.seen }
        }
    }

    /// Notes that everything up to `seq` was handed out or is known to be gone from history. Going
    /// back is not possible.
    pub fn advance(&mut self, seq: i64) {
        self.seen = self.seen.max(seq);
    }
}

/// The place a frame takes in the room's sequence, if it takes one. An `ack` only tells of a place;
/// the message itself comes to its sender too.
#[must_use]
pub fn seq_of(frame: &ServerFrame) -> Option<i64> {
    match frame {
        ServerFrame::Message(message) => Some(message.seq),
        ServerFrame::Edited(change) | ServerFrame::Deleted(change) => Some(change.seq),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_number_is_delivered() {
        let order = Order::after(7);
        assert_eq!(order.judge_seq(8), Verdict::Deliver);
        assert_eq!(order.judge_seq(7), Verdict::Seen);
        assert_eq!(order.judge_seq(1), Verdict::Seen);
        assert_eq!(order.judge_seq(9), Verdict::Gap { after: 7 });
    }

    #[test]
    fn any_arrival_order_with_doubles_comes_out_once_and_in_order_when_gaps_are_filled() {
        let arrivals = [1, 1, 3, 2, 3, 7, 5, 8, 6, 9, 12, 12];
        let mut order = Order::after(0);
        let mut out = Vec::new();
        for seq in arrivals {
            match order.judge_seq(seq) {
                Verdict::Seen => continue,
                Verdict::Deliver => {}
                Verdict::Gap { after } => out.extend(after + 1..seq),
            }
            out.push(seq);
            order.advance(seq);
        }
        assert_eq!(out, (1..=12).collect::<Vec<_>>());
    }

    #[test]
    fn edits_take_a_place_and_presence_takes_none() {
        let edited = r#"{"type":"edited","seq":9,"content":"x",
            "target":{"id":"01890000-0000-7000-8000-000000000001","seq":2},
            "updated_at":"2026-11-21T08:00:00.000Z"}"#;
        let edited: ServerFrame = serde_json::from_str(edited).unwrap();
        assert_eq!(Order::after(8).judge(&edited), Verdict::Deliver);
        assert_eq!(Order::after(9).judge(&edited), Verdict::Seen);
        let presence: ServerFrame =
            serde_json::from_str(r#"{"type":"presence","occupied":3}"#).unwrap();
        assert_eq!(Order::after(100).judge(&presence), Verdict::Deliver);
    }
}
