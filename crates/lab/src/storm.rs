//! Scenario `storm`: many users reserve at the same instant for few seats. Exactly the seats may be
//! granted, everyone else is told the room is full, and whoever holds a ticket gets in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom_client::protocol::entry::Reservation;
use anteroom_client::{Account, Client, ConfirmOptions, Error, Session};
use anyhow::Result;
use futures_util::{StreamExt, stream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::args::Storm;
use crate::crowd::{Venue, guests};
use crate::entry::{EntrySpans, Took, reserve};
use crate::hold::{check_empty, word};
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;

/// Who was granted a seat, and what everyone else was told.
struct Granted {
    tickets: Vec<(Account, Reservation, Duration)>,
    refused: BTreeMap<String, usize>,
}

pub(crate) async fn run(args: &Storm) -> Result<Report> {
    let server = args.common.server_pid;
    enough_files(args.users + args.capacity.min(args.users), server)?;
    let client = Client::new(&args.common.url)?;
    let people = guests(&client, args.users, args.common.concurrency).await?;
    let venue = Venue::open(&client, "lab storm", args.capacity).await?;
    let mut report = Report::new("storm", args)?;
    let mut spans = EntrySpans::new()?;
    let cpu = || server.map(|pid| Cpu::of(Some(pid))).transpose();

    let (before, start) = (cpu()?, Instant::now());
    let granted = all_at_once(people, venue.room, &mut spans).await?;
    report.rate("answers to reserve", args.users as u64, start.elapsed().as_secs_f64());
    report.spent("reserve", args.users as u64, before.zip(cpu()?));
    check_granted(&mut report, args, &venue, &granted).await?;

    let (before, start, count) = (cpu()?, Instant::now(), granted.tickets.len());
    let (sessions, failed) = confirm_all(args, granted.tickets, &mut spans).await;
    report.rate("confirms", sessions.len() as u64, start.elapsed().as_secs_f64());
    report.spent("confirm", count as u64, before.zip(cpu()?));
    spans.put_into(&mut report);
    check_sitting(&mut report, &venue, &sessions, count, failed).await?;

    let mut clean = 0;
    let sitting = sessions.len();
    for session in sessions {
        clean += usize::from(session.leave().await?.code == 1000);
    }
    report.check("members who left with 1000", &clean, &sitting);
    check_empty(&mut report, &venue).await?;
    report.finish(server)?;
    Ok(report)
}

async fn all_at_once(people: Vec<Account>, room: i64, spans: &mut EntrySpans) -> Result<Granted> {
    let barrier = Arc::new(Barrier::new(people.len()));
    let mut tasks = JoinSet::new();
    for account in people {
        let barrier = barrier.clone();
        tasks.spawn(async move {
            barrier.wait().await;
            let (took, answer) = reserve(&account, room).await;
            (account, took, answer)
        });
    }
    let mut granted = Granted { tickets: Vec::new(), refused: BTreeMap::new() };
    while let Some(done) = tasks.join_next().await {
        let (account, took, answer) = done?;
        spans.reserve.note(took);
        match answer {
            Ok(reservation) => granted.tickets.push((account, reservation, took)),
            Err(error) => *granted.refused.entry(word(&error)).or_default() += 1,
        }
    }
    Ok(granted)
}

async fn check_granted(
    report: &mut Report,
    args: &Storm,
    venue: &Venue,
    granted: &Granted,
) -> Result<()> {
    let expected = args.users.min(args.capacity);
    let mut refusals = BTreeMap::new();
    if args.users > expected {
        refusals.insert("room_full".to_owned(), args.users - expected);
    }
    report.check("seats granted", &granted.tickets.len(), &expected);
    report.check("refusals by code", &granted.refused, &refusals);
    let seats = venue.seats().await?;
    let found = (seats.occupied, seats.reserved as usize, seats.free as usize);
    let free = args.capacity - expected;
    report.check("seats (occupied, reserved, free) once granted", &found, &(0, expected, free));
    Ok(())
}

async fn confirm_all(
    args: &Storm,
    tickets: Vec<(Account, Reservation, Duration)>,
    spans: &mut EntrySpans,
) -> (Vec<Session>, BTreeMap<String, usize>) {
    let mut confirms = stream::iter(tickets)
        .map(|(account, reservation, reserve)| async move {
            let start = Instant::now();
            let session = account.confirm(&reservation, ConfirmOptions::default()).await?;
            Ok::<_, Error>((session, Took { reserve, confirm: start.elapsed() }))
        })
        .buffer_unordered(args.common.concurrency.max(1));
    let mut sessions = Vec::new();
    let mut failed = BTreeMap::new();
    while let Some(confirm) = confirms.next().await {
        match confirm {
            Ok((session, took)) => {
                spans.confirm.note(took.confirm);
                spans.whole.note(took.reserve + took.confirm);
                sessions.push(session);
            }
            Err(error) => *failed.entry(word(&error)).or_default() += 1,
        }
    }
    (sessions, failed)
}

async fn check_sitting(
    report: &mut Report,
    venue: &Venue,
    sessions: &[Session],
    expected: usize,
    failed: BTreeMap<String, usize>,
) -> Result<()> {
    report.check("tickets confirmed", &sessions.len(), &expected);
    report.check("refused confirms by code", &failed, &BTreeMap::new());
    let over =
        sessions.iter().filter(|session| session.welcome().seats.occupied > venue.capacity).count();
    report.check("welcomes that told of more than the capacity", &over, &0);
    let seats = venue.seats().await?;
    let found = (seats.occupied as usize, seats.reserved, seats.held);
    report.check("seats (occupied, reserved, held) once all sit", &found, &(expected, 0, 0));
    Ok(())
}
