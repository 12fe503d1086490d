//! Scenario `churn`: members who reserve, connect and leave, over and over. Nothing may be refused,
//! since there is a seat for each, and nothing may be left over.

use std::collections::BTreeMap;
use std::time::Instant;

use anteroom_client::{Account, Client, Error};
use anyhow::Result;
use tokio::task::JoinSet;

use crate::args::Churn;
use crate::crowd::{Venue, guests};
use crate::entry::{EntrySpans, Took, enter};
use crate::hold::{check_empty, word};
use crate::latency::Spans;
use crate::procfs::{Cpu, Memory, enough_files};
use crate::report::Report;

/// What one member went through.
#[derive(Default)]
struct Went {
    entries: Vec<(Took, std::time::Duration)>,
    unclean: usize,
    refused: BTreeMap<String, usize>,
}

pub(crate) async fn run(args: &Churn) -> Result<Report> {
    let server = args.common.server_pid;
    enough_files(args.members * 2, server)?;
    let client = Client::new(&args.common.url)?;
    let people = guests(&client, args.members, args.common.concurrency).await?;
    let venue = Venue::open(&client, "lab churn", args.members).await?;
    let mut report = Report::new("churn", args)?;
    let cpu = || server.map(|pid| Cpu::of(Some(pid))).transpose();
    let memory_before = server.map(Memory::of).transpose()?;

    let (before, start) = (cpu()?, Instant::now());
    let mut tasks = JoinSet::new();
    for account in people {
        tasks.spawn(come_and_go(account, venue.room, args.cycles));
    }
    let went = tasks.join_all().await;
    let seconds = start.elapsed().as_secs_f64();
    let cycles: usize = went.iter().map(|went| went.entries.len()).sum();
    report.rate("cycles", cycles as u64, seconds);
    report.spent("cycle", cycles as u64, before.zip(cpu()?));

    put_figures(&mut report, &went)?;
    check(&mut report, args, went);
    check_empty(&mut report, &venue).await?;
    report.finish(server)?;
    if let Some(memory) = memory_before {
        report.memory_before(memory);
    }
    Ok(report)
}

async fn come_and_go(account: Account, room: i64, cycles: usize) -> Went {
    let mut went = Went::default();
    for _ in 0..cycles {
        match once(&account, room).await {
            Ok((took, leave, code)) => {
                went.entries.push((took, leave));
                went.unclean += usize::from(code != 1000);
            }
            Err(error) => *went.refused.entry(word(&error)).or_default() += 1,
        }
    }
    went
}

async fn once(account: &Account, room: i64) -> Result<(Took, std::time::Duration, u16), Error> {
    let (session, took) = enter(account, room).await?;
    let start = Instant::now();
    let closed = session.leave().await?;
    Ok((took, start.elapsed(), closed.code))
}

fn put_figures(report: &mut Report, went: &[Went]) -> Result<()> {
    let (mut spans, mut leaves) = (EntrySpans::new()?, Spans::new()?);
    for (took, leave) in went.iter().flat_map(|went| &went.entries) {
        spans.note(*took);
        leaves.note(*leave);
    }
    spans.put_into(report);
    report.latency("leave", leaves.figures());
    Ok(())
}

fn check(report: &mut Report, args: &Churn, went: Vec<Went>) {
    let cycles: usize = went.iter().map(|went| went.entries.len()).sum();
    let unclean: usize = went.iter().map(|went| went.unclean).sum();
    let mut refused = BTreeMap::new();
    for (code, count) in went.into_iter().flat_map(|went| went.refused) {
        *refused.entry(code).or_default() += count;
    }
    report.check("cycles done", &cycles, &(args.members * args.cycles));
    report.check("refusals by code", &refused, &BTreeMap::<String, usize>::new());
    report.check("ends other than 1000", &unclean, &0);
}
