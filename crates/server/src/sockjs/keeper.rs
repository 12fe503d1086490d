//! The one task of a session over HTTP: what a WebSocket's connection is to its session.
//!
//! It has the ticket judged, obeys what the client says in the order in which it came, ends the session
//! when no response has been attached for a while, and keeps the last words for whoever still asks.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::line::{AWAY_MAX, Heard, Judged, Line};
use super::lines::Lines;
use super::names::Named;
use crate::hub::Link;
use crate::hub::outbox::Outbox;
use crate::ws::{Conversation, Departure, Presented, Violation};
use anteroom_protocol::CloseCode;

/// How long a response may take to end once everything is said.
const LINGER: Duration = Duration::from_secs(1);

/// Keeps a session from its first request to its last.
pub(super) async fn keep(lines: Arc<Lines>, named: Named, connect: crate::ws::Connect) {
    let untold = lines.untold.token();
    let line = Arc::clone(&named.line);
    // Boxed: what only the arrival or the departure needs has no place in the session's long life.
    let arrived = Box::pin(arrive(&lines, &line, connect)).await;
    let was_in = arrived.is_some();
    if let Some((session, gone)) = arrived {
        let departure = match gone {
            Some(departure) => departure,
            None => converse(&lines, &line, &session).await,
        };
        Box::pin(lines.connections.depart(&session, &departure)).await;
    }
    line.hears_no_more();
    Box::pin(rest(&lines, &line, was_in)).await;
    drop(untold);
    drop(named);
    tracing::debug!(event = "sockjs.forgotten", "a session over HTTP is forgotten");
    let _ = timeout(LINGER, detached(&line)).await;
    if line.cut() {
        tracing::debug!(event = "sockjs.cut", "a response that nobody reads is cut");
    }
}

async fn arrive(
    lines: &Lines,
    line: &Line,
    connect: crate::ws::Connect,
) -> Option<(Link, Option<Departure>)> {
    let connections = &lines.connections;
    let outbox = Outbox::fetched(Arc::clone(&line.bell), connections.bounds.load().outbound_bytes);
    match connections.present(&connect, outbox).await {
        Presented::In(session, gone) => {
            line.judged(Judged::In(Link::clone(&session)));
            Some((session, gone))
        }
        Presented::Out(turned) => {
            connections.turned_away(&turned);
            line.judged(Judged::Out(turned));
            None
        }
    }
}

async fn converse(lines: &Lines, line: &Line, session: &Link) -> Departure {
    let connections = &lines.connections;
    // Whoever stops the server ends the sessions that are registered; this one may have come right after.
    if connections.stopping.is_cancelled() {
        session.end(CloseCode::Restarting);
    }
    let mut talk = Conversation::default();
    loop {
        if let Some(code) = session.ending() {
            return Departure::Ended(code);
        }
        match next(line).await {
            Heard::Text(text) => {
                if talk.is_first() {
                    Box::pin(connections.entry.heard(session)).await;
                }
                if let Some(departure) = connections.text(session, &mut talk, &text) {
                    return departure;
                }
            }
            Heard::TooLarge => return Departure::Violated(Violation::TooLarge),
            Heard::Lost => {
                // What waits is not for whoever asks too late: it comes back with the next session.
                session.outbox.finish(None, Vec::new(), true);
                line.told();
                return Departure::Broken;
            }
            Heard::Called => {}
        }
    }
}

/// The next thing to see to. A client that is without a response for too long is lost, once all that it
/// said is obeyed.
async fn next(line: &Line) -> Heard {
    let heard = poll_fn(|cx| line.poll_heard(cx));
    let Some(until) = line.away_until() else { return heard.await };
    match timeout_at(until, heard).await {
        Ok(heard) => heard,
        Err(_) => {
            line.is_missed(until);
            Heard::Called
        }
    }
}

/// Keeps the last words for whoever asks, as long as a session may be without a response. Who was not let in
/// has nothing to come back for: once told, a second attempt is told the same. A server that stops waits
/// for less: for the next request of whoever is between two, and the end of its answer.
async fn rest(lines: &Lines, line: &Line, was_in: bool) {
    let stopping = &lines.connections.stopping;
    let enough = until(line, |line| !was_in && line.is_told());
    let due = Instant::now() + AWAY_MAX;
    let due = line.away_until().map_or(due, |until| until.max(due));
    let _ = timeout_at(due, async {
        tokio::select! {
            () = stopping.cancelled() => {}
            () = enough => {}
        }
    })
    .await;
    if stopping.is_cancelled() {
        let _ = timeout(LINGER, until(line, Line::is_told)).await;
    }
}

/// Resolves when no response is attached.
async fn detached(line: &Line) {
    until(line, Line::is_away).await;
}

/// Resolves when this holds, of which the keeper is called.
async fn until(line: &Line, holds: impl Fn(&Line) -> bool) {
    poll_fn(|cx| {
        let _ = line.bell.keeper.poll(cx);
        if holds(line) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
