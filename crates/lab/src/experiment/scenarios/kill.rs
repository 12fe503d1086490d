//! The server dies by SIGKILL while people enter, and is started again on the same data.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{LOOK, Stage, cancel_all, ms, probe, reserve_all};
use crate::experiment::answers::{Asked, Entered, Inside, Ticket};
use crate::experiment::cell::Draft;
use crate::experiment::data::Cell;
use crate::experiment::people::Person;
use crate::experiment::together::{at_once, wait_until};
use crate::experiment::watch::{Venue, What};

const INSIDE: usize = 20;
const RESERVED: usize = 20;
const SEATS: usize = INSIDE + RESERVED;
/// People who come and go in another room all the while.
const BUSY: usize = 10;
/// How long they do before the server dies.
const BEFORE: Duration = Duration::from_millis(150);
/// How long anything may take to come back.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const NEEDED: (usize, usize) = (2, SEATS + BUSY + SEATS);

pub(crate) fn run(stage: &mut Stage) -> Result<Cell> {
    let mut draft = stage.draft("kill");
    let [room, elsewhere] = two_rooms(stage, &mut draft)?;
    let inside = enter_all(&mut stage.crowd[..INSIDE], room)?;
    let setup = stage.setup.clone();
    let (people, others) = stage.crowd.split_at_mut(SEATS);
    let (runners, probes) = others.split_at_mut(BUSY);
    let (deployment, is_over) = (&mut stage.deployment, &AtomicBool::new(false));
    let died = std::thread::scope(|scope| {
        for runner in &mut *runners {
            scope.spawn(move || run_about(runner, elsewhere, is_over));
        }
        wait_until(Instant::now() + BEFORE);
        let tickets = reserve_all(&mut people[INSIDE..], room);
        for (person, inside) in people.iter_mut().zip(inside) {
            person.vanish(room, inside);
        }
        let died = Instant::now();
        let done = tickets.and_then(|tickets| {
            deployment.kill()?;
            deployment.revive(&setup)?;
            back_again(&mut draft, room, (&mut people[INSIDE..], &tickets), (probes, died))
        });
        is_over.store(true, Ordering::Relaxed);
        done.map(|()| died)
    })?;
    let died_at = runners.first().context("nobody")?.since_base(died);
    draft.figure("recovery_ms", ms(first_entry_after(runners, died_at)));
    cancel_all(&mut probes[..SEATS], room)?;
    for person in people.iter_mut() {
        person.is_unsure(room, died);
        person.is_gone(room);
    }
    runners.iter_mut().for_each(|runner| runner.is_unsure(elsewhere, died));
    draft.gather(&mut stage.crowd);
    draft.finish()
}

/// What of before the server died still holds, and when everything that does not is free for others.
fn back_again(
    draft: &mut Draft,
    room: i64,
    (people, tickets): (&mut [Person], &[Ticket]),
    (probes, died): (&mut [Person], Instant),
) -> Result<()> {
    let kept = still_open(people, room, tickets)?;
    draft.figure("promises_kept", kept as f64 * 100.0 / RESERVED as f64);
    let granted = probe(&mut probes[..SEATS], room, PATIENCE)?;
    let missing = SEATS - granted.len();
    draft.cell().faults.leaked += missing as u64;
    if missing > 0 {
        draft.evidence(format!("{missing} of {SEATS} seats did not come back"));
    }
    let last = granted.last().copied().unwrap_or(died + PATIENCE);
    draft.figure("grantable_ms", ms(last - died));
    Ok(())
}

/// Two empty rooms: the makers have left.
fn two_rooms(stage: &mut Stage, draft: &mut Draft) -> Result<[i64; 2]> {
    let mut numbers = [0; 2];
    for (number, room) in numbers.iter_mut().zip(stage.rooms(2, SEATS)?) {
        *number = room.number;
        stage.makers[room.maker].leave(room.number, room.inside);
        stage.makers[room.maker].notes.events.clear();
        let capacity = SEATS as u32;
        draft.venues.push(Venue { room: room.number, capacity, settled: 0, first: None });
    }
    Ok(numbers)
}

fn enter_all(people: &mut [Person], room: i64) -> Result<Vec<Inside>> {
    let tickets = reserve_all(people, room)?;
    let entered = people.iter_mut().zip(tickets).map(|(person, ticket)| {
        match person.present(room, &ticket, None) {
            Entered::In(inside) => Ok(inside),
            Entered::Refused(code) => bail!("somebody was refused with {code}"),
            Entered::Broken => bail!("somebody's line broke"),
        }
    });
    entered.collect()
}

/// How many of the reservations from before still open. Whoever gets in leaves at once.
fn still_open(people: &mut [Person], room: i64, tickets: &[Ticket]) -> Result<usize> {
    let (_, opened) = at_once(people, |person, n, _| {
        let entered = person.present(room, &tickets[n], None);
        let is_in = matches!(entered, Entered::In(_));
        if let Entered::In(inside) = entered {
            person.leave(room, inside);
        }
        person.notes.forgive_promises();
        is_in
    })?;
    Ok(opened.into_iter().filter(|is_in| *is_in).count())
}

/// Comes and goes, whatever happens, until it is over.
fn run_about(person: &mut Person, room: i64, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let entered = match person.ask(room, None) {
            Asked::Granted(ticket) => person.present(room, &ticket, None),
            _ => Entered::Broken,
        };
        match entered {
            Entered::In(inside) => drop(person.leave(room, inside)),
            _ => wait_until(Instant::now() + LOOK),
        }
    }
    person.notes.forgive_promises();
}

/// From an instant on until somebody was inside who had asked after it.
fn first_entry_after(people: &[Person], instant: Duration) -> Duration {
    let first = people.iter().filter_map(|person| {
        let mut has_asked = false;
        let entered = person.notes.events.iter().find(|event| {
            has_asked |= event.what == What::Asks && event.at > instant;
            has_asked && event.what == What::Enters
        });
        entered.map(|event| event.at)
    });
    first.min().map_or(PATIENCE, |at| at - instant)
}
