//! What is done to each subject, one file each, and what they share.

pub(crate) mod abandoned;
pub(crate) mod burst;
pub(crate) mod churn;
pub(crate) mod kill;
pub(crate) mod outage;
pub(crate) mod refresh;
pub(crate) mod storm;
pub(crate) mod sustained;
pub(crate) mod waiting;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::answers::{Asked, Inside, Ticket};
use super::cell::Draft;
use super::deployment::{Deployment, Setup};
use super::people::Person;
use super::together::{at_once, wait_until};
use super::watch::{Grant, Venue};
use crate::engine::crowd::on_lanes;

/// Threads that sign people in.
const DOORS: usize = 16;
/// Between two looks at something that comes by itself.
const LOOK: Duration = Duration::from_millis(2);
/// How long a seat may stay away that nobody has, beyond the deadline of a reservation and the grace of a session,
/// before it counts as leaked.
const LEAK_AFTER: Duration = Duration::from_secs(3);
/// How long somebody tries to give a reservation back.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);
/// People who ask side by side for seats that should be free.
const PROBES: usize = 10;

/// A deployment with people before it.
pub(crate) struct Stage {
    pub(crate) subject: String,
    pub(crate) repetition: u32,
    pub(crate) deployment: Deployment,
    pub(crate) setup: Setup,
    /// Who makes rooms and sits in them.
    pub(crate) makers: Vec<Person>,
    pub(crate) crowd: Vec<Person>,
}

/// A room with its maker inside.
pub(crate) struct Room {
    pub(crate) number: i64,
    pub(crate) maker: usize,
    pub(crate) inside: Inside,
    pub(crate) first: Grant,
}

impl Stage {
    /// Signs everybody in.
    pub(crate) fn new(
        subject: &str,
        repetition: u32,
        (deployment, setup): (Deployment, Setup),
        (makers, crowd): (usize, usize),
    ) -> Result<Self> {
        let (nodes, base) = (deployment.addresses(), Instant::now());
        let mut people = sign_in(&nodes, makers + crowd, base)?;
        let crowd = people.split_off(makers);
        let subject = subject.to_owned();
        Ok(Self { subject, repetition, deployment, setup, makers: people, crowd })
    }

    pub(crate) fn draft(&self, scenario: &str) -> Draft {
        Draft::new(&self.subject, scenario, self.repetition)
    }

    /// So many rooms of so many seats, each with another maker inside.
    pub(crate) fn rooms(&mut self, count: usize, capacity: usize) -> Result<Vec<Room>> {
        let makers = self.makers.iter_mut().take(count).enumerate();
        let rooms: Result<Vec<_>> = makers
            .map(|(maker, person)| {
                let (number, inside, first) = person.make_room(capacity)?;
                Ok(Room { number, maker, inside, first })
            })
            .collect();
        let rooms = rooms?;
        if rooms.len() < count {
            bail!("too few makers");
        }
        // How rooms were made is not part of what is looked at.
        self.makers.iter_mut().for_each(|maker| drop(std::mem::take(&mut maker.notes)));
        Ok(rooms)
    }

    /// Looks until nobody but the maker has a seat, and counts what has leaked. Then the maker leaves.
    pub(crate) fn close(&mut self, draft: &mut Draft, rooms: Vec<Room>) -> Result<()> {
        let until = Instant::now() + self.setup.reservation + self.setup.grace + LEAK_AFTER;
        for room in rooms {
            let maker = &mut self.makers[room.maker];
            let mut taken = maker.seats(room.number)?.taken();
            while taken > 1 && Instant::now() < until {
                wait_until(Instant::now() + LOOK);
                taken = maker.seats(room.number)?.taken();
            }
            if taken > 1 {
                draft.cell().faults.leaked += u64::from(taken - 1);
                draft.evidence(format!("room {}: {} seats leaked", room.number, taken - 1));
            }
            draft.gather([&mut *maker]);
            maker.leave(room.number, room.inside);
            drop(std::mem::take(&mut maker.notes));
        }
        Ok(())
    }
}

impl Room {
    /// What the judge knows of it. `whole` when every answer was heard.
    pub(crate) fn venue(&self, capacity: u32, whole: bool) -> Venue {
        let first = whole.then_some(self.first);
        Venue { room: self.number, capacity, settled: 1, first }
    }
}

fn sign_in(nodes: &Arc<[SocketAddr]>, count: usize, base: Instant) -> Result<Vec<Person>> {
    let doors = DOORS.min(count);
    let parts = on_lanes(doors, |door| {
        (door..count)
            .step_by(doors)
            .map(|number| Person::sign_in(nodes, number, base))
            .collect::<Result<Vec<_>>>()
    })?;
    let mut people: Vec<_> = parts.into_iter().flatten().collect();
    people.sort_unstable_by_key(|person| person.number);
    Ok(people)
}

/// Everybody asks until they have a seat: when each was granted, and how many had been given then. Whoever has
/// one gives it back at the end.
pub(crate) fn probe(people: &mut [Person], room: i64, patience: Duration) -> Result<Vec<Instant>> {
    let until = Instant::now() + patience;
    let size = people.len().div_ceil(PROBES).max(1);
    let granted = std::thread::scope(|scope| {
        let probes: Vec<_> = people
            .chunks_mut(size)
            .map(|chunk| {
                scope.spawn(move || {
                    let asked = chunk.iter_mut().map(|person| ask_until(person, room, until));
                    asked.collect::<Vec<_>>()
                })
            })
            .collect();
        let joined = probes.into_iter().map(|probe| probe.join().ok());
        joined.collect::<Option<Vec<_>>>().context("a probe panicked")
    })?;
    let mut granted: Vec<_> = granted.into_iter().flatten().flatten().collect();
    granted.sort_unstable();
    Ok(granted)
}

fn ask_until(person: &mut Person, room: i64, until: Instant) -> Option<Instant> {
    loop {
        match person.ask(room, None) {
            Asked::Granted(ticket) => return Some(ticket.answered),
            _ if Instant::now() >= until => return None,
            _ => wait_until(Instant::now() + LOOK),
        }
    }
}

/// Everybody gives back what they have reserved, and asks again while that cannot be decided.
pub(crate) fn cancel_all(people: &mut [Person], room: i64) -> Result<()> {
    at_once(people, |person, _, began| {
        while !person.cancel(room) && began.elapsed() < CANCEL_WITHIN {
            wait_until(Instant::now() + LOOK);
        }
    })?;
    Ok(())
}

/// Everybody reserves a seat that is there.
pub(crate) fn reserve_all(people: &mut [Person], room: i64) -> Result<Vec<Ticket>> {
    let (_, asked) = at_once(people, |person, _, _| person.ask(room, None))?;
    let tickets = asked.into_iter().map(|asked| match asked {
        Asked::Granted(ticket) => Ok(ticket),
        other => bail!("no seat in a room with free seats: {other:?}"),
    });
    tickets.collect()
}

pub(crate) fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

pub(crate) fn per_second(count: u64, span: Duration) -> f64 {
    count as f64 / span.as_secs_f64().max(1e-9)
}
