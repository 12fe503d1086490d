//! K-leak and K-room: when all is at rest nothing is kept, and no room is there that nobody entered.

use std::collections::BTreeSet;

use super::Verdict;

/// What is left when everybody has gone and every deadline has passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtRest {
    /// The room's seats, and how many of them are free, as one node says.
    pub(crate) capacity: u32,
    pub(crate) free: u32,
    /// Seats, reservations and places in lines that the store still has.
    pub(crate) kept: usize,
    /// Stays that the facts have as not ended.
    pub(crate) open_stays: usize,
}

/// Nothing of a room leaked.
///
/// # Errors
/// A place is not free, or the store or the facts keep something.
pub(crate) fn leak(nodes: &[AtRest]) -> Verdict {
    let leaks = |it: &&AtRest| it.free != it.capacity || it.kept > 0 || it.open_stays > 0;
    nodes.iter().find(leaks).map_or(Ok(()), |it| Err(format!("leaked: {it:?}")))
}

/// Every room that is written down was entered, or may have been by somebody who never got an answer.
///
/// # Errors
/// The rooms that nobody entered.
pub(crate) fn rooms(
    written: &BTreeSet<i64>,
    entered: &BTreeSet<i64>,
    perhaps: &BTreeSet<i64>,
) -> Verdict {
    let nobodys: Vec<i64> = written
        .iter()
        .filter(|it| !entered.contains(it) && !perhaps.contains(it))
        .copied()
        .collect();
    let lost: Vec<i64> = entered.difference(written).copied().collect();
    match (nobodys.is_empty(), lost.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("rooms that nobody entered are written down: {nobodys:?}")),
        (true, false) => Err(format!("rooms that were entered are not: {lost:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: AtRest = AtRest { capacity: 5, free: 5, kept: 0, open_stays: 0 };

    #[test]
    fn a_seat_a_key_or_a_stay_that_is_left_is_found() {
        assert_eq!(leak(&[EMPTY, EMPTY]), Ok(()));
        for left in [
            AtRest { free: 4, ..EMPTY },
            AtRest { kept: 1, ..EMPTY },
            AtRest { open_stays: 1, ..EMPTY },
        ] {
            assert!(leak(&[EMPTY, left]).is_err());
        }
    }

    #[test]
    fn a_room_that_nobody_entered_and_one_that_was_forgotten_are_found() {
        let set = |ids: &[i64]| ids.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(rooms(&set(&[1, 2]), &set(&[1]), &set(&[2, 3])), Ok(()));
        assert!(rooms(&set(&[1, 2]), &set(&[1]), &set(&[])).unwrap_err().contains("[2]"));
        assert!(rooms(&set(&[1]), &set(&[1, 2]), &set(&[])).unwrap_err().contains("[2]"));
    }
}
