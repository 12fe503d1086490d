//! Whether a process that lives on stays as large as it is.

use std::time::Duration;

use crate::harness::check::{Resources, Verdict};

/// A life that is shorter says nothing.
const LONG_ENOUGH: Duration = Duration::from_secs(8 * 60);
/// Caches, pools and the allocator fill at first.
const WARM: Duration = Duration::from_secs(3 * 60);
/// So much more is none: 12 % and 8 MiB of memory, and a dozen descriptors and threads, which come and go
/// with the people.
const MORE_PERCENT: u64 = 12;
const MORE_KIB: u64 = 8 << 10;
const MORE: usize = 12;

/// One process of a node, and what it was seen to use.
pub(crate) struct Life {
    node: usize,
    pid: u32,
    seen: Vec<(Duration, Resources)>,
}

/// Adds a look at the process that runs as this node.
pub(crate) fn note(lives: &mut Vec<Life>, node: usize, pid: u32, seen: (Duration, Resources)) {
    match lives.iter_mut().find(|it| it.pid == pid && it.node == node) {
        Some(life) => life.seen.push(seen),
        None => lives.push(Life { node, pid, seen: vec![seen] }),
    }
}

impl Life {
    /// Compares the first third after the warm-up with the last. `None` for a short life.
    ///
    /// # Errors
    /// It grew.
    pub(crate) fn judged(&self) -> Verdict<Option<String>> {
        let (Some(first), Some(last)) = (self.seen.first(), self.seen.last()) else {
            return Ok(None);
        };
        if last.0 - first.0 < LONG_ENOUGH {
            return Ok(None);
        }
        let warm: Vec<_> = self.seen.iter().filter(|it| it.0 >= first.0 + WARM).collect();
        let third = warm.len() / 3;
        let then = median(&warm[..third].iter().map(|it| it.1));
        let now = median(&warm[warm.len() - third..].iter().map(|it| it.1));
        let minutes = (last.0 - first.0).as_secs() / 60;
        let words = format!("node {} over {minutes} minutes: {then:?}, then {now:?}", self.node);
        let grew = now.resident_kib > then.resident_kib * (100 + MORE_PERCENT) / 100 + MORE_KIB
            || now.files > then.files + MORE
            || now.tasks > then.tasks + MORE;
        if grew { Err(format!("grew: {words}")) } else { Ok(Some(words)) }
    }
}

/// Of each of the three its own median.
fn median(seen: &(impl Iterator<Item = Resources> + Clone)) -> Resources {
    let of = |what: fn(&Resources) -> u64| {
        let mut all: Vec<u64> = seen.clone().map(|it| what(&it)).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Resources {
        files: usize::try_from(of(|it| it.files as u64)).unwrap(),
        tasks: usize::try_from(of(|it| it.tasks as u64)).unwrap(),
        resident_kib: of(|it| it.resident_kib),
    }
}

#[test]
fn a_process_that_grows_by_two_mebibytes_a_minute_is_found_and_one_that_breathes_is_not() {
    let life = |grows: u64| {
        let mut lives = Vec::new();
        for second in 0..16 * 60_u64 {
            let resident_kib = 60_000 + second % 30 * 200 + grows * second / 60;
            let used = Resources { files: 40, tasks: 6, resident_kib };
            note(&mut lives, 0, 7, (Duration::from_secs(second), used));
        }
        lives.remove(0)
    };
    assert!(life(0).judged().unwrap().is_some());
    assert!(life(2_048).judged().unwrap_err().starts_with("grew"));
}
