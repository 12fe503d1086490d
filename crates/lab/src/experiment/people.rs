//! Somebody who enters, and notes what was asked and answered and when.
//!
//! A person blocks a thread while waiting for an answer: on a machine with few cores that is the lab's cheapest
//! way, and many of them at once are what a burst is.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use memchr::memmem;

use super::data::Counts;
use super::watch::{Event, Grant, What};
use crate::engine::check::number_after;
use crate::engine::crowd::guest;
use crate::engine::http::{Http, Presented, Seated, connection, present, text_after};
use crate::engine::wire::HANDSHAKE_KEY;

/// After which rest a kept connection is not used any more.
const RESTS_AT_MOST: Duration = Duration::from_secs(2);

/// A step that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Reserve,
    Refuse,
    Confirm,
    Entry,
}

impl Step {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Refuse => "refuse",
            Self::Confirm => "confirm",
            Self::Entry => "entry",
        }
    }
}

/// What one person saw.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) events: Vec<Event>,
    pub(crate) counts: Counts,
    pub(crate) spans: Vec<(Step, Duration)>,
}

impl Notes {
    /// Leaves out that a room was full, for who has counted it otherwise.
    pub(crate) fn forget_full(&mut self) {
        for event in &mut self.events {
            if matches!(event.what, What::Full { .. }) {
                event.what = What::NotGranted;
            }
        }
    }
}

/// The answer to who asked for a seat.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Granted(Ticket),
    Full,
    /// Cannot be decided now.
    Unavailable,
    /// Refused for another reason.
    Refused,
    /// The line broke.
    Broken,
}

/// A seat that is kept for a while.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) secret: String,
    pub(crate) asked: Instant,
    pub(crate) answered: Instant,
    /// From when the answer was made, which was between the two.
    pub(crate) kept: Duration,
    /// The seat that somebody has already, for another connection.
    pub(crate) takeover: bool,
}

/// Somebody inside.
pub(crate) struct Inside {
    pub(crate) seated: Seated,
    /// The secret to come back with.
    pub(crate) resume: String,
}

/// The answer to who presented a ticket.
pub(crate) enum Entered {
    In(Inside),
    Refused(u16),
    Broken,
}

pub(crate) struct Person {
    /// Who it is to the judge.
    pub(crate) number: u32,
    nodes: Arc<[SocketAddr]>,
    /// Which node is asked.
    at: usize,
    http: Option<Http>,
    used: Instant,
    token: String,
    base: Instant,
    pub(crate) notes: Notes,
}

impl Person {
    /// Signs a guest in.
    pub(crate) fn sign_in(nodes: &Arc<[SocketAddr]>, number: usize, base: Instant) -> Result<Self> {
        let at = number % nodes.len();
        let mut http = Http::new(nodes[at])?;
        let token = guest(&mut http, number)?;
        Ok(Self {
            number: u32::try_from(number)?,
            nodes: nodes.clone(),
            at,
            http: Some(http),
            used: Instant::now(),
            token,
            base,
            notes: Notes::default(),
        })
    }

    /// The same person in another tab, which asks another node if there is one.
    pub(crate) fn tab(&self) -> Self {
        Self {
            number: self.number,
            nodes: self.nodes.clone(),
            at: (self.at + 1) % self.nodes.len(),
            http: None,
            used: Instant::now(),
            token: self.token.clone(),
            base: self.base,
            notes: Notes::default(),
        }
    }

    fn note(&mut self, room: i64, at: Instant, what: What) {
        let at = at.duration_since(self.base);
        self.notes.events.push(Event { at, room, person: self.number, what });
    }

    fn http(&mut self) -> Result<&mut Http> {
        // A connection that rests may be closed by the server at any time, which is no answer to anything.
        if self.http.is_none() || self.used.elapsed() > RESTS_AT_MOST {
            self.http = Some(Http::new(self.nodes[self.at])?);
        }
        self.used = Instant::now();
        self.http.as_mut().context("no connection")
    }

    /// The line broke: the next node is asked next time.
    fn broke(&mut self) {
        self.http = None;
        self.at = (self.at + 1) % self.nodes.len();
    }

