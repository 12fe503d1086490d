//! The original's four rules, as its authors defined them, judged from the log that a server with baselines
//! keeps around each decision (`docs/experiments/README.md` says what they can and cannot tell).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::data::Rules;

/// One decision, as the server noted it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Decision {
    room: i64,
    start_ns: u64,
    enter_ns: u64,
    leave_ns: u64,
    before: u32,
    after: u32,
    capacity: u32,
    granted: bool,
}

/// Every decision that the logs below a directory tell of.
///
/// # Errors
/// A log cannot be read, or a line of it.
pub(crate) fn read(dir: &Path) -> Result<Vec<Decision>> {
    let mut decisions = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        for line in text.lines() {
            let decision = serde_json::from_str(line);
            decisions.push(decision.with_context(|| format!("{}: {line}", path.display()))?);
        }
    }
    Ok(decisions)
}

/// Judges the decisions over some rooms. The first `settled` of each are not looked at: with them came who sat there
/// before.
pub(crate) fn judge(decisions: &[Decision], rooms: &[i64], settled: u32) -> Rules {
    let mut by_room: BTreeMap<i64, Vec<Decision>> = BTreeMap::new();
    for decision in decisions.iter().filter(|it| rooms.contains(&it.room)) {
        by_room.entry(decision.room).or_default().push(*decision);
    }
    let mut rules = Rules::default();
    for mut here in by_room.into_values() {
        here.sort_by_key(|it| it.start_ns);
        one_room(here.get(settled as usize..).unwrap_or_default(), settled, &mut rules);
    }
    rules
}

fn one_room(here: &[Decision], settled: u32, rules: &mut Rules) {
    let mut position = 0;
    for (n, it) in here.iter().enumerate() {
        rules.requests += 1;
        let meets =
            |other: &Decision| !(it.leave_ns < other.enter_ns || other.leave_ns < it.enter_ns);
        let others = here.iter().enumerate().filter(|(m, other)| *m != n && meets(other)).count();
        rules.overlapping += u64::from(others > 0);
        rules.exceeded += u64::from(it.before <= it.capacity && it.after > it.capacity);
        if it.granted {
            position += 1;
            rules.granted += 1;
            rules.stale += u64::from(it.after != (it.before + 1).min(it.capacity));
            rules.out_of_order += u64::from(it.after != settled + position);
        }
    }
    rules.inside_at_once = rules.inside_at_once.max(inside_at_once(here));
}

fn inside_at_once(here: &[Decision]) -> u64 {
    let mut steps: Vec<(u64, i64)> =
        here.iter().flat_map(|it| [(it.enter_ns, 1), (it.leave_ns + 1, -1)]).collect();
    steps.sort_unstable();
    let (mut inside, mut most) = (0, 0);
    for (_, step) in steps {
        inside += step;
        most = most.max(inside);
    }
    most.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(start: u64, (enter, leave): (u64, u64), (before, after): (u32, u32)) -> Decision {
        let (room, capacity) = (1, 3);
        Decision {
            room,
            start_ns: start,
            enter_ns: enter,
            leave_ns: leave,
            before,
            after,
            capacity,
            granted: after > before,
        }
    }

    #[test]
    fn decisions_one_after_the_other_break_no_rule() {
        let all = [
            decision(0, (0, 5), (0, 1)),
            decision(6, (6, 9), (1, 2)),
            decision(10, (10, 19), (2, 3)),
            decision(20, (20, 29), (3, 3)),
        ];
        let rules = judge(&all, &[1], 1);
        let expected = Rules { requests: 3, granted: 2, inside_at_once: 1, ..Rules::default() };
        assert_eq!(rules, expected);
        assert_eq!(judge(&all, &[2], 1), Rules::default());
    }

    #[test]
    fn each_rule_is_broken_by_what_it_is_about() {
        let overlap = [decision(0, (0, 10), (0, 1)), decision(1, (10, 19), (1, 2))];
        let rules = judge(&overlap, &[1], 0);
        assert_eq!((rules.overlapping, rules.inside_at_once), (2, 2));
        let stale = [decision(0, (0, 9), (0, 2))];
        let rules = judge(&stale, &[1], 0);
        assert_eq!((rules.stale, rules.out_of_order, rules.exceeded), (1, 1, 0));
        let exceeded = [decision(0, (0, 9), (3, 4))];
        let rules = judge(&exceeded, &[1], 0);
        assert_eq!((rules.exceeded, rules.stale, rules.out_of_order), (1, 1, 1));
    }
}
