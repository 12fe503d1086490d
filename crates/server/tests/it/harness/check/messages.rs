//! K-msg: what was acknowledged is stored once, under the number that was told, in an order that could be;
//! and everybody heard exactly what is stored, in that order, without a gap.
//!
//! Lean: a sender's messages are numbered, and of what a reader heard only a sum is kept.

use std::collections::HashSet;

use super::Verdict;

/// One message as its sender knows it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    /// When it was sent first.
    pub(crate) invoked: u64,
    /// When it was acknowledged, and under which number; `None` while nobody knows.
    pub(crate) acked: Option<(u64, i64)>,
}

/// One message as it is stored: whose it is, and the sender's own number of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) seq: i64,
    pub(crate) sender: usize,
    pub(crate) n: usize,
}

/// What one reader of a room heard, over all their sessions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// They were told what comes after this number.
    pub(crate) from: i64,
    /// The last number that they heard.
    pub(crate) last: i64,
    sum: u64,
}

impl Heard {
    pub(crate) fn after(from: i64) -> Self {
        Self { from, last: from, sum: 0 }
    }

    /// The next thing that is told.
    ///
    /// # Errors
    /// It is not the next one in the room.
    pub(crate) fn hear(&mut self, told: Stored) -> Verdict {
        if told.seq != self.last + 1 {
            return Err(format!("after {} comes {}", self.last, told.seq));
        }
        self.last = told.seq;
        self.sum = self.sum.wrapping_add(mark(told));
        Ok(())
    }
}

/// A number that depends on all of it.
fn mark(it: Stored) -> u64 {
    let words = [it.seq as u64, it.sender as u64, it.n as u64];
    words.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, word| {
        (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
    })
}

/// How many messages of one room were acknowledged. `stored` is the room as it stands, by number; `said`
/// what each sender said there.
///
/// # Errors
/// Something was lost, doubled, reordered, or heard otherwise than it is stored.
pub(crate) fn messages(stored: &[Stored], said: &[&[Said]], heard: &[Heard]) -> Verdict<usize> {
    let mut sums = Vec::with_capacity(stored.len() + 1);
    sums.push(0_u64);
    let (mut seen, mut latest_call) = (HashSet::with_capacity(stored.len()), 0);
    for (at, it) in stored.iter().enumerate() {
        if it.seq != at as i64 + 1 {
            return Err(format!("stored after {at} is {}", it.seq));
        }
        if !seen.insert((it.sender, it.n)) {
            return Err(format!("stored twice: {it:?}"));
        }
        let call = said.get(it.sender).and_then(|all| all.get(it.n));
        let call = call.ok_or_else(|| format!("nobody said {it:?}"))?;
        if let Some((answered, seq)) = call.acked {
            if seq != it.seq {
                return Err(format!("acknowledged as {seq}, stored as {it:?}"));
            }
            if answered < latest_call {
                return Err(format!("{it:?} was acknowledged before something below it was sent"));
            }
        }
        latest_call = latest_call.max(call.invoked);
        sums.push(sums[at].wrapping_add(mark(*it)));
    }
    let mut acked = 0;
    for (sender, all) in said.iter().enumerate() {
        for (n, _) in all.iter().enumerate().filter(|(_, it)| it.acked.is_some()) {
            acked += 1;
            if !seen.contains(&(sender, n)) {
                return Err(format!("lost: message {n} of sender {sender}"));
            }
        }
    }
    let is_stored = |it: &&Heard| {
        let sum = |seq: i64| sums.get(usize::try_from(seq).ok()?).copied();
        sum(it.last).zip(sum(it.from)).map(|(to, from)| to.wrapping_sub(from)) == Some(it.sum)
    };
    match heard.iter().find(|it| !is_stored(it)) {
        Some(it) => Err(format!("somebody heard something else than what is stored: {it:?}")),
        None => Ok(acked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(invoked: u64, answered: u64, seq: i64) -> Said {
        Said { invoked, acked: Some((answered, seq)) }
    }

    fn stored(all: &[(usize, usize)]) -> Vec<Stored> {
        let one = |(at, (sender, n)): (usize, &(usize, usize))| Stored {
            seq: at as i64 + 1,
            sender: *sender,
            n: *n,
        };
        all.iter().enumerate().map(one).collect()
    }

    fn heard(all: &[Stored]) -> Heard {
        let mut heard = Heard::after(0);
        all.iter().for_each(|it| heard.hear(*it).unwrap());
        heard
    }

    /// Sender 0 says two things, one after the other; sender 1 one thing that nobody answered.
    fn history() -> (Vec<Stored>, [Vec<Said>; 2]) {
        let unknown = Said { invoked: 5, acked: None };
        (stored(&[(0, 0), (1, 0), (0, 1)]), [vec![said(0, 10, 1), said(11, 20, 3)], vec![unknown]])
    }

    fn judged(all: &[Stored], said: &[Vec<Said>; 2], heard: &[Heard]) -> Verdict<usize> {
        messages(all, &[&said[0], &said[1]], heard)
    }

    #[test]
    fn a_history_that_could_be_is_let_pass() {
        let (all, said) = history();
        assert_eq!(judged(&all, &said, &[heard(&all), heard(&all[..2])]), Ok(2));
    }

    #[test]
    fn lost_doubled_and_renumbered_messages_are_found() {
        let (all, said) = history();
        let lost = stored(&[(0, 0), (1, 0)]);
        assert!(judged(&lost, &said, &[]).unwrap_err().contains("lost"));
        let doubled = stored(&[(0, 0), (0, 0), (0, 1)]);
        assert!(judged(&doubled, &said, &[]).unwrap_err().contains("twice"));
        let gap = [all[0], all[2]];
        assert!(judged(&gap, &said, &[]).is_err());
        let swapped = stored(&[(1, 0), (0, 0), (0, 1)]);
        assert!(judged(&swapped, &said, &[]).unwrap_err().contains("acknowledged as"));
        let strange = stored(&[(0, 0), (1, 1), (0, 1)]);
        assert!(judged(&strange, &said, &[]).unwrap_err().contains("nobody said"));
    }

    #[test]
    fn an_order_that_time_forbids_is_found() {
        // The one with the lower number was sent after the other had been acknowledged.
        let all = stored(&[(1, 0), (0, 0)]);
        let said = [vec![said(0, 10, 2)], vec![said(11, 20, 1)]];
        assert!(judged(&all, &said, &[]).unwrap_err().contains("before"));
    }

    #[test]
    fn a_reader_who_misses_something_or_hears_something_else_is_found() {
        let (all, said) = history();
        let mut reader = heard(&all[..1]);
        assert!(reader.hear(all[2]).is_err(), "a gap");
        assert!(reader.hear(all[0]).is_err(), "a repetition");
        let other = heard(&stored(&[(0, 0), (0, 1), (1, 0)]));
        assert!(judged(&all, &said, &[other]).unwrap_err().contains("heard something else"));
    }
}
