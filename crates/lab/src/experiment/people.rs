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

use super::answers::{Asked, Entered, Inside, Seats, Ticket, seats_in, ticket};
use super::notes::{Notes, Step};
use super::watch::{Event, Grant, What};
use crate::engine::check::number_after;
use crate::engine::crowd::guest;
use crate::engine::http::{Http, Presented, connection, present, text_after};
use crate::engine::wire::HANDSHAKE_KEY;

/// After which rest a kept connection is not used any more.
const RESTS_AT_MOST: Duration = Duration::from_secs(2);

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
                // Only a ticket that stood all the while was a promise, and these say "try again".
                let stood = now < ticket.asked + ticket.kept;
                if stood && !matches!(code, 503 | 4500..4600) {
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
