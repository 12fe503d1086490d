//! More people than seats come and go without pause.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{LOOK, Stage, per_second};
use crate::experiment::answers::{Asked, Entered};
use crate::experiment::data::Cell;
use crate::experiment::notes::Step;
use crate::experiment::people::Person;
use crate::experiment::together::{at_once, wait_until};

const ROOMS: usize = 4;
const SEATS: usize = 10;
const PEOPLE_PER_ROOM: usize = 14;
const PEOPLE: usize = ROOMS * PEOPLE_PER_ROOM;

pub(crate) const NEEDED: (usize, usize) = (ROOMS, PEOPLE);

pub(crate) fn run(stage: &mut Stage, lasts: Duration) -> Result<Cell> {
    let mut draft = stage.draft("churn");
    let rooms = stage.rooms(ROOMS, SEATS + 1)?;
    draft.venues.extend(rooms.iter().map(|room| room.venue(SEATS as u32 + 1, false)));
    let numbers: Vec<_> = rooms.iter().map(|room| room.number).collect();
    let people = &mut stage.crowd[..PEOPLE];
    let churn = || {
        at_once(people, |person, n, began| come_and_go(person, numbers[n % ROOMS], began + lasts))
    };
    let ((began, done), _) = draft.measured(&stage.deployment, churn, |(_, done)| {
        done.iter().map(|(asked, ..)| asked).sum()
    })?;
    let last = done.iter().map(|(_, _, at)| *at).max().unwrap_or(began);
    let asked: u64 = done.iter().map(|(asked, ..)| asked).sum();
    let entered: u64 = done.iter().map(|(_, entered, _)| entered).sum();
    draft.figure("decisions_per_s", per_second(asked, last - began));
    draft.figure("entries_per_s", per_second(entered, last - began));
    draft.gather(&mut stage.crowd[..PEOPLE]);
    stage.close(&mut draft, rooms)?;
    draft.finish()
}

/// Enters and leaves until an instant: how often it asked and was inside, and when it was done.
pub(super) fn come_and_go(person: &mut Person, room: i64, until: Instant) -> (u64, u64, Instant) {
    let (mut asked, mut entered) = (0, 0);
    while Instant::now() < until {
        let began = Instant::now();
        asked += 1;
        match person.ask(room, None) {
            Asked::Granted(ticket) => match person.present(room, &ticket, None) {
                Entered::In(inside) => {
                    person.took(Step::Entry, began.elapsed());
                    entered += 1;
                    person.leave(room, inside);
                }
                Entered::Refused(_) | Entered::Broken => {}
            },
            Asked::Full => {}
            Asked::Unavailable | Asked::Refused | Asked::Broken => {
                wait_until(Instant::now() + LOOK);
            }
        }
    }
    (asked, entered, Instant::now())
}
