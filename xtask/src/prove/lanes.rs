//! Several pieces of work at once, where they do not get into one another's way.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Does each piece of `work` in its turn, up to `jobs` at once; between neighbours that must be
/// `alone`, one at a time. None is begun once `is_over` says so. What came of a piece is handed to
/// `done` on the caller's thread as soon as it is there.
///
/// # Errors
/// The first of `done`: then nothing more is begun.
pub(super) fn run<W: Sync, R: Send>(
    work: &[W],
    jobs: NonZeroUsize,
    plan: &(impl Plan<W, R> + Sync),
    mut done: impl FnMut(&W, R) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for part in work.chunk_by(|a, b| plan.is_alone(a) == plan.is_alone(b)) {
        let lanes = if plan.is_alone(&part[0]) { 1 } else { jobs.get().min(part.len()) };
        let next = &AtomicUsize::new(0);
        let (ended, endings) = mpsc::channel();
        std::thread::scope(|scope| -> anyhow::Result<()> {
            for ended in vec![ended; lanes] {
                scope.spawn(move || in_one_lane(part, next, plan, &ended));
            }
            for (piece, result) in endings {
                // Where this fails, the lanes find nobody to tell, and end with what they have begun.
                done(piece, result)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// How pieces of work are done.
pub(super) trait Plan<W, R> {
    /// Whether nothing may be done beside it.
    fn is_alone(&self, piece: &W) -> bool;

    /// Whether no more is to be begun.
    fn is_over(&self) -> bool;

    /// Does it.
    fn act(&self, piece: &W) -> R;
}

fn in_one_lane<'w, W, R>(
    part: &'w [W],
    next: &AtomicUsize,
    plan: &impl Plan<W, R>,
    ended: &mpsc::Sender<(&'w W, R)>,
) {
    while let Some(piece) = part.get(next.fetch_add(1, Ordering::Relaxed))
        && !plan.is_over()
        && ended.send((piece, plan.act(piece))).is_ok()
    {}
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use super::*;

    /// For what must not come, and for what must.
    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    /// Numbers; those below ten must be alone. One below twenty waits until another is under way.
    #[derive(Default)]
    struct Watched {
        /// Under way, and begun so far.
        at: Mutex<(usize, usize)>,
        changed: Condvar,
        begin_at_most: Option<usize>,
    }

    impl Plan<u32, bool> for Watched {
        fn is_alone(&self, piece: &u32) -> bool {
            *piece < 10
        }

        fn is_over(&self) -> bool {
            self.begin_at_most.is_some_and(|most| self.at.lock().unwrap().1 >= most)
        }

        fn act(&self, piece: &u32) -> bool {
            let mut at = self.at.lock().unwrap();
            at.0 += 1;
            at.1 += 1;
            self.changed.notify_all();
            let begun = at.1;
            let as_meant = match piece {
                ..10 => {
                    let (now, waited) =
                        self.changed.wait_timeout_while(at, SHORT, |at| at.0 < 2).unwrap();
                    at = now;
                    waited.timed_out()
                }
                10..20 => {
                    let alone = |at: &mut (usize, usize)| at.0 < 2 && at.1 == begun;
                    let (now, waited) = self.changed.wait_timeout_while(at, LONG, alone).unwrap();
                    at = now;
                    !waited.timed_out()
                }
                20.. => at.0 <= 2,
            };
            at.0 -= 1;
            as_meant
        }
    }

    fn ran(watched: &Watched, work: &[u32], fail_at: u32) -> (Vec<u32>, bool) {
        let mut ended = Vec::new();
        let jobs = NonZeroUsize::new(2).unwrap();
        let ran = run(work, jobs, watched, |piece, as_meant| {
            assert!(as_meant, "{piece}: alone, or not alone, or one too many");
            ended.push(*piece);
            anyhow::ensure!(*piece != fail_at, "no");
            Ok(())
        });
        ended.sort_unstable();
        (ended, ran.is_ok())
    }

    #[test]
    fn what_must_be_alone_is_and_the_rest_runs_side_by_side() {
        let work = [1, 2, 11, 12, 20, 21, 22, 3];
        assert_eq!(ran(&Watched::default(), &work, 0), (vec![1, 2, 3, 11, 12, 20, 21, 22], true));
    }

    #[test]
    fn nothing_is_begun_when_the_time_is_over_or_a_result_cannot_be_kept() {
        let short = Watched { begin_at_most: Some(2), ..Watched::default() };
        assert_eq!(ran(&short, &[1, 2, 3, 4], 0), (vec![1, 2], true));
        let (ended, went_well) = ran(&Watched::default(), &[1, 2, 3, 4, 5, 6, 7, 8], 2);
        assert_eq!((ended, went_well), (vec![1, 2], false));
    }
}
