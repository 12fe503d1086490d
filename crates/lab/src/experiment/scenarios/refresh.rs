//! Full rooms whose people reload their page again and again, while others wait for a gap to slip in.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Stage, per_second, reserve_all};
use crate::experiment::answers::{Asked, Entered, Inside};
use crate::experiment::data::Cell;
use crate::experiment::notes::Step;
use crate::experiment::people::Person;
use crate::experiment::together::at_once;

const ROOMS: usize = 4;
const SEATS: usize = 10;
const OUTSIDE_PER_ROOM: usize = 1;
const INSIDE: usize = ROOMS * SEATS;
const PEOPLE: usize = INSIDE + ROOMS * OUTSIDE_PER_ROOM;

pub(crate) const NEEDED: (usize, usize) = (ROOMS, PEOPLE);

/// What one of them saw.
struct Seen {
    refreshed: u64,
    asked: u64,
    /// Seats that were lost by coming back, or won by who should have found none.
    wrong: u64,
    inside: Option<Inside>,
    at: Instant,
}

pub(crate) fn run(stage: &mut Stage, lasts: Duration) -> Result<Cell> {
    let mut draft = stage.draft("refresh");
    let rooms = stage.rooms(ROOMS, SEATS + 1)?;
    draft.venues.extend(rooms.iter().map(|room| room.venue(SEATS as u32 + 1, false)));
    let numbers: Vec<_> = rooms.iter().map(|room| room.number).collect();
    let mut sitting = Vec::new();
    for (people, room) in stage.crowd[..INSIDE].chunks_mut(SEATS).zip(&numbers) {
        let tickets = reserve_all(people, *room)?;
        for (person, ticket) in people.iter_mut().zip(tickets) {
            match person.present(*room, &ticket, None) {
                Entered::In(inside) => sitting.push(std::sync::Mutex::new(Some(inside))),
                Entered::Refused(code) => bail!("somebody was refused with {code}"),
                Entered::Broken => bail!("somebody's line broke"),
            }
        }
    }
    let refreshing = || {
        at_once(&mut stage.crowd[..PEOPLE], |person, n, began| {
            let until = began + lasts;
            match sitting.get(n) {
                Some(place) => {
                    let place =
                        place.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                    reload(person, numbers[n / SEATS], place, until)
                }
                None => look_for_a_gap(person, numbers[n % ROOMS], until),
            }
        })
    };
    let ((began, done), _) = draft.measured(&stage.deployment, refreshing, |(_, done)| {
        done.iter().map(|seen| seen.asked).sum()
    })?;
    let last = done.iter().map(|seen| seen.at).max().unwrap_or(began);
    let refreshed: u64 = done.iter().map(|seen| seen.refreshed).sum();
    draft.figure("entries_per_s", per_second(refreshed, last - began));
    let wrong: u64 = done.iter().map(|seen| seen.wrong).sum();
    if wrong > 0 {
        draft.cell().faults.false_promises += wrong;
        draft.evidence(format!("{wrong} seats changed hands by a refresh"));
    }
    for (n, (person, seen)) in stage.crowd[..PEOPLE].iter_mut().zip(done).enumerate() {
        if let Some(inside) = seen.inside {
            person.leave(numbers[n / SEATS], inside);
        }
    }
    draft.gather(&mut stage.crowd[..PEOPLE]);
    stage.close(&mut draft, rooms)?;
    draft.finish()
}

/// Breaks the line and comes back, until an instant.
fn reload(person: &mut Person, room: i64, place: Option<Inside>, until: Instant) -> Seen {
    let (mut refreshed, mut asked, mut wrong) = (0, 0, 0);
    let mut inside = place;
    while Instant::now() < until {
        let Some(before) = inside.take() else { break };
        let (began, resume) = (Instant::now(), before.resume.clone());
        person.vanish(room, before);
        asked += 1;
        match person.ask(room, Some(&resume)) {
            Asked::Granted(ticket) => match person.present(room, &ticket, Some(&resume)) {
                Entered::In(again) => {
                    person.took(Step::Entry, began.elapsed());
                    refreshed += 1;
                    inside = Some(again);
                }
                Entered::Refused(_) | Entered::Broken => wrong += 1,
            },
            _ => wrong += 1,
        }
    }
    Seen { refreshed, asked, wrong, inside, at: Instant::now() }
}

/// Asks again and again for a seat in a room that is full all the time.
fn look_for_a_gap(person: &mut Person, room: i64, until: Instant) -> Seen {
    let (mut asked, mut wrong) = (0, 0);
    while Instant::now() < until {
        asked += 1;
        if matches!(person.ask(room, None), Asked::Granted(_)) {
            wrong += 1;
            person.cancel(room);
        }
    }
    Seen { refreshed: 0, asked, wrong, inside: None, at: Instant::now() }
}
