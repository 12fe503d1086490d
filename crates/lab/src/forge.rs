//! Scenario `forge`: forged tickets and stale resume secrets, over and over. None may open anything,
//! and when all are spent the one good ticket and the one living session are as they were.
//!
//! The server runs with `limits.enabled = false`, or most attempts would be refused unseen, and with
//! an `admission.reservation_ttl` longer than the scenario takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anteroom_client::protocol::entry::{Reservation, Reserve};
use anteroom_client::{Account, Client, ConfirmOptions};
use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::args::Forge;
use crate::crowd::{Venue, guests};
use crate::hold::word;
use crate::procfs::{Cpu, enough_files};
use crate::report::Report;

pub(crate) async fn run(args: &Forge) -> Result<Report> {
    let server = args.common.server_pid;
    let lanes = args.common.concurrency.max(1);
    enough_files(lanes * 2, server)?;
    let client = Client::new(&args.common.url)?;
    let venue = Venue::open(&client, "lab forge", 2).await?;
    let mut people = guests(&client, 2, 2).await?;
    let holder = people.pop().context("who holds the good ticket")?;
    let sitter = people.pop().context("who sits there")?;
    let mut session = sitter.enter(venue.room).await.context("entering")?;
    let genuine = holder.reserve(venue.room, &Reserve::default()).await?;
    let mut report = Report::new("forge", args)?;
    let cpu = || server.map(|pid| Cpu::of(Some(pid))).transpose();
    let (before, start) = (cpu()?, Instant::now());

    let (sitter, shared) = (Arc::new(sitter), Arc::new(genuine.clone()));
    let mut tasks = JoinSet::new();
    for lane in 0..lanes {
        let attempts = (lane..args.attempts).step_by(lanes);
        tasks.spawn(attempt(Arc::clone(&sitter), venue.room, Arc::clone(&shared), attempts));
    }
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for answered in tasks.join_all().await {
        for (word, count) in answered {
            *answers.entry(word).or_default() += count;
        }
    }
    let count = args.attempts as u64;
    report.rate("attempts", count, start.elapsed().as_secs_f64());
    report.spent("attempt", count, before.zip(cpu()?));
    let expected = BTreeMap::from([
        ("no_reservation".to_owned(), args.attempts.div_ceil(2)),
        ("replaced".to_owned(), args.attempts / 2),
    ]);
    report.check("answers by code", &answers, &expected);
    let seats = venue.seats().await?;
    report.check(
        "seats (occupied, reserved) afterwards",
        &(seats.occupied, seats.reserved),
        &(1, 1),
    );
    let again = holder.reserve(venue.room, &Reserve::default()).await?;
    let same = (&again.ticket, again.expires_at) == (&genuine.ticket, genuine.expires_at);
    report.check("the good reservation stands as it was", &same, &true);
    report.check(
        "the session that sat there lives",
        &session.send("still here").await.is_ok(),
        &true,
    );
    let entered = holder.confirm(&genuine, ConfirmOptions::default()).await;
    report.check("the good ticket opens", &entered.is_ok(), &true);
    report.finish(server)?;
    Ok(report)
}

/// Every other attempt forges a ticket; the rest present a stale secret at the door.
async fn attempt(
    sitter: Arc<Account>,
    room: i64,
    genuine: Arc<Reservation>,
    attempts: impl Iterator<Item = usize>,
) -> BTreeMap<String, usize> {
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for n in attempts {
        let refused = if n % 2 == 0 {
            sitter.confirm(&forged(&genuine, n / 2), ConfirmOptions::default()).await.err()
        } else {
            let stale = Reserve { resume: Some(format!("stale-{n}")), ..Reserve::default() };
            sitter.reserve(room, &stale).await.err()
        };
        let word = refused.map_or_else(|| "granted".to_owned(), |error| word(&error));
        *answers.entry(word).or_default() += 1;
    }
    answers
}

/// The reservation with one character of its ticket changed, each time in another way.
fn forged(genuine: &Reservation, n: usize) -> Reservation {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = genuine.ticket.clone().into_bytes();
    // The last character carries padding bits; a change there may not be one.
    let at = n % (bytes.len() - 1);
    let own = ALPHABET.iter().position(|letter| *letter == bytes[at]).unwrap_or(0);
    let step = 1 + (n / bytes.len()) % (ALPHABET.len() - 1);
    bytes[at] = ALPHABET[(own + step) % ALPHABET.len()];
    let ticket = String::from_utf8_lossy(&bytes).into_owned();
    let websocket_url = genuine.websocket_url.replace(&genuine.ticket, &ticket);
    Reservation { ticket, websocket_url, ..genuine.clone() }
}
