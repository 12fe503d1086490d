//! Strategy `redis`: the ledgers live in one Redis primary, and every verb is one script there.
//!
//! The scripts (`lua/`) are an implementation of their own of what [`anteroom_core::seat`] means;
//! tests drive both through the same histories. Time is Redis' clock, made monotonic by the scripts.
//! A call is bounded by `redis.timeout`. A script that starts later than that does nothing, so what
//! a caller gave up cannot take effect after what it did next.
//!
//! Not promised: a Redis that loses acknowledged writes loses seats. That is found out with the next
//! call ([`Admission::lost`](super::Admission::lost)), and no seat is given until the rooms were
//! added again.

mod book;
mod documents;
mod forget;
mod link;
mod reply;
mod scripts;
mod verbs;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use forget::forget;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Arrivals, SessionPolicy, Terms};
use anteroom_core::time::Millis;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::book::{Book, Seen, was_lost};
use self::documents::owner_text;
use self::link::Link;
use self::reply::{Answer, Guard, Reply, unreadable};
use self::scripts::Verb;
use super::{Bounds, Decided, Journal, Unavailable, Whose};
use crate::clock::Clock;
use crate::config;
use crate::redis_line::{LineError, Unfit};
use crate::sweeper::{Deadlines, Due};

/// A room whose step may have been taken without an answer is looked at after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Smaller differences between the clocks are the jitter of the line.
const JUMP_MS: u64 = 1_000;
/// Spans beyond this (30 years) are this: sums of instants stay exact in the scripts.
const SPAN_MAX_MS: u128 = 1_000_000_000_000;

/// Why the server cannot start with this strategy, for the person who starts it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// No URL, or none that can be read.
    #[error("redis.url is not of the form redis://[user:password@]host:port/db: {0}")]
    Url(String),
    /// Nothing answers there, or not as Redis.
    #[error("Redis does not answer at redis.url: {0}")]
    Away(String),
    /// It answers, but seats cannot be kept there.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Seats are kept there, but not this database's, or not of its past.
    #[error("{0}")]
    Taken(String),
}

/// All ledgers of a deployment, in Redis.
pub(crate) struct Redis {
    link: Link,
    prefix: String,
    timeout: Duration,
    whose: Whose,
    /// The part of every call that does not change: terms, bounds and whose, as JSON fields.
    settled: String,
    clock: Arc<Clock>,
    deadlines: Arc<Deadlines>,
    book: Book,
    /// Redis' clock minus this node's, in milliseconds: steady, for what is shown and compared.
    skew: AtomicI64,
    /// The same as last measured; never more than it is.
    measured: AtomicI64,
    /// What tests say Redis' machine shows; 0 for the machine itself.
    #[cfg(test)]
    reading: std::sync::atomic::AtomicU64,
    /// For tests: the next deadline of each room as it was last told.
    #[cfg(test)]
    told: std::sync::Mutex<std::collections::HashMap<RoomId, Option<Millis>>>,
}

fn span(span: Duration) -> u64 {
    u64::try_from(span.as_millis().min(SPAN_MAX_MS)).unwrap_or(u64::MAX)
}

