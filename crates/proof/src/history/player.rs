//! Plays one history: every step by everyone, compared before the next one.

use anteroom_core::seat::{Change, Snapshot};
use anteroom_core::time::Millis;

use super::invariants::{self, Stays, hold};
use super::ops::{Op, Timed, Twist};
use super::play::{Figures, Named};
use super::resolve::Known;
use super::{Answer, Subject, Verb};

/// Long enough for anything that a history starts.
const A_WHILE_MS: u64 = 10_000;
/// An offer at the far end of one wait starts a deadline of its own, once for each waiter.
const WHILES: usize = 20;

pub(super) struct Player<'a, 'b> {
    reference: &'a mut dyn Subject,
    others: &'a mut [Named<'b>],
    now: Millis,
    known: Known,
    stays: Stays,
    /// The reference after the last step.
    seen: Snapshot,
    figures: Figures,
    /// The calls so far, for whoever has to find out what went wrong.
    last: Option<(Millis, Verb)>,
}

impl<'a, 'b> Player<'a, 'b> {
    pub(super) fn new(
        start: Millis,
        reference: &'a mut dyn Subject,
        others: &'a mut [Named<'b>],
    ) -> Self {
        let seen = reference.snapshot();
        let (known, stays) = (Known::new(), Stays::default());
        let figures = Figures { histories: 1, ..Figures::default() };
        Self { reference, others, now: start, known, stays, seen, figures, last: None }
    }

    pub(super) fn figures(&self) -> Figures {
        self.figures
    }

    /// The last call, and when.
    pub(super) fn last(&self) -> Option<&(Millis, Verb)> {
        self.last.as_ref()
    }

    pub(super) fn step(&mut self, timed: &Timed) -> Result<(), String> {
        self.now = Millis(self.now.0 + timed.after_ms);
        if timed.expire_first {
            self.act(&Verb::Expire)?;
        }
        let Some(verb) = self.known.resolve(&timed.op) else { return Ok(()) };
        let before = self.seen.clone();
        let answer = self.act(&verb)?;
        if answer.is_refusal() && timed.expire_first {
            hold!(before == self.seen, "a refused step changed something: {before:#?}");
        }
        Ok(())
    }

    /// Ends everything: what is under way is answered, streams end, and time passes.
    pub(super) fn drain(&mut self) -> Result<(), String> {
        let mut is_settled = false;
        while !self.known.entries.is_empty() {
            is_settled = !is_settled;
            self.op(&if is_settled { Op::Settle { entry: 0 } } else { Op::Abort { entry: 0 } })?;
        }
        for stream in 0..self.known.streams() {
            self.op(&Op::StreamLost { stream })?;
        }
        for session in 0..self.known.sessions() {
            self.op(&Op::Close { session, twist: Twist::None, clean: false })?;
        }
        for _ in 0..WHILES {
            self.now = Millis(self.now.0 + A_WHILE_MS);
            self.act(&Verb::Expire)?;
        }
        invariants::nothing_is_left(&self.seen)?;
        let next = self.reference.view().and_then(|view| view.next_deadline);
        hold!(next.is_none(), "nothing is left, and yet something is to come: {next:?}");
        Ok(())
    }

    fn op(&mut self, op: &Op) -> Result<(), String> {
        match self.known.resolve(op) {
            Some(verb) => self.act(&verb).map(drop),
            None => Ok(()),
        }
    }

    fn act(&mut self, verb: &Verb) -> Result<Answer, String> {
        self.last = Some((self.now, verb.clone()));
        let mut journal = Vec::new();
        let answer = self.reference.act(self.now, verb, &mut journal);
        let after = self.reference.snapshot();
        self.compare(verb, &answer, &journal, &after)?;
        invariants::no_seat_beyond_capacity(&self.seen, &after)?;
        invariants::nobody_overtakes(&self.seen, &after)?;
        self.stays.follow(&journal, &after)?;
        self.known.learn(verb, &answer, &journal);
        self.figures.count(&answer, &journal);
        self.seen = after;
        Ok(answer)
    }

    fn compare(
        &mut self,
        verb: &Verb,
        answer: &Answer,
        journal: &[Change],
        after: &Snapshot,
    ) -> Result<(), String> {
        let view = self.reference.view();
        let told = sorted(journal);
        for (name, subject) in self.others.iter_mut() {
            let mut its_journal = Vec::new();
            let its_answer = subject.act(self.now, verb, &mut its_journal);
            hold!(its_answer == *answer, "{name} answers {its_answer:?}, the first {answer:?}");
            let its_told = sorted(&its_journal);
            hold!(its_told == told, "{name} journals {its_told:#?}, the first {told:#?}");
            let stands = subject.snapshot();
            hold!(stands == *after, "{name} stands at {stands:#?}, the first at {after:#?}");
            if let (Some(its_view), Some(view)) = (subject.view(), &view) {
                hold!(its_view == *view, "{name} shows {its_view:?}, the first {view:?}");
            }
        }
        Ok(())
    }
}

/// The order within one step is free.
fn sorted(journal: &[Change]) -> Vec<String> {
    let mut all: Vec<String> = journal.iter().map(|change| format!("{change:?}")).collect();
    all.sort_unstable();
    all
}