    /// Step 1.
    pub(crate) fn ask(&mut self, room: i64, resume: Option<&str>) -> Asked {
        let body = resume.map_or_else(|| "{}".to_owned(), |it| format!(r#"{{"resume":"{it}"}}"#));
        let (path, token) = (format!("/rooms/{room}/reservations"), self.token.clone());
        let asked = Instant::now();
        self.note(room, asked, What::Asks);
        self.notes.counts.asked += 1;
        let answer = self.http().and_then(|http| {
            let (status, body) = http.post(&path, &token, &body)?;
            Ok((status, body.to_vec()))
        });
        let answered = Instant::now();
        match answer {
            Ok((200 | 201, body)) => match ticket(&body, asked, answered) {
                Ok((ticket, grant)) => {
                    self.notes.counts.granted += 1;
                    self.notes.spans.push((Step::Reserve, answered - asked));
                    let (asked, kept) = (asked.duration_since(self.base), ticket.kept);
                    let again = ticket.takeover;
                    self.note(room, answered, What::Granted { grant, asked, kept, again });
                    Asked::Granted(ticket)
                }
                Err(_) => self.unheard(room, answered),
            },
            Ok((409, body)) if memmem::find(&body, b"\"room_full\"").is_some() => {
                self.notes.counts.full += 1;
                self.notes.spans.push((Step::Refuse, answered - asked));
                self.read_seats(room, answered, &body);
                let asked = asked.duration_since(self.base);
                self.note(room, answered, What::Full { asked });
                Asked::Full
            }
            Ok((503, _)) => {
                self.notes.counts.unavailable += 1;
                // It may have been decided all the same.
                self.note(room, answered, What::Unheard);
                Asked::Unavailable
            }
            Ok(_) => {
                self.notes.counts.refused += 1;
                self.note(room, answered, What::NotGranted);
                Asked::Refused
            }
            Err(_) => self.unheard(room, answered),
        }
    }

    fn unheard(&mut self, room: i64, at: Instant) -> Asked {
        self.notes.counts.broken += 1;
        self.note(room, at, What::Unheard);
        self.broke();
        Asked::Broken
    }

    /// Step 2, at the next node if there are several: the two steps need not meet the same one.
    pub(crate) fn present(&mut self, room: i64, ticket: &Ticket, resume: Option<&str>) -> Entered {
        self.notes.counts.presented += 1;
        let began = Instant::now();
        let node = self.nodes[(self.at + 1) % self.nodes.len()];
        let query = resume.map_or_else(
            || ticket.secret.clone(),
            |resume| format!("{}&resume={resume}", ticket.secret),
        );
        let answer = present(node, &query);
        let now = Instant::now();
        match answer {
            Ok(Presented::In(seated, welcome)) => {
                self.notes.counts.entered += 1;
                self.notes.spans.push((Step::Confirm, now - began));
                self.note(room, now, What::Enters);
                self.read_seats(room, now, &welcome);
                let resume = text_after(&welcome, "resume").unwrap_or_default();
                Entered::In(Inside { seated, resume })
            }
            Ok(Presented::Refused(code)) => {
                // Only a ticket that stood all the while was a promise, and 45xx is "try again".
                let stood = now < ticket.asked + ticket.kept;
                if stood && !(4500..4600).contains(&code) && code < 5000 && code != 503 {
                    self.note(room, now, What::PromiseBroken(code));
                }
                // Whether the seat went back or stands is not known here.
                self.note(room, now, What::Lets);
                Entered::Refused(code)
            }
            Err(_) => {
                self.note(room, now, What::Lets);
                Entered::Broken
            }
        }
    }

    /// Leaves, and waits for the server's word. Whether it came.
    pub(crate) fn leave(&mut self, room: i64, inside: Inside) -> bool {
        self.note(room, Instant::now(), What::Lets);
        let has_left = inside.seated.leave().is_ok_and(|code| code == 1000);
        if has_left {
            self.note(room, Instant::now(), What::Gone);
        }
        has_left
    }

    /// The line breaks without a word. The seat may be held for a while.
    pub(crate) fn vanish(&mut self, room: i64, inside: Inside) {
        self.note(room, Instant::now(), What::Lets);
        drop(inside);
    }

    /// From an instant on nothing is certain about a seat: a line broke, or a server died.
    pub(crate) fn is_unsure(&mut self, room: i64, since: Instant) {
        self.note(room, since, What::Lets);
    }

    /// What was held or reserved is surely gone by now.
    pub(crate) fn is_gone(&mut self, room: i64) {
        self.note(room, Instant::now(), What::Gone);
    }

    /// Gives a reservation back. Whether there is none any more.
    pub(crate) fn cancel(&mut self, room: i64) -> bool {
        self.note(room, Instant::now(), What::Lets);
        let (path, token) = (format!("/rooms/{room}/reservations/current"), self.token.clone());
        let answer = self.http().and_then(|http| http.delete(&path, &token));
        if answer.is_err() {
            self.broke();
        }
        // 404: there was none.
        let is_done = matches!(answer, Ok(204 | 404));
        if is_done {
            self.note(room, Instant::now(), What::Gone);
        }
        is_done
    }

    /// Makes a room and sits in it: its number, the maker, and the grant after its own.
    pub(crate) fn make_room(&mut self, capacity: usize) -> Result<(i64, Inside, Grant)> {
        let body = format!(r#"{{"name":"Experiment","capacity":{capacity}}}"#);
        let (token, base) = (self.token.clone(), self.base);
        let (status, answer) = self.http()?.post("/rooms", &token, &body)?;
        if status != 201 {
            bail!("room refused: {status} {}", String::from_utf8_lossy(answer));
        }
        let room = number_after(answer, b"\"id\":").context("a room without a number")?;
        let answer = answer.to_vec();
        let (ticket, (life, number)) = ticket(&answer, base, Instant::now())?;
        match self.present(room, &ticket, None) {
            Entered::In(inside) => Ok((room, inside, (life, number + 1))),
            Entered::Refused(code) => bail!("the maker was refused with {code}"),
            Entered::Broken => bail!("the maker's line broke"),
        }
    }

    /// The room's seats: occupied, reserved, held and free.
    pub(crate) fn seats(&mut self, room: i64) -> Result<Seats> {
        let (path, token) = (format!("/rooms/{room}"), self.token.clone());
        let answer = self.http().and_then(|http| {
            let (status, body) = http.get(&path, &token)?;
            Ok((status, body.to_vec()))
        });
        let now = Instant::now();
        match answer {
            Ok((200, body)) => {
                self.read_seats(room, now, &body);
                seats_in(&body).context("a room without seats")
            }
            Ok((status, _)) => bail!("the room is {status}"),
            Err(error) => {
                self.broke();
                Err(error)
            }
        }
    }

    /// Notes it where the seats that somebody is shown do not add up.
    fn read_seats(&mut self, room: i64, at: Instant, body: &[u8]) {
        let Some(seats) = seats_in(body) else { return };
        let sum = seats.taken() + seats.free;
        if sum != seats.capacity {
            self.note(room, at, What::DoesNotAddUp { sum, capacity: seats.capacity });
        }
    }

    /// Tries to enter with what cannot open anything: the code of the refusal, if one came.
    pub(crate) fn forge(&self, ticket: &Ticket) -> Option<u16> {
        let mut forged = ticket.secret.clone();
        let last = if forged.ends_with('A') { 'B' } else { 'A' };
        forged.pop();
        // The last character of unpadded base64 may not count whole: the one before it does.
        let before = if forged.ends_with('A') { 'B' } else { 'A' };
        forged.pop();
        forged.extend([before, last]);
        match present(self.nodes[self.at], &forged) {
            Ok(Presented::Refused(code)) => Some(code),
            Ok(Presented::In(..)) | Err(_) => None,
        }
    }

    /// Presents a ticket, or only begins to, and breaks the line before anything can be answered.
    pub(crate) fn half_present(&self, ticket: &Ticket, whole: bool) -> Result<()> {
        let node = self.nodes[self.at];
        let mut stream = connection(node)?;
        let mut request = format!(
            "GET /ws?ticket={} HTTP/1.1\r\nHost: {node}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
            ticket.secret
        );
        if whole {
            request
                .push_str("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: anteroom.v1\r\n");
            request.push_str(&format!("Sec-WebSocket-Key: {HANDSHAKE_KEY}\r\n\r\n"));
        }
        Ok(stream.write_all(request.as_bytes())?)
    }

    /// An instant of this person's notes.
    pub(crate) fn since_base(&self, instant: Instant) -> Duration {
        instant.duration_since(self.base)
    }

    pub(crate) fn took(&mut self, step: Step, span: Duration) {
        self.notes.spans.push((step, span));
    }
}

/// How the seats of a room were told to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seats {
    pub(crate) capacity: u32,
    pub(crate) occupied: u32,
    pub(crate) reserved: u32,
    pub(crate) held: u32,
    pub(crate) free: u32,
}

impl Seats {
    pub(crate) const fn taken(self) -> u32 {
        self.occupied + self.reserved + self.held
    }
}

fn seats_in(body: &[u8]) -> Option<Seats> {
    let seats = &body[memmem::find(body, b"\"seats\":{")?..];
    let number = |name: &[u8]| u32::try_from(number_after(seats, name)?).ok();
    Some(Seats {
        capacity: number(b"\"capacity\":")?,
        occupied: number(b"\"occupied\":")?,
        reserved: number(b"\"reserved\":")?,
        held: number(b"\"held\":")?,
        free: number(b"\"free\":")?,
    })
}

fn ticket(body: &[u8], asked: Instant, answered: Instant) -> Result<(Ticket, Grant)> {
    let kept = number_after(body, b"\"expires_in_ms\":").context("no deadline")?;
    let secret = text_after(body, "ticket")?;
    // It is told in whole milliseconds.
    let kept = Duration::from_millis(u64::try_from(kept)?.saturating_sub(1));
    let grant = grant(&text_after(body, "generation")?)?;
    let takeover = memmem::find(body, b"\"takeover\":true").is_some();
    Ok((Ticket { secret, asked, answered, kept, takeover }, grant))
}

fn grant(text: &str) -> Result<Grant> {
    let (life, number) = text.split_once('.').context("an unreadable generation")?;
    Ok((life.parse()?, number.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_read_where_they_are_told() {
        let body = br#"{"capacity":9,"seats":{"capacity":5,"occupied":1,"reserved":2,"held":0,"free":2,"waiting":0}}"#;
        let seats = seats_in(body).unwrap();
        assert_eq!((seats.capacity, seats.taken(), seats.free), (5, 3, 2));
        assert_eq!(seats_in(b"{}"), None);
    }

    #[test]
    fn a_grant_is_read_from_its_two_numbers() {
        assert_eq!(grant("3.17").unwrap(), (3, 17));
        assert!(grant("17").is_err());
    }
}
