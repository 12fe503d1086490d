//! Makes a history that fails as short as it still fails.

use super::{Fault, Figures, History};

/// Leaves out events, first many at once and at last one by one, as long as something still fails.
pub(super) fn shortest(
    mut fault: Fault,
    play: impl Fn(&History) -> Result<Figures, Fault>,
) -> Fault {
    // What comes after the failing event has no part in it.
    let cut = fault.history.events.len().min(fault.at + 1);
    try_with(&mut fault, &play, |events| events.truncate(cut));
    let mut chunk = fault.history.events.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let mut was_shortened = false;
        while from < fault.history.events.len() {
            let to = fault.history.events.len().min(from + chunk);
            if try_with(&mut fault, &play, |events| drop(events.drain(from..to))) {
                was_shortened = true;
            } else {
                from += chunk;
            }
        }
        if chunk == 1 && !was_shortened {
            return fault;
        }
        chunk = chunk.div_ceil(2).max(1);
    }
}

/// Keeps the shorter history if it fails too.
fn try_with(
    fault: &mut Fault,
    play: impl Fn(&History) -> Result<Figures, Fault>,
    shorten: impl FnOnce(&mut Vec<super::Timed>),
) -> bool {
    let mut history = fault.history.clone();
    shorten(&mut history.events);
    match play(&history) {
        Ok(_) => false,
        Err(shorter) => {
            *fault = shorter;
            true
        }
    }
}
