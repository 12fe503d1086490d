//! Many people at once, each on a thread of its own.

use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};

use super::people::Person;

/// Lets everybody do something, all from the same instant on: when that was, and the answers in order.
///
/// # Errors
/// Somebody's thread panicked.
pub(crate) fn at_once<T: Send>(
    people: &mut [Person],
    work: impl Fn(&mut Person, usize, Instant) -> T + Sync,
) -> Result<(Instant, Vec<T>)> {
    let barrier = Barrier::new(people.len() + 1);
    let began = Mutex::new(Instant::now());
    let (barrier, began, work) = (&barrier, &began, &work);
    let answers: Result<Vec<T>> = thread::scope(|scope| {
        let threads: Vec<_> = people
            .iter_mut()
            .enumerate()
            .map(|(n, person)| {
                scope.spawn(move || {
                    // Twice: everybody is there, and the instant is known.
                    barrier.wait();
                    barrier.wait();
                    let start = *began.lock().unwrap_or_else(PoisonError::into_inner);
                    work(person, n, start)
                })
            })
            .collect();
        barrier.wait();
        *began.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        barrier.wait();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(answer) => Ok(answer),
            Err(_) => bail!("somebody panicked"),
        });
        joined.collect()
    });
    let began = *began.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((began, answers?))
}

/// Passes time until an instant. Only for a schedule that is part of what is measured.
#[expect(clippy::disallowed_methods, reason = "the arrival of people is a matter of the clock")]
pub(crate) fn wait_until(instant: Instant) {
    let now = Instant::now();
    if instant > now {
        thread::sleep(instant - now);
    }
}
