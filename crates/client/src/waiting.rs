//! Waiting for a seat.
//!
//! [`Account::wait`], [`Account::watch_line`] and [`Account::stop_waiting`] do one step each. On top,
//! [`Account::wait_for_seat`] keeps the place over broken lines: it asks again, which keeps a place
//! that still stands, within the time that a waiter may be away.

use std::collections::VecDeque;
use std::time::Duration;

use anteroom_protocol::Code;
use anteroom_protocol::entry::{Gone, Position, Reservation, Wait, Waiting};
use reqwest::header::ACCEPT;
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;

use crate::account::Account;
use crate::backoff::{Backoff, Next, after_error, dice, pause};
use crate::error::{Error, Result};
use crate::http::{execute, execute_empty, opened};
use crate::sse::{SseEvent, SseReader};

/// The server says something every 15 seconds; a stream that is silent this long is broken.
pub const SILENCE_MAX: Duration = Duration::from_secs(45);
/// A stream may live this long: a whole day in line.
const STREAM_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// The waits between attempts to come back. Short, for the place is kept for half a minute only.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a waiter is told.
#[derive(Clone, Debug)]
pub enum LineEvent {
    /// Where the waiter stands now.
    Position(Position),
    /// A seat, to be confirmed before it expires. The last event.
    Offer(Reservation),
    /// The place in the line is gone. The last event.
    Gone(Code),
}

/// One stream of events about a place in a line.
#[derive(Debug)]
pub struct LineStream {
    response: Response,
    reader: SseReader,
    ready: VecDeque<SseEvent>,
}

impl LineStream {
    /// The next event; `None` when the server ended the stream.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line broke, [`Error::TimedOut`] when it was silent for
    /// [`SILENCE_MAX`], [`Error::Protocol`] for what cannot be read.
    pub async fn next(&mut self) -> Result<Option<LineEvent>> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                if let Some(event) = understood(&event)? {
                    return Ok(Some(event));
                }
            }
            let piece = tokio::time::timeout(SILENCE_MAX, self.response.chunk()).await;
            match piece.map_err(|_| Error::TimedOut("a word about the place in line"))?? {
                Some(piece) => self.ready.extend(self.reader.take(&piece)?),
                None => return Ok(None),
            }
        }
    }
}

/// An event that a later contract may add is passed over.
fn understood(event: &SseEvent) -> Result<Option<LineEvent>> {
    Ok(match event.name.as_str() {
        "position" => Some(LineEvent::Position(read(event)?)),
        "offer" => Some(LineEvent::Offer(read(event)?)),
        "gone" => Some(LineEvent::Gone(read::<Gone>(event)?.code)),
        _ => None,
    })
}

fn read<T: DeserializeOwned>(event: &SseEvent) -> Result<T> {
    serde_json::from_str(&event.data)
        .map_err(|error| Error::Protocol(format!("an unreadable {} event: {error}", event.name)))
}

impl Account {
    /// `POST /rooms/{id}/waitlist`: a place at the end of the line, or a seat where one is free.
    /// Asking again keeps the place.
    ///
    /// # Errors
    /// Those of [`Account::reserve`], and `already_seated`. `room_full` when the line is full.
    pub async fn wait(&self, room: i64, body: &Wait) -> Result<Waiting> {
        execute(self.request(Method::POST, &format!("/rooms/{room}/waitlist")).json(body)).await
    }

    /// `GET /rooms/{id}/waitlist/current`: the stream of events; the first comes at once.
    ///
    /// # Errors
    /// `not_waiting` for who neither waits nor has been offered a seat.
    pub async fn watch_line(&self, room: i64) -> Result<LineStream> {
        let path = format!("/rooms/{room}/waitlist/current");
        let request = self.request(Method::GET, &path).header(ACCEPT, "text/event-stream");
        let response = opened(request.timeout(STREAM_LIFE)).await?;
        Ok(LineStream { response, reader: SseReader::default(), ready: VecDeque::new() })
    }

    /// `DELETE /rooms/{id}/waitlist/current`: gives the place in the line up.
    ///
    /// # Errors
    /// `not_waiting`, also for who has been offered a seat: that is given back by
    /// [`Account::cancel`].
    pub async fn stop_waiting(&self, room: i64) -> Result<()> {
        let path = format!("/rooms/{room}/waitlist/current");
        execute_empty(self.request(Method::DELETE, &path)).await
    }

