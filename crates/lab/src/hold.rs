//! Scenario `hold`: many enter one room, messages go to all of them, all leave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom_client::{Account, Client, Error};
use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::args::Hold;
use crate::crowd::{Venue, guests};
use crate::delivery::{Delivery, Phase, Seen, member};
use crate::entry::{EntrySpans, enter};
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;

/// Longest wait for stragglers after the last message was due, and for everyone to have left.
const PATIENCE: Duration = Duration::from_secs(30);

/// The members who sit, each a task that reads from the moment of entry.
struct Gathered {
    sitting: Vec<JoinHandle<Seen>>,
    refused: BTreeMap<String, usize>,
    spans: EntrySpans,
    occupied_max: u32,
}

pub(crate) async fn run(args: &Hold) -> Result<Report> {
    let server = args.common.server_pid;
    enough_files(args.members + args.common.concurrency, server)?;
    let client = Client::new(&args.common.url)?;
    let people = guests(&client, args.members, args.common.concurrency).await?;
    let capacity = args.room_capacity.unwrap_or(args.members);
    let venue = Venue::open(&client, "lab hold", capacity).await?;
    let delivery = Arc::new(Delivery::new(args.messages, args.rate, args.senders)?);
    let (phase, watched) = watch::channel(Phase::Gather);
    let mut report = Report::new("hold", args)?;
    let cpu = || server.map(|pid| Cpu::of(Some(pid))).transpose();

    let (before, start) = (cpu()?, Instant::now());
    let gathered = gather(args, &venue, &people, &delivery, &watched).await?;
    let seconds = start.elapsed().as_secs_f64();
    let sitting = gathered.sitting.len();
    report.rate("entries", sitting as u64, seconds);
    report.spent("entry", sitting as u64, before.zip(cpu()?));
    gathered.spans.put_into(&mut report);
    check_entry(&mut report, args, &venue, &gathered).await?;

    let before = cpu()?;
    let complete = delivery.run(sitting, &phase, delivery.lasts() + PATIENCE).await;
    report.check("everyone saw everything in time", &complete, &true);
    report.spent("delivery", (args.messages * sitting) as u64, before.zip(cpu()?));
    if args.messages > 0 {
        report.latency("delivery (from due)", delivery.latency());
    }

    phase.send_replace(Phase::Leave);
    let seen = tokio::time::timeout(PATIENCE, all_left(gathered.sitting))
        .await
        .context("the members did not all leave in time")??;
    check_delivery(&mut report, args, &seen);
    check_empty(&mut report, &venue).await?;
    report.finish(server)?;
    Ok(report)
}

async fn gather(
    args: &Hold,
    venue: &Venue,
    people: &[Account],
    delivery: &Arc<Delivery>,
    phase: &watch::Receiver<Phase>,
) -> Result<Gathered> {
    let mut gathered = Gathered {
        sitting: Vec::with_capacity(people.len()),
        refused: BTreeMap::new(),
        spans: EntrySpans::new()?,
        occupied_max: 0,
    };
    let mut entries = stream::iter(people)
        .map(|account| enter(account, venue.room))
        .buffer_unordered(args.common.concurrency.max(1));
    while let Some(entry) = entries.next().await {
        match entry {
            Ok((session, took)) => {
                gathered.spans.note(took);
                let occupied = session.welcome().seats.occupied;
                gathered.occupied_max = gathered.occupied_max.max(occupied);
                let (number, delivery, phase) =
                    (gathered.sitting.len(), delivery.clone(), phase.clone());
                gathered.sitting.push(tokio::spawn(async move {
                    member(session, number, &delivery, phase).await
                }));
            }
            Err(error) => *gathered.refused.entry(word(&error)).or_default() += 1,
        }
    }
    Ok(gathered)
}

/// An error as a key to count it under.
pub(crate) fn word(error: &Error) -> String {
    error.code().map_or_else(|| error.to_string(), |code| code.to_string())
}

async fn all_left(sitting: Vec<JoinHandle<Seen>>) -> Result<Vec<Seen>> {
    let mut seen = Vec::with_capacity(sitting.len());
    for task in sitting {
        seen.push(task.await?);
    }
    Ok(seen)
}

async fn check_entry(
    report: &mut Report,
    args: &Hold,
    venue: &Venue,
    gathered: &Gathered,
) -> Result<()> {
    let expected = args.members.min(venue.capacity as usize);
    let turned_away = args.members - expected;
    let mut refusals = BTreeMap::new();
    if turned_away > 0 {
        refusals.insert("room_full".to_owned(), turned_away);
    }
    report.check("members who entered", &gathered.sitting.len(), &expected);
    report.check("refusals by code", &gathered.refused, &refusals);
    report.check(
        "no welcome told of more than the capacity",
        &gathered.occupied_max.max(venue.capacity),
        &venue.capacity,
    );
    let seats = venue.seats().await?;
    let found = (seats.occupied as usize, seats.reserved, seats.held);
    report.check("seats (occupied, reserved, held) once all sit", &found, &(expected, 0, 0));
    Ok(())
}

fn check_delivery(report: &mut Report, args: &Hold, seen: &[Seen]) {
    let sum = |count: fn(&Seen) -> usize| seen.iter().map(count).sum::<usize>();
    let complete = seen.iter().filter(|seen| seen.messages == args.messages).count();
    report.check("members who saw every message", &complete, &seen.len());
    report.check("messages seen twice or out of order", &sum(|seen| seen.doubled), &0);
    report.check("messages missing in between", &sum(|seen| seen.missing), &0);
    report.check("messages or numbers that do not agree", &sum(|seen| seen.strange), &0);
    if !seen.is_empty() {
        report.check("acks", &sum(|seen| seen.acks), &args.messages);
    }
    let error = seen.iter().find_map(|seen| seen.first_error.clone());
    report.check("first error frame", &error, &None);
    let clean =
        seen.iter().filter(|seen| seen.closed.as_ref().is_some_and(|end| end.code == 1000)).count();
    report.check("members who left with 1000", &clean, &seen.len());
}

/// After everyone has left cleanly no seat may be taken.
pub(crate) async fn check_empty(report: &mut Report, venue: &Venue) -> Result<()> {
    let seats = venue.seats().await?;
    let found = (seats.occupied, seats.reserved, seats.held, seats.free);
    report.check(
        "seats (occupied, reserved, held, free) at the end",
        &found,
        &(0, 0, 0, venue.capacity),
    );
    Ok(())
}
