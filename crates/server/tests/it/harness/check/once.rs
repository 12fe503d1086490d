//! K-once: what the logs of all nodes say of each grant, taken together, can be true: its number is nobody
//! else's, it was entered at most once and ended at most once, and every stay that began has ended when
//! all is at rest.

use std::collections::{HashMap, HashSet};

use super::Verdict;

/// A grant of a seat: the room, the user and the number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Grant {
    pub(crate) room: String,
    pub(crate) user: String,
    pub(crate) generation: String,
}

/// What became of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It became a session. The first of a stay, or one that took a stay over.
    Entered { is_first: bool },
    /// A reservation that ended as such.
    Lapsed,
    /// The seat was given back by the last session's number, of a stay that began with `first`.
    Returned { first: String },
}

/// What the logs can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logs {
    /// No line is missing: whatever began has ended.
    Whole,
    /// A node was killed: its last lines may be missing.
    Cut,
    /// The seat store went back in time: what was undone may be seen to happen again.
    RolledBack,
}

/// How many stays were seen to end.
///
/// # Errors
/// A number that two people had, a grant that was entered or ended more than once, or a stay without an
/// end.
pub(crate) fn once(steps: &[(Grant, Step)], logs: Logs) -> Verdict<usize> {
    let mut of: HashMap<&Grant, (usize, usize, usize)> = HashMap::new();
    let mut whose: HashMap<(&str, &str), &str> = HashMap::new();
    let (mut begun, mut ended) = (Vec::new(), HashSet::new());
    for (grant, step) in steps {
        let user = *whose.entry((&grant.room, &grant.generation)).or_insert(&grant.user);
        if user != grant.user {
            return Err(format!("{grant:?} has the number of a grant of {user}"));
        }
        let seen = of.entry(grant).or_default();
        match step {
            Step::Entered { is_first } => {
                seen.0 += 1;
                begun.extend(is_first.then_some(grant));
            }
            Step::Lapsed => seen.1 += 1,
            Step::Returned { first } => {
                seen.2 += 1;
                ended.insert((&grant.room, &grant.user, first));
            }
        }
        let what = match *seen {
            _ if logs == Logs::RolledBack => continue,
            (2.., ..) => "was entered twice",
            (_, lapsed, returned) if lapsed + returned > 1 => "ended twice",
            (1.., 1.., _) => "lapsed and was entered",
            _ => continue,
        };
        return Err(format!("{grant:?} {what}"));
    }
    let is_open = |it: &&&Grant| !ended.contains(&(&it.room, &it.user, &it.generation));
    match begun.iter().find(is_open) {
        Some(grant) if logs == Logs::Whole => Err(format!("{grant:?} began a stay without an end")),
        _ => Ok(ended.len()),
    }
}

/// Between which two instants something took place, in milliseconds.
pub(crate) type Span = (i64, i64);

/// The same where the seat store was emptied now and then: what it forgot may be told again, so a grant that stood over
/// such a loss may only have no number of somebody else's. Of all others nothing happens twice. How many those are.
///
/// # Errors
/// As [`once`].
pub(crate) fn once_between(steps: &[(Grant, Step, i64)], losses: &[Span]) -> Verdict<usize> {
    let all: Vec<_> = steps.iter().map(|(grant, step, _)| (grant.clone(), step.clone())).collect();
    once(&all, Logs::RolledBack)?;
    let mut stood: HashMap<&Grant, Span> = HashMap::new();
    for (grant, _, at) in steps {
        let span = stood.entry(grant).or_insert((*at, *at));
        *span = (span.0.min(*at), span.1.max(*at));
    }
    stood.retain(|_, span| !losses.iter().any(|loss| span.0 <= loss.1 && loss.0 <= span.1));
    let apart = all.into_iter().filter(|(grant, _)| stood.contains_key(grant));
    once(&apart.collect::<Vec<_>>(), Logs::Cut)?;
    Ok(stood.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Step = Step::Entered { is_first: true };

    fn returned(n: u32) -> Step {
        Step::Returned { first: format!("1.{n}") }
    }

    fn grant(n: u32) -> Grant {
        Grant { room: "1".into(), user: "a".into(), generation: format!("1.{n}") }
    }

    #[test]
    fn a_stay_that_is_taken_over_and_ends_is_one() {
        let taken = Step::Entered { is_first: false };
        let steps = [(grant(1), FIRST), (grant(2), taken), (grant(2), returned(1))];
        assert_eq!(once(&steps, Logs::Whole), Ok(1));
    }

    #[test]
    fn a_grant_that_ends_twice_or_is_entered_twice_is_found() {
        use Step::Lapsed;
        for steps in [
            vec![FIRST, returned(1), returned(1)],
            vec![FIRST, FIRST],
            vec![Lapsed, Lapsed],
            vec![Lapsed, FIRST],
            vec![FIRST, Lapsed],
        ] {
            let steps: Vec<_> = steps.into_iter().map(|step| (grant(1), step)).collect();
            assert!(once(&steps, Logs::Cut).is_err(), "{steps:?}");
            assert!(once(&steps, Logs::RolledBack).is_ok());
        }
    }

    #[test]
    fn what_happens_twice_is_found_unless_the_store_was_emptied_meanwhile() {
        let steps = [(FIRST, 10), (returned(1), 20), (returned(1), 40)];
        let steps = steps.map(|(step, at)| (grant(1), step, at));
        assert_eq!(once_between(&steps, &[(25, 30)]), Ok(0));
        for elsewhere in [vec![], vec![(0, 5)], vec![(41, 50)]] {
            let found = once_between(&steps, &elsewhere).unwrap_err();
            assert!(found.contains("ended twice"), "{found}");
        }
        assert_eq!(once_between(&steps[..2], &[(0, 5)]), Ok(1));
    }

    #[test]
    fn a_number_that_two_people_have_is_found() {
        let other = Grant { user: "b".into(), ..grant(1) };
        let steps = [(grant(1), FIRST), (grant(1), returned(1)), (other, FIRST)];
        assert!(once(&steps, Logs::RolledBack).unwrap_err().contains("has the number"));
    }

    #[test]
    fn a_stay_that_never_ends_is_found_where_the_logs_are_whole() {
        let steps = [(grant(1), FIRST)];
        assert_eq!(once(&steps, Logs::Cut), Ok(0));
        assert!(once(&steps, Logs::Whole).is_err());
        // The end of another stay of the same person is none of this one.
        let steps = [(grant(1), FIRST), (grant(2), FIRST), (grant(2), returned(2))];
        assert!(once(&steps, Logs::Whole).is_err());
    }
}