    /// Stands in line until a seat is offered. Nothing is asked before the first
    /// [`SeatWait::next`].
    #[must_use]
    pub fn wait_for_seat(&self, room: i64, body: Wait) -> SeatWait {
        SeatWait {
            account: self.clone(),
            room,
            body,
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            stream: None,
            told: None,
        }
    }
}

/// What [`SeatWait::next`] gives.
#[derive(Clone, Debug)]
pub enum Awaited {
    /// Still in line, here.
    Position(Position),
    /// The seat, to be confirmed before it expires. There is nothing to wait for after it.
    Seat(Reservation),
}

/// A wait that outlives its streams.
#[derive(Debug)]
pub struct SeatWait {
    account: Account,
    room: i64,
    body: Wait,
    backoff: Backoff,
    stream: Option<LineStream>,
    told: Option<Position>,
}

impl SeatWait {
    /// The next position that differs from the one before, or the seat.
    ///
    /// A line that breaks is mended here. Where the server has forgotten the place meanwhile (it was
    /// away too long, or started anew), the wait goes on at the end of the line, as the position says.
    ///
    /// # Errors
    /// [`Error::PlaceGone`] when the server took the place; a refusal of [`Account::wait`] that no
    /// waiting mends; the last failure once there were too many in a row.
    pub async fn next(&mut self) -> Result<Awaited> {
        loop {
            match self.step().await {
                Ok(Some(Awaited::Position(position))) if self.is_told(position) => {}
                Ok(Some(awaited)) => {
                    if let Awaited::Position(position) = &awaited {
                        self.told = Some(*position);
                    }
                    return Ok(awaited);
                }
                Ok(None) => self.stream = None,
                Err(error) => {
                    self.stream = None;
                    self.rest(error).await?;
                }
            }
        }
    }

    fn is_told(&self, it: Position) -> bool {
        self.told.is_some_and(|told| (told.position, told.joined_at) == (it.position, it.joined_at))
    }

    /// Gives up the place, or the seat that was offered in that moment.
    ///
    /// # Errors
    /// As [`Account::stop_waiting`]; that there was nothing left to give up is none.
    pub async fn leave(self) -> Result<()> {
        let Self { account, room, .. } = self;
        let nothing_left = |error: &Error| {
            matches!(error.code(), Some(Code::NotWaiting | Code::NotFound | Code::RoomNotFound))
        };
        match account.stop_waiting(room).await {
            Err(error) if nothing_left(&error) => match account.cancel(room).await {
                Err(error) if nothing_left(&error) => Ok(()),
                outcome => outcome,
            },
            outcome => outcome,
        }
    }

    /// One step: joins the line, opens the stream, or reads from it. `None`: the stream has ended.
    async fn step(&mut self) -> Result<Option<Awaited>> {
        let Some(stream) = &mut self.stream else {
            return match self.account.wait(self.room, &self.body).await? {
                Waiting::Offered { offer } => Ok(Some(Awaited::Seat(offer))),
                Waiting::InLine(position) => {
                    self.stream = Some(self.account.watch_line(self.room).await?);
                    Ok(Some(Awaited::Position(position)))
                }
            };
        };
        match stream.next().await? {
            Some(LineEvent::Position(position)) => {
                self.backoff.steady();
                Ok(Some(Awaited::Position(position)))
            }
            Some(LineEvent::Offer(offer)) => Ok(Some(Awaited::Seat(offer))),
            Some(LineEvent::Gone(code)) => Err(Error::PlaceGone { code }),
            None => Err(Error::transport("the stream of the line ended")),
        }
    }

    /// Waits before the next attempt, where there may be one.
    async fn rest(&mut self, error: Error) -> Result<()> {
        // Gone between the two requests: joined anew.
        let is_passing =
            after_error(&error) == Next::BackOff || error.code() == Some(Code::NotWaiting);
        let is_final = matches!(error, Error::PlaceGone { .. }) || !is_passing;
        let asked = match &error {
            Error::Refused(refusal) => refusal.retry_after,
            _ => None,
        };
        match self.backoff.next_wait(dice(), asked).filter(|_| !is_final) {
            Some(wait) => {
                pause(wait).await;
                Ok(())
            }
            None => Err(error),
        }
    }
}
