//! K-res: what a process uses is what it used before.

use super::Verdict;

/// What a node uses at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) files: usize,
    pub(crate) tasks: usize,
    pub(crate) resident_kib: u64,
}

/// A first life of everything (allocators, pools, caches) may cost so much more memory, once.
const SLACK_KIB: u64 = 48 << 10;
/// Lines to stores come and go with what there is to ask, and clients keep theirs to ask again.
const SLACK_FILES: usize = 48;

impl Resources {
    /// What the process uses now.
    pub(crate) fn of(pid: u32) -> Self {
        Self::of_living(pid).expect("it lives")
    }

    /// The same; `None` for a process that has ended.
    pub(crate) fn of_living(pid: u32) -> Option<Self> {
        let count =
            |what: &str| Some(std::fs::read_dir(format!("/proc/{pid}/{what}")).ok()?.count());
        let resident_kib = crate::harness::resident_kib_of_living(pid)?;
        Some(Self { files: count("fd")?, tasks: count("task")?, resident_kib })
    }
}

/// It came back to where it was.
///
/// # Errors
/// What grew.
pub(crate) fn resources(base: Resources, now: Resources) -> Verdict {
    let grew = now.files > base.files + SLACK_FILES
        || now.tasks > base.tasks + SLACK_FILES
        || now.resident_kib > base.resident_kib + SLACK_KIB;
    if grew { Err(format!("{now:?} where it was {base:?}")) } else { Ok(()) }
}

#[test]
fn what_grew_and_stayed_is_found() {
    let base = Resources { files: 40, tasks: 5, resident_kib: 50_000 };
    assert_eq!(resources(base, Resources { files: 50, ..base }), Ok(()));
    assert!(resources(base, Resources { files: 100, ..base }).is_err());
    assert!(resources(base, Resources { tasks: 100, ..base }).is_err());
    assert!(resources(base, Resources { resident_kib: 200_000, ..base }).is_err());
}