fn settled(terms: &Terms, bounds: Bounds, whose: Whose) -> String {
    let terms = json!({
        "reservation_ttl": span(terms.reservation_ttl),
        "offer_ttl": span(terms.offer_ttl),
        "grace": span(terms.grace),
        "waiter_ttl": span(terms.waiter_ttl),
        "parts": terms.sessions.parts_per_slot(),
        "one": terms.sessions == SessionPolicy::One,
        "refuse_new": terms.arrivals == Arrivals::RefuseNew,
    });
    let mut of_bounds = json!({ "per_user": bounds.per_user });
    if let Some(per_address) = bounds.per_address {
        of_bounds["per_address"] = json!(per_address);
    }
    let (deployment, node) = (whose.deployment.simple(), owner_text(whose.owner));
    format!(r#""terms":{terms},"bounds":{of_bounds},"deployment":"{deployment}","node":"{node}""#)
}

impl Redis {
    /// Connects, looks whether seats can be kept there, and loads the scripts. Seats of another database,
    /// or of a life that is not before this one, are left alone; nothing is written yet.
    ///
    /// # Errors
    /// Why the server cannot start.
    pub(crate) async fn connect(
        settings: &config::Redis,
        (terms, bounds): (&Terms, Bounds),
        whose: Whose,
        clock: Arc<Clock>,
        deadlines: Arc<Deadlines>,
    ) -> Result<Self, ConnectError> {
        if settings.url.is_empty() {
            return Err(ConnectError::Url("it is empty".to_owned()));
        }
        let link = Link::new(&settings.url, settings.timeout.0)
            .map_err(|error| ConnectError::Url(error.to_string()))?;
        let redis = Self {
            link,
            prefix: settings.prefix.clone(),
            timeout: settings.timeout.0,
            whose,
            settled: settled(terms, bounds, whose),
            clock,
            deadlines,
            book: Book::default(),
            skew: AtomicI64::new(i64::MAX),
            measured: AtomicI64::new(0),
            #[cfg(test)]
            reading: std::sync::atomic::AtomicU64::new(0),
            #[cfg(test)]
            told: std::sync::Mutex::default(),
        };
        match tokio::time::timeout(redis.timeout, redis.link.start()).await {
            Ok(Ok(())) => {}
            Ok(Err(LineError::Unfit(unfit))) => return Err(unfit.into()),
            Ok(Err(error)) => return Err(ConnectError::Away(error.to_string())),
            Err(_) => return Err(ConnectError::Away(LineError::Silent.to_string())),
        }
        redis.look().await?;
        Ok(redis)
    }

    /// Looks whose seats are there. The answer tells what the clock there shows, too.
    async fn look(&self) -> Result<(), ConnectError> {
        let away = |error: Unavailable| ConnectError::Away(error.0);
        let (seen, ask) = (self.book.seen(None).map_err(away)?, r#"{"rooms":[],"begins":true}"#);
        let asked = (self.clock.now(), Instant::now() + self.timeout);
        let answered = self.ask_once(&seen, Verb::ReadSeats, ask, asked).await;
        let (reply, run) = answered.map_err(away)?;
        if let Some(why) = self.taken(&reply) {
            return Err(ConnectError::Taken(why));
        }
        self.follow(reply, (&seen, &run), None);
        Ok(())
    }

    /// Why the seats there are not this life's, in words.
    fn taken(&self, reply: &Reply) -> Option<String> {
        let (prefix, found, Whose { deployment, owner }) = (&self.prefix, &reply.found, self.whose);
        match reply.refused? {
            Guard::Foreign => Some(format!(
                "the seats under redis.prefix `{prefix}` belong to another database (deployment \
                 {found}, this one is {}): give this one a redis.prefix of its own, or delete the \
                 keys under that prefix if nobody uses them any more",
                deployment.simple()
            )),
            Guard::Superseded => Some(format!(
                "the seats under redis.prefix `{prefix}` are of a later life of this database (it \
                 began as number {found}, this one as {}): the data directory was restored from a \
                 backup, or a copy of it is in use. Stop the other server if there is one; then \
                 delete the keys under that prefix, or choose another redis.prefix",
                owner.incarnation
            )),
            Guard::Fenced => {
                Some("the lease of this node is over, and others gave its seats back".to_owned())
            }
            Guard::Lost | Guard::Late => None,
        }
    }

    /// One verb: one script. `room` is the room it is about.
    async fn ask(
        &self,
        verb: Verb,
        room: Option<RoomId>,
        ask: &Value,
        journal: Option<&mut Journal>,
    ) -> Decided<Answer> {
        let seen = self.book.seen(room)?;
        self.ask_after(seen, verb, room, ask, journal).await
    }

    async fn ask_after(
        &self,
        seen: Seen,
        verb: Verb,
        room: Option<RoomId>,
        ask: &Value,
        journal: Option<&mut Journal>,
    ) -> Decided<Answer> {
        let (ask, started) = (ask.to_string(), self.clock.now());
        let asked = (started, Instant::now() + self.timeout);
        let mut answered = self.ask_once(&seen, verb, &ask, asked).await;
        if let Ok((Reply { refused: Some(Guard::Late), .. }, _)) = &answered {
            // Somebody still waits, so it is the clock there that was set.
            answered = self.ask_once(&seen, verb, &ask, asked).await;
        }
        let (reply, run) = answered.map_err(|error| self.undecided(room, error))?;
        match reply.refused {
            Some(Guard::Lost) => {
                self.book.lose(&seen);
                return Err(was_lost());
            }
            Some(Guard::Foreign | Guard::Superseded | Guard::Fenced) => {
                // What this node had been answered with is in force no more.
                if seen.step > 0 {
                    self.book.lose(&seen);
                }
                return Err(Unavailable(self.taken(&reply).unwrap_or_default()));
            }
            Some(Guard::Late) => {
                return Err(Unavailable("the store's clock is ahead of its answers".to_owned()));
            }
            None => {}
        }
        Ok(self.follow(reply, (&seen, &run), journal))
    }

    async fn ask_once(
        &self,
        seen: &Seen,
        verb: Verb,
        ask: &str,
        (started, until): (Millis, Instant),
    ) -> Decided<(Reply, Arc<str>)> {
        let call = |run: &str| self.call(seen, run, started);
        let (text, run) = self.link.run(verb, until, call, (&self.prefix, ask)).await?;
        let reply: Reply = serde_json::from_str(&text).map_err(unreadable)?;
        if matches!(reply.refused, None | Some(Guard::Late)) {
            self.measure(reply.now);
        }
        Ok((reply, run))
    }

    /// The part of a call that is the same for every verb.
    fn call(&self, seen: &Seen, run: &str, started: Millis) -> String {
        let Seen { step, run: seen_run, .. } = seen;
        let settled = &self.settled;
        let mut call =
            format!(r#"{{{settled},"run":"{run}","seen":{step},"seen_run":"{seen_run}""#);
        #[cfg(test)]
        if let reading @ 1.. = self.reading.load(Ordering::Relaxed) {
            // Tests that set the clock take as long as they like.
            return call + &format!(r#","at":{reading}}}"#);
        }
        if self.skew.load(Ordering::Relaxed) != i64::MAX {
            let till = shifted(started.after(self.timeout), self.measured.load(Ordering::Relaxed));
            call.push_str(&format!(r#","till":{}"#, till.0));
        }
        call.push('}');
        call
    }

    /// Notes what an answer tells; it was in the journal's order.
    fn follow(
        &self,
        reply: Reply,
        (seen, run): (&Seen, &Arc<str>),
        journal: Option<&mut Journal>,
    ) -> Answer {
        let Reply { now, step, mut answer, journal: told, rooms, .. } = reply;
        let here = self.clock.now();
        let local = |due: u64| here.after(Duration::from_millis(due.saturating_sub(now)));
        #[cfg(test)]
        self.told.lock().unwrap().extend(rooms.iter().map(|it| (it.room.0, it.due.map(Millis))));
        self.book.answered((seen, run, step), &rooms, &self.deadlines, local);
        if let Some(journal) = journal {
            journal.extend(told.into_iter().map(|it| (it.room.0, it.change.into())));
        }
        answer.now = Millis(now);
        answer
    }

    /// A step may have been taken without an answer: its room's next deadline is not known then.
    fn undecided(&self, room: Option<RoomId>, error: Unavailable) -> Unavailable {
        if let Some(room) = room.filter(|room| self.book.knows(*room)) {
            self.deadlines.set(Due::Room(room), Some(self.clock.now().after(LOOK_AGAIN)));
        }
        error
    }

    fn measure(&self, there: u64) {
        let here = self.clock.now().0;
        let signed = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        let measured = signed(there).saturating_sub(signed(here));
        self.measured.store(measured, Ordering::Relaxed);
        if self.skew.load(Ordering::Relaxed).abs_diff(measured) > JUMP_MS {
            self.skew.store(measured, Ordering::Relaxed);
        }
    }

    fn skew(&self) -> i64 {
        let skew = self.skew.load(Ordering::Relaxed);
        if skew == i64::MAX { 0 } else { skew }
    }
}

fn shifted(at: Millis, by: i64) -> Millis {
    Millis(at.0.saturating_add_signed(by))
}
