//! Scenario `duel`: two users, one seat, again and again. Exactly one of the two may get it each
//! time, whoever asked first; nobody may be told the room is full while the seat is free.
//!
//! Lanes run side by side, each a room with one seat and two contestants. Most duels end with the
//! winner giving the reservation back; every so often the winner takes the seat and leaves it, so
//! that a seat given back by each of the two ways is fought for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anteroom_client::protocol::entry::Reservation;
use anteroom_client::{Account, Client, ConfirmOptions, Error};
use anyhow::{Context, Result};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::args::Duel;
use crate::crowd::{Venue, guests};
use crate::entry::reserve;
use crate::hold::{check_empty, word};
use crate::latency::Spans;
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;

/// One room with one seat, and the two who fight for it.
struct Lane {
    venue: Venue,
    contestants: [Account; 2],
}

/// How the duels of a lane ended.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
struct Ended {
    /// One got the seat, the other was told the room is full.
    fair: usize,
    /// Both got it.
    overfilled: usize,
    /// Neither got it: somebody was told "full" while the seat was free.
    false_full: usize,
    /// What else was answered, by code.
    other: BTreeMap<String, usize>,
}

pub(crate) async fn run(args: &Duel) -> Result<Report> {
    let server = args.common.server_pid;
    let lanes = args.lanes.max(1);
    enough_files(lanes * 3, server)?;
    let client = Client::new(&args.common.url)?;
    let mut ready = Vec::with_capacity(lanes);
    for lane in 0..lanes {
        let people = guests(&client, 2, 2).await?;
        let contestants = people.try_into().ok().context("two contestants")?;
        let venue = Venue::open(&client, &format!("lab duel {lane}"), 1).await?;
        ready.push(Lane { venue, contestants });
    }
    let mut report = Report::new("duel", args)?;
    let cpu = || server.map(|pid| Cpu::of(Some(pid))).transpose();
    let (before, start) = (cpu()?, Instant::now());
    let mut tasks = JoinSet::new();
    for (n, lane) in ready.into_iter().enumerate() {
        let duels = args.duels / lanes + usize::from(n < args.duels % lanes);
        let seated_every = args.seated_every;
        tasks.spawn(async move {
            let fought = fight(&lane, duels, seated_every).await;
            (lane, fought)
        });
    }
    let mut all = Ended::default();
    let mut spans = Spans::new()?;
    let mut venues = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (lane, fought) = done?;
        let (ended, took) = fought?;
        all.add(ended);
        took.into_iter().for_each(|span| spans.note(span));
        venues.push(lane.venue);
    }
    let count = args.duels as u64;
    report.rate("duels", count, start.elapsed().as_secs_f64());
    report.spent("duel", count, before.zip(cpu()?));
    report.latency("reserve in a duel", spans.figures());
    report.check("duels with exactly one winner", &all.fair, &args.duels);
    report.check("duels that both won", &all.overfilled, &0);
    report.check("duels nobody won (false \"full\")", &all.false_full, &0);
    report.check("other answers by code", &all.other, &BTreeMap::new());
    for venue in &venues {
        check_empty(&mut report, venue).await?;
    }
    report.finish(server)?;
    Ok(report)
}

impl Ended {
    fn add(&mut self, other: Self) {
        self.fair += other.fair;
        self.overfilled += other.overfilled;
        self.false_full += other.false_full;
        for (word, count) in other.other {
            *self.other.entry(word).or_default() += count;
        }
    }
}

async fn fight(lane: &Lane, duels: usize, seated_every: usize) -> Result<(Ended, Vec<Duration>)> {
    let mut ended = Ended::default();
    let mut took = Vec::with_capacity(duels * 2);
    for duel in 0..duels {
        let [a, b] = &lane.contestants;
        let (first, second) = if duel % 2 == 0 { (a, b) } else { (b, a) };
        let room = lane.venue.room;
        let answers = tokio::join!(reserve(first, room), reserve(second, room));
        took.extend([answers.0.0, answers.1.0]);
        let mut winners = 0;
        for (account, answer) in [(first, answers.0.1), (second, answers.1.1)] {
            match answer {
                Ok(reservation) => {
                    winners += 1;
                    let takes_the_seat = seated_every > 0 && duel % seated_every == 0;
                    give_back(account, room, &reservation, takes_the_seat).await?;
                }
                Err(error) => ended.note_refusal(&error),
            }
        }
        match winners {
            1 => ended.fair += 1,
            0 => ended.false_full += 1,
            _ => ended.overfilled += 1,
        }
    }
    Ok((ended, took))
}

impl Ended {
    fn note_refusal(&mut self, error: &Error) {
        let word = word(error);
        if word != "room_full" {
            *self.other.entry(word).or_default() += 1;
        }
    }
}

async fn give_back(
    account: &Account,
    room: i64,
    reservation: &Reservation,
    takes_the_seat: bool,
) -> Result<()> {
    if takes_the_seat {
        let session = account.confirm(reservation, ConfirmOptions::default()).await?;
        session.leave().await?;
    } else {
        account.cancel(room).await?;
    }
    Ok(())
}
