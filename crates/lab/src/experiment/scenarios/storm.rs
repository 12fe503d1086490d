//! Ten times as many people as seats at once; who got a seat goes in at once. Some ask from two tabs.

use std::time::Instant;

use anyhow::Result;

use super::{Stage, ms, per_second};
use crate::experiment::answers::{Asked, Entered, Inside};
use crate::experiment::data::Cell;
use crate::experiment::notes::Step;
use crate::experiment::people::Person;
use crate::experiment::together::at_once;

const SEATS: usize = 30;
const PEOPLE: usize = 10 * SEATS;
/// How many of them ask from a second tab at the same time.
const TABS: usize = 20;

pub(crate) const NEEDED: (usize, usize) = (1, PEOPLE);

/// What became of one of them.
struct End {
    answered: Instant,
    is_full: bool,
    welcomed: Option<Instant>,
    inside: Option<Inside>,
}

pub(crate) fn run(stage: &mut Stage) -> Result<Cell> {
    let mut draft = stage.draft("storm");
    let rooms = stage.rooms(1, SEATS + 1)?;
    let room = rooms[0].number;
    draft.venues.push(rooms[0].venue(SEATS as u32 + 1, true));
    let mut tabs: Vec<Person> = stage.crowd[..TABS].iter().map(Person::tab).collect();
    let people = PEOPLE.min(stage.crowd.len());
    let mut crowd: Vec<Person> = stage.crowd.drain(..people).collect();
    crowd.append(&mut tabs);
    let asked = crowd.len() as u64;
    let storm = || at_once(&mut crowd, |person, n, _| one(person, room, n < people));
    let ((began, ends), _) = draft.measured(&stage.deployment, storm, |_| asked)?;
    let answered = ends.iter().map(|end| end.answered).max().unwrap_or(began);
    let welcomed = ends.iter().filter_map(|end| end.welcomed).max().unwrap_or(answered);
    draft.figure("decisions_per_s", per_second(asked, answered - began));
    draft.figure("storm_ms", ms(welcomed - began));
    // Who is not inside, and was not told that the room is full, was kept out by something else than its seats.
    let perhaps = ends[..people].iter().filter(|end| !end.is_full).count();
    if perhaps < SEATS {
        draft.cell().faults.false_full += (SEATS - perhaps) as u64;
        draft.evidence(format!(
            "at most {perhaps} of {SEATS} got in, and the others were told it is full"
        ));
    }
    for (person, end) in crowd.iter_mut().zip(ends) {
        if let Some(inside) = end.inside {
            person.leave(room, inside);
        }
    }
    // A tab that asked when its user sat already was promised the same seat once more.
    for tab in &mut crowd[people..] {
        tab.cancel(room);
    }
    draft.gather(&mut crowd);
    crowd.truncate(people);
    crowd.append(&mut stage.crowd);
    stage.crowd = crowd;
    stage.close(&mut draft, rooms)?;
    draft.finish()
}

fn one(person: &mut Person, room: i64, goes_in: bool) -> End {
    let began = Instant::now();
    let asked = person.ask(room, None);
    let answered = Instant::now();
    let is_full = matches!(asked, Asked::Full);
    let mut end = End { answered, is_full, welcomed: None, inside: None };
    if let (Asked::Granted(ticket), true) = (asked, goes_in)
        && let Entered::In(inside) = person.present(room, &ticket, None)
    {
        let now = Instant::now();
        person.took(Step::Entry, now - began);
        (end.welcomed, end.inside) = (Some(now), Some(inside));
    }
    end
}
