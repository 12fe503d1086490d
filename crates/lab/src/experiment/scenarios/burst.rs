//! The original's burst: one room after the other, 200 people at once, 99 free seats.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Stage, cancel_all, ms, per_second};
use crate::experiment::answers::Asked;
use crate::experiment::data::Cell;
use crate::experiment::together::at_once;

/// As in the original.
pub(crate) const ROUNDS: usize = 10;
const PEOPLE: usize = 200;
const SEATS: u32 = 100;

/// How many must be before the deployment, makers and others.
pub(crate) const NEEDED: (usize, usize) = (ROUNDS, PEOPLE);

/// Runs so many rounds of it as `scenario`; the rooms too, for who looks at the server's log.
pub(crate) fn run(stage: &mut Stage, scenario: &str, rounds: usize) -> Result<(Cell, Vec<i64>)> {
    let mut draft = stage.draft(scenario);
    let rooms = stage.rooms(rounds, SEATS as usize)?;
    let numbers: Vec<_> = rooms.iter().map(|room| room.number).collect();
    let mut spans = Vec::new();
    for room in &rooms {
        draft.venues.push(room.venue(SEATS, true));
        let people = &mut stage.crowd[..PEOPLE];
        let asked = || {
            at_once(people, |person, _, _| {
                let asked = person.ask(room.number, None);
                // Whoever heard nothing, or that it cannot be decided now, may have had one.
                (!matches!(asked, Asked::Full | Asked::Refused), Instant::now())
            })
        };
        let ((began, answers), _) = draft.measured(&stage.deployment, asked, |_| PEOPLE as u64)?;
        let last = answers.iter().map(|(_, at)| *at).max().unwrap_or(began);
        spans.push(last - began);
        let perhaps = answers.iter().filter(|(may_be_in, _)| *may_be_in).count();
        let expected = SEATS as usize - 1;
        if perhaps < expected {
            draft.cell().faults.false_full += (expected - perhaps) as u64;
            draft.evidence(format!("room {}: {perhaps} granted of {expected}", room.number));
        }
        cancel_all(&mut stage.crowd[..PEOPLE], room.number)?;
    }
    draft.gather(&mut stage.crowd[..PEOPLE]);
    stage.close(&mut draft, rooms)?;
    let all: Duration = spans.iter().sum();
    draft.figure("decisions_per_s", per_second((rounds * PEOPLE) as u64, all));
    spans.sort_unstable();
    draft.figure("burst_ms", ms(spans[spans.len() / 2]));
    Ok((draft.finish()?, numbers))
}
