//! Who did what must not be, and whether the run could have seen it.

use super::Summary;
use crate::experiment::data::{Faults, SubjectInfo};

/// One kind of fault: its column, its name for people, and where its number is.
pub(crate) type FaultKind = (&'static str, &'static str, fn(&Faults) -> u64);

/// The kinds, the one that matters most first.
pub(crate) const FAULTS: [FaultKind; 7] = [
    ("overfills", "overfills", |it| it.overfills),
    ("false_full", "false “full”", |it| it.false_full),
    ("false_promises", "broken promises", |it| it.false_promises),
    ("leaked", "leaked seats", |it| it.leaked),
    ("conservation", "sums that do not add up", |it| it.conservation),
    ("exclusion", "two seats of one person", |it| it.exclusion),
    ("history", "grants out of order", |it| it.history),
];

/// What one subject did, all scenarios and repetitions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) faults: Faults,
    /// Cells that were measured, those with a fault, and those with an overfill.
    pub(crate) measured: usize,
    pub(crate) faulty: usize,
    pub(crate) overfilled: usize,
    /// Requests that were granted, or refused because the room was full.
    pub(crate) decisions: u64,
}

impl Record {
    pub(crate) fn sum(&self) -> u64 {
        total(&self.faults)
    }

    pub(crate) fn is_convicted(&self) -> bool {
        self.sum() > 0
    }

    /// The faults in words, most important kind first; nothing where there are none.
    pub(crate) fn in_words(&self) -> String {
        let some = FAULTS.iter().filter(|(.., number)| number(&self.faults) > 0);
        let words = some.map(|(_, name, number)| format!("{} {name}", number(&self.faults)));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Whether the run proves anything, and against whom.
pub(crate) struct Standing<'a> {
    /// Known to be wrong, and not caught: the checks could see nothing.
    pub(crate) unseen: Vec<&'a SubjectInfo>,
    /// Nobody known to be wrong was measured: nothing shows that the checks can see.
    pub(crate) untested: bool,
    /// Supposed to be right, and convicted.
    pub(crate) convicted: Vec<(&'a SubjectInfo, Record)>,
}

impl Standing<'_> {
    /// Whether who is known to be wrong was caught overfilling, and nobody else did anything wrong.
    pub(crate) fn is_a_run(&self) -> bool {
        self.unseen.is_empty() && !self.untested && self.convicted.is_empty()
    }

    /// What keeps the run from proving what it is to prove, in words; nothing for a good run.
    pub(crate) fn objections(&self) -> Vec<String> {
        let untested = "nothing that is known to be wrong was measured, so nothing shows that the checks can \
                        see a fault";
        let untested = self.untested.then(|| untested.to_owned()).into_iter();
        let unseen = self.unseen.iter().map(|it| {
            format!(
                "“{}” is known to overfill rooms and was not caught: the checks were blind",
                it.title
            )
        });
        let convicted = self.convicted.iter().map(|(it, record)| {
            format!("“{}” was caught at faults: {}", it.title, record.in_words())
        });
        untested.chain(unseen).chain(convicted).collect()
    }
}

impl<'a> Summary<'a> {
    /// What a subject did over all that was measured.
    pub(crate) fn record(&self, subject: &str) -> Record {
        let mut record = Record::default();
        let cells = self.run.cells.iter();
        for cell in cells.filter(|cell| cell.subject == subject && cell.not_run.is_none()) {
            let (sum, found) = (&mut record.faults, &cell.faults);
            sum.overfills += found.overfills;
            sum.false_full += found.false_full;
            sum.false_promises += found.false_promises;
            sum.leaked += found.leaked;
            sum.conservation += found.conservation;
            sum.exclusion += found.exclusion;
            sum.history += found.history;
            record.measured += 1;
            record.faulty += usize::from(total(found) > 0);
            record.overfilled += usize::from(found.overfills > 0);
            record.decisions += cell.counts.granted + cell.counts.full;
        }
        record
    }

    /// Whether the run proves anything.
    pub(crate) fn standing(&self) -> Standing<'a> {
        let subjects = &self.run.subjects;
        let (wrong, right): (Vec<_>, Vec<_>) = subjects.iter().partition(|it| it.must_overfill);
        let untested = wrong.is_empty();
        let unseen = wrong.into_iter().filter(|it| self.record(&it.id).faults.overfills == 0);
        let records = right.into_iter().map(|it| (it, self.record(&it.id)));
        let convicted = records.filter(|(_, record)| record.is_convicted());
        Standing { unseen: unseen.collect(), untested, convicted: convicted.collect() }
    }
}

fn total(faults: &Faults) -> u64 {
    FAULTS.iter().map(|(.., number)| number(faults)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixture;

    #[test]
    fn a_run_catches_who_is_wrong_and_nobody_else() {
        let run = fixture::run();
        let standing = Summary::new(&run).standing();
        assert!(standing.is_a_run());
        assert_eq!(standing.objections(), Vec::<String>::new());
        let unlocked = Summary::new(&run).record("unlocked");
        assert!(unlocked.is_convicted() && unlocked.overfilled > 0);
        assert!(unlocked.in_words().contains("overfills"), "{}", unlocked.in_words());
    }

    #[test]
    fn who_is_wrong_and_not_caught_makes_it_no_run() {
        let mut run = fixture::run();
        for cell in run.cells.iter_mut().filter(|cell| cell.subject == "unlocked") {
            cell.faults.overfills = 0;
            cell.faults.history = 1;
        }
        let summary = Summary::new(&run);
        let unseen: Vec<_> = summary.standing().unseen.iter().map(|it| it.id.clone()).collect();
        assert_eq!(unseen, ["unlocked"]);
        assert!(!summary.standing().is_a_run());
        run.subjects.retain(|subject| !subject.must_overfill);
        let standing = Summary::new(&run).standing();
        assert!(standing.untested && !standing.is_a_run());
        assert_eq!(standing.objections().len(), 1);
    }

    #[test]
    fn one_fault_of_any_kind_convicts() {
        for kind in 0..FAULTS.len() {
            let mut run = fixture::run();
            let cell = run.cells.iter_mut().find(|cell| cell.subject == "semaphore").unwrap();
            let mut numbers = [0; FAULTS.len()];
            numbers[kind] = 1;
            let [overfills, false_full, false_promises, leaked, conservation, exclusion, history] =
                numbers;
            cell.faults = Faults {
                overfills,
                false_full,
                false_promises,
                leaked,
                conservation,
                exclusion,
                history,
            };
            let standing = Summary::new(&run).standing();
            let convicted: Vec<_> = standing.convicted.iter().map(|(it, _)| &it.id).collect();
            assert_eq!(convicted, ["semaphore"], "{}", FAULTS[kind].0);
            assert!(!standing.is_a_run());
        }
    }
}
