//! The store of the seats stands still while people enter, or runs only a part of the time.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::churn::come_and_go;
use super::{LOOK, Stage, ms, per_second};
use crate::experiment::answers::{Asked, Entered};
use crate::experiment::cell::not_run;
use crate::experiment::data::Cell;
use crate::experiment::deployment::halt;
use crate::experiment::people::Person;
use crate::experiment::together::{at_once, wait_until};

const PEOPLE: usize = 16;
/// Twice what the store may take to answer.
const STANDS: Duration = Duration::from_secs(2);
const BEFORE: Duration = Duration::from_millis(200);
const AFTER: Duration = Duration::from_millis(1_500);
/// Of a slow store: how long it stands and runs in turn.
const STANDS_EACH: Duration = Duration::from_millis(8);
const RUNS_EACH: Duration = Duration::from_millis(2);
const SLOW: Duration = Duration::from_millis(1_500);

pub(crate) const NEEDED: (usize, usize) = (1, PEOPLE);

const NO_STORE: &str =
    "the seats are in the server itself: there is no store that could stand still";

/// Processes that stand still until this is dropped.
struct Standing<'a>(&'a [u32]);

impl<'a> Standing<'a> {
    fn still(processes: &'a [u32]) -> Result<Self> {
        halt(processes, true)?;
        Ok(Self(processes))
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        // One of them may have ended.
        let _ = halt(self.0, false);
    }
}

/// One attempt to enter.
struct Attempt {
    began: Instant,
    answered: Instant,
    entered: Option<Instant>,
}

/// The store stands still for a while.
pub(crate) fn outage(stage: &mut Stage) -> Result<Cell> {
    let store = stage.deployment.seat_store()?;
    if store.is_empty() {
        return Ok(not_run(&stage.subject, "outage", stage.repetition, NO_STORE));
    }
    let mut draft = stage.draft("outage");
    let rooms = stage.rooms(1, PEOPLE + 1)?;
    let room = rooms[0].number;
    draft.venues.push(rooms[0].venue(PEOPLE as u32 + 1, false));
    let (people, began) = (&mut stage.crowd[..PEOPLE], Instant::now());
    let (stops, goes_on) = (began + BEFORE, began + BEFORE + STANDS);
    let attempts = std::thread::scope(|scope| -> Result<_> {
        let entering =
            scope.spawn(|| at_once(people, |person, _, _| attempts(person, room, goes_on + AFTER)));
        wait_until(stops);
        let standing = Standing::still(&store)?;
        wait_until(goes_on);
        drop(standing);
        match entering.join() {
            Ok(done) => Ok(done?.1),
            Err(_) => anyhow::bail!("somebody panicked"),
        }
    })?;
    let meanwhile = |it: &&Attempt| it.began < goes_on && it.answered > stops;
    let all = || attempts.iter().flatten();
    let longest = all().filter(meanwhile).map(|it| it.answered - it.began).max();
    draft.figure("answered_ms", ms(longest.unwrap_or_default()));
    let back = all().filter_map(|it| it.entered).filter(|at| *at > goes_on).min();
    draft.figure("recovery_ms", back.map_or(ms(AFTER), |at| ms(at - goes_on)));
    draft.cell().seconds += (BEFORE + STANDS + AFTER).as_secs_f64();
    draft.gather(&mut stage.crowd[..PEOPLE]);
    stage.close(&mut draft, rooms)?;
    draft.finish()
}

/// The store runs a fifth of the time.
pub(crate) fn slow(stage: &mut Stage) -> Result<Cell> {
    let store = stage.deployment.seat_store()?;
    if store.is_empty() {
        return Ok(not_run(&stage.subject, "slow-store", stage.repetition, NO_STORE));
    }
    let mut draft = stage.draft("slow-store");
    let rooms = stage.rooms(1, PEOPLE + 1)?;
    let room = rooms[0].number;
    draft.venues.push(rooms[0].venue(PEOPLE as u32 + 1, false));
    let (people, until) = (&mut stage.crowd[..PEOPLE], Instant::now() + SLOW);
    let deployment = &stage.deployment;
    let slowly = || {
        std::thread::scope(|scope| -> Result<_> {
            let entering =
                scope.spawn(|| at_once(people, |person, _, _| come_and_go(person, room, until)));
            while Instant::now() < until {
                let standing = Standing::still(&store)?;
                wait_until(Instant::now() + STANDS_EACH);
                drop(standing);
                wait_until(Instant::now() + RUNS_EACH);
            }
            match entering.join() {
                Ok(done) => Ok(done?.1),
                Err(_) => anyhow::bail!("somebody panicked"),
            }
        })
    };
    let (done, took) =
        draft.measured(deployment, slowly, |done| done.iter().map(|(asked, ..)| asked).sum())?;
    let entered = done.iter().map(|(_, entered, _)| entered).sum();
    draft.figure("entries_per_s", per_second(entered, took));
    draft.gather(&mut stage.crowd[..PEOPLE]);
    stage.close(&mut draft, rooms)?;
    draft.finish()
}

fn attempts(person: &mut Person, room: i64, until: Instant) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        let asked = person.ask(room, None);
        let answered = Instant::now();
        let mut attempt = Attempt { began, answered, entered: None };
        let entered = match asked {
            Asked::Granted(ticket) => person.present(room, &ticket, None),
            _ => Entered::Broken,
        };
        if let Entered::In(inside) = entered {
            attempt.entered = Some(Instant::now());
            person.leave(room, inside);
        } else {
            wait_until(Instant::now() + LOOK);
        }
        attempts.push(attempt);
    }
    attempts
}
