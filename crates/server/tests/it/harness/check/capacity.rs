//! K-cap: at no instant more people are certainly inside than the room holds.

use std::collections::HashMap;

use super::Verdict;

/// A session as its client saw it: certainly inside from the welcome on, to the first sign of its end,
/// whichever side gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stay {
    /// Who: a seat is a person's, however many sessions they have.
    pub(crate) who: usize,
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// The most people who were inside at once.
///
/// # Errors
/// More than `seats`.
pub(crate) fn capacity(stays: &[Stay], seats: usize) -> Verdict<usize> {
    // At one instant ends come before beginnings: which was first cannot be told.
    // One that ended in the instant it began is counted neither way.
    let stays = || stays.iter().filter(|stay| stay.from < stay.until);
    let begins = stays().map(|stay| (stay.from, true, stay.who));
    let ends = stays().map(|stay| (stay.until, false, stay.who));
    let mut all: Vec<(u64, bool, usize)> = begins.chain(ends).collect();
    all.sort_unstable();
    let (mut inside, mut most) = (HashMap::<usize, usize>::new(), 0);
    for (at, is_begin, who) in all {
        let sessions = inside.entry(who).or_default();
        match is_begin {
            true => *sessions += 1,
            false => *sessions = sessions.saturating_sub(1),
        }
        if *sessions == 0 {
            inside.remove(&who);
        }
        most = most.max(inside.len());
        if inside.len() > seats {
            return Err(format!("{} inside after {at} µs, where {seats} may be", inside.len()));
        }
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(who: usize, from: u64, until: u64) -> Stay {
        Stay { who, from, until }
    }

    #[test]
    fn who_comes_when_another_has_gone_is_none_too_many() {
        assert_eq!(capacity(&[stay(1, 0, 5), stay(2, 5, 9), stay(3, 2, 9)], 2), Ok(2));
    }

    #[test]
    fn one_too_many_for_an_instant_is_found() {
        let found = capacity(&[stay(1, 0, 5), stay(2, 1, 9), stay(3, 4, 9)], 2).unwrap_err();
        assert!(found.contains("3 inside after 4"), "{found}");
    }

    #[test]
    fn one_that_ends_in_the_instant_it_begins_does_not_stay_for_ever() {
        assert_eq!(capacity(&[stay(1, 2, 2), stay(2, 3, 9)], 1), Ok(1));
    }

    #[test]
    fn two_sessions_of_one_person_are_one_seat() {
        assert_eq!(capacity(&[stay(1, 0, 5), stay(1, 4, 9), stay(2, 4, 9)], 2), Ok(2));
        assert!(capacity(&[stay(1, 0, 5), stay(1, 4, 9), stay(2, 4, 9)], 1).is_err());
    }
}
