//! All seats are reserved and nobody comes, or comes and fails. From its deadline on each must be grantable,
//! and not before.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{Stage, cancel_all, ms, probe, reserve_all};
use crate::experiment::answers::Ticket;
use crate::experiment::data::Cell;
use crate::experiment::people::Person;
use crate::experiment::together::{at_once, wait_until};

const SEATS: usize = 40;
/// How long before the first deadline others begin to ask.
const AHEAD: Duration = Duration::from_millis(60);
/// How long beyond the last deadline a seat may stay away before it counts as leaked.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const NEEDED: (usize, usize) = (1, 2 * SEATS);

/// How somebody tries and fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tries {
    /// Does not try.
    Never,
    /// By turns: breaks the line once the ticket is on its way, in the middle of it, or has forged it.
    AndFails,
}

pub(crate) fn run(stage: &mut Stage, tries: Tries) -> Result<Cell> {
    let mut draft = stage.draft(match tries {
        Tries::Never => "abandoned-never",
        Tries::AndFails => "abandoned-failed",
    });
    let rooms = stage.rooms(1, SEATS + 1)?;
    let room = rooms[0].number;
    draft.venues.push(rooms[0].venue(SEATS as u32 + 1, false));
    let mut tickets = reserve_all(&mut stage.crowd[..SEATS], room)?;
    // One that says it is kept for longer than was set is not waited for: its seat counts as leaked.
    tickets.iter_mut().for_each(|it| it.kept = it.kept.min(stage.setup.reservation));
    let grace = stage.setup.grace;
    if tries == Tries::AndFails {
        at_once(&mut stage.crowd[..SEATS], |person, n, _| fail(person, room, (&tickets[n], n)))?;
    }
    let tried = Instant::now();
    // A seat whose owner's line broke inside is held for the grace from then on, which may end before or after.
    let broke = (tries == Tries::AndFails).then_some(tried + grace);
    let mut earliest: Vec<_> = tickets
        .iter()
        .map(|it| (it.asked + it.kept).min(broke.map_or(it.asked + it.kept, |_| it.asked + grace)))
        .collect();
    earliest.sort_unstable();
    let last = tickets.iter().map(|it| it.answered + it.kept).max().context("no tickets")?;
    let last = broke.map_or(last, |broke| broke.max(last));
    wait_until(earliest[0] - AHEAD);
    let patience = last.saturating_duration_since(Instant::now()) + PATIENCE;
    let granted = probe(&mut stage.crowd[SEATS..2 * SEATS], room, patience)?;
    let early = granted.iter().zip(&earliest).filter(|(at, deadline)| at < deadline).count();
    draft.figure("early", early as f64);
    if granted.len() < SEATS {
        draft.cell().faults.leaked += (SEATS - granted.len()) as u64;
        draft.evidence(format!("{} of {SEATS} seats came back", granted.len()));
    }
    if let Some(at) = granted.last() {
        draft.figure("grantable_ms", ms(at.saturating_duration_since(last)));
    }
    stage.crowd[..SEATS].iter_mut().for_each(|person| person.is_gone(room));
    cancel_all(&mut stage.crowd[SEATS..2 * SEATS], room)?;
    draft.gather(&mut stage.crowd[..2 * SEATS]);
    stage.close(&mut draft, rooms)?;
    draft.finish()
}

fn fail(person: &mut Person, room: i64, (ticket, number): (&Ticket, usize)) {
    if number % 3 < 2 {
        person.is_unsure(room, Instant::now());
    }
    match number % 3 {
        // The server may or may not have seen it when the line breaks.
        0 => drop(person.half_present(ticket, true)),
        1 => drop(person.half_present(ticket, false)),
        _ => drop(person.forge(ticket)),
    }
}
